/**
 * Starts the peer process.
 *
 * @module
 */

import type { Ports } from "./server.ts";

/** The peer process. */
export interface Peer extends AsyncDisposable {
  /** The process. */
  readonly pid: number;
  /** Where it listens, on 127.0.0.1. */
  readonly ports: Ports;
}

/**
 * Starts a peer, which ends when it is disposed of, or when this process ends.
 *
 * @param file The file it runs, relative to this one. It has to write a line
 * of JSON with its ports, and to end when its standard input does.
 * @returns The peer, once it listens.
 */
export async function startPeer(file = "./server.ts"): Promise<Peer> {
  const { href } = new URL(file, import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--allow-net=127.0.0.1", href],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await lines.read();
    if (done) throw new Error(`${file} ended before it told its ports.`);
    text += value;
  }
  return {
    pid: child.pid,
    ports: JSON.parse(text) as Ports,
    async [Symbol.asyncDispose](): Promise<void> {
      await child.stdin.close();
      await lines.cancel();
      await child.status;
    },
  };
}
