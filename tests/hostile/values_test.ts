import { testAttacks } from "./_run.ts";
import { VALUES } from "./_values.ts";

testAttacks(VALUES);
