/**
 * One process of `serve --processes`, and what it and its parent say to each
 * other over its standard input and output.
 *
 * @module
 */

import type { RequestServer } from "../mod.ts";
import { stdioWire } from "../transports/child.ts";
import { INTERRUPTED } from "./_command_line.ts";
import { described } from "./_text.ts";

/** What a process serves to its parent. */
export interface ServedProcess {
  /** Loads the module and listens; port 0 takes a free one. */
  start(port: number): Promise<Started>;
  /** What it does, and has done. */
  counts(): Counts;
}

/** What the parent serves to its processes. */
export interface ProcessParent {
  /** The process has done all that was under way, and ends. */
  leaves(counts: Counts): void;
}

/** How a start went. */
export type Started =
  | { readonly port: number; readonly address: string; readonly names: string }
  | { readonly failure: string; readonly isUsage: boolean };

/** What a process does, and has done. */
export interface Counts {
  /** Now: its wires. */
  readonly wires: number;
  /** Now: calls that run. */
  readonly running: number;
  /** Calls that were begun since it started. */
  readonly served: number;
  /** Now: its memory, in bytes. */
  readonly memory: number;
}

/** What a process makes of its command line. */
export interface Serving {
  /** What listens. */
  readonly server: RequestServer;
  /** Where, and what it serves, as text. */
  readonly address: string;
  readonly names: string;
}

/** Counts what a server does. */
function countsOf(serving: Serving | undefined): Counts {
  const { wires, sums } = serving?.server.stats() ?? {};
  return {
    wires: wires?.now ?? 0,
    running: sums?.callsRunning ?? 0,
    served: sums?.callsServed ?? 0,
    memory: Deno.memoryUsage().rss,
  };
}

/**
 * Is such a process, until it ends. SIGTERM, or the end of its parent, lets it
 * finish what is under way; SIGINT does not.
 *
 * @param begin Loads the module and listens.
 * @param isUsage Whether an error is one of the command line.
 */
export async function serveForParent(
  begin: (port: number) => Promise<Serving>,
  isUsage: (error: unknown) => boolean,
): Promise<never> {
  const asked = Promise.withResolvers<void>();
  let serving: Serving | undefined;
  const wire = stdioWire<ProcessParent, ServedProcess>({
    functions: {
      async start(port) {
        try {
          serving = await begin(port);
          const { server, address, names } = serving;
          return { port: server.port, address, names };
        } catch (error) {
          return { failure: described(error), isUsage: isUsage(error) };
        }
      },
      counts: () => countsOf(serving),
    },
  });
  // Both may come several times: from the parent, and from a terminal or a
  // service manager, which signal all processes.
  Deno.addSignalListener("SIGTERM", () => asked.resolve());
  Deno.addSignalListener("SIGINT", () => Deno.exit(INTERRUPTED));
  // The parent restarts all, one after another.
  Deno.addSignalListener("SIGHUP", () => {});
  wire.onDeath(() => asked.resolve());
  await asked.promise;
  await serving?.server.shutdown();
  if (wire.ended === undefined) {
    await wire.remoteValue.leaves(countsOf(serving)).catch(() => {});
  }
  Deno.exit(0);
}
