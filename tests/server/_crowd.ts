/**
 * Crowds at a server's door, from addresses that a test chooses.
 *
 * @module
 */

import net from "node:net";
import tls from "node:tls";
import {
  makeWire,
  type SocketLike,
  socketTransport,
  type Wire,
  type WireOptions,
} from "../../mod.ts";
import { CLIENT_TLS } from "../_transports.ts";

/** Where a crowd comes from. */
export const CROWD = "127.0.0.2";
/** Where others come from, as ordinary clients do. */
export const ELSEWHERE = "127.0.0.1";

/** Whether there is a second address to come from: on Linux there is. */
export const hasTwoAddresses: boolean = await mayComeFrom(CROWD);

async function mayComeFrom(address: string): Promise<boolean> {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  listener.accept().then((conn) => conn.close(), () => {});
  try {
    const socket = await connect(listener.addr.port, address);
    await closed(socket);
    return true;
  } catch {
    return false;
  }
}

/** Connects from an address. */
export function connect(port: number, from: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(
      { host: "127.0.0.1", port, localAddress: from },
      () => resolve(socket),
    );
    socket.once("error", reject);
    // It is read, so that its end is noticed.
    socket.on("data", () => {});
  });
}

async function closed(socket: net.Socket): Promise<void> {
  const isClosed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await isClosed;
}

/** Connections of a crowd, all closed by `using`. */
export class Crowd implements AsyncDisposable {
  readonly sockets: net.Socket[] = [];

  /**
   * Comes in numbers, from {@linkcode CROWD}.
   *
   * @param port Where to.
   * @param count How many.
   * @param says What each says at once.
   */
  async come(port: number, count: number, says?: Uint8Array): Promise<void> {
    const most = this.sockets.length + count;
    const bring = async () => {
      while (this.sockets.length < most) {
        const at = this.sockets.length;
        this.sockets.length++;
        const socket = await connect(port, CROWD);
        socket.on("error", () => {});
        this.sockets[at] = socket;
        if (says !== undefined) socket.write(says);
      }
    };
    await Promise.all(Array.from({ length: 20 }, bring));
  }

  /** How many the server has not closed. */
  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  /** Goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.sockets.map((socket) => socket.destroyed || closed(socket)),
    );
  }
}

/**
 * A wire of an ordinary client, from an address.
 *
 * @param port Where to.
 * @param from Where from.
 * @param options The wire's, and whether it speaks TLS.
 */
export async function wireFrom(
  port: number,
  from: string,
  { isTls = false, ...options }: WireOptions & { isTls?: boolean } = {},
): Promise<Wire> {
  const { socket, end } = await streamFrom(port, from, isTls);
  const transport = socketTransport(readable(socket, end), {
    transport: "tcp",
    hostname: "127.0.0.1",
    port,
  });
  const wire = makeWire(transport, {
    onError() {},
    limits: { hello: 2 ** 31 - 1 },
    ...options,
  });
  try {
    await wire.opened;
  } catch (error) {
    await wire.closed;
    throw error;
  }
  return wire;
}

/** A connection from an address, with TLS or without. */
export async function streamFrom(
  port: number,
  from: string,
  isTls = false,
): Promise<{ socket: net.Socket; end: () => void }> {
  const plain = net.connect({ host: "127.0.0.1", port, localAddress: from });
  plain.on("error", () => {});
  if (!isTls) return { socket: plain, end: () => plain.destroy() };
  const socket = tls.connect({
    socket: plain,
    ca: CLIENT_TLS.caCerts,
    servername: "localhost",
  });
  socket.on("error", () => {});
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("close", () => reject(new Error("TLS came to nothing")));
  });
  return {
    socket,
    end: () => {
      socket.destroy();
      plain.destroy();
    },
  };
}

/** A socket of Node as a wire reads and writes. */
function readable(socket: net.Socket, end: () => void): SocketLike {
  let chunks: Uint8Array[] = [];
  let wake = () => {};
  socket.on("data", (bytes: Uint8Array) => {
    chunks.push(bytes);
    wake();
  });
  socket.on("end", () => wake());
  socket.on("close", () => wake());
  return {
    async read(into) {
      while (chunks.length === 0) {
        if (socket.readableEnded || socket.destroyed) return null;
        await new Promise<void>((resolve) => wake = resolve);
      }
      const [first, ...others] = chunks as [Uint8Array];
      const part = first.subarray(0, into.length);
      into.set(part);
      chunks = part.length < first.length
        ? [first.subarray(part.length), ...others]
        : others;
      return part.length;
    },
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(
          bytes.slice(),
          (error) => error ? reject(error) : resolve(bytes.length),
        )
      ),
    closeWrite: () => new Promise((resolve) => socket.end(() => resolve())),
    close: end,
  };
}
