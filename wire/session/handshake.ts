/**
 * How a wire begins: each side says hello, and accepts the other.
 *
 * @module
 */

import { formatAddress, type WireAddress } from "../transport/transport.ts";
import { afterPatience, type Clock } from "../base/clock.ts";
import { malformed, WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import { type Hello, type PeerLimits, VERSION } from "../codec/messages.ts";
import type { Outbound } from "../rpc/outbound.ts";
import type { Report } from "../base/report.ts";
import { constantTimeEqual } from "../base/checks.ts";
import type { CredentialGate } from "./dialect.ts";

/** What decides whether two ends get on. */
export interface HandshakeOptions {
  readonly limits: Readonly<WireLimits>;
  readonly clock: Clock;
  readonly address: WireAddress;
  /** The secret to show. */
  readonly credential: string;
  /** The secret that the peer has to show. */
  readonly requireCredential: string | undefined;
  /** Whether to say hello only when the peer has, and has shown its secret. */
  readonly peerFirst?: boolean | undefined;
  /** Counts wrong secrets, where that is done. */
  readonly gate?: CredentialGate | undefined;
  /** What to tell of the contract that is served here. */
  readonly contract: string;
  /** Throws when what the peer tells of its contract is not as expected. */
  readonly checkContract: (told: string) => void;
  /** Decides on the peer, once its hello came. Only true lets it in. */
  readonly confirm: () => boolean | Promise<boolean>;
  /** Told what `confirm` throws. */
  readonly onError: Report;
  /** Called when this side has accepted the peer. */
  readonly onWelcome: () => void;
  /** Called when the wire has to end. */
  readonly onFailed: (error: unknown) => void;
}

/** What a wire needs until it is open, and forgets then. */
interface Pending {
  readonly options: HandshakeOptions;
  readonly outbound: Outbound;
  readonly resolve: () => void;
  readonly reject: (reason: WireError) => void;
  readonly stopTimer: () => void;
  /** What the peer told of itself, once it has said hello. */
  peer: PeerLimits | undefined;
}

/** The beginning of one wire. */
export class Handshake {
  /** Whether the peer said hello. */
  greeted = false;
  /** Whether this side accepted the peer. */
  welcome = false;
  /** Whether the peer accepted this side. */
  accepted = false;

  /** Resolves when both ends have accepted each other. */
  readonly opened: Promise<void>;

  #pending: Pending | undefined;

  /**
   * Says hello, unless the peer has to be first.
   *
   * @param outbound The way out.
   * @param options What to say, and what to ask for.
   */
  constructor(outbound: Outbound, options: HandshakeOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.opened = promise;
    promise.catch(() => {});
    const { limits, clock } = options;
    if (!options.peerFirst) sayHello(outbound, options);
    const stopTimer = afterPatience(
      clock,
      limits.hello,
      () => options.onFailed(this.#lateness(options)),
    );
    this.#pending = {
      options,
      outbound,
      resolve,
      reject,
      stopTimer,
      peer: undefined,
    };
  }

  /** The peer said hello. */
  hello(hello: Hello): void {
    if (this.greeted) throw malformed("A second hello came.");
    if (this.#pending === undefined) return;
    this.greeted = true;
    const peer = this.#pending.peer = hello.limits;
    if (hello.version !== VERSION) {
      throw new WireError(
        "unsupportedVersion",
        `The peer speaks version ${hello.version} of the protocol, this side ${VERSION}. Use the same major version of the module at both ends.`,
      );
    }
    const { options, outbound } = this.#pending;
    const { confirm, onFailed } = options;
    checkShown(hello.credential, options);
    if (options.peerFirst) sayHello(outbound, options);
    outbound.greet(peer);
    options.checkContract(hello.contract);
    const welcome = confirm();
    if (typeof welcome === "boolean") return this.#decide(welcome);
    welcome.then((welcome) => this.#decide(welcome)).catch(onFailed);
  }

  /** The peer accepted this side. */
  accept(): void {
    if (!this.greeted || this.accepted) {
      throw malformed("The peer accepted out of turn.");
    }
    this.accepted = true;
    const { outbound, peer } = this.#pending ?? {};
    if (peer !== undefined) outbound?.open(peer);
    this.#checkOpened();
  }

  /** The wire ended. */
  end(reason: WireError): void {
    this.#forget()?.reject(reason);
  }

  #forget(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.stopTimer();
    return pending;
  }

  #decide(welcome: boolean): void {
    if (this.#pending === undefined) return;
    const { options, outbound } = this.#pending;
    const { onFailed, onWelcome } = options;
    if (!welcome) {
      onFailed(new WireError("refused", "The connection was not accepted."));
      return;
    }
    this.welcome = true;
    onWelcome();
    outbound.output.send({ kind: "accept" });
    this.#checkOpened();
  }

  #checkOpened(): void {
    if (this.welcome && this.accepted) this.#forget()?.resolve();
  }

  #lateness({ address, limits }: HandshakeOptions): WireError {
    const missing = !this.greeted
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

function sayHello(
  { output }: Outbound,
  { limits, credential, contract }: HandshakeOptions,
): void {
  output.send({
    kind: "hello",
    version: VERSION,
    features: 0,
    limits,
    credential,
    contract,
  });
}

/** Refuses a peer that does not show the secret, or has guessed too often. */
function checkShown(
  shown: string,
  { requireCredential, gate }: HandshakeOptions,
): void {
  if (requireCredential === undefined) return;
  const refusal = gate?.refusal();
  if (refusal !== undefined) throw refusal;
  if (constantTimeEqual(shown, requireCredential)) return;
  gate?.failed(shown);
  throw new WireError(
    "refused",
    "The credential is missing or wrong.",
  );
}
