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
import { Attempts, networkOf, Seats } from "../_admission.ts";
import type { Tally } from "../_listen.ts";
import type { ListenerLimits, SessionCommand } from "./options.ts";
import { looksLikeHttp, parseName, sameSecret } from "./introduction.ts";
import { Session } from "./session.ts";

/** What a listener is made with. */
export interface ListenerInit {
  /** The secrets of which clients have to know one. */
  readonly secrets: readonly string[] | undefined;
  /** Told of clients that did not. */
  readonly onRefused: (reason: WireError, address: WireAddress) => void;
  /** All limits. */
  readonly limits: Readonly<ListenerLimits>;
  /** How sessions are started. */
  readonly command: SessionCommand;
  /** Told of troubles, by kind. */
  readonly note: Tally["add"];
}

/** A client that has not shown yet who it is. */
interface Stranger {
  readonly stream: LineStream;
  /** How many lines it has sent. */
  lines: number;
}

/** Serves connections, and counts them. */
export class Listener {
  readonly #init: ListenerInit;
  readonly #attempts: Attempts;
  readonly #strangers: Seats<Stranger>;
  readonly #sessions: Seats<Session>;

  /** @param init What it allows. */
  constructor(init: ListenerInit) {
    this.#init = init;
    const { strangers, sessions, yieldAfter } = init.limits;
    this.#attempts = new Attempts(systemClock, init.limits);
    this.#strangers = new Seats({
      most: strangers,
      perNetwork: strangers,
      yieldAfter: 0,
      activity: ({ lines }) => lines,
      end: ({ stream }) => {
        this.#refused("strangers", stream, (count) =>
          new WireError(
            "busy",
            `${
              counted(count)
            } had to go for others before saying who it was (the limit "strangers").`,
          ));
        turnAway(stream, "Others wait, and nothing came. Try again");
      },
    });
    this.#sessions = new Seats({
      most: sessions,
      perNetwork: sessions,
      yieldAfter,
      // Who has had something evaluated has something to lose.
      activity: (session) => session.hasBegun ? undefined : 0,
      end: (session) => {
        init.note("sessions", (count) =>
          new WireError(
            "busy",
            `${
              counted(count)
            } had to go for others before its first input (the limit "sessions").`,
          ));
        session.giveWay();
      },
    });
  }

  /**
   * Serves a connection until it ends.
   *
   * @param stream The connection.
   * @param process Gets the name that the client sends.
   */
  async serve(stream: LineStream, process: ServerProcess): Promise<void> {
    const network = networkOf(stream.address);
    if (this.#attempts.wait(network) > 0) {
      this.#noteGuesses(stream);
      return await turnAway(stream, TOO_MANY);
    }
    if (!this.#strangers.makeRoom(network)) {
      return await turnAway(stream, "Too many clients come at once. Try later");
    }
    const stranger = { stream, lines: 0 };
    this.#strangers.take(stranger, network);
    let name: string | undefined;
    try {
      name = await this.#identify(stranger);
    } finally {
      this.#strangers.leave(stranger);
    }
    if (name === undefined) return;
    const { limits, command } = this.#init;
    if (!this.#sessions.makeRoom(network)) {
      return await turnAway(
        stream,
        `There are ${limits.sessions} sessions already. Try later`,
      );
    }
    process.name = name;
    const session = new Session({ stream, name, command, limits });
    this.#sessions.take(session, network);
    try {
      await session.run();
    } catch (error) {
      // A client may close without a word.
      if (!(error instanceof WireError) || error.code !== "connectionLost") {
        throw error;
      }
    } finally {
      this.#sessions.leave(session);
    }
  }

  /** Learns the client's name; undefined if it was turned away. */
  async #identify(stranger: Stranger): Promise<string | undefined> {
    const { stream } = stranger;
    const { introduction } = this.#init.limits;
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
      return await this.#converse(stranger);
    } finally {
      clearTimeout(timer);
    }
  }

  async #converse(stranger: Stranger): Promise<string | undefined> {
    const { stream } = stranger;
    const most = this.#init.limits.introductionBytes;
    stream.write(
      '; This is a listener. Send a string to name your process, such as "alice".\nname> ',
    );
    const first = await stream.readLine({ maxLength: most });
    if (first === null) return undefined;
    stranger.lines++;
    const name = parseName(first);
    if (name === undefined) {
      // A browser gets nothing that a page could make use of.
      if (looksLikeHttp(first)) stream.abort();
      else await turnAway(stream, NO_NAME);
      return undefined;
    }
    if (this.#init.secrets === undefined) return name;
    stream.write("credential> ");
    const maxLength = Math.max(1, most - first.length);
    const given = await stream.readLine({ maxLength });
    if (given === null) return undefined;
    stranger.lines++;
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
    if (!this.#attempts.take(network)) {
      this.#noteGuesses(stream);
      return TOO_MANY;
    }
    const same = await Promise.all(
      this.#init.secrets!.map((each) => sameSecret(each, given)),
    );
    if (!same.includes(true)) {
      const { address } = stream;
      this.#refused("credential", stream, (count) =>
        new WireError(
          "refused",
          `${counted(count)} showed a wrong credential. The last came from ${
            formatAddress(address)
          }.`,
        ));
      return "That is not the credential";
    }
    this.#attempts.refund(network);
    return undefined;
  }

  #noteGuesses(stream: LineStream): void {
    const { attempts, attemptEvery } = this.#init.limits;
    this.#refused("guesses", stream, (count) =>
      new WireError(
        "busy",
        `${
          counted(count)
        } had to go unheard: too many wrong credentials came from their addresses. An address has ${attempts} at once, and one more after ${attemptEvery} ms (the limits "attempts" and "attemptEvery").`,
      ));
  }

  #refused(
    kind: string,
    { address }: LineStream,
    make: (count: number) => WireError,
  ): void {
    this.#init.note(kind, make);
    this.#init.onRefused(make(1), address);
  }
}

function counted(count: number): string {
  return count === 1 ? "A client" : `${count} clients`;
}

const NO_NAME =
  'That is no name. It is a string in quotes such as "alice", or a single word';
const TOO_MANY = "Too many attempts failed. Try later";

async function turnAway(stream: LineStream, reason: string): Promise<void> {
  stream.write(`; ${reason}.\n`);
  await stream.close();
}
