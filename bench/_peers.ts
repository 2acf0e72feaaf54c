/**
 * The peer processes of a run: one for the raw loop and the wires, and one for
 * each other contestant that is measured, started when it is first needed.
 *
 * @module
 */

import { type Peer, startPeer } from "./_peer.ts";
import type { Ports } from "./server.ts";
import type { Contestant } from "./_workload.ts";

/** A peer with the one port on which a contestant listens. */
interface ContestantPeer extends Peer<{ readonly port: number }> {}

/** The peer processes. */
export class Peers implements AsyncDisposable {
  /** That of the raw loop and the wires. */
  readonly main: Peer<Ports>;
  readonly #others = new Map<string, ContestantPeer>();

  private constructor(main: Peer<Ports>) {
    this.main = main;
  }

  /**
   * Starts the first peer.
   *
   * @returns The peers.
   */
  static async start(): Promise<Peers> {
    return new Peers(await startPeer<Ports>("./server.ts"));
  }

  /** All processes. */
  get pids(): number[] {
    return [this.main, ...this.#others.values()].map(({ pid }) => pid);
  }

  /**
   * Starts the peer of a contestant, unless it runs.
   *
   * @param contestant The contestant.
   * @returns The port on which it listens.
   */
  async portOf(contestant: Contestant): Promise<number> {
    if (contestant.serve === undefined) return this.main.ports.wire;
    let peer = this.#others.get(contestant.name);
    if (peer === undefined) {
      peer = await startContestant(contestant);
      this.#others.set(contestant.name, peer);
    }
    return peer.ports.port;
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of [this.main, ...this.#others.values()]) {
      await peer[Symbol.asyncDispose]();
    }
  }
}

/**
 * Starts a peer that serves nothing but a contestant.
 *
 * @param contestant One that has a server of its own.
 * @returns The peer.
 */
export function startContestant(
  { name }: Contestant,
): Promise<ContestantPeer> {
  return startPeer("./contestants/_serve.ts", name);
}
