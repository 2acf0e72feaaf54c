/**
 * A peer that counts what its messages cost, and what credit comes for them.
 *
 * @module
 */

import { ByteWriter } from "../../wire/codec/bytes.ts";
import { Encoder } from "../../wire/codec/codec.ts";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import type { Channel, Message } from "../../wire/codec/messages.ts";
import type { WireOptions } from "../../wire/wire.ts";
import { settle } from "../_fake_clock.ts";
import { framedBy, RawPeer } from "../_raw_peer.ts";
import { RAW } from "../_raw_values.ts";

/** What a message counts for beyond its bytes, as docs/protocol.md has it. */
const MESSAGE_OVERHEAD = 64;
/** The length that is in front of a frame. */
const HEADER = 4;

/** A peer that keeps books. */
export class CountingPeer extends RawPeer {
  /** What was sent counts for so much. */
  spent = 0;
  /** So much credit came. */
  told = 0;
  readonly #encoder = new Encoder(new ByteWriter(), DEFAULT_LIMITS, {
    exporter: RAW,
  });

  /** @param options What the wire is made with. */
  constructor(options: WireOptions) {
    super(options);
  }

  /** Says a message that counts, and those that define its names. */
  async spend(message: Message): Promise<void> {
    const both = framedBy(this.#encoder, message);
    const alone = framedBy(this.#encoder, message);
    await this.say(both);
    this.spent += alone.length - HEADER + MESSAGE_OVERHEAD;
  }

  /** Says one plain one-way call, as a row of one. */
  async spendPlain(name: string, ...args: unknown[]): Promise<void> {
    const { writer, tables, plainWriter } = this.#encoder;
    writer.position = 0;
    tables.name(name);
    if (tables.hasFresh) this.#encoder.define(0);
    const size = plainWriter.send(name, args);
    if (size === 0) throw new Error(`"${name}" is not plain.`);
    await this.say(writer.written().slice());
    this.spent += size + MESSAGE_OVERHEAD;
  }

  /** Hears all credit that was told so far. */
  async collect(channel: Channel): Promise<void> {
    await settle();
    await this.tell({ kind: "ping", token: 7 });
    for (;;) {
      const heard = await this.hear("credit", "pong");
      if (heard?.kind !== "credit") return;
      if (heard.channel === channel) this.told += heard.amount;
    }
  }
}
