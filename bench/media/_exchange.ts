/**
 * What a wire over a medium is measured against: the bytes of 256 calls in as
 * few messages or writes as the medium takes, and then those of their answers,
 * which nobody looks at.
 *
 * @module
 */

import type { Traffic } from "../_raw.ts";

/** Takes bytes to the other end. */
export type Send = (bytes: Uint8Array<ArrayBuffer>) => unknown;

/** The near end: sends requests and waits for as many bytes of answers. */
export class Requests {
  readonly #send: Send;
  readonly #most: number;
  #request = new Uint8Array(0);
  #answer = 0;
  #left = 0;
  #resolve: () => void = () => {};

  /**
   * @param send Takes bytes to {@linkcode Answers.take}.
   * @param most How many bytes it takes at once.
   */
  constructor(send: Send, most = Infinity) {
    this.#send = send;
    this.#most = most;
  }

  /**
   * Tells the other end what is to be exchanged.
   *
   * @param traffic How many bytes all requests have, and all answers.
   */
  async open({ sent, received }: Traffic): Promise<void> {
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, sent);
    header.setUint32(4, received);
    this.#request = new Uint8Array(header.buffer);
    this.#answer = 1;
    await this.exchange();
    this.#request = new Uint8Array(sent);
    this.#answer = received;
  }

  /** Sends the requests; resolves when all bytes of the answers have come. */
  exchange(): Promise<void> {
    this.#left = this.#answer;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      for (let at = 0; at < this.#request.length; at += this.#most) {
        this.#send(this.#request.subarray(at, at + this.#most));
      }
    });
  }

  /** So many bytes came from the other end. */
  came(count: number): void {
    this.#left -= count;
    if (this.#left <= 0) this.#resolve();
  }
}

/**
 * The far end of {@linkcode Requests}: answers what comes at once, with as many
 * bytes as are due by then.
 */
export class Answers {
  readonly #send: Send;
  #request = 0;
  #answer = new Uint8Array(0);
  #came = 0;
  #sent = 0;

  /** @param send Takes bytes to {@linkcode Requests.came}. */
  constructor(send: Send) {
    this.#send = send;
  }

  /** Bytes came from the near end. */
  take(bytes: Uint8Array): void {
    if (this.#request === 0) {
      const header = new DataView(bytes.buffer, bytes.byteOffset);
      this.#request = header.getUint32(0);
      this.#answer = new Uint8Array(header.getUint32(4));
      this.#send(new Uint8Array(1));
      return;
    }
    this.#came += bytes.length;
    const { length } = this.#answer;
    const due = Math.floor(this.#came * length / this.#request) - this.#sent;
    this.#sent += due;
    this.#send(this.#answer.subarray(0, due));
    if (this.#came >= this.#request) {
      this.#came -= this.#request;
      this.#sent -= length;
    }
  }
}
