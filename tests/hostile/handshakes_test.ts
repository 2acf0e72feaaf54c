import { HANDSHAKES } from "./_handshakes.ts";
import { testAttacks } from "./_run.ts";

testAttacks(HANDSHAKES);
