import { assert, assertEquals } from "@std/assert";
import { type CallContext, type Wire, WireError, wirePair } from "../../mod.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";

// deno-lint-ignore no-explicit-any -- a trap may be any function
type Trap = any;

test("a proxy whose traps are functions of the peer makes few calls", async () => {
  let calls = 0;
  const codes = new Set<string>();
  const [near, far]: [Wire, Wire] = wirePair({}, {
    functions: {
      look(trap: Trap): boolean {
        // Each trap gets the proxy, or its target, among its arguments.
        const odd = new Proxy<{ x?: unknown }>({}, {
          get: trap,
          has: trap,
          ownKeys: trap,
          getPrototypeOf: trap,
          getOwnPropertyDescriptor: trap,
        });
        void odd.x;
        return "x" in odd;
      },
      echo: (x: unknown) => x,
    },
    onError: (error) => {
      if (error instanceof WireError) codes.add(error.code);
    },
  });
  const trap = () => {
    calls++;
    return null;
  };
  assertEquals(await near.remoteValue.look(trap), true);
  // What was called is through before this.
  assertEquals(await near.remoteValue.echo(1), 1);
  assert(calls < 50, `${calls}`);
  near.abort();
  await Promise.all([near.closed, far.closed]);
  // Those that were not made are told; the wire's own end is not.
  const known = ["invalidArgument", "unsupportedValue"];
  assert([...codes].every((code) => known.includes(code)), [...codes].join());
});

test("a function that ends its own wire has the signal aborted", async () => {
  for (const kind of ["remoteValue", "remote"] as const) {
    const clock = new FakeClock();
    let context: CallContext<Wire> | undefined;
    const [near, far] = wirePair({ onError() {} }, { onError() {}, clock });
    far.serve({
      async end(this: CallContext<Wire>) {
        context = this;
        this.wire.abort();
        await new Promise(() => {});
      },
    });
    near.with({ deadline: 60_000 })[kind].end!().catch(() => {});
    await far.closed;
    assertEquals(context!.signal.aborted, true, kind);
    assertEquals(clock.timers, 0, `${kind} leaves no timer`);
    await near.closed;
  }
});
