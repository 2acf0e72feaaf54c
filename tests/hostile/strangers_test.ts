import { STRANGERS } from "./_strangers.ts";
import { testAttacks } from "./_run.ts";

testAttacks(STRANGERS);
