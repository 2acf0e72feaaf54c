import { FLOODS } from "./_floods.ts";
import { testAttacks } from "./_run.ts";

testAttacks(FLOODS);
