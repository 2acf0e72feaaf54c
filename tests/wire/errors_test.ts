import { assert, assertEquals } from "@std/assert";
import {
  errorMessage,
  malformed,
  RemoteError,
  toErrorCode,
  WireError,
} from "../../wire/base/errors.ts";
import { test } from "../_test.ts";

const CODES = [
  "aborted",
  "addressInUse",
  "addressUnavailable",
  "cancelled",
  "closed",
  "connectFailed",
  "connectionLost",
  "connectionRefused",
  "deadline",
  "invalidArgument",
  "keepalive",
  "limit",
  "malformed",
  "noSuchFunction",
  "notAWire",
  "peerAborted",
  "permissionDenied",
  "refused",
  "stalled",
  "timeout",
  "tlsFailed",
  "unknownHost",
  "unsupportedValue",
  "unsupportedVersion",
];

test("toErrorCode() knows every code, and takes no other for one", () => {
  for (const code of CODES) assertEquals(toErrorCode(code) as string, code);
  for (const code of ["", "Closed", "toString", "__proto__", "constructor"]) {
    assertEquals(toErrorCode(code), "peerAborted", code);
  }
});

test("WireError has a name, a code, a message, and perhaps more", () => {
  const plain = new WireError("closed", "The wire was closed.");
  assert(plain instanceof Error);
  assertEquals(plain.name, "WireError");
  assertEquals(plain.code, "closed");
  assertEquals(plain.message, "The wire was closed.");
  assertEquals(plain.sent, undefined);
  assertEquals(Object.hasOwn(plain, "cause"), false);
  assertEquals(`${plain}`, "WireError: The wire was closed.");

  const cause = new TypeError("behind it");
  const full = new WireError("deadline", "m", { cause, sent: "maybeExecuted" });
  assertEquals([full.cause, full.sent], [cause, "maybeExecuted"]);
});

test("malformed() is short for an error with that code", () => {
  const error = malformed("wrong");
  assert(error instanceof WireError);
  assertEquals([error.code, error.message], ["malformed", "wrong"]);
});

test("RemoteError looks like the remote error, and says where it is from", () => {
  const error = new RemoteError({
    name: "RangeError",
    message: "odd",
    functionName: "half",
    data: { n: 3 },
    cause: "why",
    remoteStack: "RangeError: odd\n    at half",
  });
  assert(error instanceof Error);
  assert(!(error instanceof WireError) && !(error instanceof RangeError));
  assertEquals(`${error}`, "RangeError: odd");
  assertEquals(error.functionName, "half");
  assertEquals(error.data, { n: 3 });
  assertEquals(error.cause, "why");
  assertEquals(error.remoteStack, "RangeError: odd\n    at half");
  assert(!error.stack?.includes("at half"), "the stack is the local one");
});

test("RemoteError has no parts that did not arrive", () => {
  const error = new RemoteError({ name: "E", message: "", functionName: "f" });
  assertEquals(error.name, "E");
  assertEquals(error.data, undefined);
  assertEquals(error.remoteStack, undefined);
  assertEquals(Object.hasOwn(error, "cause"), false);
  assertEquals(Object.keys(error).includes("name"), false);
});

test("errorMessage() has a text for whatever is thrown", () => {
  const texts: [unknown, string][] = [
    [new Error("m"), "m"],
    [new WireError("limit", "l"), "l"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [42n, "42"],
    [Symbol("s"), "Symbol(s)"],
    [Object.create(null), "a value that has no text"],
    [
      {
        toString() {
          throw new Error();
        },
      },
      "a value that has no text",
    ],
  ];
  for (const [thrown, text] of texts) assertEquals(errorMessage(thrown), text);
});

test("WireError and RemoteError show no parts that they do not have", () => {
  const wireError = new WireError("closed", "The wire was closed.");
  assertEquals(Object.keys(wireError).sort(), ["code", "name"]);
  assertEquals(wireError.sent, undefined);
  const init = { name: "RangeError", message: "odd", functionName: "half" };
  const remoteError = new RemoteError(init);
  assertEquals(Object.keys(remoteError), ["functionName"]);
  assertEquals([remoteError.data, remoteError.remoteStack], [
    undefined,
    undefined,
  ]);
});
