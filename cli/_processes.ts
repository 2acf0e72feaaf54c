/**
 * The parent of `serve --processes`: it starts processes that listen on one
 * port, replaces those that end, restarts and ends them.
 *
 * @module
 */

import { createRequestServer, type Wire } from "../mod.ts";
import { spawnRemote } from "../transports/child.ts";
import { INTERRUPTED, LoadError, UsageError } from "./_command_line.ts";
import type {
  Counts,
  ProcessParent,
  ServedProcess,
  Started,
} from "./_served_process.ts";
import { announce, tell } from "./_output.ts";
import { described, harmlessLine } from "./_text.ts";

/** There may be so many. */
const MOST_PROCESSES = 1_024;
/** A process that lives so long is healthy, in milliseconds. */
const HEALTHY = 10_000;
/** The wait before a process is replaced that was not, in milliseconds. */
const LEAST_WAIT = 100;
const MOST_WAIT = 30_000;
/** One that takes the place of another lives for so long before, in ms. */
const SETTLING = 1_000;
/** Where each has failed so often in a row, and none serves, it gives up. */
const MOST_FAILURES = 5;
/** A process may take so long to load its module, in milliseconds. */
const LOADING = 60_000;
/** One that loads when all is to end may take so long, in milliseconds. */
const KILL_AFTER = 2_000;

type ProcessWire = Wire<ServedProcess, ProcessParent>;

/** A place for a process. */
interface Place {
  /** The process that is there, once it listens. */
  wire: ProcessWire | undefined;
  /** When that began to listen. */
  began: number;
  /** How many have ended in a row that were not healthy. */
  failures: number;
  /** A restart of this place, which nobody may have asked for yet. */
  restart: Restart;
}

/** A new process in the place of an old one. */
interface Restart {
  readonly asked: PromiseWithResolvers<void>;
  readonly done: PromiseWithResolvers<Exchange>;
}

interface Exchange {
  readonly fresh: ProcessWire;
  /** What was there is finishing its calls, if it was there. */
  readonly old: ProcessWire | undefined;
}

function newRestart(): Restart {
  const asked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<Exchange>();
  // Where nobody has asked, nobody listens.
  done.promise.catch(() => {});
  return { asked, done };
}

/** How processes are started. */
export interface Settings {
  /** How many. */
  readonly count: number;
  readonly hostname: string | undefined;
  readonly port: number;
}

/**
 * Checks how many processes there are to be.
 *
 * @param count The number.
 * @throws {UsageError} For what is none.
 */
export function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_PROCESSES) return;
  throw new UsageError(
    `--processes wants a number from 1 to ${MOST_PROCESSES}, not ${count}.`,
  );
}

/** Processes that serve on one port, and what replaces them. */
export class Processes {
  readonly #settings: Settings;
  readonly #command: [string, ...string[]];
  readonly #places: Place[];
  readonly #ending = new AbortController();
  /** All that were started and have not ended. */
  readonly #wires = new Set<ProcessWire>();
  #port: number;
  /** Whether all are being restarted, and whether once more after that. */
  #restarts: "no" | "one" | "another" = "no";
  #replaced = 0;
  /** Calls of processes that have ended, as they told. */
  #served = 0;
  /** How many did not tell. */
  #silent = 0;
  /** Why the last one ended that did not have to. */
  #last = "";
  #failure: Error | undefined;
  #code = 0;

  /**
   * @param settings How many, and where.
   * @throws {UsageError} Where it cannot be done.
   */
  constructor(settings: Settings) {
    this.#settings = settings;
    this.#command = ownCommand();
    this.#port = settings.port;
    this.#places = Array.from(
      { length: settings.count },
      () => ({
        wire: undefined,
        began: 0,
        failures: 0,
        restart: newRestart(),
      }),
    );
  }

  /**
   * Runs them, until a signal ends them.
   *
   * @returns The exit code.
   * @throws {Error} Where the first cannot be started, or all end at once.
   */
  async run(): Promise<number> {
    const { hostname, port, count } = this.#settings;
    // Processes with this option do not notice another server's.
    if (port !== 0) await createRequestServer(port, { hostname }).destroy();
    this.#listenToSignals();
    const [first, ...others] = this.#places as [Place, ...Place[]];
    const { address, names } = await this.#start(first);
    await Promise.all(others.map(async (place) => {
      await this.#start(place).catch((error) => this.#failed(place, error));
    }));
    const noun = count === 1 ? "process" : "processes";
    announce(
      `serving ${names}; ${count} ${noun} listening on ${address}`,
    );
    await Promise.all(this.#places.map((place) => this.#keep(place)));
    // Those that were restarted may have calls under way.
    await Promise.all([...this.#wires].map((wire) => wire.closed));
    if (this.#failure !== undefined) throw this.#failure;
    this.#printTotal([]);
    return this.#code;
  }

  /** Starts the process of a place. */
  async #start(
    place: Place,
  ): Promise<{ wire: ProcessWire; address: string; names: string }> {
    let isServing = false;
    const wire = await spawnRemote<ServedProcess, ProcessParent>(
      this.#command,
      {
        timeout: LOADING,
        functions: {
          leaves: (counts) => {
            this.#served += counts.served;
            isServing = false;
          },
        },
      },
    );
    this.#wires.add(wire);
    wire.onDeath(() => {
      this.#wires.delete(wire);
      if (isServing) this.#silent++;
    });
    const started = await this.#startIn(wire);
    if ("failure" in started) {
      // It may be busy, and hear of nothing.
      signalTo(wire, "SIGKILL");
      wire.abort();
      throw new (started.isUsage ? LoadError : Error)(started.failure);
    }
    isServing = true;
    if (place.wire !== undefined) {
      // One that serves already does not go for one that ends at once.
      const ended = await Promise.race([wire.closed, this.#pause(SETTLING)]);
      if (ended !== undefined) throw ended;
    }
    this.#port = started.port;
    place.wire = wire;
    place.began = performance.now();
    return { wire, ...started };
  }

  /** Has a process load its module and listen, as long as that is wanted. */
  async #startIn(wire: ProcessWire): Promise<Started> {
    const { signal } = this.#ending;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onEnding = () => {
      signalTo(wire, "SIGTERM");
      timer = setTimeout(() => signalTo(wire, "SIGKILL"), KILL_AFTER);
    };
    signal.addEventListener("abort", onEnding);
    if (signal.aborted) onEnding();
    try {
      return await wire.with({ deadline: LOADING }).remoteValue
        .start(this.#port);
    } catch (error) {
      return { failure: described(error), isUsage: false };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onEnding);
    }
  }

  /** Replaces what ends in a place, or is restarted, until all is to end. */
  async #keep(place: Place): Promise<void> {
    const { signal } = this.#ending;
    while (true) {
      const { wire, restart: { asked } } = place;
      if (wire !== undefined) {
        const reason = await Promise.race([wire.closed, asked.promise]);
        if (reason === undefined) {
          // Who has asked hears why it fails; the old process goes on.
          await this.#exchange(place).catch(() => {});
          continue;
        }
        place.wire = undefined;
        const isHealthy = performance.now() - place.began >= HEALTHY;
        if (isHealthy) place.failures = 0;
        this.#failed(place, reason, wire);
      }
      if (signal.aborted) return;
      if (this.#isHopeless()) this.#giveUp();
      await Promise.race([
        this.#pause(waitAfter(place.failures)),
        asked.promise,
      ]);
      if (signal.aborted) return;
      this.#replaced++;
      await this.#exchange(place).catch((error) => this.#failed(place, error));
    }
  }

  /** Starts a process in a place; if there is one, it goes once that listens. */
  async #exchange(place: Place): Promise<void> {
    const { wire: old, restart: { done } } = place;
    // Who asks from now on may want something newer than what begins here.
    place.restart = newRestart();
    try {
      const { wire: fresh } = await this.#start(place);
      if (old !== undefined && this.#wires.has(old)) signalTo(old, "SIGTERM");
      done.resolve({ fresh, old });
    } catch (error) {
      done.reject(error);
      throw error;
    }
  }

  /** Restarts all, one after another; once more if asked meanwhile. */
  async #restartAll(): Promise<void> {
    if (this.#restarts !== "no") {
      this.#restarts = "another";
      return;
    }
    do {
      this.#restarts = "one";
      await this.#restartEach();
    } while (this.#restarts as string === "another");
    this.#restarts = "no";
  }

  async #restartEach(): Promise<void> {
    const all = this.#places.length;
    let count = 0;
    try {
      for (const { restart: { asked, done } } of this.#places) {
        asked.resolve();
        const { fresh, old } = await done.promise;
        count++;
        const place = old === undefined
          ? ""
          : ` takes the place of process ${pidOf(old)}`;
        announce(`process ${pidOf(fresh)}${place} (${count} of ${all})`);
        // So the clients of one process move at a time.
        await old?.closed;
      }
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const why = described(error).replace(/\.?$/, ".");
      const others = count + 1 < all ? " The others are left as they are." : "";
      tell(
        `The restart stopped at process ${
          count + 1
        } of ${all}, whose successor could not be started: ${why}${others}`,
      );
    }
  }

  /** A process has ended, or could not be started. */
  #failed(place: Place, error: Error, wire?: ProcessWire): void {
    place.failures++;
    if (this.#ending.signal.aborted) return;
    this.#last = described(error).replace(/\.?$/, ".");
    const which = wire === undefined ? "A process" : `Process ${pidOf(wire)}`;
    tell(
      `${which} ended: ${this.#last} ${this.#serving} of ${this.#settings.count} serve; the next is started in its place.`,
    );
  }
  get #serving(): number {
    return this.#places.filter(({ wire }) => wire !== undefined).length;
  }

  #isHopeless(): boolean {
    return this.#serving === 0 &&
      this.#places.every(({ failures }) => failures >= MOST_FAILURES);
  }

  #giveUp(): void {
    const { count } = this.#settings;
    this.#failure ??= new Error(
      `Gave up: ${
        count === 1 ? "the process" : `each of the ${count} processes`
      } ended ${MOST_FAILURES} times in a row within ${
        HEALTHY / 1_000
      } s of its start. The last: ${this.#last}`,
    );
    this.#end("SIGTERM");
  }

  #end(signal: "SIGINT" | "SIGTERM"): void {
    this.#ending.abort();
    for (const wire of this.#wires) signalTo(wire, signal);
  }

  /** Waits, unless all is to end. */
  #pause(time: number): Promise<void> {
    const { signal } = this.#ending;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      // It is called often while processes that end at once are replaced.
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, time);
      signal.addEventListener("abort", over);
    });
  }

  #listenToSignals(): void {
    const onSignal = (signal: "SIGINT" | "SIGTERM", code: number) => {
      if (this.#ending.signal.aborted) {
        for (const wire of this.#wires) signalTo(wire, "SIGKILL");
        Deno.exit(INTERRUPTED);
      }
      this.#code = code;
      this.#end(signal);
    };
    Deno.addSignalListener("SIGTERM", () => onSignal("SIGTERM", 0));
    Deno.addSignalListener("SIGINT", () => onSignal("SIGINT", INTERRUPTED));
    const wasInTerminal = hasTerminal() && !ignoresHangUp();
    Deno.addSignalListener("SIGHUP", () => {
      if (wasInTerminal && !hasTerminal()) onSignal("SIGTERM", 0);
      else if (!this.#ending.signal.aborted) void this.#restartAll();
    });
    Deno.addSignalListener("SIGUSR2", () => void this.#printCounts());
  }

  /** Asks all, and prints what they answer, and its sum. */
  async #printCounts(): Promise<void> {
    const asked = await Promise.all(
      [...this.#wires].map(async (wire) => {
        const counts = await wire.with({ deadline: HEALTHY })
          .remoteValue.counts().catch(() => undefined);
        return { pid: pidOf(wire), counts };
      }),
    );
    for (const { pid, counts } of asked) {
      const text = counts === undefined ? "does not answer" : inWords(counts);
      announce(`process ${pid}: ${text}`);
    }
    this.#printTotal(asked.flatMap(({ counts }) => counts ?? []));
  }

  #printTotal(counts: readonly Counts[]): void {
    const sum = (key: keyof Counts) =>
      counts.reduce((total, each) => total + each[key], 0);
    const total = {
      wires: sum("wires"),
      running: sum("running"),
      served: this.#served + sum("served"),
      memory: sum("memory"),
    };
    const silent = this.#silent === 0
      ? ""
      : `, and those of ${this.#silent} that died untold`;
    announce(
      `together: ${inWords(total)}${silent}; ${this.#replaced} replaced`,
    );
  }
}

/** Counts as text. */
function inWords({ wires, running, served, memory }: Counts): string {
  const parts = [`${counted(served, "call")} served`];
  if (memory > 0) {
    parts.unshift(
      counted(wires, "wire"),
      `${counted(running, "call")} running`,
    );
    parts.push(`${Math.round(memory / 2 ** 20)} MiB`);
  }
  return parts.join(", ");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function waitAfter(failures: number): number {
  return failures === 0
    ? 0
    : Math.min(LEAST_WAIT * 2 ** (failures - 1), MOST_WAIT);
}

function pidOf({ address }: ProcessWire): number {
  return "pid" in address ? address.pid : 0;
}

function signalTo(wire: ProcessWire, signal: Deno.Signal): void {
  try {
    Deno.kill(pidOf(wire), signal);
  } catch {
    // It has just ended.
  }
}

/** Whether this process belongs to a terminal, which has not been closed. */
function hasTerminal(): boolean {
  try {
    Deno.openSync("/dev/tty").close();
    return true;
  } catch {
    return false;
  }
}

/** Whether this process was started to outlive its terminal, as by nohup. */
function ignoresHangUp(): boolean {
  const status = Deno.readTextFileSync("/proc/self/status");
  return /^SigIgn:.*[13579bdf]$/m.test(status);
}

/**
 * The command that this process was started with, and what makes another one of
 * it that has a parent.
 */
function ownCommand(): [string, ...string[]] {
  const parts = ownArguments();
  const flags = parts.slice(0, parts.length - Deno.args.length);
  const flag = "--unstable-net";
  // A program that "deno compile" made has its flags in it.
  if (!Deno.build.standalone && !flags.includes(flag)) {
    flags.splice(flags[0] === "run" ? 1 : 0, 0, flag);
  }
  return [Deno.execPath(), ...flags, ...Deno.args, "--supervised"];
}

/** What stands behind the program's name, permissions and all. */
function ownArguments(): string[] {
  const path = "/proc/self/cmdline";
  try {
    return Deno.readTextFileSync(path).split("\0").slice(1, -1);
  } catch (error) {
    throw new UsageError(
      Deno.build.os === "linux"
        ? `--processes starts this program again, and cannot read how it was started: ${
          harmlessLine(described(error))
        }. Give it -A.`
        : "--processes needs Linux, which shares out the connections of a port.",
    );
  }
}
