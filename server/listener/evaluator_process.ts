/**
 * The process of its own that each session evaluates in. Whatever happens in
 * it, an endless loop or a lack of memory, ends at its border.
 *
 * @module
 */

import type { Answer, Request } from "./inside/evaluator.ts";
import type { Rest, Setup } from "./inside/supervisor.ts";
import { AnswerSplitter } from "./answers.ts";
import {
  commandOf,
  type ListenerLimits,
  type SessionCommand,
} from "./options.ts";
import { evaluatorProgram, EXIT_CODES, supervisorUrl } from "./programs.ts";

/** How long output is waited for when a process has ended, in milliseconds. */
const LAST_OUTPUT = 1_000;
/** How many answers evaluated code may forge: each costs the server time. */
const MOST_FORGED = 100;

/** What a session's process is started with. */
export interface EvaluatorInit {
  /** How to start it. */
  readonly command: SessionCommand;
  /** The name that its Worker bears. */
  readonly name: string;
  /** Its limits. */
  readonly limits: Pick<
    ListenerLimits,
    "evaluation" | "input" | "memory" | "processor" | "start"
  >;
  /** Takes its output; the process waits until that is done. */
  readonly onOutput: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
}

/** A process that evaluates the inputs of one session. */
export class EvaluatorProcess {
  /** Resolves, with the reason, when the process has ended. */
  readonly ended: Promise<string>;

  readonly #init: EvaluatorInit;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #started: Promise<Answer | undefined>;
  #answer = Promise.withResolvers<Answer>();
  /** Whether an answer is waited for, and how many came that were not. */
  #isAsked = true;
  #forged = 0;
  #reason: string | undefined;

  /**
   * Starts a process.
   *
   * @param init What it is started with.
   */
  constructor(init: EvaluatorInit) {
    this.#init = init;
    this.#child = commandOf(
      init.command,
      init.limits.memory,
      supervisorUrl(),
    ).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(ignore);
    this.ended = this.#run();
    const { name, limits } = init;
    const setup: Setup = {
      program: evaluatorProgram(limits.input),
      name,
      memory: limits.memory,
      evaluation: limits.evaluation,
      processor: limits.processor,
    };
    this.#send(setup);
    this.#started = this.#expect("It took too long to start", limits.start);
  }

  /**
   * Asks the process for something, and waits for the answer. One request at a
   * time.
   *
   * @param request What to do.
   * @returns The answer; undefined if the process ended instead.
   */
  async request(request: Request): Promise<Answer | undefined> {
    if (await this.#started === undefined) return undefined;
    this.#answer = Promise.withResolvers();
    this.#isAsked = true;
    this.#send(request);
    const { evaluation } = this.#init.limits;
    const answer = await this.#expect("It took too long", evaluation);
    // What goes on after this is charged to it.
    if ("line" in request && answer !== undefined) this.#send({ rest: true });
    return answer;
  }

  /**
   * Ends the process, at once.
   *
   * @param reason Why, as a sentence without its full stop.
   */
  kill(reason: string): void {
    this.#reason ??= reason;
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  #send(message: Request | Setup | Rest): void {
    const bytes = this.#encoder.encode(JSON.stringify(message) + "\n");
    this.#stdin.write(bytes).catch(ignore);
  }

  async #expect(
    complaint: string,
    limit: number,
  ): Promise<Answer | undefined> {
    const timer = setTimeout(
      () => this.kill(`${complaint}: more than ${limit} ms`),
      limit,
    );
    try {
      return await Promise.race([
        this.#answer.promise,
        this.ended.then(() => undefined),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(): Promise<string> {
    const reader = this.#child.stdout.getReader();
    const taken = this.#takeOutput(reader);
    const status = await this.#child.status;
    // A process that it left behind may keep the pipe open.
    const timer = setTimeout(() => reader.cancel().catch(ignore), LAST_OUTPUT);
    await taken;
    clearTimeout(timer);
    await this.#stdin.abort().catch(ignore);
    return this.#reason ?? describe(status, this.#init.limits);
  }

  #answered(answer: Answer): void {
    if (this.#isAsked) {
      this.#isAsked = false;
      this.#answer.resolve(answer);
    } else if (++this.#forged > MOST_FORGED) {
      this.kill("It answered what it was not asked");
    }
  }

  async #takeOutput(
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<void> {
    const splitter = new AnswerSplitter();
    try {
      for (;;) {
        const { value } = await reader.read();
        const pieces = value === undefined
          ? [splitter.finish()]
          : splitter.take(value);
        for (const piece of pieces) {
          if (typeof piece === "string") this.#answered(piece);
          else if (piece.length > 0) await this.#init.onOutput(piece);
        }
        if (value === undefined) return;
      }
    } catch (error) {
      this.kill(error instanceof Error ? error.message : String(error));
      await reader.cancel().catch(ignore);
    }
  }
}

/** Why a process ended that nobody killed. */
function describe(
  status: Deno.CommandStatus,
  { memory, processor }: EvaluatorInit["limits"],
): string {
  if (status.code === EXIT_CODES.left) {
    return "It was left by Deno.exit() or close()";
  }
  if (status.code === EXIT_CODES.processor) {
    return `What its evaluations left running used too much of the processor: more than ${processor} ms`;
  }
  const ranOut = status.code === EXIT_CODES.memory ||
    ["SIGTRAP", "SIGABRT", "SIGILL"].includes(status.signal ?? "");
  return ranOut
    ? `It ran out of memory: it may have ${memory / 2 ** 20} MiB`
    : `It ended by itself (code ${status.code})`;
}

function ignore(): void {}
