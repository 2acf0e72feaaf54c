/**
 * Starts peer processes.
 *
 * @module
 */

/** A peer process. */
export interface Peer<Ports> extends AsyncDisposable {
  /** The process. */
  readonly pid: number;
  /** Where it listens, on 127.0.0.1. */
  readonly ports: Ports;
  /** Its memory, when all garbage has been collected. */
  memory(): Promise<Deno.MemoryUsage>;
}

/**
 * Starts a peer, which ends when it is disposed of, or when this process ends.
 *
 * @param file The file it runs, relative to this one. It has to end in
 * `obey()` of `_control.ts`.
 * @param args What to tell it on its command line.
 * @returns The peer, once it listens.
 */
export async function startPeer<Ports>(
  file: string,
  ...args: string[]
): Promise<Peer<Ports>> {
  const { href } = new URL(file, import.meta.url);
  const flags = ["--quiet", "--no-config", "--v8-flags=--expose-gc", "-A"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, href, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  async function answer(): Promise<unknown> {
    while (!text.includes("\n")) {
      const { done, value } = await output.read();
      if (done) throw new Error(`The peer ${file} ${args} has ended.`);
      text += value;
    }
    const end = text.indexOf("\n");
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return JSON.parse(line);
  }
  return {
    pid: child.pid,
    ports: await answer() as Ports,
    async memory(): Promise<Deno.MemoryUsage> {
      await input.write(new TextEncoder().encode("memory\n"));
      return await answer() as Deno.MemoryUsage;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await input.close();
      await output.cancel();
      await child.status;
    },
  };
}
