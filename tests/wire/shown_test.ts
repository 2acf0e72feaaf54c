import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkPort,
  hostInteger,
  hostName,
} from "../../wire/transport/transport.ts";
import { checkTime } from "../../wire/base/clock.ts";
import { kindOf, shown, WireError } from "../../wire/base/errors.ts";
import { resolveKeepOptions } from "../../wire/reconnect/_supervisor.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import {
  resolveLineStreamOptions,
  servicePort,
} from "../../wire/lines/line_stream.ts";
import { checkOptionKeys } from "../../wire/base/checks.ts";
import { servedEntries } from "../../wire/rpc/served.ts";
import { makeWire, memoryTransports } from "../../wire/mod.ts";
import {
  contract,
  createRequestServer,
  keepConnected,
  startUpServer,
} from "../../mod.ts";
import { resolveListenerLimits } from "../../server/listener/options.ts";
import { test } from "../_test.ts";

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function no(): never {
  throw new Error("Do not look at it.");
}

/** Whatever a program may pass by mistake, and how it is shown. */
const SHOWN: [unknown, string][] = [
  ["soon", '"soon"'],
  ['a "b"\n', '"a \\"b\\"\\n"'],
  ["x".repeat(100), `"${"x".repeat(60)}"…`],
  ["\ud800", '"\\ud800"'],
  [5, "5"],
  [NaN, "NaN"],
  [-0, "0"],
  [true, "true"],
  [null, "null"],
  [undefined, "undefined"],
  [10n, "10n"],
  [-(2n ** 63n), "-9223372036854775808n"],
  [2n ** 64n, "a large bigint"],
  [Symbol("t"), "Symbol(t)"],
  [Symbol(), "Symbol()"],
  [() => 1, "a function"],
  [class Secret {}, "a function"],
  [[1], "an array"],
  [{}, "an object of the kind Object"],
  [new Date(0), "an object of the kind Date"],
  [Promise.resolve(), "an object of the kind Promise"],
  [{ toString: no, valueOf: no }, "an object of the kind Object"],
  [{ [Symbol.toPrimitive]: no }, "an object of the kind Object"],
  [Object.create(null), "an object of the kind Object"],
  [{
    get [Symbol.toStringTag]() {
      return no();
    },
  }, "an object"],
  [revoked(), "an object"],
];

test("shown() shows anything, shortly, and asks it nothing", () => {
  for (const [value, text] of SHOWN) assertEquals(shown(value), text);
  const long = Symbol("y".repeat(10_000));
  assert(shown(long).length < 100);
  assert(shown({ [Symbol.toStringTag]: "z".repeat(10_000) }).length < 100);
});

test("kindOf() shows no text", () => {
  assertEquals(kindOf("a secret"), "a string");
  assertEquals(kindOf(5), "5");
});

const file = { read: () => "", path: "/etc/services" };

/** What takes an argument or an option, and checks it. */
const CHECKS: Record<string, (value: never) => unknown> = {
  "checkTime()": (value) => checkTime(value, "timeout"),
  "resolveLimits()": (value) => resolveLimits({ hello: value }),
  "resolveListenerLimits()": (value) =>
    resolveListenerLimits({ introduction: value }),
  "resolveLineStreamOptions()": (value) =>
    resolveLineStreamOptions({ closeTimeout: value }),
  "resolveKeepOptions() of a time": (value) =>
    resolveKeepOptions({ timeout: value }),
  "resolveKeepOptions() of a number": (value) =>
    resolveKeepOptions({ backoff: { healthy: value } }),
  "checkPort()": (value) => checkPort(value),
  "hostName()": (value) => hostName(value),
  "hostInteger()": (value) => hostInteger(value),
  "servicePort()": (value) => servicePort(value, file as never),
  "servedEntries()": (value) => servedEntries(value),
  "checkOptionKeys()": (value) => checkOptionKeys(value, {}, "this"),
  "makeWire() of serveThrough": (value) =>
    makeWire(memoryTransports()[0], { serveThrough: value }),
  "startUpServer() of maxConnections": (value) =>
    startUpServer({ service: 0, function() {}, maxConnections: value }),
};

/** Options of servers, wires and kept connections. */
const OPTIONS: Record<string, (options: never) => unknown> = {
  "makeWire() of dialect": (dialect) =>
    makeWire(memoryTransports()[0], { dialect }),
  "makeWire() of clock": (clock) => makeWire(memoryTransports()[0], { clock }),
  "makeWire() of limits": (limits) =>
    makeWire(memoryTransports()[0], { limits }),
  "makeWire() of signal": (signal) =>
    makeWire(memoryTransports()[0], { signal }),
  "createRequestServer() of signal": (signal) =>
    createRequestServer(0, undefined, { signal }),
  "createRequestServer() of dialect": (dialect) =>
    createRequestServer(0, undefined, { dialect }),
  "createRequestServer() of tls": (tls) =>
    createRequestServer(0, undefined, { tls }),
  "startUpServer() of signal": (signal) =>
    startUpServer({ service: 0, function() {}, signal }),
  "startUpServer() of processName": (processName) =>
    startUpServer({ service: 0, function() {}, processName }),
  "startUpServer() of service": (service) =>
    startUpServer({ service, function() {} }),
  "startUpServer() of listener.limits": (limits) =>
    startUpServer({ service: 0, listener: { limits } }),
  "keepConnected() of idempotent": (idempotent) =>
    keepConnected(() => new Promise<never>(() => {}), { idempotent }),
  "keepConnected() of signal": (signal) =>
    keepConnected(() => new Promise<never>(() => {}), { signal }),
};

for (const [name, make] of Object.entries(OPTIONS)) {
  test(`${name} refuses what is none with a WireError`, () => {
    const wrong: unknown[] = [Symbol("odd"), 10n, null];
    if (!name.includes("limits")) wrong.push(revoked());
    for (const value of wrong) {
      const error = assertThrows(() => make(value as never)) as WireError;
      assert(error instanceof WireError, `${name}: ${error}`);
      assertEquals(error.code, "invalidArgument", name);
    }
  });
}

test("contract() refuses what is no object", () => {
  for (const wrong of [null, undefined, 5, "x", Symbol("odd")]) {
    const error = assertThrows(() => contract(wrong as never)) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});

const ODD: readonly unknown[] = [
  Symbol("odd"),
  -10n,
  revoked(),
  { valueOf: no, toString: no, [Symbol.toPrimitive]: no },
  Object.create(null),
  [Symbol("inner")],
];
/** These take objects, which may be of any kind. */
const isAnyObject = /^(servedEntries|checkOptionKeys)/;

for (const [name, check] of Object.entries(CHECKS)) {
  test(`${name} refuses whatever is wrong with a WireError`, () => {
    const odd = isAnyObject.test(name) ? ODD.slice(0, 2) : ODD;
    for (const value of odd) {
      const error = assertThrows(() => check(value as never)) as WireError;
      assert(error instanceof WireError, `${name}: ${error}`);
      assertEquals(error.code, "invalidArgument", name);
    }
  });
}
