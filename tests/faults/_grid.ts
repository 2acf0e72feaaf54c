/**
 * The grid of faults: what the peer may do, when, over what, and what it means
 * to the end that lives on. Each cell is a test.
 *
 * @module
 */

import "../_patience.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectToRemoteServer, type Wire, type WireError } from "../../mod.ts";
import { Cable } from "./_cable.ts";
import { fate } from "./_fate.ts";
import type { PeerFunctions } from "./_functions.ts";
import { Home, soon } from "./_home.ts";
import { type PeerProcess, startPeer } from "./_peer_process.ts";
import { connecting, type Place, type Transport } from "./_places.ts";

/** What becomes of the peer. */
interface Fault {
  /** For the name of the test. */
  readonly what: string;
  /** Whether its process goes on afterwards, and nothing is lost. */
  readonly passes?: true;
  /** Whether the connection is cut, and the process lives. */
  readonly cuts?: true;
  /** The code that a wire ends with. */
  readonly code: "connectionLost" | "keepalive" | "closed";
  /** What its reason says, if that tells the fault from others. */
  readonly says?: RegExp;
}

const FAULTS = {
  killed: { what: "the peer killed", code: "connectionLost" },
  stopped: { what: "the peer stopped", code: "keepalive" },
  continued: {
    what: "the peer stopped and continued",
    passes: true,
    code: "closed",
  },
  blocked: {
    what: "this end's event loop blocked for minutes",
    passes: true,
    code: "closed",
  },
  reset: {
    what: "the connection reset",
    cuts: true,
    code: "connectionLost",
    says: /reset by peer|ECONNRESET/,
  },
  finished: {
    what: "the connection ended by FIN",
    cuts: true,
    code: "connectionLost",
    says: /without (a goodbye|ending TLS)/,
  },
} as const satisfies Record<string, Fault>;

const PHASES = ["handshake", "idle", "call", "stream", "drain"] as const;
const ROLES = ["server", "client"] as const;

type Phase = typeof PHASES[number];

interface Cell {
  readonly transport: Transport;
  readonly kind: keyof typeof FAULTS;
  readonly fault: Fault;
  readonly phase: Phase;
  readonly role: typeof ROLES[number];
}

/** How long a peer stands still that goes on in time, in milliseconds. */
const PAUSE = 40_000;
/** The same where the limit is one of 10 seconds. */
const SHORT_PAUSE = 8_000;

/** With what the wire ends, or connecting fails. */
function codeOf({ fault, phase, role }: Cell): string {
  if (fault.code !== "keepalive") return fault.code;
  if (phase === "handshake" && role === "client") return "timeout";
  return phase === "drain" ? "timeout" : fault.code;
}

function promiseOf(cell: Cell): string {
  const { fault, phase, role } = cell;
  const code = codeOf(cell);
  if (fault.passes) {
    return {
      handshake: "the handshake goes on",
      idle: "the wire goes on",
      call: "calls are answered",
      stream: "streams go on",
      drain: "calls are answered, and the wire closes",
    }[phase];
  }
  return {
    handshake: role === "server"
      ? "no wire is made, and its socket is closed"
      : `connecting fails with ${code}`,
    idle: `the wire ends with ${code}, and further calls are not sent`,
    call:
      `calls fail with ${code} and maybeExecuted, and those served are aborted`,
    stream: `streams of both directions fail with ${code}`,
    drain: `close() is over, and calls fail with ${code} and maybeExecuted`,
  }[phase];
}

/**
 * Defines the tests of a transport. Their peer is one process, until it is
 * killed: operations of it outlive a test, and nothing else does.
 */
export function testGrid(transport: Transport): void {
  let shared: PeerProcess | undefined;
  Deno.test.beforeAll(async () => {
    shared = await startPeer();
  });
  Deno.test.afterAll(async () => await shared![Symbol.asyncDispose]());
  for (const kind of Object.keys(FAULTS) as (keyof typeof FAULTS)[]) {
    for (const phase of PHASES) {
      for (const role of ROLES) {
        const fault: Fault = FAULTS[kind];
        const cell: Cell = { transport, kind, fault, phase, role };
        const when = phase === "handshake" || phase === "idle"
          ? `in ${phase === "idle" ? "an idle wire" : "the handshake"}`
          : `mid-${phase}`;
        Deno.test({
          name: `${transport}, ${fault.what} ${when}, at the ${role}: ${
            promiseOf(cell)
          }`,
          sanitizeOps: false,
          async fn() {
            await using own = kind === "killed" ? await startPeer() : undefined;
            await run(cell, own ?? shared!);
          },
        });
      }
    }
  }
}

async function run(cell: Cell, peer: PeerProcess): Promise<void> {
  await using home = await Home.open(cell.transport);
  try {
    await (cell.phase === "handshake"
      ? inHandshake(cell, home, peer)
      : inWire(cell, home, peer));
  } finally {
    if (cell.kind !== "killed") await peer.ask.clear();
  }
  await home.checkQuiet();
}

/** Brings the fault about. It is noticed later, or never. */
async function befall(
  { kind }: Cell,
  peer: PeerProcess,
  cable: Cable | undefined,
): Promise<void> {
  if (kind === "killed") await peer.kill();
  else if (kind === "reset") cable!.cut();
  else if (kind === "finished") await cable!.finish();
  // What it says to an end that is blocked is not read either.
  else await peer.stop();
}

/** Lets the fault last for as long as may be, and be over. */
async function last(
  { kind, phase }: Cell,
  home: Home,
  peer: PeerProcess,
): Promise<void> {
  const isShort = phase === "handshake" || phase === "drain";
  if (kind === "blocked") await home.block();
  else await home.pass(isShort ? SHORT_PAUSE : PAUSE);
  peer.goOn();
}

async function layCable(
  { transport, fault, role }: Cell,
  home: Home,
  target: Place,
): Promise<Cable | undefined> {
  return fault.cuts
    ? await Cable.lay(transport, target, `${home.folder}/cable.sock`, role)
    : undefined;
}

/**
 * Whether something has to be left unread, or there will be no reset. A server
 * says nothing before its client's hello is whole: there it ends in order.
 */
function sips({ kind, transport, phase, role }: Cell): boolean {
  return kind === "reset" && transport === "unix" &&
    !(phase === "handshake" && role === "server");
}

async function inHandshake(
  cell: Cell,
  home: Home,
  peer: PeerProcess,
): Promise<void> {
  const { transport, kind, fault, role } = cell;
  const target = role === "server"
    ? home.place
    : await peer.ask.stammer(transport, `${home.folder}/peer.sock`);
  home.watch(target);
  using cable = await layCable(cell, home, target);
  const place = cable?.place ?? target;
  // Of a survivor's first words, what is not read cannot be met either.
  if (sips(cell)) cable!.sip();
  let connected: Promise<string> | undefined;
  if (role === "server") await peer.ask.mumble(transport, place);
  else {
    connected = fate(
      connectToRemoteServer("127.0.0.1", place.port, null, {
        ...connecting(transport, place),
      }).then((wire) => home.keep(wire)),
    );
  }
  await (sips(cell) ? cable!.sipped : peer.ask.met());
  await befall(cell, peer, cable);
  if (fault.passes) {
    await last(cell, home, peer);
    await peer.ask.finishHello();
    if (role === "server") {
      let isMade = false;
      home.accepted.then(() => isMade = true);
      await soon("the server accepts the peer", () => isMade);
    }
    assertEquals(await (connected ?? "value"), "value");
    return;
  }
  if (role === "server") {
    if (!fault.cuts) await home.passUntil(() => home.isQuiet);
  } else {
    let result: string | undefined;
    connected!.then((fate) => result = fate);
    await home.passUntil(() => result !== undefined);
    assertEquals(result, codeOf(cell));
  }
  if (kind === "stopped") {
    peer.goOn();
    assert(await peer.ask.ended());
  }
}

async function inWire(
  cell: Cell,
  home: Home,
  peer: PeerProcess,
): Promise<void> {
  const { transport, kind, fault, phase, role } = cell;
  const target = role === "server"
    ? home.place
    : await peer.ask.serve(transport, `${home.folder}/peer.sock`);
  home.watch(target);
  using cable = await layCable(cell, home, target);
  const wire = await open(cell, home, peer, cable?.place ?? target);
  const work = new Work(wire, home);
  await work.begin(phase);
  if (sips(cell)) {
    cable!.sip();
    let isSipped = false;
    cable!.sipped.then(() => isSipped = true);
    await soon("something of the survivor's is read", () => {
      if (!isSipped) wire.ping().catch(() => {});
      return isSipped;
    });
  }
  await befall(cell, peer, cable);
  if (fault.passes) {
    await last(cell, home, peer);
    assertEquals(wire.ended, undefined);
    await work.finish(phase);
    if (phase !== "drain") assertEquals(await fate(wire.ping()), "value");
    wire.abort();
    await wire.closed;
  } else {
    await home.passUntil(() => home.deaths.length > 0);
    await work.checkFailed(phase, codeOf(cell));
    assertMatch(wire.ended!.message, fault.says ?? /./);
    if (kind === "stopped") {
      peer.goOn();
      // Whoever gives up closing says so; to others nothing can be said.
      const told = phase === "drain" ? "peerAborted" : "connectionLost";
      assertEquals(await peer.ask.ended(), told);
    }
  }
}

/** The wire of the survivor. */
async function open(
  { transport, role }: Cell,
  home: Home,
  peer: PeerProcess,
  place: Place,
): Promise<Wire<PeerFunctions>> {
  if (role === "server") {
    await peer.ask.connect(transport, place);
    const wire = await home.accepted as unknown as Wire<PeerFunctions>;
    // The peer's own accept comes last.
    await wire.opened;
    return wire;
  }
  return await connectToRemoteServer<PeerFunctions>(
    "127.0.0.1",
    place.port,
    ({ code }) => home.deaths.push(code),
    { ...connecting(transport, place), functions: home.functions },
  );
}

/** What is under way between the two when the fault comes. */
class Work {
  readonly #wire: Wire<PeerFunctions>;
  readonly #home: Home;
  #call: Promise<string> | undefined;
  #closing: Promise<string> | undefined;
  #items: AsyncIterator<string> | undefined;
  readonly #more = Promise.withResolvers<void>();
  #producer = "";

  constructor(wire: Wire<PeerFunctions>, home: Home) {
    this.#wire = wire;
    this.#home = home;
  }

  /** Resolves when the phase was reached. */
  async begin(phase: Phase): Promise<void> {
    if (phase === "stream") {
      const items = await this.#wire.remoteValue.mirror(this.#produce());
      this.#items = items[Symbol.asyncIterator]();
      assertEquals((await this.#items.next()).value, "first");
      const { streamsReceiving, streamsSending } = this.#wire.stats();
      assertEquals([streamsReceiving, streamsSending], [1, 1]);
    }
    if (phase === "call" || phase === "drain") {
      this.#call = fate(this.#wire.remoteValue.engage(() => {}));
      await this.#home.held;
      const { callsPending, callsRunning, objectsExported } = this.#wire
        .stats();
      assertEquals([callsPending, callsRunning, objectsExported], [1, 1, 1]);
    }
    if (phase === "drain") this.#closing = fate(this.#wire.close());
  }

  /** The peer goes on: all comes to a good end. */
  async finish(phase: Phase): Promise<void> {
    this.#home.letGo();
    this.#more.resolve();
    if (this.#call !== undefined) assertEquals(await this.#call, "value done");
    if (phase === "stream") {
      assertEquals(await this.#items!.next(), { done: false, value: "second" });
      assertEquals((await this.#items!.next()).done, true);
      assertEquals(this.#producer, "finished");
    }
    if (phase === "drain") {
      assertEquals(await this.#closing, "value");
      assertEquals((await this.#wire.closed).code, "closed");
    }
  }

  /** All that was under way has failed, once, with one code. */
  async checkFailed(phase: Phase, code: string): Promise<void> {
    assertEquals((await this.#wire.closed).code, code);
    assertEquals(this.#home.deaths, [code]);
    assertEquals((this.#wire.signal.reason as WireError).code, code);
    if (this.#call !== undefined) {
      assertEquals(await this.#call, `${code} maybeExecuted`);
      assertEquals(await this.#home.aborted, code);
    }
    if (phase === "stream") {
      let failed: string | undefined;
      fate(this.#items!.next()).then((fate) => failed = fate);
      await soon("the stream fails", () => failed !== undefined);
      assertEquals(failed, code);
      // Which is told to return, when it has produced what it is at.
      this.#more.resolve();
      await soon("the producer is told", () => this.#producer === "returned");
    }
    if (phase === "drain") assertEquals(await this.#closing, "value");
    const late = fate(this.#wire.remoteValue.engage(() => {}));
    assertEquals(await late, `${code} notSent`);
    const stats = this.#wire.stats();
    assertEquals({
      calls: [stats.callsPending, stats.callsWaiting, stats.callsRunning],
      objects: [stats.objectsExported, stats.objectsImported],
      streams: [stats.streamsReceiving, stats.streamsSending],
      bytes: [stats.memoryHeld, stats.outputWaiting],
    }, { calls: [0, 0, 0], objects: [0, 0], streams: [0, 0], bytes: [0, 0] });
  }

  async *#produce(): AsyncGenerator<string> {
    let end = "returned";
    try {
      yield "first";
      await this.#more.promise;
      yield "second";
      end = "finished";
    } finally {
      this.#producer = end;
    }
  }
}
