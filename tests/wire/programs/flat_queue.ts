/**
 * Gives up many calls that wait behind one, and pings without taking answers,
 * and prints by how many bytes memory grew; run with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { connectLight } from "../../../transports/light.ts";
import {
  makeWire,
  memoryTransports,
  type Transport,
} from "../../../wire/mod.ts";
import { framed, hello, RawEnd } from "../../_raw_peer.ts";

const { gc } = globalThis as unknown as { gc: () => void };
const ROUNDS = 200;
const AT_ONCE = 100;

/** Bytes that are held once everything ran that was put off. */
async function memory(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

interface Far {
  never(text: string): void;
  note(text: string): void;
}
const quiet = { onError() {} };

for (const kind of ["whole", "light", "whole-behind", "light-behind"]) {
  const [here, there] = memoryTransports();
  const isBehind = kind.endsWith("behind");
  const limits = isBehind ? { window: 1 } : { calls: 1 };
  const far = makeWire(there, {
    functions: { never: () => new Promise(() => {}), note() {} },
    limits,
  });
  const near = kind.startsWith("whole")
    ? makeWire<Far>(here, quiet)
    : await connectLight<Far>(here, quiet);
  await near.opened;
  // The second one waits, and so does all that is behind it.
  const way = isBehind ? near.remote : near.remoteValue;
  for (let n = 0; n < 2; n++) way.never("").catch(() => {});
  const before = await memory();
  for (let round = 0; round < ROUNDS; round++) {
    const giveUp = new AbortController();
    const { remoteValue, remote } = near.with({ signal: giveUp.signal });
    const calls = Array.from(
      { length: AT_ONCE },
      (_, n) =>
        n % 2 ? remoteValue.never(`${round} ${n}`) : remote.note(`${n}`),
    );
    giveUp.abort();
    const ends = await Promise.allSettled(calls);
    const waited = ends.filter(({ status }) => status === "rejected").length;
    if (waited < AT_ONCE / 2) throw new Error(`Only ${waited} waited.`);
  }
  console.log(kind, await memory() - before);
  near.abort();
  await Promise.all([near.closed, far.closed]);
}

const [here, there] = memoryTransports();
let takes = true;
const held: Transport = {
  address: there.address,
  read: (unfinished) => there.read(unfinished),
  write: (bytes) => takes ? there.write(bytes) : new Promise(() => {}),
  closeWrite: () => there.closeWrite(),
  close: () => there.close(),
};
const connecting = connectLight(held, quiet);
const peer = new RawEnd(here);
await peer.say(framed(hello(), { kind: "accept" }));
const wire = await connecting;
takes = false;
const pings = framed(
  ...Array.from({ length: 1_000 }, () => ({ kind: "ping", token: 1 }) as const),
);
const before = await memory();
for (let n = 0; n < 100; n++) await peer.say(pings);
console.log("pings", await memory() - before);
wire.abort();
peer.close();
await wire.closed;
