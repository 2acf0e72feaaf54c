/**
 * Two copies of the module in one process understand each other.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as own from "../mod.ts";
import * as ownLisp from "../wire/cmucl/mod.ts";
import { loadCopy, type Main } from "./_copies.ts";
import { test } from "./_test.ts";
import { failure } from "./wire/_failure.ts";

const { main: other } = await loadCopy();

/** Each copy beside the other. */
const BOTH: readonly [Main, Main][] = [[own, other], [other, own]];

/** Proxies that throw when they are looked at, and one that never does. */
function oddValues(): unknown[] {
  const fail = () => {
    throw new Error("looked at");
  };
  const throwing: ProxyHandler<object> = {
    get: fail,
    has: fail,
    getPrototypeOf: fail,
    getOwnPropertyDescriptor: fail,
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const revokedFunction = Proxy.revocable(() => {}, {});
  revokedFunction.revoke();
  const everything: object = new Proxy({}, { get: () => everything });
  const yes = new Proxy({}, { get: () => true });
  return [
    ...[revoked.proxy, revokedFunction.proxy, new Proxy({}, throwing)],
    ...[new Proxy(() => {}, throwing), everything, yes, Object.create(null)],
    ...[undefined, null, true, 1, 1n, "text", Symbol("s"), () => {}, {}, []],
  ];
}

test("instanceof knows the errors of another copy", () => {
  for (const [near, far] of BOTH) {
    assert(near.WireError !== far.WireError);
    const plain = new far.WireError("limit", "too much");
    assert(plain instanceof near.WireError);
    assert(!(plain instanceof near.Refusal));
    assert(!(plain instanceof near.RemoteError));
    const refusal = new far.Refusal("refused", "no");
    assert(refusal instanceof near.Refusal);
    assert(refusal instanceof near.WireError);
    const remote = new far.RemoteError({
      ...{ name: "E", message: "m", functionName: "f" },
    });
    assert(remote instanceof near.RemoteError);
    assert(!(remote instanceof near.WireError));
    assert(!(remote instanceof near.DeclaredError));
    const declared = new far.DeclaredError(remote, 1, {});
    assert(declared instanceof near.DeclaredError);
    assert(declared instanceof near.RemoteError);
    assert(!(new Error("plain") instanceof near.WireError));
    assert(far.values(1) instanceof near.Values);
    assert(!(far.values(1) instanceof near.WireError));
  }
});

test("instanceof keeps its ordinary rule for derived classes", () => {
  class Mine extends own.WireError {}
  class Theirs extends other.WireError {}
  class Denied extends other.Refusal {}
  assert(new Mine("limit", "m") instanceof Mine);
  assert(!(new own.WireError("limit", "m") instanceof Mine));
  assert(!(new other.WireError("limit", "m") instanceof Mine));
  assert(!(new Theirs("limit", "m") instanceof Mine));
  assert(new Theirs("limit", "m") instanceof own.WireError);
  assert(!(new Theirs("limit", "m") instanceof own.Refusal));
  assert(new Denied("refused", "m") instanceof own.Refusal);
  // As ever: a prototype is not an instance of its own class.
  for (const { WireError, Refusal, Values } of [own, other]) {
    const prototype: unknown = WireError.prototype;
    assert(!((prototype as object) instanceof WireError));
    assert(!((prototype as object) instanceof own.WireError));
    assert(Refusal.prototype instanceof WireError);
    assert(!(Refusal.prototype instanceof own.Refusal));
    assert(!(Values.prototype instanceof own.Values));
  }
});

test("instanceof never throws", () => {
  class Mine extends own.WireError {}
  const { WireError, Refusal, RemoteError, DeclaredError } = own;
  const { Values, Contract, CallContext, Wire } = own;
  const { Cons, Form, LispSymbol, RemoteObject, RemoteAbort } = ownLisp;
  const classes = [
    ...[Mine, WireError, Refusal, RemoteError, DeclaredError, Values],
    ...[Contract, CallContext, Wire, Cons, Form, LispSymbol, RemoteObject],
    RemoteAbort,
  ];
  for (const value of oddValues()) {
    for (const each of classes) assert(!((value as object) instanceof each));
    assert(!own.isRemoteObject(value));
    assert(own.remoteObjectLocal(value));
    assert(own.remoteObjectEq(value, value));
    assert(!own.remoteObjectEq(value, {}));
    if (Object(value) !== value) continue;
    assert((own.makeRemoteObject(value as object) as unknown) !== value);
  }
});

test("Refusal of another copy refuses with its code", async () => {
  for (const [near, far] of BOTH) {
    const ran: string[] = [];
    const guardian: own.Middleware = (call, next) => {
      if (call.name !== "kept") return next();
      throw new far.Refusal("refused", "kept by middleware");
    };
    const [client, server] = near.wirePair({}, { serveThrough: [guardian] });
    server.serve({
      refuse() {
        throw new far.Refusal("permissionDenied", "not for you");
      },
      refuseLater: () => Promise.reject(new far.Refusal("busy", "not now")),
      fail() {
        throw new far.WireError("limit", "of its own");
      },
      kept: () => void ran.push("kept"),
    });
    for (
      const [name, code, message] of [
        ["refuse", "permissionDenied", "not for you"],
        ["refuseLater", "busy", "not now"],
        ["kept", "refused", "kept by middleware"],
      ] as const
    ) {
      const error = await failure(client.call(name, []));
      assert(error instanceof near.WireError, name);
      assertEquals([error.code, error.message], [code, message]);
    }
    // A WireError that is no Refusal is what the function threw.
    const thrown = await failure(client.call("fail", []));
    assert(thrown instanceof near.RemoteError);
    assertEquals((thrown as unknown as own.RemoteError).data, {
      code: "limit",
    });
    assertEquals(ran, []);
    await Promise.all([client.close(), server.close()]);
  }
});

test("values() of another copy are several values", async () => {
  for (const [near, far] of BOTH) {
    const through: unknown[] = [];
    const [client, server] = near.wirePair({}, {
      serveThrough: [async (call, next) => {
        const result = await next();
        if (call.name === "both") through.push(result instanceof near.Values);
        return result;
      }],
    });
    const both = () => far.values(1, "two");
    server.serve({
      both,
      later: () => Promise.resolve(both()),
      object: () => near.makeRemoteObject({ both }),
    });
    for (const name of ["both", "later"]) {
      assertEquals(await client.call(name, [], true), [1, "two"]);
      assertEquals(await client.call(name, []), 1);
    }
    assertEquals(through, [true, true]);
    using object = await client.call("object", []) as own.RemoteObject<
      { both(): own.Values<[number, string]> }
    >;
    assertEquals(await object.remoteValues.both(), [1, "two"]);
    const local = near.makeRemoteObject({ both });
    assertEquals(await local.remoteValues.both(), [1, "two"]);
    object[Symbol.dispose]();
    await Promise.all([client.close(), server.close()]);
  }
});

test("makeRemoteObject() of another copy passes by reference", async () => {
  for (const [near, far] of BOTH) {
    const released = Promise.withResolvers<void>();
    const counter = { count: 0, add: (n: number) => counter.count += n };
    const marked = far.makeRemoteObject(counter, {
      onRelease: () => released.resolve(),
    });
    assertEquals(near.makeRemoteObject(marked) as unknown, marked);
    assert(!near.isRemoteObject(marked) && near.remoteObjectLocal(marked));
    assert(near.remoteObjectEq(marked, counter));
    assert(near.remoteObjectEq(near.makeRemoteObject(counter), marked));
    assertEquals(near.remoteObjectValue(marked), counter);

    const [client, server] = near.wirePair();
    server.serve({
      counter: () => marked,
      twice: () => far.makeRemoteObject((n: number) => 2 * n),
      isMine: (it: unknown) => it === counter,
    });
    const object = await client.call("counter", []) as own.RemoteObject<
      typeof counter
    >;
    assert(near.isRemoteObject(object) && far.isRemoteObject(object));
    assert(!far.remoteObjectLocal(object));
    assertEquals(await object.remoteValue.add(2), 2);
    assertEquals(await client.call("isMine", [object]), true);
    const twice = await client.call("twice", []) as own.RemoteFunction<
      (n: number) => number
    >;
    assert(far.isRemoteObject(twice) && typeof twice === "function");
    assertEquals(await twice(21), 42);
    twice[Symbol.dispose]();
    object[Symbol.dispose]();
    await released.promise;

    const again = await client.call("counter", []) as typeof object;
    server.forgetRemoteTranslation(marked);
    assertEquals(
      (await failure(again.remoteValue.add(1))).code,
      "noSuchObject",
    );
    again[Symbol.dispose]();
    await Promise.all([client.close(), server.close()]);
  }
});

test("a reference over a wire of another copy is known as one", async () => {
  for (const [near, far] of BOTH) {
    const [client, server] = far.wirePair();
    server.serve({
      object: () => far.makeRemoteObject({}),
      fn: () => () => "called",
    });
    const [here, there] = near.wirePair();
    there.serve({ take: (it: unknown) => near.isRemoteObject(it) });
    for (const name of ["object", "fn"]) {
      const value = await client.call(name, []) as own.RemoteObject<object>;
      assert(near.isRemoteObject(value));
      assert(!near.remoteObjectLocal(value));
      assert(near.remoteObjectEq(value, value));
      const error = await failure(here.call("take", [value]));
      assertEquals(error.code, "unsupportedValue");
      assertStringIncludes(error.message, "belongs to another wire");
      value[Symbol.dispose]();
      const late = await failure(here.call("take", [value]));
      assertStringIncludes(late.message, "was disposed of");
    }
    for (const wire of [client, server, here, there]) await wire.close();
  }
});

test("servers, clients and what onConnect answers are of any copy", async () => {
  for (const [near, far] of BOTH) {
    const ends: string[] = [];
    const server = near.createRequestServer(0, {
      functions: { one: () => 1 },
      onConnect: () =>
        far.values(
          true,
          (reason: own.WireError) => void ends.push(reason.code),
        ),
    });
    const wire = await far.connectToRemoteServer("127.0.0.1", server.port);
    assertEquals(await wire.remoteValue.one(), 1);
    await wire.close();
    await far.destroyRequestServer(server);
    await server.finished;
    assertEquals(ends, ["closed"]);
    const error = await failure(
      far.connectToRemoteServer("127.0.0.1", server.port),
    );
    assert(error instanceof near.WireError);
  }
});

test("a stream that came over a wire of another copy is passed on as a result", async () => {
  for (const [near, far] of BOTH) {
    const [client, server] = far.wirePair();
    const ended = Promise.withResolvers<void>();
    server.serve({
      async *count() {
        try {
          for (let n = 1;; n++) yield n;
        } finally {
          ended.resolve();
        }
      },
      async *fail() {
        yield 1;
        await Promise.resolve();
        throw new near.Refusal("busy", "not now");
      },
    });
    const [here, there] = near.wirePair();
    there.serve({
      count: () => client.call("count", []),
    });
    for await (
      const n of await here.call("count", []) as AsyncIterable<number>
    ) if (n === 3) break;
    await ended.promise;
    const failing = await client.call("fail", []) as AsyncIterable<number>;
    const error = await failure((async () => {
      for await (const n of failing) assertEquals(n, 1);
    })());
    assert(error instanceof near.WireError && error instanceof far.WireError);
    assertEquals([error.code, error.message], ["busy", "not now"]);
    for (const wire of [client, server, here, there]) await wire.close();
  }
});

test("streams and results to come of another copy are arguments", async () => {
  for (const [near, far] of BOTH) {
    const [client, server] = far.wirePair();
    server.serve({
      async *count() {
        yield* [1, 2, 3];
      },
      late: () => new Promise((resolve) => setTimeout(resolve, 1, "late")),
      fail: () => Promise.reject(new RangeError("out")),
    });
    const [here, there] = near.wirePair();
    there.serve({
      async sum(items: AsyncIterable<number>) {
        let sum = 0;
        for await (const item of items) sum += item;
        return sum;
      },
      echo: (value: unknown) => value,
    });
    const stream = await client.call("count", []);
    assertEquals(await here.call("sum", [stream]), 6);
    assertEquals(await here.call("echo", [client.call("late", [])]), "late");
    assertEquals(
      await here.call("echo", [[client.remoteValue.late()]]),
      ["late"],
    );
    const error = await failure(here.call("echo", [client.call("fail", [])]));
    assertEquals([error.name, error.message], ["RangeError", "out"]);
    for (const wire of [client, server, here, there]) await wire.close();
  }
});
