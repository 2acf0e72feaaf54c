import { assertEquals } from "@std/assert";
import {
  looksLikeHttp,
  parseName,
  sameSecret,
} from "../../../server/listener/introduction.ts";
import { test } from "../../_test.ts";

const NAMES: [string, string | undefined][] = [
  ['"alice"', "alice"],
  ['  "alice"  ', "alice"],
  ["'alice'", "alice"],
  ["'it\\'s \"me\"'", 'it\'s "me"'],
  ['"Ann \\u0041 \\"B\\" 😀"', 'Ann A "B" 😀'],
  ["alice", "alice"],
  ["alice-2.b_c", "alice-2.b_c"],
  ["two words", undefined],
  ["", undefined],
  ['""', undefined],
  ['" "', undefined],
  ['"alice', undefined],
  ["42", undefined],
  ["null", "null"],
  ['["a"]', undefined],
  ['"a\\nb"', undefined],
  ['"\\u001b[2J"', undefined],
  ['"\\u202egnp"', undefined],
  ['"\\ud800"', undefined],
  [`"${"x".repeat(65)}"`, undefined],
  ["GET / HTTP/1.1", undefined],
  ['"GET / HTTP/1.1"', undefined],
];

for (const [line, name] of NAMES) {
  test(`parseName() finds ${name} in ${line.slice(0, 30)}`, () => {
    assertEquals(parseName(line), name);
  });
}

test("looksLikeHttp() knows requests from names", () => {
  for (
    const line of [
      "GET / HTTP/1.1",
      "POST /x HTTP/1.0\r",
      "get /",
      "OPTIONS * HTTP/1.1",
      "PRI * HTTP/2.0",
      "BREW /pot http/1.1",
    ]
  ) assertEquals(looksLikeHttp(line), true, line);
  for (const line of ['"alice"', "getter", "'post office'"]) {
    assertEquals(looksLikeHttp(line), false, line);
  }
});

test("sameSecret() tells secrets apart", async () => {
  const secret = "correct horse battery staple";
  assertEquals(await sameSecret(secret, secret), true);
  for (const other of ["", secret + " ", secret.slice(1), "x".repeat(28)]) {
    assertEquals(await sameSecret(secret, other), false);
  }
});

/** What is done with two secrets: digests, and bytes of them that are read. */
async function looks(known: string, given: string): Promise<number[]> {
  const { digest } = crypto.subtle;
  const { Uint8Array } = globalThis;
  let digests = 0;
  let reads = 0;
  crypto.subtle.digest = (...args) => {
    digests++;
    return digest.apply(crypto.subtle, args);
  };
  // What a digest becomes tells which of its bytes are looked at.
  const counting: ProxyHandler<typeof Uint8Array> = {
    construct: (made, args) =>
      new Proxy(Reflect.construct(made, args) as object, {
        get(target, key) {
          if (typeof key === "string" && /^\d+$/.test(key)) reads++;
          return Reflect.get(target, key, target);
        },
      }),
  };
  globalThis.Uint8Array = new Proxy(Uint8Array, counting);
  try {
    await sameSecret(known, given);
  } finally {
    globalThis.Uint8Array = Uint8Array;
    crypto.subtle.digest = digest;
  }
  return [digests, reads];
}

test("sameSecret() does the same whatever the secrets are", async () => {
  const secret = "correct horse battery staple";
  const all = await looks(secret, secret);
  assertEquals(all, [2, 64]);
  for (const other of ["", "c", "x", secret.slice(1), secret + "\0"]) {
    assertEquals(await looks(secret, other), all, other);
  }
});
