import { REFERENCES } from "./_references.ts";
import { testAttacks } from "./_run.ts";

testAttacks(REFERENCES);
