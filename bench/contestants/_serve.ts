/**
 * The peer process of one contestant, whose name is on the command line.
 *
 * @module
 */

import { obey } from "../_control.ts";
import { CONTESTANTS } from "./mod.ts";

if (import.meta.main) {
  const [wanted] = Deno.args;
  const contestant = CONTESTANTS.find(({ name }) => name === wanted);
  if (contestant?.serve === undefined) {
    throw new Error(`"${wanted}" has no server of its own.`);
  }
  await obey({ port: await contestant.serve() });
}
