import { OWED_NOTHING } from "./_owed_nothing.ts";
import { testAttacks } from "./_run.ts";

testAttacks(OWED_NOTHING);
