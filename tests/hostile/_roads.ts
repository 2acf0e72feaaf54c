/**
 * The ways to a victim: connections to its servers, and servers of one's own
 * that its clients come to.
 *
 * @module
 */

import type { Road } from "./_attack.ts";
import { HostilePeer } from "./_peer.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";
import type { Door } from "./_victim.ts";
import type { Victim } from "./_victim_process.ts";

const HOSTNAME = "127.0.0.1";

/** Which of a victim's servers a road leads to; undefined for its clients. */
export function doorOf(road: Road): Door | undefined {
  if (road.startsWith("client")) return undefined;
  return road.replace("bare ", "") as Door;
}

/** All ways to one victim. */
export class Roads {
  readonly #victim: Victim;
  #lures = 0;

  /** @param victim The victim. */
  constructor(victim: Victim) {
    this.#victim = victim;
  }

  /** A connection by which an attacker says what it likes. */
  async connect(road: Road): Promise<HostilePeer> {
    if (road.startsWith("client")) return await this.#lure(road);
    return new HostilePeer(await this.open(road), road);
  }

  /** The connection alone. */
  async open(road: Road): Promise<Deno.Conn> {
    const { ports, path } = this.#victim;
    if (road === "unix") return await Deno.connect({ transport: "unix", path });
    const port = ports[doorOf(road)!]!;
    const address = { hostname: HOSTNAME, port };
    if (road !== "tls" && road !== "lines tls") {
      const conn = await Deno.connect(address);
      conn.setNoDelay(true);
      return conn;
    }
    const conn = await Deno.connectTls({ ...address, ...CLIENT_TLS });
    await conn.handshake();
    return conn;
  }

  /** Has a client of the victim's come. */
  async #lure(road: Road): Promise<HostilePeer> {
    using listener = this.#listen(road);
    const { addr } = listener;
    const port = "port" in addr ? addr.port : 0;
    const path = "path" in addr ? addr.path : "";
    const door = road.slice("client ".length).replace("bare ", "") as Door;
    const dialled = door === "lines"
      ? this.#victim.ask.read(door, port)
      : this.#victim.ask.dial(door, port, path);
    // Who awaits it learns.
    dialled.catch(() => {});
    const conn = await listener.accept();
    if (road === "client tls") await (conn as Deno.TlsConn).handshake();
    return new HostilePeer(conn, road, dialled);
  }

  #listen(road: Road): Deno.Listener<Deno.Conn> {
    const address = { hostname: HOSTNAME, port: 0 };
    if (road === "client tls") {
      return Deno.listenTls({ ...address, ...SERVER_TLS });
    }
    if (road === "client unix") {
      const path = `${this.#victim.folder}/lure_${this.#lures++}.sock`;
      return Deno.listen({ transport: "unix", path });
    }
    return Deno.listen(address);
  }
}
