import { EVALUATING } from "./_evaluating.ts";
import { testAttacks } from "./_run.ts";

testAttacks(EVALUATING);
