/**
 * Calls a running CMU Common Lisp:
 *
 *     deno run --allow-net examples/cmucl/call_lisp.ts [port]
 *
 * @module
 */

import { connectToRemoteServer } from "../../mod.ts";
import "../_one_line.ts";
import {
  cmucl,
  form,
  keyword,
  nil,
  RemoteAbort,
  symbol,
  t,
} from "../../wire/cmucl/mod.ts";

const [port = "7001"] = Deno.args;

await using wire = await connectToRemoteServer(
  "127.0.0.1",
  Number(port),
  { dialect: cmucl() },
);
const lisp = wire.remoteValue;

// Arithmetic, on integers of any size.
console.log("2^100 =", await lisp["cl:expt"](2, 100));
console.log("2^100 + 1 =", await lisp["cl:+"](2n ** 100n, 1));

// Several values.
const [quotient, rest] = await wire.remoteValues["cl:floor"](2n ** 100n, 1000);
console.log(`2^100 = 1000 * ${quotient} + ${rest}`);

// FORMAT, to a string.
console.log("1999 is", await lisp["cl:format"](nil, "~R, or ~:*~@R", 1999));

// Code is data: a function, compiled over there, and called.
const x = symbol("X");
await lisp["cl:compile"](symbol("SQUARES"), [
  symbol("LAMBDA", "CL"),
  [symbol("N")],
  [
    symbol("LOOP", "CL"),
    symbol("FOR"),
    x,
    symbol("FROM"),
    1,
    symbol("TO"),
    symbol("N"),
    symbol("COLLECT"),
    [symbol("*", "CL"), x, x],
  ],
]);
console.log("the squares:", (await lisp.squares(7)).join(", "));

// A vector cannot travel. It stays there, and a remote object stands for it:
// forms are arguments that Lisp computes by itself.
const vector = await lisp["wire:make-remote-object"](
  form(
    "cl:make-array",
    0,
    keyword("ADJUSTABLE"),
    t,
    keyword("FILL-POINTER"),
    t,
  ),
);
const its = form("wire:remote-object-value", vector);
for (const word of ["held", "over", "there"]) {
  await lisp["cl:vector-push-extend"](word, its);
}
console.log("the vector has", await lisp["cl:length"](its), "items");

// Back and forth: Lisp counts down by one step, and this program by the next.
wire.serve({
  countdown: async (n: number) => n > 0 ? 1 + await lisp.countdown(n - 1) : 0,
});
console.log("calls within calls:", await lisp.countdown(100));

// What goes wrong there unwinds; the reason stays there.
try {
  await lisp["cl:/"](1, 0);
} catch (error) {
  if (!(error instanceof RemoteAbort)) throw error;
  console.log("1 / 0:", error.message);
}
