/**
 * The other end's process, as a test has it in hand.
 *
 * @module
 */

import { makeWire, type Remotes, type Wire } from "../../mod.ts";
import { type Clock, streamTransport } from "../../wire/mod.ts";
import type { PeerControl } from "./_peer.ts";

const PROGRAM = new URL("./_peer.ts", import.meta.url).pathname;

/** Time that stands still, for the wire on which a process is told what to do. */
const STILL: Clock = {
  now: () => 0,
  after: () => () => {},
  afterTurn: (run) => void setTimeout(run, 0),
};

/** A process that can be killed, stopped and continued. */
export interface PeerProcess extends AsyncDisposable {
  readonly ask: Remotes<PeerControl>["remoteValue"];
  /** Ends it as the system does; resolves when it is gone. */
  kill(): Promise<void>;
  /** Stops it; resolves when it stands still. */
  stop(): Promise<void>;
  /** Lets it go on. */
  goOn(): void;
}

/** Starts one. */
export async function startPeer(): Promise<PeerProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-lock", PROGRAM],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const wire: Wire<PeerControl> = makeWire<PeerControl>(
    streamTransport({ readable: child.stdout, writable: child.stdin }),
    { onError() {}, clock: STILL },
  );
  await wire.opened;
  return {
    ask: wire.remoteValue,
    async kill() {
      child.kill("SIGKILL");
      await child.status;
    },
    async stop() {
      child.kill("SIGSTOP");
      while (!isStopped(child.pid)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    goOn: () => child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await wire.close().catch(() => {});
      await child.status;
    },
  };
}

/** Whether each thread of a process stands still. */
function isStopped(pid: number): boolean {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].every(({ name }) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    // What is in parentheses may have any characters.
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  });
}
