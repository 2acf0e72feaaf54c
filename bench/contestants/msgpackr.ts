/**
 * What one writes by hand: a 32-bit length, then a list of an id, a name and
 * the arguments, or of an id and the answer, by msgpackr with records, which
 * it defines once per connection as its own streams do. It has no limits,
 * deadlines or errors.
 *
 * In one version each message is a write of its own; in the other, what has
 * collected while a write was under way is sent in the next.
 *
 * @module
 */

import { loadMsgpackr, type Msgpackr } from "../_packages.ts";
import type { Client, Contestant } from "../_workload.ts";
import { FUNCTIONS } from "./_common.ts";
import { COMMON_WORKLOADS, commonClient } from "./_common_client.ts";

type Message = [id: number, name: keyof typeof FUNCTIONS, ...args: never[]] | [
  id: number,
  answer: unknown,
];

const PREFIX = 4;

/** A connection that carries messages. */
class Framed {
  readonly #conn: Deno.TcpConn;
  readonly #collects: boolean;
  readonly #packr;
  readonly #unpackr;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #writing = false;

  constructor(
    conn: Deno.TcpConn,
    { Packr, Unpackr }: Msgpackr,
    collects: boolean,
  ) {
    conn.setNoDelay(true);
    this.#conn = conn;
    this.#collects = collects;
    this.#packr = new Packr({ sequential: true });
    this.#unpackr = new Unpackr({ sequential: true });
  }

  /** Sends a message. */
  send(message: Message): void {
    const body = this.#packr.pack(message);
    const frame = new Uint8Array(PREFIX + body.length);
    new DataView(frame.buffer).setUint32(0, body.length);
    frame.set(body, PREFIX);
    this.#waiting.push(frame);
    if (!this.#writing) {
      this.#write().catch(() => {}); // The reader learns of it too.
    }
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const frames = this.#waiting;
      this.#waiting = [];
      for (const bytes of this.#collects ? [join(frames)] : frames) {
        for (let from = 0; from < bytes.length;) {
          from += await this.#conn.write(bytes.subarray(from));
        }
      }
    }
    this.#writing = false;
  }

  /** Reads messages until the connection ends. */
  async read(take: (message: Message) => void): Promise<void> {
    let buffer = new Uint8Array(64 * 1024);
    let held = 0;
    for (;;) {
      const count = await this.#conn.read(buffer.subarray(held));
      if (count === null) return;
      held += count;
      const view = new DataView(buffer.buffer);
      let from = 0;
      while (held - from >= PREFIX) {
        const end = from + PREFIX + view.getUint32(from);
        if (end > held) break;
        const body = buffer.subarray(from + PREFIX, end);
        take(this.#unpackr.unpack(body) as Message);
        from = end;
      }
      buffer.copyWithin(0, from, held);
      held -= from;
      if (held === buffer.length) {
        const larger = new Uint8Array(held * 2);
        larger.set(buffer);
        buffer = larger;
      }
    }
  }
}

function join(frames: readonly Uint8Array<ArrayBuffer>[]) {
  if (frames.length === 1) return frames[0]!;
  const joined = new Uint8Array(
    frames.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const frame of frames) {
    joined.set(frame, at);
    at += frame.length;
  }
  return joined;
}

async function serve(collects: boolean): Promise<number> {
  const msgpackr = await loadMsgpackr();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) {
      const framed = new Framed(conn, msgpackr, collects);
      framed.read(([id, name, ...args]) => {
        const served = FUNCTIONS[name as keyof typeof FUNCTIONS];
        framed.send([id, served(...args as [never, never])]);
      }).catch(() => {}).finally(() => conn.close()); // The client has gone.
    }
  })();
  return listener.addr.port;
}

async function connect(port: number, collects: boolean): Promise<Client> {
  const msgpackr = await loadMsgpackr();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const framed = new Framed(conn, msgpackr, collects);
  const pending = new Map<number, PromiseWithResolvers<never>>();
  let calls = 0;
  const ended = framed.read(([id, answer]) => {
    pending.get(id)!.resolve(answer as never);
    pending.delete(id);
  }).catch(() => {}).finally(() => {
    for (const { reject } of pending.values()) reject(new Error("It ended."));
  });
  function call(name: keyof typeof FUNCTIONS, ...args: unknown[]) {
    const id = calls++;
    const answer = Promise.withResolvers<never>();
    pending.set(id, answer);
    framed.send([id, name, ...args as never[]]);
    return answer.promise;
  }
  return commonClient({
    add: (a, b) => call("add", a, b),
    echo: (value) => call("echo", value),
  }, async () => {
    conn.close();
    await ended;
  });
}

function byHand(name: string, collects: boolean): Contestant {
  return {
    name,
    workloads: COMMON_WORKLOADS,
    serve: () => serve(collects),
    connect: (port) => connect(port, collects),
  };
}

/** A write for each message. */
export const msgpackrByHand: Contestant = byHand("msgpackr by hand", false);
/** What was collected in one write. */
export const msgpackrCollected: Contestant = byHand("msgpackr collected", true);
