import { testAttacks } from "./_run.ts";
import { TABLES } from "./_tables.ts";

testAttacks(TABLES);
