/**
 * Whatever takes options refuses a name that there is not, and names the
 * nearest. The list of what takes options is read from the documentation: a
 * function that is added has to be here.
 */

import { assert, assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  contract,
  createRequestServer,
  decodeValue,
  encodeValue,
  keepConnected,
  KeptConnection,
  LineStream,
  lookupHostEntry,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Middleware,
  openTcpStream,
  type RemoteObject,
  RequestServer,
  startUpServer,
  Wire,
  type WireError,
  wirePair,
} from "../mod.ts";
import { MessageTap } from "../wire/codec/mod.ts";
import { remoteCaller } from "../wire/mod.ts";
import {
  cmucl,
  CmuclDialect,
  LispTap,
  remoteValueBind,
} from "../wire/cmucl/mod.ts";
import {
  Once,
  onceIn,
  onceInKv,
  onceInMemory,
  onceInNats,
} from "../wire/once/once.ts";
import { spawnRemote, stdioWire } from "../transports/child.ts";
import { connectLight, type LightWire } from "../transports/light.ts";
import { connectNats, serveNats } from "../transports/nats.ts";
import { acceptWebSocket, connectWebSocket } from "../transports/websocket.ts";
import { connectWorker, portWire } from "../transports/worker.ts";
import { broadcast, WireGroup } from "../wire/broadcast/broadcast.ts";
import { transportCases } from "../wire/testing/mod.ts";
import { test } from "./_test.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

/** What a case is tried with. */
interface World {
  near: Wire;
  far: Wire;
  kept: KeptConnection;
  remote: RemoteObject<object>;
  lisp: Wire;
  /** Gives the changes that a middleware makes. */
  changes: Any;
}

/** How options are passed, a name that there is not, and the nearest. */
type Case = [(options: Any, world: World) => unknown, string, string];

const HOST = "127.0.0.1";
const step = () => Promise.resolve(undefined as Any);
const STORE = { keeps: 1, name: step, claim: step, put: step, get: step };
const KV = { get: step, set: step, atomic: step as Any };
const never = () => new Promise<Wire>(() => {});
const transport = () => memoryTransports()[0];
const closedPort = () => {
  const { port1, port2 } = new MessageChannel();
  for (const port of [port1, port2]) port.close();
  return port1;
};

/** Does something with a light wire. */
async function light(work: (wire: LightWire) => unknown): Promise<void> {
  const [here, there] = memoryTransports();
  const whole = makeWire(there);
  const wire = await connectLight(here);
  try {
    await work(wire);
  } finally {
    await wire.close();
    await whole.closed;
  }
}

/** By what takes options, as the documentation calls it. */
const CASES: Record<string, Case[]> = {
  createRequestServer: [
    [(o) => createRequestServer(0, o), "credentail", "credential"],
    [(o) => createRequestServer(0, o), "onconect", "onConnect"],
    [(o) => createRequestServer(0, null, o), "functoins", "functions"],
    [(o) => createRequestServer(0, () => true, o), "hostnmae", "hostname"],
    [(o) => createRequestServer(0, { limits: o }), "wiers", "wires"],
    [
      (o) => createRequestServer(0, { tls: { cert: "", key: "", ...o } }),
      "certt",
      "cert",
    ],
  ],
  "new RequestServer": [
    [(o) => new RequestServer(0, o), "credentail", "credential"],
    [(o) => new RequestServer(0, null, o), "singal", "signal"],
  ],
  connectToRemoteServer: [
    [(o) => connectToRemoteServer(HOST, 1, o), "timeuot", "timeout"],
    [(o) => connectToRemoteServer(HOST, 1, null, o), "onEror", "onError"],
    [(o) => connectToRemoteServer(HOST, 1, () => {}, o), "tsl", "tls"],
    [
      (o) => connectToRemoteServer(HOST, 1, { tls: o }),
      "caCert",
      "caCerts",
    ],
    [(o) => connectToRemoteServer(HOST, 1, { limits: o }), "cals", "calls"],
  ],
  startUpServer: [
    [(o) => startUpServer({ service: 0, ...o }), "fucntion", "function"],
    [(o) => startUpServer({ service: 0, ...o }), "anounce", "announce"],
    [
      (o) => startUpServer({ service: 0, function() {}, stream: o }),
      "maxoutptu",
      "maxOutput",
    ],
    [
      (o) => startUpServer({ service: 0, listener: o }),
      "credential",
      "requireCredential",
    ],
    [
      (o) => startUpServer({ service: 0, listener: { limits: o } }),
      "sesions",
      "sessions",
    ],
    [
      (o) => startUpServer({ service: 0, listener: { permissions: o } }),
      "raed",
      "read",
    ],
    [
      (o) =>
        startUpServer({ service: 0, tls: { cert: "", key: "", ...o } as Any }),
      "kye",
      "key",
    ],
  ],
  openTcpStream: [
    [(o) => openTcpStream(HOST, 1, o), "procesName", "processName"],
    [(o) => openTcpStream(HOST, 1, { tls: o }), "hostnaem", "hostname"],
  ],
  lookupHostEntry: [[(o) => lookupHostEntry(HOST, o), "timout", "timeout"]],
  makeWire: [
    [(o) => makeWire(transport(), o), "requireCredental", "requireCredential"],
    [(o) => makeWire(transport(), { limits: o }), "windwo", "window"],
  ],
  connectWebSocket: [
    [(o) => connectWebSocket("ws://localhost:1", o), "protocls", "protocols"],
  ],
  connectLight: [
    [(o) => connectLight(transport(), o), "credental", "credential"],
    [(o) => connectLight(transport(), { limits: o }), "windwo", "window"],
  ],
  connectNats: [
    [(o) => connectNats({} as Any, "name", o), "probee", "probe"],
  ],
  serveNats: [
    [
      (o) => serveNats({ adopt() {} }, {} as Any, "name", o),
      "verison",
      "version",
    ],
  ],
  acceptWebSocket: [
    [
      (o) =>
        acceptWebSocket(
          createRequestServer(null),
          new Request("http://localhost"),
          o,
        ),
      "orgins",
      "origins",
    ],
  ],
  connectWorker: [
    [(o) => connectWorker(new EventTarget() as Any, o), "timeuot", "timeout"],
  ],
  portWire: [
    [(o) => portWire(closedPort(), o), "onDaeth", "onDeath"],
  ],
  spawnRemote: [[(o) => spawnRemote(["none"], o), "leaev", "leave"]],
  stdioWire: [[(o) => stdioWire(o), "functoins", "functions"]],
  transportCases: [
    [(o) => transportCases(memoryTransports, o), "patienec", "patience"],
  ],
  "new Wire": [[(o) => new Wire(transport(), o), "onDaeth", "onDeath"]],
  wirePair: [
    [(o) => wirePair(o), "servs", "serves"],
    [(o) => wirePair({}, o), "expect", "expects"],
  ],
  keepConnected: [
    [(o) => keepConnected(never, o), "idempotnet", "idempotent"],
    [(o) => keepConnected(never, { backoff: o }), "laest", "least"],
  ],
  "new KeptConnection": [
    [(o) => new KeptConnection(never, o), "onlots", "onLost"],
  ],
  onceInMemory: [[(o) => onceInMemory(o), "recrods", "records"]],
  onceInKv: [[(o) => onceInKv(KV, o), "valueType", "valueTypes"]],
  onceInNats: [[(o) => onceInNats(never as Any, o), "perfix", "prefix"]],
  onceIn: [[(o) => onceIn(STORE, o), "onwer", "owner"]],
  "new Once": [[(o) => new Once(STORE, o), "clok", "clock"]],
  "KeptConnection.resume": [
    [(o, w) => w.kept.resume(never as Any, o).next(), "singal", "signal"],
  ],
  "KeptConnection.with": [[(o, w) => w.kept.with(o), "deadlnie", "deadline"]],
  "KeptConnection.call": [
    [(o, w) => w.kept.call("f", [], false, o), "idempotend", "idempotent"],
  ],
  "KeptConnection.send": [
    [(o, w) => w.kept.send("f", [], o), "sginal", "signal"],
  ],
  "Broadcast.with": [
    [(o, w) => broadcast([w.near]).with(o), "metdata", "metadata"],
  ],
  "Broadcast.send": [
    [(o, w) => broadcast([w.near]).send("f", [], o), "deadlnie", "deadline"],
  ],
  "WireGroup.with": [[(o) => new WireGroup().with(o), "sginal", "signal"]],
  "Wire.with": [
    [(o, w) => w.near.with(o), "meatdata", "metadata"],
    [(o, w) => w.near.with(o), "onec", "once"],
  ],
  "Wire.call": [
    [(o, w) => w.near.call("f", [], false, o), "deadlin", "deadline"],
  ],
  "Wire.send": [[(o, w) => w.near.send("f", [], o), "singal", "signal"]],
  "LightWire.with": [[
    (o) => light((wire) => wire.with(o)),
    "sginal",
    "signal",
  ]],
  "LightWire.call": [
    [
      (o) => light((wire) => wire.call("f", [], false, o)),
      "deadlin",
      "deadline",
    ],
  ],
  "LightWire.send": [
    [(o) => light((wire) => wire.send("f", [], o)), "singal", "signal"],
  ],
  "Wire.listFunctions": [
    [(o, w) => w.near.listFunctions(o), "streams ", "streams"],
  ],
  "RemoteObject.with": [[(o, w) => w.remote.with(o), "singal", "signal"]],
  "Caller.call": [
    [
      (o, w) => remoteCaller(w.remote).call("f", [], false, o),
      "deadlien",
      "deadline",
    ],
  ],
  "Caller.send": [
    [(o, w) => remoteCaller(w.remote).send("f", [], o), "metdata", "metadata"],
  ],
  makeRemoteObject: [
    [(o) => makeRemoteObject({}, o), "onRelaese", "onRelease"],
  ],
  "new LineStream": [
    [(o) => new LineStream(transport(), o), "closeTimout", "closeTimeout"],
  ],
  "LineStream.readLine": [
    [(o) => new LineStream(transport()).readLine(o), "maxLenght", "maxLength"],
  ],
  "new LispTap": [
    [(o) => new LispTap(o), "cmuclStrnig", "cmuclString"],
  ],
  "new MessageTap": [
    [(o) => new MessageTap(o), "streamWindwo", "streamWindow"],
  ],
  encodeValue: [[(o) => encodeValue(1, o), "nestign", "nesting"]],
  decodeValue: [
    [(o) => decodeValue(encodeValue(1), o), "mesage", "message"],
  ],
  contract: [
    [(o) => contract({ f: o }), "resutl", "result"],
    [(o) => contract({ f: o }), "argss", "args"],
  ],
  Middleware: [
    [
      (o, w) => {
        w.changes = o;
        return w.near.call("f");
      },
      "metdata",
      "metadata",
    ],
  ],
  cmucl: [[(o) => cmucl(o), "packageNmae", "packageName"]],
  "new CmuclDialect": [[(o) => new CmuclDialect(o), "untaged", "untagged"]],
  remoteValueBind: [
    [(o, w) => remoteValueBind(w.lisp, 1, "f", [], o), "deadlnie", "deadline"],
  ],
};

/** What is no bag of options, or is for who builds on this module. */
const OTHERS: Record<string, string> = {
  "new Contract": "its names are those of functions; see contract",
  "new WireError": "an error that throws hides what it was to tell of",
  "new RemoteError": "an error that throws hides what it was to tell of",
  "new StreamServer": "startUpServer() makes it",
  "new LightWire": "connectLight() makes it",
  "Dialect.open": "wires call it",
  "Dialect.decoder": "wires call it",
  "BroadcastMember.send": "wires and kept connections have it",
  "NatsConnectionLike.publish": "the package of NATS has it",
  "NatsConnectionLike.subscribe": "the package of NATS has it",
  "ServesOnce.serve": "wires call it",
  "Once.serve": "wires call it",
  "KvLike.set": "it is Deno's",
  "KvSteps.set": "it is Deno's",
  "parentWire": "only a Worker may call it",
  "CmuclDialect.open": "wires call it",
  "CmuclDialect.decoder": "wires call it",
};

interface Documented {
  name: string;
  declarations: {
    kind: string;
    def: {
      params?: unknown[];
      constructors?: { params: unknown[] }[];
      methods?: {
        name: string;
        params?: unknown[];
        functionDef?: { params: unknown[] };
      }[];
    };
  }[];
}

/** What the documentation of a module says. */
async function documented(entry: string): Promise<Documented[]> {
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", new URL(`../${entry}`, import.meta.url).href],
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  assertEquals(code, 0);
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: Documented[] }>;
  };
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

/** What takes options: functions, constructors and methods. */
function takers({ name, declarations }: Documented): string[] {
  const all = declarations.flatMap(({ kind, def }): [string, unknown][] =>
    kind === "function" ? [[name, def.params]] : [
      ...(def.constructors ?? []).map(({ params }): [string, unknown] => [
        `new ${name}`,
        params,
      ]),
      ...(def.methods ?? []).map((method): [string, unknown] => [
        `${name}.${method.name}`,
        method.params ?? method.functionDef?.params,
      ]),
    ]
  );
  return all.filter(([, params]) => takesOptions(params)).map(([name]) => name);
}

function takesOptions(params: unknown): boolean {
  return /"typeName":"\w*(Options|Limits|Init|Changes|Definition)"|"name":"options"/
    .test(JSON.stringify(params) ?? "");
}

test("everything that takes options is in this test", async () => {
  const found = new Set<string>();
  const { default: { exports } } = await import("../deno.json", {
    with: { type: "json" },
  });
  for (const entry of Object.values(exports)) {
    for (const each of await documented(entry)) {
      for (const name of takers(each)) found.add(name);
    }
  }
  assert(found.size > 30);
  const here = new Set([...Object.keys(CASES), ...Object.keys(OTHERS)]);
  assertEquals([...found].filter((name) => !here.has(name)), []);
  // Their types say it in another way.
  here.delete("contract");
  here.delete("Middleware");
  assertEquals([...here].filter((name) => !found.has(name)), []);
});

/** Makes a world, tries something in it, and ends it. */
async function within(work: (world: World) => Promise<void>): Promise<void> {
  const through: Middleware = (_, next) => next(world.changes);
  const [near, far] = wirePair({ callThrough: [through] });
  far.serve({ f: () => 1, object: () => makeRemoteObject({ f: () => 2 }) });
  const dialect = cmucl();
  const [lisp, other] = wirePair({ dialect }, { dialect });
  const kept = keepConnected(() => Promise.resolve(near));
  const world: World = { near, far, kept, lisp } as World;
  world.remote = await near.remoteValue.object() as RemoteObject<object>;
  await work(world);
  world.remote[Symbol.dispose]();
  await Promise.all([kept.close(), lisp.close()]);
  await Promise.all([far.closed, other.closed]);
}

for (const [name, cases] of Object.entries(CASES)) {
  test(`${name} refuses options that there are not, and names the nearest`, async () => {
    await within(async (world) => {
      for (const [pass, wrong, near] of cases) {
        const error = await (async () => {
          const made = await pass({ [wrong]: undefined }, world) as Any;
          await made?.shutdown?.();
        })().catch((error) => error) as WireError | undefined;
        assertEquals(error?.code, "invalidArgument", `${name}: ${wrong}`);
        const { message } = error!;
        assert(message.includes(`"${wrong}"`), message);
        const advice = [`; did you mean "${near}"?`, `. There is ${near}.`];
        assert(advice.some((text) => message.includes(text)), message);
      }
    });
  });
}
