/**
 * A session of the listener: it reads, has evaluated, and prompts.
 *
 * @module
 */

import { errorMessage, WireError } from "../../wire/base/errors.ts";
import type { LineStream } from "../../wire/lines/line_stream.ts";
import type { ListenerLimits, SessionCommand } from "./options.ts";
import { EvaluatorProcess } from "./evaluator_process.ts";
import { TypeAhead } from "./type_ahead.ts";

const NEWLINE = 10;
/** How often an idle session's process is asked for a sign of life, in ms. */
const CHECK_EVERY = 2_000;
/** How long a client has to take notice of a goodbye, in milliseconds. */
const LINGER = 1_000;

const HELP = `\
; Type TypeScript or JavaScript. A value is printed when its input is whole.
;   await            works everywhere; import too, as far as it is allowed
;   values(1, 2)     several values, each printed on its own line
;   _  and  __       the last value, and the one before it
;   _error           the last error
;   :interrupt       ends an evaluation; its variables are lost
;   :cancel          forgets the lines of an input that is not whole
;   :help            prints this
;   :quit            says goodbye
`;

/** What a session is made with. */
export interface SessionInit {
  /** The client. */
  readonly stream: LineStream;
  /** The name that the client gave. */
  readonly name: string;
  /** How to start the process that evaluates. */
  readonly command: SessionCommand;
  /** The limits. */
  readonly limits: Readonly<ListenerLimits>;
}

type Timer = ReturnType<typeof setTimeout>;

/** What happened while a prompt stood. */
type Event = "input" | "death" | "check" | "idle";

/** One client's session. */
export class Session {
  readonly #init: SessionInit;
  readonly #input: TypeAhead;
  #process: EvaluatorProcess | undefined;
  #isEvaluating = false;
  #isLeaving = false;
  #isMore = false;
  #hasBegun = false;
  #atLineStart = true;

  /** @param init What it is made with. */
  constructor(init: SessionInit) {
    this.#init = init;
    const { stream, limits } = init;
    this.#input = new TypeAhead(stream, limits, (line) => this.#sees(line));
  }

  /**
   * Serves the client.
   *
   * @returns A promise that resolves when the session is over, and its process
   * has ended.
   * @throws {WireError} As a rejection: what went wrong with the connection.
   */
  async run(): Promise<void> {
    const { stream, name, limits } = this.#init;
    let timer: Timer | undefined;
    const end = this.#input.ended.then(({ error }) => {
      if (error === undefined) {
        timer = setTimeout(
          () => this.#leave("The client has ended"),
          limits.afterEnd,
        );
      } else if (!isBadLine(error)) this.#leave("The client is gone");
      return error;
    });
    try {
      await this.#print(`; Hello, ${name}. Type :help for help.\n`);
      while (await this.#turn());
      await this.#sayGoodbye();
    } finally {
      this.#input.discard();
      await this.#endProcess();
      await stream.close();
      await end;
      clearTimeout(timer);
    }
    const error = await end;
    if (error !== undefined) throw error;
  }

  /** Whether its client has sent an input. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Ends, for others wait, and its client has sent no input. */
  giveWay(): void {
    const { stream } = this.#init;
    this.#input.discard();
    stream.write("\n; Others wait, and no input came. Try again later.\n");
    stream.close();
  }

  /** Evaluates nothing any more, whatever waits. */
  #leave(reason: string): void {
    this.#isLeaving = true;
    this.#input.discard();
    if (this.#isEvaluating) this.#process?.kill(reason);
  }

  /** One prompt, and what follows it; false when the session is over. */
  async #turn(): Promise<boolean> {
    await this.#prompt();
    const { limits } = this.#init;
    let silence = 0;
    for (;;) {
      const event = await this.#event(limits.idle - silence);
      if (event === "input") break;
      if (event === "idle") {
        await this.#print(`\n; Nothing came for ${limits.idle} ms.\n`);
        return false;
      }
      if (event === "check") {
        silence += CHECK_EVERY;
        await this.#process?.request({ ping: true });
      } else {
        await this.#mourn();
        await this.#prompt();
      }
    }
    const line = this.#input.shift();
    if (line === undefined) return await this.#explainEnd();
    this.#hasBegun = true;
    // Its client has seen the end of the line, whoever printed it.
    this.#atLineStart = true;
    const command = await this.#command(line.trim());
    if (command !== undefined) return command;
    await this.#evaluate({ line });
    return true;
  }

  /** Waits for something to happen. */
  async #event(patience: number): Promise<Event> {
    const process = this.#process;
    const waiting = Promise.withResolvers<Event>();
    // A process that does not answer between inputs burns time for nothing.
    const isCheck = process !== undefined && CHECK_EVERY < patience;
    const timer = setTimeout(
      () => waiting.resolve(isCheck ? "check" : "idle"),
      isCheck ? CHECK_EVERY : patience,
    );
    try {
      return await Promise.race<Event>([
        this.#input.ready().then(() => "input"),
        ...(process === undefined ? [] : [
          process.ended.then((): Event => "death"),
        ]),
        waiting.promise,
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #evaluate(request: { line: string } | { cancel: true }): Promise<void> {
    if (this.#isLeaving) return;
    const process = this.#process ??= this.#start();
    this.#isEvaluating = true;
    const answer = await process.request(request);
    this.#isEvaluating = false;
    this.#isMore = answer === "more";
    if (answer === undefined) await this.#mourn();
  }

  /** Starts a process. Its client is told that there is none, and not why. */
  #start(): EvaluatorProcess {
    const { stream, command, name, limits } = this.#init;
    try {
      return new EvaluatorProcess({
        command,
        name,
        limits,
        onOutput: (bytes) => this.#print(bytes),
      });
    } catch (error) {
      stream.write("; This session has no process. Try again later.\n");
      throw new WireError(
        "aborted",
        `A session has no process: ${
          errorMessage(error)
        }. Sessions run in Deno; the option listener.deno says where that is.`,
      );
    }
  }

  /** What is left to do when the process has ended by itself. */
  async #mourn(): Promise<void> {
    const reason = await this.#process!.ended;
    this.#process = undefined;
    this.#isMore = false;
    await this.#freshLine();
    await this.#print(
      `; The process of this session ended. ${reason}.\n` +
        "; The next input begins a new one; the variables are lost.\n",
    );
  }

  /** Deals with a command; undefined if it is none. */
  async #command(text: string): Promise<boolean | undefined> {
    if (text === ":quit") return false;
    if (text === ":help") await this.#print(HELP);
    else if (this.#isMore && /^:(?:cancel|interrupt)$/.test(text)) {
      await this.#evaluate({ cancel: true });
    } else if (text === ":cancel") {
      await this.#print("; No input is begun.\n");
    } else if (text === ":interrupt") {
      await this.#print("; Nothing is being evaluated.\n");
    } else if (/^:\w*$/.test(text) && !this.#isMore) {
      await this.#print(
        `; There is no command ${text}. Type :help for help.\n`,
      );
    } else return undefined;
    return true;
  }

  /** Sees a line when it comes, before its turn. */
  #sees(line: string): boolean {
    if (!this.#isEvaluating || line.trim() !== ":interrupt") return false;
    this.#process?.kill("It was interrupted");
    return true;
  }

  /** Says why no input comes any more. */
  async #explainEnd(): Promise<boolean> {
    const { error } = await this.#input.ended;
    if (isBadLine(error)) await this.#print(`\n; ${error.message}\n`);
    return false;
  }

  async #prompt(): Promise<void> {
    await this.#freshLine();
    await this.#print(this.#isMore ? "... " : `${this.#init.name}> `);
  }

  async #freshLine(): Promise<void> {
    if (!this.#atLineStart) await this.#print("\n");
  }

  /** Prints, and waits until the client's system has taken it. */
  async #print(output: string | Uint8Array): Promise<void> {
    const { stream, limits } = this.#init;
    this.#atLineStart = typeof output === "string"
      ? output.endsWith("\n")
      : output.at(-1) === NEWLINE;
    const timer = setTimeout(
      () =>
        stream.abort(
          new WireError(
            "stalled",
            `The client took no output for ${limits.stall} ms.`,
          ),
        ),
      limits.stall,
    );
    try {
      stream.write(output);
      await stream.forceOutput();
    } finally {
      clearTimeout(timer);
    }
  }

  async #endProcess(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    process.kill("The session is over");
    await process.ended;
  }

  /** Lets the client read the last lines before the connection goes. */
  async #sayGoodbye(): Promise<void> {
    const { stream, name } = this.#init;
    let timer: Timer | undefined;
    try {
      await this.#endProcess();
      await this.#freshLine();
      await this.#print(`; Goodbye, ${name}.\n`);
      await stream.closeWrite();
      const lingered = Promise.withResolvers<void>();
      timer = setTimeout(lingered.resolve, LINGER);
      await Promise.race([this.#input.ended, lingered.promise]);
    } catch {
      // The client did not wait for it.
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whether a client is still there, but sent what is no line. */
function isBadLine(error: unknown): error is WireError {
  return error instanceof WireError &&
    (error.code === "limit" || error.code === "malformed");
}
