/**
 * A connection that goes through this process, where it can be cut.
 *
 * @module
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import {
  dial,
  listen,
  type Place,
  placeOf,
  type Transport,
} from "./_places.ts";

/** One end of a connection, as a cable has it. */
interface End {
  /** Reads so many bytes at most, if that can be said; null is the end. */
  read(most: number): Promise<Uint8Array | null>;
  write(bytes: Uint8Array): Promise<void>;
  /** Sends the end of the stream, and nothing else. */
  finish(): Promise<void>;
  /** Closes it. TCP is reset; so is a Unix socket that has something unread. */
  close(): void;
}

const HOSTNAME = "127.0.0.1";
const MOST = 65_536;

/**
 * Passes bytes on between one end that lives on, the survivor, and its peer.
 * TLS goes through it as it is: what is cut is the TCP below.
 */
export class Cable implements Disposable {
  /** Where the one who connects finds the other. */
  readonly place: Place;
  readonly #door: Door;
  readonly #survivor = Promise.withResolvers<End>();
  readonly #ends: End[] = [];
  readonly #sipped = Promise.withResolvers<void>();
  readonly #left = Promise.withResolvers<void>();
  #sips = false;

  private constructor(
    door: Door,
    dialled: () => Promise<End>,
    survives: "client" | "server",
  ) {
    this.#door = door;
    this.place = door.place;
    // Whoever does not connect is noticed by the one who waits for it.
    this.#run(dialled, survives).catch(() => {});
  }

  /**
   * Lays one.
   *
   * @param transport The transport; TLS is carried by TCP.
   * @param target Who listens.
   * @param path Where the cable listens, if that is a Unix socket.
   * @param survives Who lives on: the end that connects, or that which listens.
   */
  static async lay(
    transport: Transport,
    target: Place,
    path: string,
    survives: "client" | "server",
  ): Promise<Cable> {
    return transport === "unix"
      ? new Cable(
        unixDoor(path),
        async () => unixEnd(await dial("unix", target)),
        survives,
      )
      : new Cable(
        await tcpDoor(),
        async () => {
          const socket = connect(target.port, HOSTNAME);
          await once(socket, "connect");
          return tcpEnd(socket);
        },
        survives,
      );
  }

  /**
   * From now on, one byte is read of what the survivor says next, and no more,
   * where bytes that are left unread are what resets a connection.
   */
  sip(): void {
    this.#sips = true;
  }

  /** Resolves when that byte was read. */
  get sipped(): Promise<void> {
    return this.#sipped.promise;
  }

  /** Closes both connections, which resets that of the survivor. */
  cut(): void {
    for (const end of this.#ends.splice(0)) end.close();
  }

  /** Tells the survivor, which is to close its side, that nothing will come. */
  async finish(): Promise<void> {
    await (await this.#survivor.promise).finish();
    await this.#left.promise;
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#door.close();
  }

  async #run(
    dialled: () => Promise<End>,
    survives: "client" | "server",
  ): Promise<void> {
    const client = await this.#door.accepted;
    this.#ends.push(client);
    const server = await dialled();
    this.#ends.push(server);
    const [survivor, peer] = survives === "client"
      ? [client, server]
      : [server, client];
    this.#survivor.resolve(survivor);
    await Promise.all([
      this.#pass(survivor, peer, true).finally(this.#left.resolve),
      this.#pass(peer, survivor, false),
    ]);
  }

  async #pass(from: End, to: End, isSurvivor: boolean): Promise<void> {
    for (;;) {
      const sips = isSurvivor && this.#sips;
      const bytes = await from.read(sips ? 1 : MOST);
      if (bytes === null) return;
      if (sips) return this.#sipped.resolve();
      await to.write(bytes);
    }
  }
}

/** Where one connection is accepted. */
interface Door {
  readonly place: Place;
  readonly accepted: Promise<End>;
  close(): void;
}

function unixDoor(path: string): Door {
  const listener = listen("unix", path);
  return {
    place: placeOf(listener),
    accepted: listener.accept().then(unixEnd),
    close: () => listener.close(),
  };
}

function unixEnd(conn: Deno.Conn): End {
  return {
    async read(most) {
      const bytes = new Uint8Array(most);
      const count = await conn.read(bytes);
      return count === null ? null : bytes.subarray(0, count);
    },
    async write(bytes) {
      for (let sent = 0; sent < bytes.length;) {
        sent += await conn.write(bytes.subarray(sent));
      }
    },
    finish: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

// Deno's own sockets say that they are at their end before they are closed, so
// that nobody sees a reset. Node's can do without.

async function tcpDoor(): Promise<Door> {
  const accepted = Promise.withResolvers<End>();
  const server: Server = createServer(
    { allowHalfOpen: true },
    (socket) => accepted.resolve(tcpEnd(socket)),
  ).listen(0, HOSTNAME);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    place: { port, path: "" },
    accepted: accepted.promise,
    close: () => void server.close(),
  };
}

function tcpEnd(socket: Socket): End {
  const chunks = socket[Symbol.asyncIterator]();
  socket.on("error", () => {});
  return {
    read: async () => (await chunks.next()).value ?? null,
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(bytes, (error) => error ? reject(error) : resolve())
      ),
    finish: () => new Promise((resolve) => socket.end(resolve)),
    close: () => void socket.resetAndDestroy(),
  };
}
