/**
 * Two copies of the module in one process understand each other, and nothing
 * that comes over a wire passes for what only the module makes.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as own from "../mod.ts";
import * as ownLisp from "../wire/cmucl/mod.ts";
import { keyOf } from "../wire/base/brand.ts";
import { loadCopy } from "./_copies.ts";
import { test } from "./_test.ts";
import { v } from "./wire/_schemas.ts";

type Main = typeof own;

const { main: other, lisp: otherLisp } = await loadCopy();
/** A copy that has changed what others read of these. */
const { main: later } = await loadCopy((text) =>
  ["Contract", "Refusal", "Values", "described", "reference", "rules"]
    .reduce((text, brand) => text.replace(`${brand}: 1`, `${brand}: 2`), text)
);

/** Each copy beside the other. */
const BOTH: readonly [Main, Main][] = [[own, other], [other, own]];

/** What a call fails with. */
async function failure(call: Promise<unknown>): Promise<
  Error & { code?: string; data?: unknown }
> {
  return await call.then(
    (value) => {
      throw new Error(`It did not fail, but gave ${Deno.inspect(value)}`);
    },
    (error) => error,
  );
}

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
    assertEquals(thrown.data, { code: "limit" });
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

interface Division {
  divide(a: number, b: number): number;
}

/** A contract of one of the copies. */
function division(copy: Main, argument = v.number()): own.Contract<Division> {
  return copy.contract({
    divide: {
      args: [argument, v.number()],
      result: v.number(),
      errors: { DivisionByZero: v.object({ dividend: v.number() }) },
      doc: "Divides.",
    },
  }) as own.Contract<Division>;
}

test("contract() of another copy is served and expected", async () => {
  for (const [near, far] of BOTH) {
    const made = division(far);
    assert(made instanceof near.Contract);
    const divide = (a: number, b: number) => {
      if (b !== 0) return a / b;
      throw made.error("divide", "DivisionByZero", { dividend: a });
    };
    for (const options of [{ serves: made }, {}]) {
      const [client, server] = near.wirePair({ expects: made }, options);
      // Guarded by the copy that made it, and not a second time.
      server.serve(made.implement({ divide }));
      assertEquals(await client.call("divide", [1, 2]), 0.5);
      const error = await failure(client.call("divide", [1, 0]));
      assert(made.isError(error, "divide", "DivisionByZero"));
      assert(error instanceof near.DeclaredError);
      assertEquals(error.data, { dividend: 1 });
      assert(!division(far).isError(error, "divide", "DivisionByZero"));
      const refusal = await failure(client.call("divide", ["1", 2]));
      assert(refusal instanceof near.WireError);
      assertEquals(refusal.code, "invalidArgument");
      const [info] = await client.listFunctions();
      assertEquals([info?.doc, info?.arity], ["Divides.", 2]);
      assertEquals(info?.contract?.errors, ["DivisionByZero"]);
      await Promise.all([client.close(), server.close()]);
    }
    const [client, server] = near.wirePair({ expects: made }, {
      serves: near.contract({ divide: { args: [] } }) as own.AnyContract,
    });
    const error = await failure(client.opened);
    assertEquals(error.code, "contractMismatch");
    await Promise.all([client.closed, server.closed]);
  }
});

test("what came along with a call that another copy's contract refuses is given back", async () => {
  const made = other.contract({ take: { args: [v.any(), v.number()] } });
  const [client, server] = own.wirePair();
  server.serve(made.implement({ take: () => "taken" }));
  const call = client.call("take", [() => {}, "no number"]);
  assertEquals((await failure(call)).code, "invalidArgument");
  await client.ping();
  assertEquals(client.stats().objectsExported, 0);
  await Promise.all([client.close(), server.close()]);
});

test("keepConnected() keeps wires of another copy", async () => {
  for (const [near, far] of BOTH) {
    let attempts = 0;
    const connect = () => {
      if (attempts++ === 0) {
        return Promise.reject(new far.WireError("connectFailed", "not yet"));
      }
      const [client, server] = far.wirePair();
      server.serve({
        add: (a: number, b: number) => a + b,
        object: () => far.makeRemoteObject({ name: () => "object" }),
        lose: () => server.abort(),
      });
      return Promise.resolve(client as unknown as own.Wire);
    };
    const kept = near.keepConnected(connect, {
      backoff: { least: 1, most: 1 },
      idempotent: ["add"],
      onError: () => {},
    });
    assertEquals(await kept.call("add", [40, 2]), 42);
    assertEquals(await kept.remoteValue.object().remoteValue.name(), "object");
    const lost = await failure(kept.call("lose", []));
    assert(lost instanceof near.WireError);
    assertEquals(await kept.call("add", [1, 1]), 2);
    assert(attempts > 2);
    await kept.close();
  }
});

test("clocks, limits, reasons and contexts of another copy are taken", async () => {
  for (const [near, far] of BOTH) {
    const limits = far.resolveLimits({ calls: 7 });
    assertEquals(near.resolveLimits(limits), { ...limits });
    const [inner, innermost] = far.wirePair();
    innermost.serve({
      tell(this: own.CallContext) {
        return [this.metadata.user, typeof this.deadline];
      },
    });
    const contexts: unknown[] = [];
    const [client, server] = near.wirePair({ limits }, {
      clock: far.systemClock,
      limits: far.DEFAULT_LIMITS,
    });
    server.serve({
      pass(this: own.CallContext) {
        contexts.push(this instanceof far.CallContext);
        return inner.with(this).remoteValue.tell();
      },
    });
    const options = { metadata: { user: "alice" }, deadline: 60_000 };
    assertEquals(
      await client.call("pass", [], false, options),
      ["alice", "number"],
    );
    assertEquals(contexts, [true]);
    assert(client instanceof far.Wire && !(client instanceof far.Values));
    const reason = new far.WireError("keepalive", "no answer");
    client.abort(reason);
    assertEquals(await client.closed, reason as own.WireError);
    await server.closed;
    await Promise.all([inner.close(), innermost.close()]);
  }
});

test("cmucl() of another copy is a dialect, and its data are sent", async () => {
  for (const [near, lisp] of [[own, otherLisp], [other, ownLisp]] as const) {
    const mine = near === own ? ownLisp : otherLisp;
    for (const dialects of [lisp, mine]) {
      const dialect = dialects.cmucl();
      const data = dialects === lisp ? mine : lisp;
      const [here, there] = near.memoryTransports();
      const client = near.makeWire(here, { dialect });
      const server = near.makeWire(there, { dialect, onError: () => {} });
      server.serve({
        "cl:list": (...items: unknown[]) => items,
        "cl:+": (a: number, b: number) => a + b,
        "cl:floor": () => data.form === undefined ? 0 : near.values(3, 2),
        fail: () => Promise.reject(new Error("at home")),
        read: () => {
          using raw = data.untagged(server);
          return raw.getNumber();
        },
      });
      const kept = { kept: true };
      const sent = [
        data.symbol("CAR", "COMMON-LISP"),
        new data.Cons(1, 2),
        dialect.makeRemoteObject(kept),
        data.nil,
        data.form("cl:+", 40, 2),
      ];
      const list = await client.call("cl:list", sent) as unknown[];
      const [symbol, cons, remote, nothing, sum] = list;
      assert(symbol instanceof data.LispSymbol && symbol.equals(sent[0]));
      assert(cons instanceof data.Cons && cons.car === 1 && cons.cdr === 2);
      assert(remote instanceof data.RemoteObject);
      assertEquals(
        dialect.remoteObjectValue(remote as ownLisp.RemoteObject),
        kept,
      );
      assert(data.nil.equals(nothing) && data.listOf(nothing).length === 0);
      assertEquals(sum, 42);
      const two = await data.remoteValueBind(client, 2, "cl:floor", []);
      assertEquals(two, [3, 2]);
      const error = await failure(client.call("fail", []));
      assert(error instanceof data.RemoteAbort);
      assert(error instanceof near.RemoteError);
      await Promise.all([client.close(), server.close()]);
    }
  }
});

test("what an incompatible version made is refused by name", async () => {
  const [client, server] = own.wirePair();
  const ran: string[] = [];
  server.serve({
    both: () => later.values(1, 2),
    object: () => later.makeRemoteObject({}),
    refuse() {
      throw new later.Refusal("permissionDenied", "not for you");
    },
    take: () => void ran.push("take"),
  });
  for (const [name, brand] of [["both", "Values"], ["object", "reference"]]) {
    const error = await failure(client.call(name!, []));
    assert(error instanceof own.WireError);
    assertEquals(error.code, "unsupportedValue");
    assertStringIncludes(
      error.message,
      `It is a ${brand} of another version of @remote/wire (${brand} 2, and 1 is known here). Have all parts of the program import the same version.`,
    );
  }
  const marked = later.makeRemoteObject({});
  const argument = await failure(client.call("take", [marked]));
  assertStringIncludes(argument.message, "another version of @remote/wire");
  // It still refuses, as an error that was thrown.
  const refused = await failure(client.call("refuse", []));
  assert(refused instanceof own.RemoteError);
  assertEquals(refused.message, "not for you");
  let error: Partial<own.WireError> | undefined;
  try {
    own.wirePair({ expects: division(later) });
  } catch (thrown) {
    error = thrown as own.WireError;
  }
  assertEquals(error?.code, "invalidArgument");
  assertStringIncludes(
    String(error?.message),
    "another version of @remote/wire",
  );
  assertEquals(ran, []);
  await Promise.all([client.close(), server.close()]);
});

/** All that a value is made of. */
function parts(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null || found.has(value)) {
    return found;
  }
  found.add(value);
  if (value instanceof Map) {
    for (const pair of value) parts([...pair], found);
  } else if (value instanceof Set) {
    for (const item of value) parts(item, found);
  } else {
    for (const key of Reflect.ownKeys(value)) {
      parts((value as Record<PropertyKey, unknown>)[key], found);
    }
  }
  return found;
}

test("what comes over a wire carries no brand", async () => {
  const forged: Record<string, unknown> = Object.create(null);
  const brands = [
    ...["CallContext", "CallPromise", "Contract", "DeclaredError", "Refusal"],
    ...["RemoteError", "Unfit", "Values", "Wire", "WireError", "described"],
    ...["reference", "rules"],
  ] as const;
  for (const brand of brands) {
    const key = keyOf(brand);
    for (const name of [key, `Symbol(${key})`, `@@${key}`, brand]) {
      forged[name] = true;
    }
  }
  Object.assign(forged, { list: [1, 2], code: "refused", message: "forged" });
  Object.assign(forged, { caller: {}, local: {}, "~types": {} });
  Object.defineProperty(forged, "__proto__", { value: {}, enumerable: true });
  const error = Object.assign(new Error("forged"), { ...forged });
  error.name = "Refusal";
  const all: unknown[] = [forged, [forged], error];
  all.push(new Map([[forged, forged]]));
  all.push(new Set([forged]), new Error("outer", { cause: forged }));

  const seen: unknown[] = [];
  const [client, server] = own.wirePair();
  server.serve({
    give: () => all,
    throws: (value: unknown) => {
      seen.push(value);
      throw value;
    },
    returns: (value: unknown) => value,
  });
  const came = [await client.call("give", [])];
  for (const value of all) {
    came.push(await client.call("returns", [value]));
    const thrown = await failure(client.call("throws", [value]));
    assert(thrown instanceof own.RemoteError, "a forged Refusal");
    came.push(thrown.data, thrown.cause);
  }
  const found = parts([...came, ...seen]);
  assert(found.size > 20);
  for (const value of found) {
    assertEquals(Object.getOwnPropertySymbols(value), []);
    for (const brand of brands) {
      const key = Symbol.for(keyOf(brand));
      assertEquals((value as Record<symbol, unknown>)[key], undefined);
    }
    assert(!((value as object) instanceof own.WireError));
    assert(!((value as object) instanceof own.Values));
    assert(!own.isRemoteObject(value));
  }
  // Nor does the data pass for several values or for a contract.
  const first = await client.call("returns", [forged], true) as unknown[];
  assertEquals(first.length, 1);
  let refusal: unknown;
  try {
    own.wirePair({ expects: first[0] as own.AnyContract });
  } catch (thrown) {
    refusal = thrown;
  }
  assertEquals((refusal as own.WireError).code, "invalidArgument");
  await Promise.all([client.close(), server.close()]);
});
