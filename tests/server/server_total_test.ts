/**
 * What all wires of a server may hold together, whatever it is: over sockets,
 * with peers that send all they may and take nothing.
 */

import { assert, assertEquals } from "@std/assert";
import { Hoarder, type Place, PLACES } from "../../bench/memory/_hoard.ts";
import { VALUE_KINDS } from "../../bench/memory/_values.ts";
import {
  connectToRemoteServer,
  createRequestServer,
  type RequestServer,
  type Wire,
  type WireLimits,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { fate } from "../wire/_keeping.ts";

const MIB = 1024 * 1024;
const TOTAL = MIB;
const HOARDERS = 12;
const KIND = VALUE_KINDS.find(({ name }) => name === "strings of 100")!;

/** A server whose functions never answer but when they are told to. */
function serve(
  limits: Partial<WireLimits>,
): { server: RequestServer; told: string[]; free: () => void } {
  const free = Promise.withResolvers<number>();
  const told: string[] = [];
  // What nobody has any more is no longer held.
  const kept: unknown[] = [];
  const server = createRequestServer(0, {
    limits,
    functions: {
      hold: (what: unknown) => (kept.push(what), free.promise),
      give: (value: unknown) => value,
      echo: (value: unknown) => value,
    },
    onError: (error) => told.push((error as Error).message),
  });
  return { server, told, free: () => free.resolve(7) };
}

/** What wires of a server hold of what came, as they tell it. */
function held(server: RequestServer): number {
  let sum = 0;
  for (const wire of server.wires) {
    const { memoryHeld, outputWaiting, flow: { received } } = wire.stats();
    const { calls, sends, messages } = received;
    sum += memoryHeld + outputWaiting + calls + sends + messages;
  }
  return sum;
}

for (const place of PLACES) {
  test(`of peers that hoard by ${place} those end that hold most, and nobody else`, async () => {
    const { server, told } = serve({ serverTotal: TOTAL });
    await using _server = server;
    await using wire = await connectToRemoteServer("127.0.0.1", server.port);
    const hoarders: Hoarder[] = [];
    using all = new DisposableStack();
    for (let n = 0; n < HOARDERS; n++) {
      hoarders.push(all.use(await Hoarder.open(server.port)));
    }
    const hoarding = hoarders.map((one) => hoard(one, place));
    const isLeft = () => hoarders.every(({ hasEnded }) => !hasEnded);
    while (isLeft() && server.wires.size > HOARDERS) {
      assertEquals(await fate(wire.remoteValue.echo!("here")), "value here");
      assert(held(server) <= TOTAL + 4 * MIB, `${held(server)}`);
    }
    assertEquals(await fate(wire.remoteValue.echo!("here")), "value here");
    assertEquals(wire.ended, undefined);
    // The server tells of it, once for all that ended lately.
    while (told.length === 0) await wire.ping();
    assert(told.every((text) => text.includes('"serverTotal"')), told[0]);
    all.dispose();
    await Promise.all(hoarding);
  });
}

/** Hoards for as long as that is possible. */
async function hoard(hoarder: Hoarder, place: Place): Promise<void> {
  await hoarder.hoard(place, KIND).catch(() => {});
}

test("a wire that ends for what it holds is told so, and its calls fail", async () => {
  const { server, free } = serve({ serverTotal: MIB });
  await using _server = server;
  const connect = () =>
    connectToRemoteServer("127.0.0.1", server.port, { onError() {} });
  await using one = await connect();
  await using other = await connect();
  const hold = (wire: Wire, bytes: number) =>
    fate(wire.remoteValue.hold!("x".repeat(bytes)));
  const light = hold(one as Wire, 400_000);
  await one.ping();
  const heavy = hold(other as Wire, 800_000);
  assertEquals(await heavy, "busy maybeExecuted");
  const reason = await other.closed;
  assertEquals(reason.code, "busy");
  assert(reason.message.includes('"serverTotal"'), reason.message);
  assertEquals(await fate(one.remoteValue.echo!("here")), "value here");
  free();
  assertEquals(await light, "value 7");
  assertEquals(server.wires.size, 1);
});

test("one wire may hold more than that, while the others hold little", async () => {
  const { server, free } = serve({ serverTotal: MIB });
  await using _server = server;
  await using one = await connectToRemoteServer("127.0.0.1", server.port);
  await using other = await connectToRemoteServer("127.0.0.1", server.port);
  const held = Array.from(
    { length: 6 },
    () => fate(one.remoteValue.hold!("x".repeat(600_000))),
  );
  await one.ping();
  assertEquals(await fate(other.remoteValue.echo!("here")), "value here");
  assertEquals(server.wires.size, 2);
  free();
  assertEquals(await Promise.all(held), Array(6).fill("value 7"));
});
