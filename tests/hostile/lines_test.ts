import { LINE_STREAMS } from "./_lines.ts";
import { testAttacks } from "./_run.ts";

testAttacks(LINE_STREAMS);
