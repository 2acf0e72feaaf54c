/**
 * What is no connection is refused where a transport or a wire is to be made of
 * it, and not when it is first used.
 */

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { createRequestServer } from "../../mod.ts";
import { spawnRemote } from "../../transports/child.ts";
import {
  acceptWebSocket,
  connectWebSocket,
  webSocketTransport,
} from "../../transports/websocket.ts";
import { connectLight } from "../../transports/light.ts";
import { serveNats } from "../../transports/nats.ts";
import {
  connectWorker,
  portTransport,
  portWire,
} from "../../transports/worker.ts";
import { untagged } from "../../wire/cmucl/mod.ts";
import { LineStream } from "../../wire/lines/mod.ts";
import { resumable } from "../../wire/reconnect/keep_connected.ts";
import {
  makeWire,
  socketTransport,
  streamTransport,
  WireError,
} from "../../wire/mod.ts";
import { test } from "../_test.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

const HOME = { transport: "tcp", hostname: "192.0.2.1", port: 9 } as const;
const SOCKET = { read() {}, write() {}, closeWrite() {}, close() {} } as Any;
const WEB_SOCKET = { send() {}, close() {}, addEventListener() {} } as Any;
const REQUEST = new Request("http://localhost/");

/** Something that throws whatever it is asked for. */
const opaque = new Proxy({}, {
  get() {
    throw new Error("It is nobody's business.");
  },
});

/** What is made, the beginning of what is told, and how it is made. */
const MAKERS: readonly [string, RegExp, (given: Any) => unknown][] = [
  [
    "acceptWebSocket()",
    /^acceptWebSocket\(\) takes a request server/,
    (given) => acceptWebSocket(given, REQUEST),
  ],
  [
    "acceptWebSocket() of a request",
    /^acceptWebSocket\(\) takes a Request/,
    (given) => acceptWebSocket({ adopt() {} }, given),
  ],
  [
    "connectLight()",
    /^A wire is made over a URL/,
    (given) => connectLight(given),
  ],
  [
    "connectWorker()",
    /^connectWorker\(\) takes a Worker/,
    (given) => connectWorker(given),
  ],
  [
    "untagged()",
    /does not speak CMUCL's protocol/,
    (given) => untagged(given),
  ],
  [
    "LineStream",
    /^A LineStream is made over a transport/,
    (given) => new LineStream(given),
  ],
  [
    "makeWire()",
    /^A wire is made over a transport/,
    (given) => makeWire(given),
  ],
  [
    "portTransport()",
    /^portTransport\(\) takes a MessagePort/,
    (given) => portTransport(given),
  ],
  [
    "portWire()",
    /^portWire\(\) takes a MessagePort/,
    (given) => portWire(given),
  ],
  [
    "resumable()",
    /^resumable\(\) takes the context/,
    (given) => resumable(given, async function* () {}),
  ],
  [
    "resumable() of a source",
    /is a function/,
    (given) => resumable({ metadata: {} }, given),
  ],
  [
    "RequestServer.adopt()",
    /^A wire is made over a transport/,
    async (given) => {
      await using server = createRequestServer(null);
      server.adopt(given);
    },
  ],
  [
    "serveNats()",
    /^serveNats\(\) takes a request server/,
    (given) => serveNats(given, {} as Any, "name"),
  ],
  [
    "socketTransport()",
    /^socketTransport\(\) takes a socket/,
    (given) => socketTransport(given, HOME),
  ],
  [
    "socketTransport() of an address",
    /^The address that socketTransport\(\) takes/,
    (given) => socketTransport(SOCKET, given),
  ],
  [
    "streamTransport()",
    /^streamTransport\(\) takes two streams/,
    (given) => streamTransport(given),
  ],
  [
    "streamTransport() of an address",
    /^The address that streamTransport\(\) takes/,
    (given) => streamTransport(new TransformStream(), given ?? null),
  ],
  [
    "webSocketTransport()",
    /^webSocketTransport\(\) takes a WebSocket/,
    (given) => webSocketTransport(given, HOME),
  ],
  [
    "webSocketTransport() of an address",
    /^The address of a WebSocket/,
    (given) => webSocketTransport(WEB_SOCKET, given),
  ],
];

for (const [what, words, make] of MAKERS) {
  test(`${what} refuses what it cannot be made of`, async () => {
    for (const given of [undefined, null, 5, "", {}, [], new Map()]) {
      const error = await assertRejects(
        async () => await make(given),
        WireError,
      );
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, words);
    }
  });
}

/** What is given, the beginning of what is told, and what is no such thing. */
const OPTIONS: readonly [string, RegExp, Any[], (given: Any) => unknown][] = [
  [
    "connectWebSocket()",
    /^connectWebSocket\(\) takes a URL/,
    [undefined, null, 5, {}, [], Symbol(), Object.create(null)],
    (url) => connectWebSocket(url),
  ],
  [
    "portWire()",
    /^The options of portWire\(\) are an object/,
    [5, "", "x", [], true, () => {}, new Map()],
    (options) => {
      const { port1, port2 } = new MessageChannel();
      port2.close();
      try {
        portWire(port1, options);
      } finally {
        port1.close();
      }
    },
  ],
  [
    "cwd of spawnRemote()",
    /^The option "cwd" is a path, or a URL/,
    [null, 5, {}, [], true],
    (cwd) => spawnRemote(["/none"], { cwd }),
  ],
  [
    "env of spawnRemote()",
    /"env"/,
    [null, 5, "x", [], true, { A: 5 }, { A: undefined }],
    (env) => spawnRemote(["/none"], { env }),
  ],
  [
    "idleTimeout of acceptWebSocket()",
    /^The option "idleTimeout" is a number of seconds/,
    [null, "30", -1, NaN, {}],
    (idleTimeout) => acceptWebSocket({ adopt() {} }, REQUEST, { idleTimeout }),
  ],
  [
    "address of acceptWebSocket()",
    /^The option "address" is/,
    [null, "192.0.2.1", 5],
    (address) => acceptWebSocket({ adopt() {} }, REQUEST, { address }),
  ],
];

for (const [what, words, all, make] of OPTIONS) {
  test(`${what} is refused where it is no such thing`, async () => {
    for (const given of all) {
      const error = await assertRejects(
        async () => await make(given),
        WireError,
      );
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, words);
    }
  });
}

test("streamTransport() names the stream that is none, and takes no other", () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  for (
    const [given, words] of [
      [{ readable }, /"writable" is a stream with getWriter\(\)\. .*undefined/],
      [{ writable }, /"readable" is a stream with getReader\(\)\. .*undefined/],
      [{ readable: writable, writable: readable }, /has no getReader\(\)/],
      [{ readable, writable: 5 }, /What it was given, 5, has no getWriter\(\)/],
      [{ readable: opaque, writable }, /has no getReader\(\)/],
    ] as const
  ) {
    const error = assertThrows(() => streamTransport(given as Any), WireError);
    assertMatch(error.message, words);
  }
  assertEquals([readable.locked, writable.locked], [false, false]);
});

test("socketTransport() and portWire() name the function that is missing", () => {
  const { read, write, close } = SOCKET;
  for (
    const [make, words] of [
      [
        () => socketTransport({ read, write, close } as Any, HOME),
        "closeWrite",
      ],
      [() => portWire({ postMessage() {} } as Any), "addEventListener"],
      // The global object of Bun has one.
      [() => portTransport({ start() {}, close() {} } as Any), "postMessage"],
    ] as const
  ) {
    const error = assertThrows(make, WireError);
    assertMatch(error.message, new RegExp(`has no ${words}\\(\\)`));
  }
});
