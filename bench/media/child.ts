/**
 * A wire over the pipes of a child process, beside the pipes of another child.
 *
 * @module
 */

import { spawnRemote } from "../../transports/child.ts";
import type { Study } from "../_study.ts";
import { compare, type FUNCTIONS, type MediumWire } from "./_compare.ts";
import { Requests } from "./_exchange.ts";
import { mediumStudy } from "./_medium_study.ts";

const { href } = new URL("./_child_peer.ts", import.meta.url);
const ARGUMENTS = ["run", "--quiet", "--no-config", "-A", href];

/** Counts what the raw child writes. */
async function count(output: ReadableStream<Uint8Array>, raw: Requests) {
  for await (const bytes of output) raw.came(bytes.length);
}

/** The study. */
export const child: Study = mediumStudy(
  "child",
  "a child's pipes",
  async ({ rounds, seconds, place }) => {
    const wire = await spawnRemote<typeof FUNCTIONS & { pid(): number }>(
      [Deno.execPath(), ...ARGUMENTS, "wire"],
    );
    const rawChild = new Deno.Command(Deno.execPath(), {
      args: [...ARGUMENTS, "raw"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await place([await wire.remoteValue.pid(), rawChild.pid]);
    const input = rawChild.stdin.getWriter();
    const raw = new Requests((bytes) => input.write(bytes));
    const counting = count(rawChild.stdout, raw);
    const ends = { wire: wire as unknown as MediumWire, raw };
    const found = await compare(ends, rounds, seconds);
    await wire.close();
    await input.close();
    await Promise.all([counting, rawChild.status]);
    return found;
  },
);
