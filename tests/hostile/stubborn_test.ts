import { testAttacks } from "./_run.ts";
import { STUBBORN } from "./_stubborn.ts";

testAttacks(STUBBORN);
