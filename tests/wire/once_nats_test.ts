import { assert, assertEquals, assertMatch } from "@std/assert";
import { Kvm } from "@nats-io/kv";
import type { WireError } from "../../wire/mod.ts";
import { wirePair } from "../../wire/mod.ts";
import { keepConnected } from "../../wire/reconnect/keep_connected.ts";
import {
  type NatsKvLike,
  type NatsKvStatus,
  type Once,
  onceInNats,
} from "../../wire/once/once.ts";
import { test } from "../_test.ts";
import { type NatsServer, natsTest } from "../transports/_nats.ts";

const JETSTREAM = 'jetstream { store_dir: "$FOLDER/jetstream" }';
/** Large enough for the whole of a test, in milliseconds. */
const TTL = 300_000;

/** A bucket, over a connection of its own. */
async function bucket(
  nats: NatsServer,
  connection?: object,
) {
  const manager = new Kvm(await nats.connect(connection) as never);
  return await manager.create("once", { ttl: TTL });
}

/** Orders, at whichever server a client comes to. */
class Shop implements AsyncDisposable {
  readonly reports: string[] = [];
  readonly runs: string[] = [];
  #connections = 0;
  readonly kept;

  /** @param servers What each of them remembers by; clients go from one to the next. */
  constructor(...servers: Once[]) {
    this.kept = keepConnected(() => {
      const at = this.#connections++ % servers.length;
      const [near, far] = wirePair({}, {
        once: servers[at],
        onError: (error, where) =>
          this.reports.push(`${where}: ${(error as Error).message}`),
      });
      far.serve({
        order: (what: string, size = 0) => {
          this.runs.push(what);
          return `${what} by ${at}${"!".repeat(size)}`;
        },
      });
      return Promise.resolve(near);
    }, { backoff: { least: 1, most: 1 } });
  }

  /** What an order comes to. */
  async order(key: string, what: string, size?: number): Promise<string> {
    try {
      const args = size === undefined ? [what] : [what, size];
      const { remoteValue } = this.kept.with({ once: key });
      return await remoteValue.order!(...args) as string;
    } catch (error) {
      const { code, sent } = error as WireError;
      return `${code} ${sent}`;
    }
  }

  /** Goes to the next server. */
  move(): void {
    this.kept.wire!.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kept.close();
  }
}

natsTest(
  "onceInNats() remembers in NATS what several servers share",
  async (nats) => {
    const remembering = async () =>
      await onceInNats(await bucket(nats), { lease: 500 });
    const once = await remembering();
    await using shop = new Shop(once, await remembering());
    assertEquals(await shop.order("a", "tea"), "tea by 0");
    shop.move();
    assertEquals(await shop.order("a", "tea"), "tea by 0");
    assertEquals(await shop.order("a", "coffee"), "keyReused undefined");
    // More than a message of NATS holds: its caller has it, and nobody else.
    const large = await shop.order("b", "much", 1_100_000);
    assertMatch(large, /^much by [01]!{1100000}$/);
    assertMatch(shop.reports[0]!, /^remembering what came of "order": .*size/);
    shop.move();
    const again = await shop.order("b", "much", 1_100_000);
    assertEquals(again, "outcomeUnknown maybeExecuted");
    assertEquals(shop.runs, ["tea", "much"]);
    // NATS has it on its disk.
    const { keeps, store } = await once.terms();
    assertEquals(keeps, TTL);
    await nats.kill();
    await nats.restart();
    const later = await remembering();
    assertEquals(await later.terms(), { keeps, store });
    await using other = new Shop(later);
    assertEquals(await other.order("a", "tea"), "tea by 0");
    // What a stranger writes to the bucket is neither believed nor run.
    const kv = await bucket(nats);
    for await (const key of await kv.keys()) {
      await kv.put(key, new Uint8Array([9, 9, 9]));
    }
    const told = await other.order("a", "tea");
    assertEquals(told, "outcomeUnknown maybeExecuted");
    assertEquals(other.runs, []);
    // One that was deleted and made again is another one.
    await kv.destroy();
    await bucket(nats);
    assert((await later.terms()).store !== store);
  },
  JETSTREAM,
);

natsTest("onceInNats() runs nothing where NATS is full", async (nats) => {
  const remembering = async () =>
    await onceInNats(await bucket(nats), { lease: 100 });
  await using shop = new Shop(await remembering());
  const keys: string[] = [];
  for (;;) {
    const key = `key ${keys.length}`;
    const answer = await shop.order(key, "tea");
    if (answer === "storeFailed notSent") break;
    assertEquals(answer, "tea by 0");
    keys.push(key);
  }
  const full = "insufficient resources";
  assertMatch(shop.reports.pop()!, new RegExp(`^asking whether .*${full}`));
  // There may have been room for the beginning of a call, and not for its end.
  const untold = shop.reports.map((text) => {
    assertMatch(text, new RegExp(`^remembering .*${full}`));
    return "outcomeUnknown maybeExecuted";
  });
  const told = keys.slice(untold.length).map(() => "tea by 0");
  assert(told.length > 1, `${told.length} are remembered`);
  // Nothing goes to make room for these, nor when NATS ends without warning.
  const answers = async (shop: Shop) => {
    const all = await Promise.all(keys.map((key) => shop.order(key, "tea")));
    return all.sort();
  };
  assertEquals(await answers(shop), [...untold, ...told]);
  await nats.kill();
  await nats.restart();
  await using other = new Shop(await remembering());
  assertEquals(await answers(other), [...untold, ...told]);
  assertEquals([shop.runs.length, other.runs.length], [keys.length, 0]);
}, 'jetstream { store_dir: "$FOLDER/jetstream", max_file_store: 10KB }');

natsTest("onceInNats() runs nothing where NATS is down", async (nats) => {
  // So that a request fails at once, and not when its time is over.
  const kv = await bucket(nats, { reconnect: false });
  await using shop = new Shop(await onceInNats(kv));
  assertEquals(await shop.order("a", "tea"), "tea by 0");
  await nats.kill();
  assertEquals(await shop.order("b", "tea"), "storeFailed notSent");
  shop.move();
  assertEquals(await shop.order("b", "tea"), "storeFailed notSent");
  assertEquals(shop.runs, ["tea"]);
}, JETSTREAM);

/** A bucket that tells so much of itself, and answers nothing. */
function telling(status: () => Promise<unknown>): NatsKvLike {
  const refuse = () => Promise.reject(new Error("not planned"));
  return {
    create: refuse,
    put: refuse,
    get: refuse,
    status: status as () => Promise<NatsKvStatus>,
  };
}

test("onceInNats() refuses buckets and options that it cannot work with", async () => {
  const as = (
    ttl: number,
    limits?: { max_bytes?: number; max_msgs?: number },
  ) =>
    telling(() =>
      Promise.resolve({
        bucket: "once",
        ttl,
        streamInfo: {
          created: "today",
          config: { max_bytes: -1, max_msgs: -1, ...limits },
        },
      })
    );
  for (
    const [kv, options, code, message] of [
      [{}, {}, "invalidArgument", /a bucket of @nats-io\/kv, and not/],
      [null, {}, "invalidArgument", /and not null/],
      [as(TTL, { max_bytes: 9 }), {}, "invalidArgument", /"max_bytes" or/],
      [as(TTL, { max_msgs: 9 }), {}, "invalidArgument", /"max_msgs": when/],
      [as(9_999), {}, "invalidArgument", /lease .*9999; it is 10000/],
      [as(TTL), { prefix: "a b" }, "invalidArgument", /It is not "a b"/],
      [as(TTL), { prefix: "a..b" }, "invalidArgument", /It is not "a..b"/],
      [as(TTL), { lease: 0 }, "invalidArgument", /"lease"/],
      [as(TTL), { keeps: 1 }, "invalidArgument", /"keeps"/],
      [telling(() => Promise.resolve(null)), {}, "storeFailed", /told null/],
      [
        telling(() => Promise.reject(new Error("no responders"))),
        {},
        "storeFailed",
        /could not be asked about the bucket: no responders/,
      ],
    ] as const
  ) {
    const error = await onceInNats(kv as never, options as never).then(
      () => undefined,
      (error) => error as WireError,
    );
    assertEquals(error?.code, code);
    assertMatch(error!.message, message);
  }
  assertEquals((await (await onceInNats(as(0))).terms()).keeps, Infinity);
});
