/** Peers that say what no CMUCL would, or would not survive. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { nil, RemoteObject, symbol } from "../../../wire/cmucl/mod.ts";
import {
  abortName,
  callName,
  type Count,
  returnName,
} from "../../../wire/cmucl/opcodes.ts";
import type { WireError, WireOptions } from "../../../wire/mod.ts";
import { settle } from "../../_fake_clock.ts";
import { test } from "../../_test.ts";
import { fromHex, join, RawLisp, toHex, written } from "./_lisp.ts";

const PEER = new RemoteObject(9, 9, 5);

/** A call for values, as a peer makes it. */
function ask(count: Count, name: string, ...args: unknown[]) {
  return written((lisp) => {
    lisp.call(callName(count), [PEER]);
    lisp.saves = false;
    lisp.call(symbol(name), args);
  });
}

/** The answer that is expected, its symbols saved. */
function answer(count: Count, ...values: unknown[]): string {
  return toHex(
    written((lisp) => lisp.call(returnName(count), [PEER, ...values])),
  );
}

const ABORT = toHex(written((lisp) => lisp.call(abortName, [PEER])));

/** Says something, and hears as many bytes as are expected. */
async function heard(
  bytes: Uint8Array<ArrayBuffer>,
  expected: string,
  options: WireOptions = {},
): Promise<void> {
  await using peer = new RawLisp(options);
  const answer = peer.hear(expected.length / 2);
  await peer.say(bytes);
  assertEquals(toHex(await answer), expected);
  assertEquals(peer.wire.ended, undefined);
}

for (const count of [1, 2, 3, 4, 5] as const) {
  test(`Wire answers DO-${count}-VALUE-CALL with ${count}`, async () => {
    const functions = { pair: () => [1, 2] };
    const values: unknown[] = Array(count).fill(nil);
    values[0] = [1, 2];
    await heard(ask(count, "PAIR"), answer(count, ...values), { functions });
  });
}

test("Wire answers DO-N-VALUE-CALL with the list of all", async () => {
  await heard(ask("N", "F"), answer("N", ["only"]), {
    functions: { f: () => "only" },
  });
});

test("Wire answers data with itself, as CMUCL does", async () => {
  const bytes = written((lisp) => {
    lisp.call(callName(1), [PEER]);
    lisp.value("data");
  });
  await heard(bytes, answer(1, "data"));
});

test("Wire answers a call for the value of a call for a value", async () => {
  // What (remote-value wire (f (remote-value wire (g)))) sends first.
  const outer = new RemoteObject(9, 9, 4);
  const bytes = written((lisp) => {
    lisp.call(callName(1), [outer]);
    lisp.call(callName(1), [PEER]);
    lisp.call(symbol("G"), []);
  });
  const expected = toHex(written((lisp) => {
    lisp.call(returnName(1), [PEER, "g"]);
    lisp.call(returnName(1), [outer, nil]);
  }));
  await heard(bytes, expected, { functions: { g: () => "g" } });
});

test("Wire unwinds what is not served, for every number of values", async () => {
  for (const count of [1, 3, "N"] as const) {
    await heard(ask(count, "TOSTRING"), ABORT, { functions: { f() {} } });
  }
});

/** Names that no object lends. */
const INHERITED = [
  "toString",
  "constructor",
  "__proto__",
  "hasOwnProperty",
  "valueOf",
];

test("Wire never calls what is inherited", async () => {
  await using peer = new RawLisp({ functions: { f: () => 1 } });
  for (const name of INHERITED) {
    await peer.say(written((lisp) => lisp.call(symbol(name), [])));
    await peer.say(
      written((lisp) => lisp.call(symbol(name.toUpperCase()), [])),
    );
  }
  await settle();
  assertEquals(peer.errors.length, INHERITED.length * 2);
  assertEquals(peer.wire.stats().callsServed, 0);
  assertEquals(peer.wire.ended, undefined);
});

test("Wire unwinds a call of something that names no function", async () => {
  const bytes = written((lisp) => {
    lisp.call(callName(1), [PEER]);
    lisp.bytes.byte(0);
    lisp.value("CAR");
  });
  await heard(bytes, ABORT);
});

test("Wire unwinds a call whose arguments are over a limit", async () => {
  const options = { functions: { f: () => 1 }, limits: { values: 3 } };
  await heard(ask(1, "F", 1, 2, 3, 4), ABORT, options);
  await using peer = new RawLisp(options);
  await peer.say(written((lisp) => lisp.call(symbol("F"), [1, 2, 3, 4])));
  await settle();
  assert(/values/.test(peer.errors[0]!), peer.errors[0]);
  await peer.say(written((lisp) => lisp.value([1, 2, 3, 4])));
  const error = await assertRejects(() => peer.wire.getObject()) as WireError;
  assertEquals(error.code, "limit");
});

test("Wire fails a call whose answer is over a limit, and goes on", async () => {
  await using peer = new RawLisp({ limits: { cmuclString: 1_000 } });
  await peer.wire.opened;
  const call = peer.wire.remoteValue.f();
  const request = await peer.hearNext();
  const remote = remoteOf(request);
  await peer.say(
    written((lisp) => lisp.call(returnName(1), [remote, "x".repeat(1_001)])),
  );
  const error = await assertRejects(() => call) as WireError;
  assertEquals(error.code, "limit");
  assert(/"f"/.test(error.message) && /cmuclString/.test(error.message));
  assertEquals(peer.wire.ended, undefined);
});

/** The remote object in the first call that a wire makes. */
function remoteOf(request: Uint8Array): RemoteObject {
  const view = new DataView(request.buffer);
  const at = toHex(request).indexOf("574952450c") / 2 + 5;
  return new RemoteObject(
    view.getUint32(at),
    view.getInt32(at + 4),
    view.getInt32(at + 8),
  );
}

/** Answers that a wire did not ask for. */
const WRONG: readonly [
  name: string,
  write: (remote: RemoteObject) => Uint8Array<ArrayBuffer>,
][] = [
  [
    "to a call that there is not",
    ({ host, pid }) =>
      written((lisp) =>
        lisp.call(returnName(1), [new RemoteObject(host, pid, 999), 1])
      ),
  ],
  [
    "to a call of another process",
    ({ id }) =>
      written((lisp) =>
        lisp.call(returnName(1), [new RemoteObject(9, 9, id), 1])
      ),
  ],
  [
    "with too many values",
    (remote) => written((lisp) => lisp.call(returnName(2), [remote, 1, 2])),
  ],
  [
    "with an argument too much",
    (remote) => written((lisp) => lisp.call(returnName(1), [remote, 1, 2])),
  ],
  ["to nothing", () => written((lisp) => lisp.call(returnName(1), [1, 1]))],
  ["without anything", () => written((lisp) => lisp.call(abortName, []))],
  [
    "for no remote object",
    () => written((lisp) => lisp.call(callName(1), [1])),
  ],
];

for (const [name, write] of WRONG) {
  test(`Wire ends at an answer ${name}`, async () => {
    await using peer = new RawLisp();
    await peer.wire.opened;
    const call = peer.wire.remoteValue.f();
    const remote = remoteOf(await peer.hearNext());
    await peer.say(write(remote));
    assertEquals(
      (await assertRejects(() => call) as WireError).code,
      "malformed",
    );
    assertEquals((await peer.wire.closed).code, "malformed");
  });
}

test("Wire takes an answer once", async () => {
  await using peer = new RawLisp();
  await peer.wire.opened;
  const call = peer.wire.remoteValue.f();
  const remote = remoteOf(await peer.hearNext());
  const bytes = written((lisp) => lisp.call(returnName(1), [remote, 1]));
  await peer.say(bytes);
  assertEquals(await call, 1);
  await peer.say(bytes);
  assertEquals((await peer.wire.closed).code, "malformed");
});

test("Wire takes an answer within an answer, as a CMUCL in trouble sends it", async () => {
  // A value that CMUCL cannot send leaves half an answer behind, and the next
  // one becomes its value.
  await using peer = new RawLisp();
  await peer.wire.opened;
  const first = peer.wire.remoteValue.f();
  const remote = remoteOf(await peer.hearNext());
  const second = peer.wire.remoteValue.f();
  const next = new RemoteObject(remote.host, remote.pid, remote.id + 1);
  await peer.say(written((lisp) => {
    lisp.bytes.byte(2);
    lisp.value(returnName(1));
    lisp.value(remote);
    lisp.call(returnName(1), [next, "second"]);
  }));
  assertEquals(await second, "second");
  assert(await first === nil);
});

test("Wire ends at unknown opcodes, and fails what waits", async () => {
  await using peer = new RawLisp();
  await peer.wire.opened;
  const call = peer.wire.remoteValue.f();
  const taken = peer.wire.getObject();
  await peer.say(fromHex("0700000001"));
  assertEquals(await taken, 1);
  await peer.say(fromHex("0f"));
  const error = await assertRejects(() => call) as WireError;
  assertEquals([error.code, error.sent], ["malformed", "maybeExecuted"]);
  assert(/octet-wires/.test(error.message));
});

test("Wire ends at a chain of calls for values without end", async () => {
  await using peer = new RawLisp();
  const link = written((lisp) => {
    lisp.saves = false;
    lisp.call(callName(1), [PEER]);
  });
  await peer.say(join(...Array(65).fill(link)));
  assertEquals((await peer.wire.closed).code, "malformed");
});

test("Wire does not perform the protocol's own calls as arguments", async () => {
  const bytes = written((lisp) => {
    lisp.call(callName(1), [PEER]);
    lisp.bytes.byte(1);
    lisp.value(symbol("F"));
    lisp.call(callName(1), [PEER]);
  });
  await heard(bytes, ABORT, { functions: { f: () => 1 } });
});

test("Wire performs calls as arguments, as deep as they may nest", async () => {
  const deep = (depth: number) =>
    written((lisp) => {
      lisp.call(callName(1), [PEER]);
      lisp.saves = false;
      for (let level = 0; level < depth; level++) {
        lisp.bytes.byte(1);
        lisp.value(symbol("INC"));
      }
      lisp.value(0);
    });
  const options: WireOptions = {
    functions: { inc: (n: number) => n + 1 },
    limits: { nesting: 1_000 },
  };
  await heard(deep(1_000), answer(1, 1_000), options);
  await heard(deep(1_002), ABORT, options);
});
