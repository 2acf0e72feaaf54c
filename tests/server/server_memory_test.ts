/** What all wires of a server may hold together. */

import { assert, assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  type Wire,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { fate } from "../wire/_keeping.ts";

/** Takes so many KB in memory, and a two hundredth of that on a wire. */
function heavy(kilobytes: number): unknown[] {
  return Array.from({ length: kilobytes * 2 }, () => new Uint8Array(0));
}

test("a wire that holds little goes on when others hold all there is", async () => {
  const limits = { memory: 8_000_000, serverMemory: 1_600_000, wires: 10 };
  const everybody = Promise.withResolvers<number>();
  await using server = createRequestServer(0, {
    limits,
    functions: {
      hold: (_what: unknown) => everybody.promise,
      now: (_what: unknown) => 1,
    },
    onError() {},
  });
  const connect = () => connectToRemoteServer("127.0.0.1", server.port);
  const hold = (wire: Wire, what: unknown) =>
    fate(wire.remoteValue.hold!(what));
  await using greedy = await connect();
  await using other = await connect();
  // What is beyond what all may hold fails, whoever sends it.
  const held = hold(greedy as Wire, heavy(1_200));
  assertEquals(await hold(greedy as Wire, heavy(1_200)), "limit undefined");
  assertEquals(await hold(other as Wire, heavy(700)), "limit undefined");
  // But each has its share.
  const share = hold(other as Wire, heavy(120));
  assertEquals(await fate(other.remoteValue.now!(heavy(20))), "value 1");
  assertEquals(await fate(greedy.remoteValue.now!("light")), "value 1");
  const [one, two] = [...server.wires].map((wire) => wire.stats().memoryHeld);
  assert(one! + two! > 1_100_000, `${one} and ${two}`);
  everybody.resolve(7);
  assertEquals([await held, await share], ["value 7", "value 7"]);
  for (const wire of server.wires) assertEquals(wire.stats().memoryHeld, 0);
  assertEquals(await hold(other as Wire, heavy(1_200)), "value 7");
});

test("what a wire holds is free for others when it has ended", async () => {
  const limits = { memory: 8_000_000, serverMemory: 1_600_000, wires: 10 };
  await using server = createRequestServer(0, {
    limits,
    functions: {
      hold: (_what: unknown) => new Promise(() => {}),
      now: (_what: unknown) => 1,
    },
    onError() {},
  });
  const connect = () => connectToRemoteServer("127.0.0.1", server.port);
  await using other = await connect();
  const greedy = await connect();
  greedy.remoteValue.hold!(heavy(1_200)).catch(() => {});
  await greedy.ping();
  const ask = () => fate(other.remoteValue.now!(heavy(700)));
  assertEquals(await ask(), "limit undefined");
  greedy.abort();
  while (server.wires.size > 1) await other.ping();
  assertEquals(await ask(), "value 1");
});
