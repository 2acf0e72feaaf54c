/**
 * A victim in a process of its own, and what a test asks of it.
 *
 * @module
 */

import { makeWire, type Remotes, type Wire } from "../../mod.ts";
import { streamTransport } from "../../wire/mod.ts";
import type { Control, Door, VictimOptions } from "./_victim.ts";

const PROGRAM = new URL("./_victim.ts", import.meta.url).pathname;

/** A victim. */
export interface Victim {
  readonly ask: Remotes<Control>["remoteValue"];
  readonly ports: Record<string, number>;
  /** The path of its Unix socket. */
  readonly path: string;
  readonly folder: string;
  readonly doors: readonly Door[];
  /** What its servers ask for; empty if nothing. */
  readonly credential: string;
  /** Ends it. @returns What it printed, and its code. */
  end(): Promise<{ said: string; code: number }>;
}

/** Starts one. */
export async function startVictim(
  options: Partial<VictimOptions> = {},
): Promise<Victim> {
  const folder = await Deno.makeTempDir();
  const all: VictimOptions = {
    doors: ["tcp", "tls", "unix"],
    limits: {},
    credential: "",
    prints: false,
    ...options,
    folder,
  };
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-config",
      "--no-lock",
      "--v8-flags=--expose-gc",
      PROGRAM,
      JSON.stringify(all),
    ],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const hear = () => new Response(child.stderr).text();
  // What is printed in an attack is not read before its end.
  let said = all.prints ? undefined : hear();
  const wire: Wire<Control> = makeWire<Control>(
    streamTransport({ readable: child.stdout, writable: child.stdin }),
    { onError() {}, limits: { keepaliveIdle: 600_000 } },
  );
  const ask = wire.remoteValue;
  let ports: Record<string, number>;
  try {
    ports = await ask.ports();
  } catch (error) {
    throw new Error(`The victim did not start: ${await (said ?? hear())}`, {
      cause: error,
    });
  }
  return {
    ask,
    ports,
    folder,
    doors: all.doors,
    credential: all.credential,
    path: `${folder}/wire.sock`,
    async end() {
      await wire.close().catch(() => {});
      said ??= hear();
      const { code } = await child.status;
      await Deno.remove(folder, { recursive: true });
      return { said: await said, code };
    },
  };
}
