import { LISP } from "./_lisp.ts";
import { testAttacks } from "./_run.ts";

testAttacks(LISP);
