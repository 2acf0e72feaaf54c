import { PRINTED } from "./_printed.ts";
import { testAttacks } from "./_run.ts";

testAttacks(PRINTED);
