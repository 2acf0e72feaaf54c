/**
 * What stands on wires, of two copies of the module in one process: contracts,
 * kept connections, contexts, and CMUCL's protocol.
 */

import { assert, assertEquals } from "@std/assert";
import * as own from "../mod.ts";
import * as ownWire from "../wire/mod.ts";
import * as ownLisp from "../wire/cmucl/mod.ts";
import { division, loadCopy, type Main } from "./_copies.ts";
import { test } from "./_test.ts";
import { failure } from "./wire/_failure.ts";
import { v } from "./wire/_schemas.ts";

const { main: other, wire: otherWire, lisp: otherLisp } = await loadCopy();

/** Each copy beside the other. */
const BOTH: readonly [Main, Main][] = [[own, other], [other, own]];

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
      assertEquals((error as unknown as own.RemoteError).data, { dividend: 1 });
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

test("the attachments of a call that another copy's contract refuses are released", async () => {
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
    const limits = Object.freeze({ ...far.DEFAULT_LIMITS, calls: 7 });
    const [inner, innermost] = far.wirePair();
    innermost.serve({
      tell(this: own.CallContext) {
        return [this.metadata.user, typeof this.deadline];
      },
    });
    const contexts: unknown[] = [];
    const [client, server] = near.wirePair({ limits }, {
      clock: (far === own ? ownWire : otherWire).systemClock,
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
