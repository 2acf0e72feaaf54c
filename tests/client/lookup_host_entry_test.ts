import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  hostInteger,
  hostName,
  lookupHostEntry,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";

type Type = "A" | "AAAA" | "CNAME" | "PTR";

/** Runs with a name server of its own. */
async function withNames(
  records: Record<string, string[]>,
  run: () => Promise<void>,
): Promise<string[]> {
  const asked: string[] = [];
  const { resolveDns } = Deno;
  const fake = (query: string, type: Type) => {
    asked.push(`${type} ${query}`);
    const found = records[`${type} ${query}`];
    return found === undefined
      ? Promise.reject(new Deno.errors.NotFound("no records"))
      : Promise.resolve(found);
  };
  Object.assign(Deno, { resolveDns: fake });
  try {
    await run();
  } finally {
    Object.assign(Deno, { resolveDns });
  }
  return asked;
}

async function failure(looking: Promise<unknown>): Promise<WireError> {
  return await assertRejects(() => looking) as WireError;
}

test("lookupHostEntry() tells names and addresses of a name", async () => {
  await withNames({
    "A www.example.com": ["192.0.2.1", "192.0.2.255"],
    "AAAA www.example.com": ["2001:db8::1"],
    "CNAME www.example.com": ["web.example.com."],
    "CNAME web.example.com": ["host7.example.com."],
  }, async () => {
    assertEquals(await lookupHostEntry("www.example.com"), {
      name: "host7.example.com",
      aliases: ["web.example.com", "www.example.com"],
      addresses: ["192.0.2.1", "192.0.2.255", "2001:db8::1"],
      integers: [0xc0000201, 0xc00002ff],
    });
  });
});

test("lookupHostEntry() ends where names stand for one another", async () => {
  const asked = await withNames({
    "A one": ["192.0.2.1"],
    "CNAME one": ["two."],
    "CNAME two": ["one."],
  }, async () => {
    const { name, aliases } = await lookupHostEntry("one");
    assertEquals([name, aliases], ["two", ["one"]]);
  });
  assertEquals(asked, ["A one", "AAAA one", "CNAME one", "CNAME two"]);
});

test("lookupHostEntry() tells the names of an address in the same order each time", async () => {
  const names = ["vm.", "localhost.", "a.", "z."];
  for (const turn of names.keys()) {
    const turned = [...names.slice(turn), ...names.slice(0, turn)];
    await withNames({ "PTR 1.0.0.127.in-addr.arpa": turned }, async () => {
      const { name, aliases } = await lookupHostEntry("127.0.0.1");
      assertEquals([name, aliases], ["localhost", ["a", "vm", "z"]]);
    });
  }
});

test("lookupHostEntry() tells the names of an address, and of an integer", async () => {
  const ptr = "PTR 1.0.0.127.in-addr.arpa";
  await withNames({ [ptr]: ["localhost.", "here.", "here."] }, async () => {
    for (const host of ["127.0.0.1", 0x7f000001]) {
      assertEquals(await lookupHostEntry(host), {
        name: "localhost",
        aliases: ["here"],
        addresses: ["127.0.0.1"],
        integers: [0x7f000001],
      });
    }
  });
  const six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0." +
    "1.0.0.2.ip6.arpa";
  await withNames({ [`PTR ${six}`]: ["six."] }, async () => {
    for (const host of ["2001:db8::1", "[2001:0DB8:0:0::0001]"]) {
      const { name, integers } = await lookupHostEntry(host);
      assertEquals([name, integers], ["six", []]);
    }
  });
});

test("lookupHostEntry() says what went wrong", async () => {
  await withNames({}, async () => {
    for (const host of ["no-such-host.invalid", "192.0.2.1", 0]) {
      const error = await failure(lookupHostEntry(host));
      assertEquals(error.code, "unknownHost");
      assertMatch(error.message, new RegExp(hostName(host)));
    }
    // deno-lint-ignore no-explicit-any -- whoever writes JavaScript passes any
    const wrong: [any, any?][] = [
      [""],
      [-1],
      ["host:7000"],
      ["300.1.1.1"],
      ["1::2::3"],
      ["localhost", { timeuot: 5 }],
      ["localhost", { timeout: NaN }],
      ["localhost", { signal: {} }],
    ];
    for (const [host, options] of wrong) {
      const error = await failure(lookupHostEntry(host, options));
      assertEquals(error.code, "invalidArgument", String(host));
    }
  });
  const { resolveDns } = Deno;
  try {
    const cases: [Error, string][] = [
      [new Deno.errors.NotCapable("Requires net access"), "permissionDenied"],
      [new Error("request timed out"), "connectFailed"],
    ];
    for (const [thrown, code] of cases) {
      Object.assign(Deno, { resolveDns: () => Promise.reject(thrown) });
      const error = await failure(lookupHostEntry("localhost"));
      assertEquals([error.code, error.cause], [code, thrown]);
    }
    // One kind of answer is enough.
    Object.assign(Deno, {
      resolveDns: (_query: string, type: Type) =>
        type === "A"
          ? Promise.resolve(["192.0.2.1"])
          : Promise.reject(new Error("refused")),
    });
    assertEquals((await lookupHostEntry("four")).integers, [0xc0000201]);
    Object.assign(Deno, { resolveDns: () => new Promise(() => {}) });
    const late = await failure(lookupHostEntry("localhost", { timeout: 5 }));
    assertEquals(late.code, "timeout");
    const signal = AbortSignal.abort("enough");
    const given = await failure(lookupHostEntry("localhost", { signal }));
    assertEquals([given.code, given.cause], ["cancelled", "enough"]);
  } finally {
    Object.assign(Deno, { resolveDns });
  }
});

test("lookupHostEntry() knows this machine, or says why not", async () => {
  try {
    const { addresses, integers } = await lookupHostEntry("localhost");
    assert(addresses.length > 0);
    assertEquals(integers.map((integer) => hostName(integer)), [
      ...addresses.filter((address) => !address.includes(":")),
    ]);
  } catch (error) {
    assert(error instanceof WireError, String(error));
    const codes = ["unknownHost", "connectFailed", "timeout"];
    assert(codes.includes((error as WireError).code), String(error));
  }
});

test("hostInteger() reverses hostName()", () => {
  for (const integer of [0, 1, 0x7f000001, 0x80000000, 0xffffffff]) {
    assertEquals(hostInteger(hostName(integer)), integer);
  }
  for (
    const text of ["", "1.2.3", "1.2.3.256", "::1", "localhost", "1.2.3.4 "]
  ) {
    try {
      hostInteger(text);
    } catch (error) {
      assertEquals((error as WireError).code, "invalidArgument");
      continue;
    }
    throw new Error(`"${text}" was taken`);
  }
});
