/**
 * The process that lives on: a server, somebody who is served by it all the
 * while, and what may not be left behind.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  connectToRemoteServer,
  createRequestServer,
  type RequestServer,
  type Wire,
  type WireError,
} from "../../mod.ts";
import { socketsAt } from "../_descriptors.ts";
import { countTimers } from "../_live_timers.ts";
import { takeTime } from "../_time_travel.ts";
import { connecting, type Place, serving, type Transport } from "./_places.ts";

/** So much time passes at once: no process takes itself for busy. */
const STEP = 200;
/** The longest that any limit takes here, in milliseconds that pass so. */
const LONGEST = 200_000;
/** More than any limit of a wire. */
const BLOCK = 60_000;
/** So often that limits which are waited for in parts would be over. */
const BLOCKS = 5;
/** How often something is looked for that has to come, a few ms apart. */
const LOOKS = 12_000;

const time = takeTime();
const timers = countTimers();

/** Waits until something is so. */
export async function soon(
  what: string,
  isSo: () => boolean,
  instead: () => string = () => "",
): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`It never came to this: ${what}. ${instead()}`);
}

interface Bystander {
  echo(x: number): number;
}

/** A server with a bystander, in whose process a survivor is. */
export class Home implements AsyncDisposable {
  /** For Unix sockets. */
  readonly folder: string;
  /** With what the wires of survivors ended. */
  readonly deaths: string[] = [];
  /** What survivors serve. */
  readonly functions: {
    echo(x: number): number;
    hold(this: CallContext): Promise<string>;
  };
  /** Where the server is. */
  readonly place: Place;
  readonly #server: RequestServer;
  readonly #transport: Transport;
  readonly #accepted = Promise.withResolvers<Wire>();
  readonly #held = Promise.withResolvers<void>();
  readonly #letGo = Promise.withResolvers<void>();
  readonly #aborted = Promise.withResolvers<string>();
  readonly #kept: Wire[] = [];
  readonly #places: Place[] = [];
  #bystander!: Wire<Bystander>;
  /** How many sockets there were. */
  #before = 0;
  #asked = 0;

  private constructor(transport: Transport, folder: string) {
    this.folder = folder;
    this.#transport = transport;
    this.functions = { echo: (x) => x, hold: this.#hold() };
    const path = `${folder}/home.sock`;
    this.#server = createRequestServer(0, (wire) => {
      if (this.#bystander !== undefined) this.#accepted.resolve(wire);
      return {
        accept: true,
        onDeath: ({ code }) => {
          if (this.#bystander?.ended === undefined) this.deaths.push(code);
        },
      };
    }, {
      functions: this.functions,
      onError() {},
      ...serving(transport, path),
    });
    this.place = { port: this.#server.port, path };
    this.watch(this.place);
  }

  /** Opens one, and looks at what it has. */
  static async open(transport: Transport): Promise<Home> {
    const home = new Home(transport, await Deno.makeTempDir());
    home.#bystander = await connectToRemoteServer<Bystander>(
      "127.0.0.1",
      home.#server.port,
      null,
      connecting(transport, home.place),
    );
    await home.#ask();
    await time.advance(STEP);
    home.#before = home.#sockets;
    // They can be seen at all: the server's, and the bystander's.
    assert(home.#before > 1 || Deno.build.os !== "linux");
    return home;
  }

  /** The wire that was accepted after the bystander's. */
  get accepted(): Promise<Wire> {
    return this.#accepted.promise;
  }

  /** Resolves when the peer's call runs. */
  get held(): Promise<void> {
    return this.#held.promise;
  }

  /** Resolves with the code for which its signal was aborted. */
  get aborted(): Promise<string> {
    return this.#aborted.promise;
  }

  /** Lets the peer's call answer. */
  letGo(): void {
    this.#letGo.resolve();
  }

  /** Ends a wire with the test. */
  keep(wire: Wire): void {
    this.#kept.push(wire);
  }

  /** Lets time pass. */
  async pass(duration: number): Promise<void> {
    for (let passed = 0; passed < duration; passed += STEP) {
      await time.advance(STEP);
    }
  }

  /** Time passes, again and again, in which this process looks at nothing. */
  async block(): Promise<void> {
    for (let n = 0; n < BLOCKS; n++) await time.advance(BLOCK);
  }

  /** Lets time pass until something is so. */
  async passUntil(isSo: () => boolean): Promise<void> {
    for (let passed = 0; passed < LONGEST; passed += STEP) {
      if (isSo()) return;
      await time.advance(STEP);
    }
    throw new Error("Nothing came of it.");
  }

  /** Connections to a place are looked at, too. */
  watch(place: Place): void {
    this.#places.push(place);
  }

  get #sockets(): number {
    return socketsAt(this.#places);
  }

  /** Whether there is no more than there was. */
  get isQuiet(): boolean {
    return this.#server.wires.size === 1 &&
      this.#sockets <= this.#before;
  }

  /** Nothing is left of the survivor's wire; others are served all the same. */
  async checkQuiet(): Promise<void> {
    for (const wire of this.#kept) {
      wire.abort();
      await wire.closed;
    }
    await soon(
      "wires and sockets are as before",
      () => this.isQuiet,
      () =>
        `There are ${this.#server.wires.size} wires, and ${this.#sockets} sockets for ${this.#before}.`,
    );
    await this.#ask();
    assertEquals(this.#bystander.ended, undefined);
    assert(this.#asked > 1);
  }

  /** Ends all. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.#kept) wire.abort();
    await this.#bystander.close();
    await this.#server.shutdown();
    await time.advance(STEP);
    // While wires stand, long limits share timers as it happens to suit.
    assertEquals(timers.count, 0);
    await Deno.remove(this.folder, { recursive: true });
  }

  async #ask(): Promise<void> {
    const n = ++this.#asked;
    assertEquals(await this.#bystander.remoteValue.echo(n), n);
  }

  #hold(): (this: CallContext) => Promise<string> {
    const letGo = this.#letGo.promise;
    const held = this.#held;
    const aborted = this.#aborted;
    return async function () {
      held.resolve();
      const over = new Promise<void>((resolve) => {
        this.signal.addEventListener("abort", () => {
          aborted.resolve((this.signal.reason as WireError).code);
          resolve();
        }, { once: true });
      });
      await Promise.race([letGo, over]);
      return "done";
    };
  }
}
