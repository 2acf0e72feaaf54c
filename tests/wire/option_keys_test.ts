import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import {
  checkOptionKeys,
  mayBeOptions,
  unknownName,
} from "../../wire/base/checks.ts";
import { test } from "../_test.ts";

const KNOWN = {
  credential: true,
  timeout: true,
  caCerts: true,
  tls: true,
} as const;
const NAMES = Object.keys(KNOWN);

/** What `unknownName()` says behind the name. */
function advice(name: string, known: readonly string[] = NAMES): string {
  const { code, message } = unknownName("option", name, known);
  assertEquals(code, "invalidArgument");
  assert(message.startsWith(`There is no option ${JSON.stringify(name)}`));
  return message.slice(`There is no option ${JSON.stringify(name)}`.length);
}

test("unknownName() names the nearest name", () => {
  for (
    const [name, near] of [
      ["credentail", "credential"], // two letters exchanged
      ["credental", "credential"],
      ["credentiall", "credential"],
      ["credentials", "credential"],
      ["credenshial", "credential"],
      ["cred", "credential"], // its beginning
      ["timeoutMs", "timeout"], // and what goes on behind it
      ["TIMEOUT", "timeout"],
      ["cacerts", "caCerts"],
      ["tsl", "tls"],
    ] as const
  ) assertEquals(advice(name), `; did you mean "${near}"?`);
});

test("unknownName() counts an exchange of neighbours once", () => {
  // Letter by letter "signal" would be two steps away, and no nearer.
  assertEquals(
    advice("sginal", ["sginxx", "signal"]),
    '; did you mean "signal"?',
  );
  assertEquals(advice("badcef", ["abcdef"]), '; did you mean "abcdef"?');
  assertEquals(advice("abcdef", ["wxyzef"]), ". There is wxyzef.");
});

test("unknownName() lists all names where none is near", () => {
  for (const name of ["x", "", "nonsense", "t", "é".repeat(10_000)]) {
    const { message } = unknownName("limit", name, NAMES, " of a wire");
    assertMatch(
      message,
      / of a wire\. There are credential, timeout, caCerts, tls\.$/,
    );
    assert(message.length < 200);
  }
});

test("checkOptionKeys() refuses what is no object of options", () => {
  const { signal } = new AbortController();
  const refused = [
    ...[undefined, null, 5, "timeout", [], [5], () => {}],
    ...[Promise.resolve(KNOWN), new Map([["timeout", 5]]), signal],
    ...[new URL("http://localhost"), new Date()],
  ];
  for (const options of refused) {
    const error = assertThrows(
      () => checkOptionKeys(options, KNOWN, "f()"),
      WireError,
      "The options of f() are an object",
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});

test("checkOptionKeys() takes what is plain, and what has one of the options", () => {
  class Settings {
    readonly timeout = 5;
  }
  class Computed {
    get timeout() {
      return 5;
    }
  }
  const bare: object = Object.create(null);
  for (
    const options of [
      ...[{}, bare, { timeout: 5 }, { tls: undefined }, new Settings()],
      ...[new Computed(), Object.create({ timeout: 5 }), new Proxy({}, {})],
    ]
  ) checkOptionKeys(options, KNOWN, "f()");
  assert(mayBeOptions({}, KNOWN));
  assert(!mayBeOptions(new Map(), KNOWN));
});
