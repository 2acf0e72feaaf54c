/** How far a large call is: the option `onProgress`. */

import { assert, assertEquals } from "@std/assert";
import {
  keepConnected,
  resumable,
} from "../../wire/reconnect/keep_connected.ts";
import {
  type CallContext,
  type CallProgress,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type RemoteStream,
  type Wire,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { onceInMemory } from "../../wire/once/once.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { lost, Place } from "./_keeping.ts";
import { anyPair } from "./_pair.ts";
import { slow } from "./_slow.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Notes what is told, and checks that it grows. */
class Told {
  readonly all: CallProgress[] = [];

  readonly onProgress = (progress: CallProgress): void => {
    this.all.push(progress);
  };

  /** What was told of one part of the call. */
  of(part: CallProgress["of"]): CallProgress[] {
    return this.all.filter(({ of }) => of === part);
  }

  /** The last that was told of one part. */
  last(part: CallProgress["of"]): CallProgress | undefined {
    return this.of(part).at(-1);
  }

  /** Checks that all of a part was told, a little more each time. */
  checkWhole(part: CallProgress["of"], payload: number): void {
    const told = this.of(part);
    assert(told.length > 0, `${part} was never told`);
    const { total } = told[0]!;
    assert(total! >= payload && total! < payload + 100, `${part}: ${total}`);
    let before = 0;
    for (const progress of told) {
      assert(progress.bytes > before, `${progress.bytes} behind ${before}`);
      assertEquals(progress.total, total);
      before = progress.bytes;
    }
    assertEquals(before, total, part);
  }
}

test("onProgress tells how far large arguments and results are, before the call is answered", async () => {
  const [near, far] = anyPair();
  far.serve({ echo: (bytes: Uint8Array) => bytes });
  const told = new Told();
  const { remoteValue, remoteValues } = near.with(told);
  await remoteValue.echo!(new Uint8Array(MIB));
  told.checkWhole("arguments", MIB);
  told.checkWhole("result", MIB);
  assertEquals(told.of("arguments").length, 4, "once for each write");
  const count = told.all.length;
  await settle();
  assertEquals(told.all.length, count, "nothing more is told");
  told.all.length = 0;
  await remoteValues.echo!(new Uint8Array(MIB));
  told.checkWhole("result", MIB);
  told.all.length = 0;
  await near.call("echo", [new Uint8Array(300_000)], false, told);
  told.checkWhole("arguments", 300_000);
  await Promise.all([near.close(), far.close()]);
});

test("onProgress tells nothing of what travels whole", async () => {
  const [near, far] = anyPair();
  far.serve({ echo: (bytes: Uint8Array) => bytes });
  const told = new Told();
  await near.with(told).remoteValue.echo!(new Uint8Array(60_000));
  await settle();
  assertEquals(told.all, []);
  await Promise.all([near.close(), far.close()]);
});

test("onProgress tells each piece once, however small the reads are", async () => {
  const [here, there] = memoryTransports();
  const near = makeWire(here);
  const far = makeWire(slow(there, 1_000));
  far.serve({ large: () => new Uint8Array(MIB) });
  const told = new Told();
  await near.with(told).remoteValue.large!();
  told.checkWhole("result", MIB);
  const { length } = told.of("result");
  assert(length > 10 && length <= 17, `${length} times for 17 pieces`);
  await Promise.all([near.close(), far.close()]);
});

test("onProgress tells of each of several calls at once by itself", async () => {
  const [near, far] = anyPair();
  far.serve({ sized: (size: number) => "x".repeat(size) });
  const sizes = [MIB, 2 * MIB, 500_000, 10];
  const all = sizes.map(() => new Told());
  await Promise.all(
    sizes.map((size, n) => near.with(all[n]!).remoteValue.sized!(size)),
  );
  sizes.slice(0, 3).forEach((size, n) => all[n]!.checkWhole("result", size));
  assertEquals(all[3]!.all, []);
  await Promise.all([near.close(), far.close()]);
});

test("onProgress tells of calls that wait, of one-way calls and of methods", async () => {
  const [near, far] = anyPair({}, { limits: { calls: 1 } });
  let taken = 0;
  const take = (bytes: Uint8Array) => void (taken += bytes.length);
  far.serve({ take, taker: () => makeRemoteObject({ take }) });
  const taker = await near.remoteValue.taker!() as {
    with: typeof near.with;
    [Symbol.dispose](): void;
  };
  const all = [new Told(), new Told(), new Told(), new Told()];
  const bytes = new Uint8Array(MIB);
  await Promise.all([
    near.with(all[0]!).remoteValue.take!(bytes),
    near.with(all[1]!).remoteValue.take!(bytes),
    near.with(all[2]!).remote.take!(bytes),
    taker.with(all[3]!).remoteValue.take!(bytes),
  ]);
  for (const told of all) told.checkWhole("arguments", MIB);
  taker[Symbol.dispose]();
  await Promise.all([near.close(), far.close()]);
  assertEquals(taken, 4 * MIB);
});

test("onProgress counts the bytes of streams, both ways", async () => {
  const [near, far] = anyPair();
  const bytes = new Uint8Array(100_000);
  async function* sent() {
    for (let n = 0; n < 5; n++) yield await Promise.resolve(bytes);
  }
  far.serve({
    async *doubled(stream: RemoteStream<Uint8Array>) {
      for await (const each of stream) yield* [each, each];
    },
    async take(stream: RemoteStream<string>) {
      for await (const _ of stream);
    },
  });
  const told = new Told();
  const stream = await near.with(told).remoteValue.doubled!(
    sent(),
  ) as RemoteStream<Uint8Array>;
  let count = 0;
  for await (const each of stream) count += each.length;
  assertEquals(count, 1_000_000);
  const { of, bytes: all, total } = told.last("streamsReceived")!;
  assertEquals([of, all, total], ["streamsReceived", 1_000_000, undefined]);
  assertEquals(told.last("streamsSent")!.bytes, 500_000);
  assert(told.all.length > 5, "it was told by and by");
  // What is no bytes counts as it is encoded.
  const other = new Told();
  const texts = ReadableStream.from(["four", "five"]);
  await near.with(other).remote.take!(texts);
  await near.close();
  const last = other.last("streamsSent")!;
  assert(last.bytes > 8 && last.bytes < 30, `${last.bytes}`);
  await far.closed;
});

test("onProgress tells nothing once a call was cancelled, or has failed", async () => {
  const [here, there] = memoryTransports();
  // It takes a while until the peer hears of the end, and goes on until then.
  const near = makeWire(slow(here, 10));
  const far = makeWire(there);
  far.serve({ large: () => new Uint8Array(4 * MIB - 100) });
  for (const way of ["signal", "abort"]) {
    const controller = new AbortController();
    const told = new Told();
    const onProgress = (progress: CallProgress) => {
      told.onProgress(progress);
      if (progress.bytes < 500_000) return;
      if (way === "signal") controller.abort();
      else near.abort();
    };
    const { signal } = controller;
    const call = near.with({ signal, onProgress }).remoteValue.large!();
    const { code } = await failure(call);
    assertEquals(code, way === "signal" ? "cancelled" : "aborted");
    const count = told.all.length;
    if (way === "signal") await near.ping();
    await settle();
    assertEquals(told.all.length, count);
    assert(told.last("result")!.bytes < MIB);
  }
  await far.closed;
});

test("onProgress may throw, reject, call and abort", async () => {
  const reports: string[] = [];
  const onError = (error: unknown, where: string) =>
    void reports.push(`${where}: ${error}`);
  const [near, far] = wirePair({ onError });
  far.serve({ echo: (x: unknown) => x });
  const large = new Uint8Array(MIB);
  const { remoteValue } = near.with({
    onProgress: () => {
      throw "thrown";
    },
  });
  await remoteValue.echo!(large);
  assert(reports.length > 4, `${reports.length}`);
  assertEquals(new Set(reports), new Set(["onProgress: thrown"]));
  reports.length = 0;
  await near.with({ onProgress: () => Promise.reject("rejected") }).remoteValue
    .echo!(large);
  await settle();
  assertEquals(new Set(reports), new Set(["onProgress: rejected"]));
  // It calls while a call is being sent, and while one is read.
  const within: Promise<unknown>[] = [];
  await near.with({
    onProgress: ({ bytes }) => within.push(near.remoteValue.echo!(bytes)),
  }).remoteValue.echo!(large);
  const told = await Promise.all(within) as number[];
  assert(told.length > 4 && told.every((bytes) => bytes > 0));
  const call = near.with({ onProgress: () => near.abort() }).remoteValue
    .echo!(large);
  assertEquals((await failure(call)).code, "aborted");
  await far.closed;
});

test("onProgress is told through middleware, and of calls that run once", async () => {
  const seen: unknown[] = [];
  const [near, far] = anyPair({
    callThrough: [(call, next) => {
      seen.push(call.onProgress);
      return next({ ...call });
    }],
  }, { once: onceInMemory() });
  far.serve({ echo: (bytes: Uint8Array) => bytes });
  const told = new Told();
  await near.with(told).remoteValue.echo!(new Uint8Array(MIB));
  assertEquals(seen, [told.onProgress]);
  told.checkWhole("result", MIB);
  told.all.length = 0;
  await near.with({ onProgress: told.onProgress, once: true }).remoteValue
    .echo!(new Uint8Array(300_000));
  told.checkWhole("arguments", 300_000);
  told.checkWhole("result", 300_000);
  await Promise.all([near.close(), far.close()]);
});

test("onProgress begins again where a kept call is repeated", async () => {
  await using place = new Place({ idempotent: () => true });
  const { kept } = place;
  await kept.opened;
  await settle();
  const told = new Told();
  const large = new Uint8Array(MIB);
  let isLost = false;
  const onProgress = (progress: CallProgress) => {
    told.onProgress(progress);
    if (isLost || progress.bytes < 500_000) return;
    isLost = true;
    kept.wire!.abort(lost());
  };
  const call = kept.with({ onProgress }).remoteValues.both!(large);
  await settle();
  await place.advance(1_000);
  await call;
  const bytes = told.of("arguments").map(({ bytes }) => bytes);
  const again = bytes.indexOf(bytes[0]!, 1);
  assert(again > 0, `${bytes}`);
  assertEquals(bytes.at(-1), told.last("arguments")!.total);
});

test("onProgress counts the bytes of a stream that goes on over another wire", async () => {
  const servers: Wire[] = [];
  const kept = keepConnected(() => {
    const [near, far] = wirePair();
    far.serve({
      parts(this: CallContext) {
        return resumable(this, async function* (after) {
          for (let n = Number(after ?? 0) + 1; n <= 4; n++) {
            yield [n, "x".repeat(10_000)] as const;
            await Promise.resolve();
          }
        });
      },
    });
    servers.push(far);
    return Promise.resolve(near);
  }, { backoff: { least: 1 } });
  const told = new Told();
  let count = 0;
  for await (
    const _ of kept.resume(
      (remote) => remote.parts!() as Promise<AsyncIterable<string>>,
      { onProgress: told.onProgress },
    )
  ) {
    if (++count === 2) servers[0]!.abort();
  }
  assertEquals([count, servers.length], [4, 2]);
  const bytes = told.of("streamsReceived").map(({ bytes }) => bytes);
  assert(bytes.at(-1)! > 20_000, `${bytes}`);
  await kept.close();
});

test("the option onProgress is a function", async () => {
  const [near, far] = anyPair();
  far.serve({ f: () => 1 });
  // deno-lint-ignore no-explicit-any -- what the types forbid is tried
  const wrong: any = { onProgress: 5 };
  for (
    const call of [
      () => near.with(wrong).remoteValue.f!(),
      () => near.with(wrong).remote.f!(),
    ]
  ) {
    const error = await failure(call()) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertEquals(
      error.message,
      'The option "onProgress" of a call is a function, not 5.',
    );
  }
  await Promise.all([near.close(), far.close()]);
});
