/**
 * A hostile peer on a real socket, which reads in the background whatever
 * comes, so that its victim never waits for it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { socketTransport } from "../../wire/mod.ts";
import {
  KIND,
  type Message,
  type PeerLimits,
} from "../../wire/codec/messages.ts";
import { frame, hello, RawEnd } from "../_raw_peer.ts";
import type { Road } from "./_attack.ts";
import { type Bytes, join, rawCall, uint32, utf8 } from "./_bytes.ts";
import type { Dialled } from "./_victim.ts";

/** What a call is answered with. */
export type Answer = Extract<
  Message,
  { kind: "return" } | { kind: "throw" } | { kind: "fail" }
>;

/** An id that no attack uses. */
const LAST_ID = 0x7777;
const READ = 64 * 1024;

/** Whether no messages of this protocol come by a road. */
export function isForeign(road: Road): boolean {
  return /bare|cmucl|lines|listener/.test(road);
}

/** The attacker's end of a connection. */
export class HostilePeer extends RawEnd {
  /** How it came. */
  readonly road: Road;
  /** The connection itself. */
  readonly conn: Deno.Conn;
  /** How it went, where a client was lured. */
  readonly dialled: Promise<Dialled> | undefined;

  /**
   * @param conn The connection.
   * @param road How it came.
   * @param dialled How it goes, where a client was lured.
   */
  constructor(conn: Deno.Conn, road: Road, dialled?: Promise<Dialled>) {
    super(socketTransport(conn, { transport: "memory" }));
    this.conn = conn;
    this.road = road;
    this.dialled = dialled;
  }

  /** Reads in the background from now on. */
  listen(): void {
    const listen = async () => {
      while (!this.isClosed) await this.read();
    };
    listen();
  }

  /** Hears bytes, as they are; null at the end, however that came. */
  async hearBytes(): Promise<Bytes | null> {
    const buffer = new Uint8Array(READ);
    const count = await this.conn.read(buffer).catch(() => null);
    return count === null ? null : buffer.slice(0, count);
  }

  /** Hears bytes until the end. */
  async hearAllBytes(): Promise<Bytes> {
    const all: Bytes[] = [];
    for (let some; (some = await this.hearBytes()) !== null;) all.push(some);
    return join(...all);
  }

  /** Hears bytes until they hold some that are expected. */
  async hearUntil(expected: Uint8Array): Promise<void> {
    let held = new Uint8Array(0);
    while (!Buffer.from(held.buffer).includes(Buffer.from(expected))) {
      const some = await this.hearBytes();
      if (some === null) {
        throw new Error(`The stream ended: ${new TextDecoder().decode(held)}`);
      }
      held = join(held.subarray(-READ), some);
    }
  }

  /** Says hello and accepts; resolves when it is accepted, too. */
  async open(changes: Partial<PeerLimits> = {}): Promise<void> {
    await this.tell(hello(changes), { kind: "accept" });
    const accepted = await this.hear("accept", "abort");
    assertEquals(accepted?.kind, "accept", "It was not accepted.");
  }

  /** The answer to a call. What else comes meanwhile is ignored. */
  async answer(id: number): Promise<Answer> {
    for (;;) {
      const heard = await this.hear("return", "throw", "fail", "abort");
      if (heard === undefined) throw new Error("The wire ended.");
      if (heard.kind === "abort") {
        throw new Error(`The wire ended: ${heard.code}: ${heard.message}`);
      }
      if (heard.id === id) return heard;
    }
  }

  /** The value that a call is answered with. */
  async value(id: number): Promise<unknown> {
    const heard = await this.answer(id);
    if (heard.kind === "return") return heard.value;
    throw new Error(`The call ${id} failed: ${JSON.stringify(heard)}`);
  }

  /** The code with which a call fails. */
  async failure(id: number): Promise<string> {
    const heard = await this.answer(id);
    if (heard.kind === "fail") return heard.code;
    throw new Error(`The call ${id} did not fail: ${JSON.stringify(heard)}`);
  }

  /** Whether the wire lives: it answers a call that no table matters to. */
  async checkAlive(): Promise<void> {
    await this.say(rawCall(LAST_ID, "echo", [0x80 + 5, ...utf8("alive")]));
    const heard = await this.answer(LAST_ID);
    assertEquals(heard, { kind: "return", id: LAST_ID, value: "alive" });
  }

  /** Pings; resolves when all that was said before is dealt with. */
  async sync(token = 0x5ca1ab1e): Promise<void> {
    await this.say(frame(KIND.ping, ...uint32(token)));
    for (;;) {
      const heard = await this.hear("pong", "abort") as Message | undefined;
      if (heard?.kind === "pong" && heard.token !== token) continue;
      assertEquals(heard?.kind, "pong");
      return;
    }
  }
}
