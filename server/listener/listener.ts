/**
 * The listener that a server runs which was given no function: it evaluates
 * what its clients send.
 *
 * @module
 */

import {
  formatAddress,
  type WireAddress,
} from "../../wire/transport/transport.ts";
import { systemClock } from "../../wire/base/clock.ts";
import { WireError } from "../../wire/base/errors.ts";
import type { LineStream } from "../../wire/lines/line_stream.ts";
import type { ServerProcess } from "../server_process.ts";
import { Attempts } from "../_guesses.ts";
import { networkOf } from "../_arrival.ts";
import type { ListenerLimits, SessionCommand } from "./options.ts";
import { looksLikeHttp, parseName, sameSecret } from "./introduction.ts";
import { Session } from "./session.ts";

/** What a listener is made with. */
export interface ListenerInit {
  /** The secret that clients have to know. */
  readonly credential: string | undefined;
  /** All limits. */
  readonly limits: Readonly<ListenerLimits>;
  /** How sessions are started. */
  readonly command: SessionCommand;
}

/** Serves connections, and counts them. */
export class Listener {
  readonly #credential: string | undefined;
  readonly #limits: Readonly<ListenerLimits>;
  readonly #command: SessionCommand;
  readonly #attempts: Attempts;
  #strangers = 0;
  #sessions = 0;

  /** @param init What it allows. */
  constructor(init: ListenerInit) {
    this.#credential = init.credential;
    this.#limits = init.limits;
    this.#command = init.command;
    this.#attempts = new Attempts(systemClock, this.#limits);
  }

  /**
   * Serves a connection until it ends.
   *
   * @param stream The connection.
   * @param process Gets the name that the client sends.
   */
  async serve(stream: LineStream, process: ServerProcess): Promise<void> {
    const limits = this.#limits;
    const refusal = this.#refusal(stream.address);
    if (refusal !== undefined) return await turnAway(stream, refusal);
    this.#strangers++;
    let name: string | undefined;
    try {
      name = await this.#meet(stream);
    } finally {
      this.#strangers--;
    }
    if (name === undefined) return;
    if (this.#sessions >= limits.sessions) {
      return await turnAway(
        stream,
        `There are ${limits.sessions} sessions already. Try later`,
      );
    }
    process.name = name;
    this.#sessions++;
    try {
      const command = this.#command;
      await new Session({ stream, name, command, limits }).run();
    } catch (error) {
      // A client may leave without a word.
      if (!(error instanceof WireError) || error.code !== "connectionLost") {
        throw error;
      }
    } finally {
      this.#sessions--;
    }
  }

  /** Why a connection is turned away before it has said a word. */
  #refusal(address: WireAddress): string | undefined {
    if (this.#attempts.wait(networkOf(address)) > 0) return TOO_MANY;
    if (this.#strangers < this.#limits.strangers) return undefined;
    return "Too many clients have not said yet who they are. Try later";
  }

  /** Learns the client's name; undefined if it was turned away. */
  async #meet(stream: LineStream): Promise<string | undefined> {
    const { introduction } = this.#limits;
    const timer = setTimeout(
      () =>
        stream.abort(
          new WireError(
            "timeout",
            `${
              formatAddress(stream.address)
            } did not say within ${introduction} ms who it is.`,
          ),
        ),
      introduction,
    );
    try {
      return await this.#converse(stream);
    } finally {
      clearTimeout(timer);
    }
  }

  async #converse(stream: LineStream): Promise<string | undefined> {
    const most = this.#limits.introductionBytes;
    stream.write(
      '; This is a listener. Send a string to name your process, such as "alice".\nname> ',
    );
    const first = await stream.readLine({ maxLength: most });
    if (first === null) return undefined;
    const name = parseName(first);
    if (name === undefined) {
      // A browser gets nothing that a page could make use of.
      if (looksLikeHttp(first)) stream.abort();
      else await turnAway(stream, NO_NAME);
      return undefined;
    }
    if (this.#credential === undefined) return name;
    stream.write("credential> ");
    const maxLength = Math.max(1, most - first.length);
    const given = await stream.readLine({ maxLength });
    if (given === null) return undefined;
    const problem = await this.#checkCredential(stream, given);
    if (problem === undefined) return name;
    await turnAway(stream, problem);
    return undefined;
  }

  /** Takes an attempt first, so that many at once are no more than many. */
  async #checkCredential(
    stream: LineStream,
    given: string,
  ): Promise<string | undefined> {
    const network = networkOf(stream.address);
    if (!this.#attempts.take(network)) return TOO_MANY;
    if (!await sameSecret(this.#credential!, given)) {
      return "That is not the credential";
    }
    this.#attempts.giveBack(network);
    return undefined;
  }
}

const NO_NAME =
  'That is no name. It is a string in quotes such as "alice", or a single word';
const TOO_MANY = "Too many attempts failed. Try later";

async function turnAway(stream: LineStream, reason: string): Promise<void> {
  stream.write(`; ${reason}.\n`);
  await stream.close();
}
