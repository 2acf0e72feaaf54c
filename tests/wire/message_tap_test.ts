/**
 * What a tool sees of a wire.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { makeRemoteObject } from "../../mod.ts";
import { MessageTap, type SeenMessage } from "../../wire/codec/mod.ts";
import {
  makeWire,
  memoryTransports,
  type Transport,
  WireError,
} from "../../wire/mod.ts";
import { test } from "../_test.ts";

/** A transport, and all bytes that were written to it. */
function recorded(transport: Transport, chunks: Uint8Array[]): Transport {
  return {
    address: transport.address,
    read: () => transport.read(),
    write(bytes) {
      chunks.push(bytes.slice());
      return transport.write(bytes);
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** Has two ends talk; gives what each has sent. */
async function conversation(): Promise<[Uint8Array[], Uint8Array[]]> {
  const [one, other] = memoryTransports();
  const [sent, answered]: [Uint8Array[], Uint8Array[]] = [[], []];
  const near = makeWire(recorded(one, sent));
  const far = makeWire(recorded(other, answered));
  const counter = { add: (n: number) => n };
  far.serve({
    echo: (value: unknown) => value,
    take: () => {},
    note: () => {},
    counter: () => makeRemoteObject(counter),
    async *count() {
      yield* [1, 2];
    },
  });
  await near.call("echo", ["one"]);
  await Promise.all([1, 2, 3].map((n) => near.send("note", [n])));
  await near.call("take", [() => {}, new Map([[1, 2n]])]);
  const object = await near.call("counter", []) as Disposable;
  await near.call("take", [[object]]);
  object[Symbol.dispose]();
  for await (const _ of await near.call("count", []) as AsyncIterable<number>);
  await near.outputObject({ kind: "tick" });
  await far.getObject();
  await near.close();
  return [sent, answered];
}

function kinds(messages: SeenMessage[]): string[] {
  return messages.map(({ kind }) => kind);
}

test("MessageTap.read() shows the messages of one end, and what is no data as such", async () => {
  const [sent, answered] = await conversation();
  const tap = new MessageTap();
  const messages = sent.flatMap((chunk) => tap.read(chunk));
  assert(!tap.unfinished);
  assertEquals(messages[0]?.kind, "hello");
  const calls = messages.filter((seen) => seen.kind === "call");
  assertEquals(calls.map(({ fields }) => fields.name), [
    ...["echo", "take", "counter", "take", "count"],
  ]);
  assertEquals(calls[0]?.fields.args, ["one"]);
  const [passed, map] = calls[1]?.fields.args as [
    { reference: string },
    unknown,
  ];
  assertEquals(passed.reference, "function");
  assertEquals(map, new Map([[1, 2n]]));
  const [[own]] = calls[3]?.fields.args as [[{ reference: string }]];
  assertEquals(own.reference, "own");
  const sends = messages.filter((seen) => seen.kind === "send");
  assertEquals(sends.map(({ fields }) => [fields.name, fields.args]), [
    ...[["note", [1]], ["note", [2]], ["note", [3]]],
  ]);
  const message = messages.find((seen) => seen.kind === "message");
  assertEquals(message?.fields.value, { kind: "tick" });
  assert(messages.every(({ bytes }) => bytes > 0));

  const other = new MessageTap();
  const answers = answered.flatMap((chunk) => other.read(chunk))
    .filter((seen) => seen.kind === "return")
    .map(({ fields }) => fields.value as { reference?: string });
  assertEquals(answers[2]?.reference, "object");
  assertEquals(answers[4]?.reference, "stream");
});

test("MessageTap.read() sees the same however its input is divided", async () => {
  const [sent] = await conversation();
  const whole = new MessageTap();
  const expected = sent.flatMap((chunk) => whole.read(chunk));
  const tap = new MessageTap();
  const bytes = sent.flatMap((chunk) => [...chunk]);
  const seen = bytes.flatMap((byte) => tap.read(new Uint8Array([byte])));
  assertEquals(kinds(seen), kinds(expected));
  assertEquals(seen, expected);
});

test("MessageTap.read() tells what breaks the protocol", () => {
  const tap = new MessageTap();
  assertEquals(tap.read(new Uint8Array([0, 0, 0])), []);
  assert(tap.unfinished);
  assertThrows(() => tap.read(new Uint8Array([1, 0xff])), WireError);
});
