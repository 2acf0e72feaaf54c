/**
 * How a wire begins: each side says hello, and accepts the other.
 *
 * @module
 */

import { formatAddress, type WireAddress } from "./address.ts";
import type { Clock } from "./clock.ts";
import { malformed, WireError } from "./errors.ts";
import type { WireLimits } from "./limits.ts";
import {
  type Hello,
  HELLO_LIMITS,
  type PeerLimits,
  VERSION,
} from "./messages.ts";
import type { Outbound } from "./_outbound.ts";
import { sameText } from "./_same_text.ts";

/** What decides whether two ends get on. */
export interface OpeningOptions {
  readonly limits: Readonly<WireLimits>;
  readonly clock: Clock;
  readonly address: WireAddress;
  /** The secret to show. */
  readonly credential: string;
  /** The secret that the peer has to show. */
  readonly requireCredential: string | undefined;
  /** What to tell of the contract that is served here. */
  readonly contract: string;
  /** Throws when what the peer tells of its contract is not as expected. */
  readonly checkContract: (told: string) => void;
  /** Decides on the peer, once its hello came. */
  readonly confirm: () => boolean | Promise<boolean>;
  /** Called when this side has accepted the peer. */
  readonly onWelcome: () => void;
  /** Called when the wire has to end. */
  readonly onFailed: (error: unknown) => void;
}

/** The beginning of one wire. */
export class Opening {
  /** What the peer told of itself; undefined before its hello. */
  peer: PeerLimits | undefined;
  /** Whether this side accepted the peer. */
  welcome = false;
  /** Whether the peer accepted this side. */
  accepted = false;

  readonly #options: OpeningOptions;
  readonly #outbound: Outbound;
  readonly #opened = Promise.withResolvers<void>();
  readonly #stopTimer: () => void;
  #ended = false;

  /**
   * Says hello.
   *
   * @param outbound The way out.
   * @param options What to say, and what to ask for.
   */
  constructor(outbound: Outbound, options: OpeningOptions) {
    this.#outbound = outbound;
    this.#options = options;
    this.#opened.promise.catch(() => {});
    const { limits, clock, credential, contract } = options;
    outbound.output.send({
      kind: "hello",
      version: VERSION,
      features: 0,
      limits: Object.fromEntries(
        HELLO_LIMITS.map((name) => [name, limits[name]]),
      ) as PeerLimits,
      credential,
      contract,
    });
    this.#stopTimer = clock.after(
      limits.hello,
      () => options.onFailed(this.#lateness()),
    );
  }

  /** Resolves when both ends have accepted each other. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** The peer said hello. */
  hello(hello: Hello): void {
    if (this.peer !== undefined) throw malformed("A second hello came.");
    const peer = this.peer = hello.limits;
    if (hello.version !== VERSION) {
      throw new WireError(
        "unsupportedVersion",
        `The peer speaks version ${hello.version} of the protocol, this side ${VERSION}. Use the same major version of the module at both ends.`,
      );
    }
    const { requireCredential, confirm, onFailed } = this.#options;
    if (
      requireCredential !== undefined &&
      !sameText(hello.credential, requireCredential)
    ) {
      throw new WireError(
        "refused",
        "The peer did not show the credential that is required.",
      );
    }
    this.#outbound.limit(peer, peer.helloFrame, peer.message);
    this.#options.checkContract(hello.contract);
    const welcome = confirm();
    if (typeof welcome === "boolean") return this.#decide(welcome);
    welcome.then((welcome) => this.#decide(welcome), onFailed);
  }

  /** The peer accepted this side. */
  accept(): void {
    if (this.peer === undefined || this.accepted) {
      throw malformed("The peer accepted out of turn.");
    }
    this.accepted = true;
    this.#outbound.open(this.peer);
    this.#checkOpened();
  }

  /** The wire ended. */
  end(reason: WireError): void {
    this.#ended = true;
    this.#stopTimer();
    this.#opened.reject(reason);
  }

  #decide(welcome: boolean): void {
    if (this.#ended) return;
    const { onFailed, onWelcome } = this.#options;
    if (!welcome) {
      onFailed(new WireError("refused", "The connection was not accepted."));
      return;
    }
    this.welcome = true;
    onWelcome();
    this.#outbound.output.send({ kind: "accept" });
    this.#checkOpened();
  }

  #checkOpened(): void {
    if (!this.welcome || !this.accepted) return;
    this.#stopTimer();
    this.#opened.resolve();
  }

  #lateness(): WireError {
    const { address, limits } = this.#options;
    const missing = this.peer === undefined
      ? "the peer did not say hello"
      : this.accepted
      ? "this side has not accepted the peer"
      : "the peer has not accepted";
    return new WireError(
      "timeout",
      `The wire to ${
        formatAddress(address)
      } was not opened within ${limits.hello} ms: ${missing}.`,
    );
  }
}
