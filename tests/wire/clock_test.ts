import { assertEquals } from "@std/assert";
import { afterLimit, afterTime, systemClock } from "../../wire/base/clock.ts";
import type { Middleware } from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { list } from "./_items.ts";
import { anyPair } from "./_pair.ts";

const CLOCK = new URL("../../wire/base/clock.ts", import.meta.url).href;

/** What a program prints, which ends when nothing keeps it alive. */
async function output(program: string): Promise<string> {
  const source = `
    import { afterLimit, systemClock } from "${CLOCK}";
    // Only where a program does not end that should.
    const late = setTimeout(() => { console.log("late"); Deno.exit(); }, 3e5);
    Deno.unrefTimer(late);
    const log = (text: string) => () => console.log(text);
    /** Whatever it sets begins at the same moment, however slow this is. */
    const atOnce = (set: () => void) => {
      const now = performance.now();
      performance.now = () => now;
      set();
      delete (performance as Partial<Performance>).now;
    };
    ${program}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-check", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { stdout, stderr } = await child.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

/** A clock made of timers such as the platform's: what is too long is nothing. */
class PlainClock extends FakeClock {
  override after(delay: number, callback: () => void): () => void {
    return super.after(delay < 2 ** 31 ? delay : 1, callback);
  }
}

test("afterTime() waits for any time by any clock, and may be cancelled in between", async () => {
  const clock = new PlainClock();
  const fired: string[] = [];
  afterTime(clock, 2 ** 31 - 1, () => fired.push("longest"));
  afterTime(clock, 2 ** 33, () => fired.push("longer"));
  afterTime(clock, Infinity, () => fired.push("never"));
  const stop = afterTime(clock, 2 ** 33, () => fired.push("cancelled"));
  await clock.advance(2 ** 31 - 2);
  assertEquals(fired, []);
  await clock.advance(1);
  assertEquals(fired, ["longest"]);
  await clock.advance(2 ** 32);
  stop();
  stop();
  await clock.advance(2 ** 31);
  assertEquals(fired, ["longest"]);
  await clock.advance(2 ** 31);
  assertEquals([fired, clock.timers], [["longest", "longer"], 0]);
});

test("a deadline of any length is waited for by a program's own clock", async () => {
  const clock = new PlainClock();
  const callThrough: Middleware[] = [(_call, next) => next()];
  const gate = Promise.withResolvers<void>();
  const functions = {
    wait: () => gate.promise,
    async *items() {
      await gate.promise;
      yield 1;
    },
  };
  const plain = anyPair({ clock }, { clock, functions });
  const through = anyPair({ clock, callThrough }, { clock, functions });
  // What is sent one way waits for the peer's window.
  const narrow = anyPair({ clock }, { functions, limits: { window: 1 } });
  await Promise.all([plain, through, narrow].map(([wire]) => wire.opened));
  narrow[0].remote.wait();
  const calls: Promise<unknown>[] = [];
  for (const deadline of [2 ** 33, Infinity]) {
    for (const [wire] of [plain, through]) {
      calls.push(wire.with({ deadline }).remoteValue.wait());
      calls.push(list(await wire.with({ deadline }).remoteValue.items()));
    }
    calls.push(narrow[0].with({ deadline }).remote.wait());
  }
  await settle();
  await clock.advance(2 ** 32);
  gate.resolve();
  await Promise.all(calls);
  for (const pair of [plain, through, narrow]) {
    pair[0].abort();
    await Promise.all(pair.map(({ closed }) => closed));
  }
});

test("afterLimit() calls back, and not what was cancelled", async () => {
  const program = `
    const clock = systemClock;
    afterLimit(clock, 1_000, log("first"));
    afterLimit(clock, 1_200, log("second"));
    const stop = afterLimit(clock, 1_050, log("cancelled"));
    stop();
    stop();
    const stopLater = afterLimit(clock, 1_100, log("cancelled later"));
    setTimeout(stopLater, 300);`;
  assertEquals(await output(program), "first\nsecond\n");
});

test("afterLimit() complains of nothing where a limit has passed in its first moment", async () => {
  const program = `
    const { now } = performance;
    afterLimit(systemClock, 1_000, log("fired"));
    performance.now = () => now.call(performance) + 5_000;`;
  assertEquals(await output(program), "fired\n");
});

test("afterLimit() keeps no process alive once it is cancelled", async () => {
  const program = `
    const clock = systemClock;
    afterLimit(clock, 600_000, log("fired"))();
    const stop = afterLimit(clock, 600_000, log("fired"));
    setTimeout(() => { stop(); console.log("stopped"); }, 300);`;
  assertEquals(await output(program), "stopped\n");
});

test("afterLimit() leaves short limits and other clocks as they are", async () => {
  const clock = new FakeClock();
  let calls = 0;
  afterLimit(clock, 10_000, () => calls++);
  const stop = afterLimit(clock, 10_000, () => calls++);
  assertEquals(clock.timers, 2);
  stop();
  await clock.advance(10_000);
  assertEquals(calls, 1);
  const short = Promise.withResolvers<void>();
  afterLimit(systemClock, 5, short.resolve);
  await short.promise;
});

test("afterLimit() lets one limit cancel another of the same moment", async () => {
  const clock = systemClock;
  const called: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const stops: (() => void)[] = [];
  const add = (name: string, then: () => void) =>
    stops.push(afterLimit(clock, 1_000, () => {
      called.push(name);
      then();
    }));
  // The clock stands still: the three end at the same moment.
  const now = performance.now();
  performance.now = () => now;
  add("one", () => stops[1]!());
  add("cancelled by one", () => {});
  add("two", resolve);
  delete (performance as Partial<Performance>).now;
  await promise;
  assertEquals(called, ["one", "two"]);
});

test("afterLimit() goes on behind a callback that throws", async () => {
  const program = `
    addEventListener("error", (event) => {
      event.preventDefault();
      console.log(event.error.message);
    });
    const clock = systemClock;
    atOnce(() => {
      afterLimit(clock, 1_000, () => { throw new Error("thrown"); });
      afterLimit(clock, 1_000, log("second"));
    });`;
  assertEquals(await output(program), "second\nthrown\n");
});
