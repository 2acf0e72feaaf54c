import { LENGTHS } from "./_lengths.ts";
import { testAttacks } from "./_run.ts";

testAttacks(LENGTHS);
