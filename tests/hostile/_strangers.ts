/**
 * Strangers on the port: what speaks another protocol, or none. The connection
 * is closed, and nothing is done.
 *
 * @module
 */

import { frame, framed, hello } from "../_raw_peer.ts";
import type { Attack, Catalogue, Road } from "./_attack.ts";
import { type Bytes, join, rawCall, times, utf8 } from "./_bytes.ts";

/** What clients of other protocols say first. */
const CLIENTS: Readonly<Record<string, string | number[]>> = {
  "a request of HTTP": "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "a form that a web page posts":
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n\0\0\0\x05\x12\0\0\x01\0\0\0",
  "a WebSocket's handshake":
    "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
  "a TLS ClientHello": [
    22,
    3,
    1,
    0,
    200,
    1,
    0,
    0,
    196,
    3,
    3,
    ...Array(194).fill(7),
  ],
  "an SSH banner": "SSH-2.0-OpenSSH_9.6\r\n",
  "a command of Redis": "*1\r\n$4\r\nPING\r\n",
  "a command of Redis in a line": "CONFIG SET dir /root/.ssh\r\n",
  "SMTP": "EHLO attacker.example\r\nMAIL FROM:<a@b>\r\n",
  "FTP": "USER anonymous\r\n",
  "memcached, in text": "stats\r\nflush_all\r\n",
  "memcached, in binary": [0x80, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3],
  "the PROXY protocol": "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
  "the PROXY protocol, in binary": [
    13,
    10,
    13,
    10,
    0,
    13,
    10,
    81,
    85,
    73,
    84,
    10,
    0x21,
    0x11,
    0,
    12,
  ],
  "PostgreSQL's request for SSL": [0, 0, 0, 8, 4, 210, 22, 47],
  "PostgreSQL's startup": [
    0,
    0,
    0,
    23,
    0,
    3,
    0,
    0,
    ...utf8("user\0postgres\0\0\0"),
  ],
  "a query of MongoDB": [57, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 212, 7, 0, 0],
  "a request of Kafka": [
    0,
    0,
    0,
    20,
    0,
    18,
    0,
    0,
    0,
    0,
    0,
    1,
    0,
    10,
    ...utf8("a-consumer"),
  ],
  "a question of DNS": [0, 29, 18, 52, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  "AMQP": [...utf8("AMQP"), 0, 0, 9, 1],
  "MQTT": [16, 12, 0, 4, ...utf8("MQTT"), 4, 2, 0, 60, 0, 0],
  "SOCKS 4": [4, 1, 0, 80, 10, 0, 0, 1, 0],
  "SOCKS 5": [5, 1, 0],
  "remote desktop": [3, 0, 0, 19, 14, 224, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3],
  "file sharing of Windows": [
    0,
    0,
    0,
    47,
    255,
    ...utf8("SMBr"),
    ...Array(42).fill(0),
  ],
  "LDAP": [48, 12, 2, 1, 1, 96, 7, 2, 1, 3, 4, 0, 128, 0],
  "X11": [108, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  "telnet": [255, 253, 3, 255, 251, 24, 255, 251, 31],
  "IRC": "NICK mallory\r\nUSER m 0 * :m\r\n",
  "NATS": 'CONNECT {"verbose":false}\r\nPING\r\n',
  "SIP": "OPTIONS sip:a@b SIP/2.0\r\n\r\n",
  "RTSP": "DESCRIBE rtsp://a/ RTSP/1.0\r\n\r\n",
  "Gopher": "/\r\n",
  "JSON-RPC": '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}\n',
  "Java's serialization": [0xac, 0xed, 0, 5, 115, 114, 0, 17],
  "BitTorrent": [19, ...utf8("BitTorrent protocol"), ...Array(48).fill(0)],
  "Erlang's distribution": [
    0,
    15,
    110,
    0,
    5,
    0,
    7,
    73,
    252,
    ...utf8("a@local"),
  ],
  "CMUCL's own wires": [9, 0, 0, 0, 3, 67, 65, 82, 0, 0, 0, 2, 67, 76],
  "a script": "#!/bin/sh\nrm -rf /\n",
  "a line of nothing": "\r\n",
  "a flood of NULs": [...Array(65_536).fill(0)],
  "a flood of 255s": [...Array(65_536).fill(255)],
  "a flood of line ends": "\n".repeat(65_536),
  "a byte order mark": [0xef, 0xbb, 0xbf, 0x47, 0x45, 0x54],
  "UTF-16": [0xff, 0xfe, 0x47, 0, 0x45, 0, 0x54, 0],
};

/** What servers of other protocols say first, to a client that came. */
const SERVERS: Readonly<Record<string, string | number[]>> = {
  "HTTP's complaint": "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
  "an SSH banner": "SSH-2.0-OpenSSH_9.6\r\n",
  "SMTP's greeting": "220 mail.example ESMTP\r\n",
  "Redis' complaint": "-ERR unknown command\r\n",
  "MySQL's greeting": [
    74,
    0,
    0,
    0,
    10,
    ...utf8("8.0.36\0"),
    ...Array(67).fill(1),
  ],
  "PostgreSQL's complaint": [69, 0, 0, 0, 12, 83, 70, 65, 84, 65, 76, 0, 0],
  "a TLS alert": [21, 3, 3, 0, 2, 2, 10],
  "a flood of NULs": [...Array(65_536).fill(0)],
};

/** Hellos that are none. */
const HELLOS: Readonly<Record<string, () => Bytes>> = {
  "a hello with another magic": () =>
    frame(1, ...utf8("WIRF"), ...framed(hello()).subarray(9)),
  "a hello that is cut": () => {
    const body = framed(hello()).subarray(4);
    return frame(...body.subarray(0, body.length - 2));
  },
  "a hello of no limits": () => frame(1, ...utf8("WIRE"), 1, 0, 0, 0, 0),
  "a hello of 2^32 - 1 limits": () =>
    frame(1, ...utf8("WIRE"), 1, 0, 255, 255, 255, 255, 15),
  "a hello of 17,000 bytes": () =>
    frame(...framed(hello()).subarray(4), ...Array(17_000).fill(0)),
  "a hello whose limit is 0": () => framed(hello({ calls: 0 })),
  "a hello whose frames have no room": () => framed(hello({ frame: 1 })),
  "a hello in two pieces": () => {
    const body = framed(hello()).subarray(4);
    return frame(5, 0, 0, body.length, ...body);
  },
  "a call in the place of a hello": () => rawCall(0, "echo", [1]),
  "an accept in the place of a hello": () => framed({ kind: "accept" }),
  "an answer in the place of a hello": () =>
    framed({ kind: "return", id: 0, value: 1 }),
  "pings in the place of a hello": () => times(1_000, frame(0x20, 0, 0, 0, 1)),
  "a definition in the place of a hello": () => frame(3, 0, 1, 65),
};

/** Those that begin as a hello does: their senders are told what is wrong. */
const MALFORMED: ReadonlySet<string> = new Set([
  "a hello that is cut",
  "a hello of no limits",
  "a hello of 2^32 - 1 limits",
  "a hello whose limit is 0",
  "a hello whose frames have no room",
]);

/** Those that are too short to tell what they are, and end then. */
const SHORT: ReadonlySet<string> = new Set([
  "PostgreSQL's request for SSL",
  "PostgreSQL's startup",
  "SOCKS 5",
  "Gopher",
  "a line of nothing",
]);

function stranger(
  name: string,
  says: string | number[] | (() => Bytes),
  over?: readonly Road[],
): Attack {
  return {
    name,
    before: "hello",
    says: typeof says === "function"
      ? says
      : () => typeof says === "string" ? utf8(says) : new Uint8Array(says),
    promise: MALFORMED.has(name) ? "malformed" : "closes",
    ...(SHORT.has(name) ? { run: (peer) => peer.end() } : {}),
    ...(over === undefined ? {} : { over }),
  };
}

const LURED: readonly Road[] = ["client tcp", "client unix"];

export const STRANGERS: Catalogue = {
  kind: "strangers on the port",
  about:
    "What is no hello is answered by closing the connection, without a word; a client says `notAWire`. Whoever begins a hello as a wire does is told what is wrong with it.",
  attacks: [
    ...Object.entries(CLIENTS).map(([name, says]) =>
      stranger(name, says, ["tcp", "tls", "unix", "bare tls"])
    ),
    ...Object.entries(SERVERS).map(([name, says]) =>
      stranger(`${name}, to a client`, says, LURED)
    ),
    ...Object.entries(HELLOS).map(([name, says]) => stranger(name, says)),
    {
      name: "a hello of a later version",
      before: "hello",
      says: () => framed({ ...hello(), version: 2 } as never),
      promise: "unsupportedVersion",
    },
    {
      name: "a hello in one-byte writes",
      before: "hello",
      async run(peer) {
        const bytes = join(framed(hello()), framed({ kind: "accept" }));
        for (const byte of bytes) await peer.say(new Uint8Array([byte]));
        await peer.hear("accept");
      },
      promise: "goes on",
    },
    {
      name: "a wire of its own without TLS, on the port of TLS",
      before: "hello",
      says: () => join(framed(hello()), framed({ kind: "accept" })),
      over: ["bare tls"],
      promise: "closes",
    },
    {
      name: "nothing, and then the end",
      before: "hello",
      run: (peer) => peer.end(),
      promise: "closes",
      lured: "connectionLost",
    },
    {
      name: "half a hello, and then the end",
      before: "hello",
      says: () => framed(hello()).subarray(0, 20),
      run: (peer) => peer.end(),
      promise: "closes",
      lured: "connectionLost",
    },
  ],
};
