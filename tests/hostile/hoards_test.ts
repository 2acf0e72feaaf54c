import { HOARDS } from "./_hoards.ts";
import { testAttacks } from "./_run.ts";

testAttacks(HOARDS);
