/**
 * Who has nothing to do with an attack, and must not notice it: a client that
 * calls all the while, and knows each answer.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { connectToRemoteServer, openTcpStream } from "../../mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { CLIENT_TLS } from "../_transports.ts";
import type { Door } from "./_victim.ts";
import type { Victim } from "./_victim_process.ts";

const HOSTNAME = "127.0.0.1";
/** A pause between two rounds, in milliseconds: attackers need the machine. */
const PAUSE = 1;
/** A victim on a machine that has much else to do may be silent for long. */
const PATIENT = { keepaliveIdle: 600_000 };
/** The same of one that is to be connected to, in milliseconds. */
const TIMEOUT = 50_000;

/** A client that minds its own business. */
export interface Bystander {
  /** Asks something, and checks the answer. */
  round(n: number): Promise<void>;
  close(): Promise<void>;
}

/** Makes one that comes through a door. */
export async function bystander(
  door: Door,
  victim: Victim,
): Promise<Bystander> {
  switch (door) {
    case "tcp":
    case "tls":
    case "unix":
      return await caller(door, victim);
    case "cmucl":
      return await lispCaller(victim);
    case "lines":
    case "lines tls":
      return await reader(door, victim);
    case "listener":
      return await session(victim);
    default:
      return door satisfies never;
  }
}

async function caller(door: Door, victim: Victim): Promise<Bystander> {
  const { ports, path, credential } = victim;
  const wire = await connectToRemoteServer(
    HOSTNAME,
    ports[door]!,
    undefined,
    {
      ...(credential === "" ? {} : { credential }),
      ...(door === "tls" ? { tls: CLIENT_TLS } : {}),
      ...(door === "unix" ? { path } : {}),
      limits: PATIENT,
      timeout: TIMEOUT,
    },
  );
  const { remoteValue } = wire;
  return {
    async round(n) {
      const value = { n, list: [n, "a bystander", null] };
      const back = (x: number) => x + n;
      const answers = await Promise.all([
        remoteValue.echo(value),
        remoteValue.count(n, n, n),
        remoteValue.call(back, 1),
      ]);
      assertEquals(answers, [value, 3, { value: n + 1 }]);
    },
    close: () => wire.close(),
  };
}

async function lispCaller(victim: Victim): Promise<Bystander> {
  const wire = await connectToRemoteServer(
    HOSTNAME,
    victim.ports.cmucl!,
    undefined,
    { dialect: cmucl(), timeout: TIMEOUT },
  );
  return {
    async round(n) {
      assertEquals(await wire.remoteValue.echo([n, "text"]), [n, "text"]);
    },
    close: () => wire.close(),
  };
}

async function reader(door: Door, victim: Victim): Promise<Bystander> {
  const tls = door === "lines tls" ? CLIENT_TLS : undefined;
  const stream = await openTcpStream(HOSTNAME, victim.ports[door]!, {
    tls,
    timeout: TIMEOUT,
  });
  return {
    async round(n) {
      stream.writeLine(`line ${n}`);
      assertEquals(await stream.readLine(), `line ${n}`);
    },
    close: () => stream.close(),
  };
}

async function session(victim: Victim): Promise<Bystander> {
  const stream = await openTcpStream(HOSTNAME, victim.ports.listener!);
  const decoder = new TextDecoder();
  let said = "";
  const until = async (end: string) => {
    let at;
    while ((at = said.indexOf(end)) < 0) {
      const bytes = await stream.read();
      if (bytes === null) throw new Error(`The session ended: ${said}`);
      said += decoder.decode(bytes, { stream: true });
    }
    const before = said.slice(0, at);
    said = said.slice(at + end.length);
    return before;
  };
  await until("name> ");
  stream.writeLine('"bystander"');
  await until("credential> ");
  stream.writeLine(victim.credential);
  await until("bystander> ");
  return {
    async round(n) {
      stream.writeLine(`${n} + 1`);
      assertEquals((await until("bystander> ")).trim(), `${n + 1}`);
    },
    close: () => stream.close(),
  };
}

/** Bystanders who ask one thing after the other, until they are stopped. */
export class Watching {
  /** How many answers were right. */
  rounds = 0;
  readonly #loops: Promise<void>[];
  /** Resolved when the next round of each is over. */
  readonly #next: PromiseWithResolvers<void>[];
  #isOver = false;

  /** @param bystanders Who asks. */
  constructor(bystanders: readonly Bystander[]) {
    this.#next = bystanders.map(() => Promise.withResolvers<void>());
    this.#loops = bystanders.map((each, n) => this.#loop(each, n));
    // Told when they are stopped.
    for (const loop of this.#loops) loop.catch(() => {});
  }

  /** Resolves when each has had an answer. */
  async nextRound(): Promise<void> {
    const next = this.#next.map(({ promise }) => promise);
    // One whose answer is wrong has no next round.
    await Promise.all(
      next.map((each, n) => Promise.race([each, this.#loops[n]])),
    );
  }

  /** Has each ask once more; fails if any answer was wrong. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #loop(bystander: Bystander, n: number): Promise<void> {
    for (;;) {
      const isLast = this.#isOver;
      await bystander.round(this.rounds++);
      this.#next[n]!.resolve();
      this.#next[n] = Promise.withResolvers<void>();
      if (isLast) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
