import { CROWDS, GUESSES } from "./_crowds.ts";
import { testAttacks } from "./_run.ts";

testAttacks(CROWDS);
testAttacks(GUESSES);
