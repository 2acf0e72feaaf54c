/**
 * The process at the other end of a wire, which is killed or stopped. What it
 * is asked for comes over its standard input.
 *
 * @module
 */

import "../_patience.ts";
import {
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  type Wire,
  WireError,
} from "../../mod.ts";
import { streamTransport } from "../../wire/mod.ts";
import { framed, hello } from "../_raw_peer.ts";
import { PEER_FUNCTIONS } from "./_functions.ts";
import {
  connecting,
  dial,
  listen,
  type Place,
  placeOf,
  serving,
  type Transport,
} from "./_places.ts";

/** What a test asks of the process. */
export interface PeerControl {
  /** Makes a server; resolves with its place. */
  serve(transport: Transport, path: string): Place;
  /** Connects to a survivor, and resolves when there is a wire. */
  connect(transport: Transport, place: Place): void;
  /** Makes a server that says half a hello to its only client. */
  stammer(transport: Transport, path: string): Place;
  /** Connects to a survivor, and says half a hello. */
  mumble(transport: Transport, place: Place): void;
  /**
   * Resolves when half a hello was said; of a client, the survivor's has begun
   * as well, where a server waits for all of its client's.
   */
  met(): boolean;
  /** Says the other half, and accepts. */
  finishHello(): void;
  /** Resolves with the code that its wire or half a wire ended with. */
  ended(): string;
  /** Ends what there is. */
  clear(): void;
}

const HELLO = framed(hello(), { kind: "accept" });
const HALF = 10;
/** A survivor on a machine that has much else to do may be silent for long. */
const limits = { keepaliveIdle: 600_000 };
const options = { functions: PEER_FUNCTIONS, limits, onError() {} };

/** What there is for one test. */
let things = new AsyncDisposableStack();
let ended = Promise.withResolvers<string>();
let met = Promise.withResolvers<boolean>();
let half: Deno.Conn | undefined;

function keep(wire: Wire): void {
  wire.onDeath(({ code }) => ended.resolve(code));
  things.defer(async () => {
    wire.abort();
    await wire.closed;
  });
}

/**
 * Says half a hello, and listens until the survivor is gone.
 *
 * @param conn The connection.
 * @param isHeard Whether the survivor says something before it has the rest.
 */
async function sayHalf(conn: Deno.Conn, isHeard: boolean): Promise<void> {
  half = conn;
  things.defer(() => conn.close());
  try {
    await conn.write(HELLO.subarray(0, HALF));
    if (!isHeard) met.resolve(true);
    const heard = new Uint8Array(1024);
    while (await conn.read(heard) !== null) met.resolve(true);
    ended.resolve("end of stream");
  } catch (error) {
    ended.resolve(String(error));
  }
}

const control = {
  serve(transport: Transport, path: string): Place {
    const server = createRequestServer(0, (wire) => {
      keep(wire);
      return true;
    }, { ...options, ...serving(transport, path) });
    things.defer(() => server.destroy());
    return { port: server.port, path };
  },
  async connect(transport: Transport, place: Place): Promise<void> {
    keep(
      await connectToRemoteServer("127.0.0.1", place.port, null, {
        ...options,
        ...connecting(transport, place),
      }),
    );
  },
  stammer(transport: Transport, path: string): Place {
    const listener = listen(transport, path);
    things.defer(() => listener.close());
    listener.accept().then(
      (conn) => sayHalf(conn, true),
      (error) => ended.resolve(String(error)),
    );
    return placeOf(listener);
  },
  mumble(transport: Transport, place: Place): void {
    dial(transport, place).then(
      (conn) => sayHalf(conn, false),
      (error) => ended.resolve(String(error)),
    );
  },
  met: () => met.promise,
  async finishHello(): Promise<void> {
    await half!.write(HELLO.subarray(HALF));
  },
  ended: () => ended.promise,
  async clear(): Promise<void> {
    await things.disposeAsync().catch((error) => {
      if (!(error instanceof WireError)) ended.resolve(String(error));
    });
    things = new AsyncDisposableStack();
    ended = Promise.withResolvers();
    met = Promise.withResolvers();
  },
};

const { readable } = Deno.stdin;
const { writable } = Deno.stdout;
makeWire(streamTransport({ readable, writable }), {
  functions: control,
  limits,
  onDeath: () => Deno.exit(0),
});
