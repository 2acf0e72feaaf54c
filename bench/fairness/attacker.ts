/**
 * A peer that floods a server. Its arguments are the folder of this module, the
 * server's ports, and the flood.
 *
 * @module
 */

import { KIND } from "../../wire/codec/messages.ts";
import { obey } from "../_control.ts";
import { HELLO } from "../memory/_hoard.ts";
import { type Flood, FLOODS } from "./_floods.ts";

/** So many batches may be under way. */
const AHEAD = 2;

/** The kinds of frames that come back: what is in them does not matter. */
class Kinds {
  #left = 0;
  #header = new Uint8Array(5);
  #headed = 0;

  /** Calls back with each. */
  feed(chunk: Uint8Array, tell: (kind: number) => void): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, chunk.length - at);
        this.#left -= count;
        at += count;
        continue;
      }
      this.#header[this.#headed++] = chunk[at++]!;
      if (this.#headed < 5) continue;
      this.#headed = 0;
      this.#left = new DataView(this.#header.buffer).getUint32(0) - 1;
      tell(this.#header[4]!);
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

/** Floods a wire for as long as it takes that. */
async function flood(
  connection: Deno.Conn,
  { first, batch, answers = 0, isNew }: Flood,
): Promise<void> {
  const kinds = new Kinds();
  let pongs = 0;
  let answered = 0;
  let isOpen = false;
  let wake = () => {};
  (async () => {
    const chunk = new Uint8Array(256 * 1024);
    for (;;) {
      const count = await connection.read(chunk);
      if (count === null) throw new Error("The victim has closed.");
      kinds.feed(chunk.subarray(0, count), (kind) => {
        if (kind === KIND.pong) pongs++;
        if (kind === KIND.return) answered++;
        if (kind === KIND.accept) isOpen = true;
        if (kind === KIND.abort) throw new Error("The victim has aborted.");
      });
      wake();
    }
  })().catch((error) => {
    console.error(error.message);
    Deno.exit(1);
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise<void>((resolve) => wake = resolve);
  };
  const header = new Uint8Array([0, 0, 0, HELLO.length]);
  await writeAll(connection, header);
  await writeAll(connection, new Uint8Array(HELLO));
  await writeAll(connection, new Uint8Array([0, 0, 0, 1, KIND.accept]));
  await until(() => isOpen);
  if (first !== undefined) await writeAll(connection, first());
  let bytes = batch();
  for (let sent = 0;; sent++) {
    await until(() => sent < pongs + AHEAD && answered >= sent * answers);
    await writeAll(connection, bytes);
    if (isNew) bytes = batch();
  }
}

/** Comes, says hello, and goes, again and again. */
async function knock(port: number): Promise<void> {
  const header = new Uint8Array([0, 0, 0, HELLO.length]);
  const bytes = new Uint8Array(4 + HELLO.length);
  bytes.set(header);
  bytes.set(HELLO, 4);
  const chunk = new Uint8Array(1024);
  for (;;) {
    try {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await writeAll(connection, bytes);
      await connection.read(chunk);
      connection.close();
    } catch {
      // It was turned away.
    }
  }
}

/** Lines without end. */
async function lines(port: number): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = new TextEncoder().encode("a line\n".repeat(20_000));
  for (;;) await writeAll(connection, bytes);
}

const [folder, ports, name = ""] = Deno.args;
const { tcp, tls, lines: linePort } = JSON.parse(ports!);
const hostname = "127.0.0.1";

/** What is told to do, as the table calls it. */
async function run(): Promise<unknown> {
  if (name === "lines") return await lines(linePort);
  if (name === "connections") {
    return await Promise.all(Array.from({ length: 8 }, () => knock(tcp)));
  }
  const [plain, road] = name.split(", ");
  const found = FLOODS.find((flood) => flood.name === plain);
  if (found === undefined) throw new Error(`There is no flood of ${name}.`);
  if (road === undefined) {
    return await flood(await Deno.connect({ hostname, port: tcp }), found);
  }
  const caCerts = [Deno.readTextFileSync(`${folder}/tests/tls/ca.pem`)];
  return await flood(
    await Deno.connectTls({ hostname, port: tls, caCerts }),
    found,
  );
}

run().catch((error) => {
  console.error(error);
  Deno.exit(1);
});
await obey({});
