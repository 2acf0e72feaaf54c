/**
 * A server for Lisps. In two terminals:
 *
 *     deno run --allow-net examples/cmucl/serve_lisp.ts [port]
 *     cmucl -quiet -batch -noinit -load examples/cmucl/client.lisp
 *
 * Port 0 takes a free one. Ctrl-C ends it.
 *
 * @module
 */

import {
  type CallContext,
  createRequestServer,
  formatAddress,
  values,
  type Wire,
} from "../../mod.ts";
import "../_one_line.ts";
import {
  cmucl,
  listOf,
  readSymbol,
  type RemoteObject,
} from "../../wire/cmucl/mod.ts";

const [port = "7002"] = Deno.args;

const dialect = cmucl();

const server = createRequestServer(Number(port), (_wire, address) => {
  const peer = formatAddress(address);
  console.log("a Lisp connected");
  return {
    accept: true,
    onDeath: (reason) => console.log(`${peer} left: ${reason.message}`),
  };
}, {
  dialect,
  functions: {
    "greet-from-deno": (name: string) => `Hello ${name}, this is Deno.`,

    // Several values.
    "divide": (a: number, b: number) => values(Math.floor(a / b), a % b),

    // Calls a function of the caller's, which waits for this one.
    async "map-back"(this: CallContext<Wire>, name: unknown, list: unknown) {
      const results: unknown[] = [];
      for (const item of listOf(list)) {
        results.push(await this.wire.call(String(name), [item]));
      }
      return results;
    },

    // Objects of this process, held by Lisp.
    "make-counter": () => dialect.makeRemoteObject({ count: 0 }),
    "count-up": (counter: RemoteObject) =>
      ++(dialect.remoteObjectValue(counter) as { count: number }).count,

    // One way: nobody waits for it.
    "show": (text: string) => console.log(`Lisp says: ${text}`),

    "fail": () => {
      throw new Error("this reason stays here");
    },
    "read-a-name": (text: string) => readSymbol(text),
  },
  onError: (error, where) => console.log(`${where}:`, (error as Error).message),
});

console.log(`listening on ${formatAddress(server.address)}`);
Deno.addSignalListener("SIGINT", () => server.shutdown());
