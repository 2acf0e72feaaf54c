/** Who may connect, by address. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  createRequestServer,
  makeWire,
  memoryTransports,
  type RefusedEvent,
  type RequestServerOptions,
  startUpServer,
  type StartUpServerOptions,
  WireError,
} from "../../mod.ts";
import { AddressLists, type AddressOptions } from "../../server/_admission.ts";
import { test } from "../_test.ts";
import { failure } from "../wire/_failure.ts";
import {
  connect,
  CROWD,
  ELSEWHERE,
  hasTwoAddresses,
  wireFrom,
} from "./_crowd.ts";

const LISTS: [AddressOptions, may: string[], mayNot: string[]][] = [
  [{}, ["10.0.0.1", "::1", "fe80::1%eth0"], []],
  [{ allow: ["10.0.0.7"] }, ["10.0.0.7", "::ffff:10.0.0.7"], [
    "10.0.0.8",
    "::1",
    "::ffff:10.0.0.8",
  ]],
  [{ allow: ["10.0.0.0/8", "::1"] }, ["10.255.0.1", "::1", "[::1]"], [
    "11.0.0.1",
    "::2",
  ]],
  [{ allow: ["2001:db8::/32"] }, ["2001:db8:ffff::1", "2001:0DB8::1"], [
    "2001:db9::1",
    "1.2.3.4",
  ]],
  [{ allow: ["fe80::/10"] }, ["fe80::1%eth0", "fe80::1"], ["fec0::1%eth0"]],
  [{ allow: ["::ffff:10.0.0.0/104"] }, ["10.1.2.3", "::ffff:10.1.2.3"], [
    "11.0.0.1",
  ]],
  [{ allow: ["0.0.0.0/0"] }, ["1.2.3.4", "::ffff:1.2.3.4"], ["2001:db8::1"]],
  [{ allow: [] }, [], ["127.0.0.1", "::1"]],
  [{ deny: ["10.0.0.0/8"] }, ["11.0.0.1", "::1"], [
    "10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a00:1",
  ]],
  [{ allow: ["10.0.0.0/8"], deny: ["10.0.0.7"] }, ["10.0.0.8"], [
    "10.0.0.7",
    "11.0.0.1",
  ]],
];

for (const [options, may, mayNot] of LISTS) {
  test(`AddressLists knows who may connect by ${JSON.stringify(options)}`, () => {
    const lists = new AddressLists(options);
    const refusal = (hostname: string) =>
      lists.refusal({ transport: "tcp", hostname, port: 1 });
    assertEquals(may.filter((each) => refusal(each) !== undefined), []);
    assertEquals(mayNot.filter((each) => refusal(each) === undefined), []);
    for (const each of mayNot) {
      assertEquals(refusal(each)!.code, "refused");
      assertMatch(refusal(each)!.message, /in "(deny|allow)"/);
    }
  });
}

const WRONG: [object, RegExp][] = [
  ...["localhost", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "", " ::1"]
    .map((each): [object, RegExp] => [{ allow: [each] }, /"allow" has addre/]),
  [{ deny: ["fe80::1%eth0"] }, /"deny" has addresses/],
  [{ deny: ["10.0.0.0/-1"] }, /"deny" has addresses/],
  [{ deny: ["1.2.3.4/8/8"] }, /"deny" has addresses/],
  [{ deny: [0x7f000001] }, /"deny" has addresses/],
  [{ deny: "10.0.0.1" }, /"deny" is an array/],
  [{ allow: undefined }, /"allow" is undefined/],
  [{ deny: undefined }, /"deny" is undefined/],
  [{ alow: [] }, /did you mean "allow"/],
];

for (const [options, text] of WRONG) {
  test(`servers refuse ${Deno.inspect(options)}`, () => {
    const ways = [
      () => void createRequestServer(0, options as RequestServerOptions),
      () =>
        void startUpServer(
          { service: 0, function() {}, ...options } as StartUpServerOptions,
        ),
    ];
    for (const way of ways) {
      const error = assertThrows(way, WireError) as WireError;
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, text);
    }
  });
}

test("addresses cannot be told on a Unix socket, and so are refused", () => {
  for (const options of [{ allow: ["::1"] }, { deny: ["::1"] }]) {
    assertThrows(
      () =>
        void createRequestServer(0, { path: "/tmp/never.sock", ...options }),
      WireError,
      "clients of a Unix socket have no address",
    );
  }
});

test("what a server adopts needs an address that may connect", async () => {
  const events: RefusedEvent[] = [];
  await using server = createRequestServer(null, {
    deny: ["192.0.2.0/24"],
    onAudit: (event) => events.push(event),
  });
  const adopt = (hostname?: string) => {
    const [here, there] = memoryTransports();
    const address = hostname === undefined
      ? undefined
      : { transport: "tcp" as const, hostname, port: 9 };
    server.adopt(there, address);
    return makeWire(here, { onError() {} });
  };
  const refused = ["192.0.2.1", "::ffff:192.0.2.1", undefined, "", "localhost"];
  for (const hostname of refused) {
    assertEquals(
      (await failure(adopt(hostname).opened)).code,
      "connectionLost",
    );
  }
  const wire = adopt("198.51.100.1");
  await wire.opened;
  await wire.close();
  assertEquals(
    events.map(({ reason }) => reason.code),
    Array(refused.length).fill("refused"),
  );
  for (const { reason } of events.slice(2)) {
    assertMatch(
      reason.message,
      /not known .* Tell adopt\(\) where its peer is/,
    );
  }
});

const testOfTwo: typeof test = hasTwoAddresses ? test : Deno.test.ignore;

for (const lists of [{ deny: [CROWD] }, { allow: [`${ELSEWHERE}/32`] }]) {
  testOfTwo(
    `request servers close who may not connect, and serve others: ${
      JSON.stringify(lists)
    }`,
    async () => {
      const events: RefusedEvent[] = [];
      await using server = createRequestServer(0, {
        ...lists,
        hostname: "0.0.0.0",
        functions: { add: (a: number, b: number) => a + b },
        onAudit: (event) => events.push(event),
        onError() {},
      });
      const error = await failure(wireFrom(server.port, CROWD));
      assertEquals(error.code, "connectionLost");
      const wire = await wireFrom(server.port, ELSEWHERE);
      assertEquals(await wire.remoteValue.add(40, 2), 42);
      await wire.close();
      assertEquals(events.map(({ reason }) => reason.code), ["refused"]);
      const { address } = events[0]!;
      assertEquals("hostname" in address && address.hostname, CROWD);
    },
  );

  testOfTwo(
    `servers of lines close who may not connect: ${JSON.stringify(lists)}`,
    async () => {
      const events: RefusedEvent[] = [];
      const served: string[] = [];
      await using server = startUpServer({
        ...lists,
        service: 0,
        address: "0.0.0.0",
        function: (stream) => {
          const { address } = stream;
          if ("hostname" in address) served.push(address.hostname);
          stream.abort();
        },
        onAudit: (event) => events.push(event),
      });
      for (const from of [CROWD, ELSEWHERE]) {
        const socket = await connect(server.port, from);
        socket.on("error", () => {});
        await new Promise((resolve) => socket.once("close", resolve));
      }
      assertEquals(served, [ELSEWHERE]);
      assertEquals(events.map(({ reason }) => reason.code), ["refused"]);
    },
  );
}
