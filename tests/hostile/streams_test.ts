import { testAttacks } from "./_run.ts";
import { STREAMS_ATTACKS } from "./_streams.ts";

testAttacks(STREAMS_ATTACKS);
