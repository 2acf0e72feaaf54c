/**
 * What the command line was told.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "../wire/base/checks.ts";

/** How a process ends that Ctrl-C ended: 128, and the signal's number. */
export const INTERRUPTED = 130;

/** A command line that makes no sense. */
export class UsageError extends Error {}

/** A module that cannot be loaded, of which the help has nothing to say. */
export class LoadError extends UsageError {}

/** What ends a command line early: a wish for the help, or for the version. */
export class Wish extends Error {
  /** Which it is. */
  readonly what: "help" | "version";

  /** @param what Which it is. */
  constructor(what: "help" | "version") {
    super(what);
    this.what = what;
  }
}

/** The options that take a value. */
const TEXTS = [
  "unix",
  "ca",
  "tls-name",
  "credential-env",
  "require-credential-env",
  "deadline",
  "timeout",
  "port",
  "hostname",
  "cert",
  "key",
  "client-ca",
  "name",
  "kind",
  "direction",
  "wire",
  "record",
  "read",
  "processes",
  "watch",
  "repeat",
  "types",
  "rate",
  "seconds",
  "concurrency",
  "function",
] as const;
/** The option that takes a value, and may come several times. */
const METADATA = "metadata";
/** The options that take none. */
const FLAGS = [
  "tls",
  "insecure",
  "ask-credential",
  "json",
  "one-way",
  "in-turn",
  // What --processes starts: nobody else has a use for it.
  "supervised",
  "text",
  "stats",
  "force",
  "help",
  "version",
] as const;

/** An option that takes a value. */
export type TextOption = typeof TEXTS[number];
/** An option that takes none. */
export type FlagOption = typeof FLAGS[number];

/** Any option. */
export type Option = TextOption | FlagOption | typeof METADATA;

/** Whether an option takes a value. */
export function takesValue(option: Option): boolean {
  return !(FLAGS as readonly string[]).includes(option);
}

/** All of them. */
const OPTIONS: readonly string[] = [...TEXTS, METADATA, ...FLAGS];

/** Options whose value is a number that may be 0. */
const FROM_0: readonly TextOption[] = ["port"];

/**
 * Joins a number below 0 to the option before it: by itself it looks like an
 * option, and no message could say of which it is the value.
 */
function withNegativeValues(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [word, next] = [words[at]!, words[at + 1]];
    if (!word.startsWith("--") || word === "--") {
      return [...joined, ...words.slice(at)];
    }
    const takesNext = [...TEXTS, METADATA].some((name) => word === `--${name}`);
    if (!takesNext || next === undefined) joined.push(word);
    else if (/^-\.?\d/.test(next)) joined.push(`${word}=${next}`);
    else joined.push(word, next);
    if (takesNext) at++;
  }
  return joined;
}

/** What is like a name, as the end of a sentence about it. */
export function advice(name: string, known: Iterable<string>): string {
  const near = nearest(name, [...known]);
  return near === undefined ? "." : `; did you mean ${near}?`;
}

/** For servers that are given a secret to show, and demand none. */
export const showsNothing =
  "--credential-env names a secret to show, and this server demands none. Did you mean --require-credential-env, the secret that clients have to show?";

/** A command line, read from its beginning. */
export class CommandLine {
  #rest: string[];
  readonly #given = new Map<string, unknown>();
  readonly #metadata: string[] = [];

  /** @param args The arguments of the program. */
  constructor(args: readonly string[]) {
    this.#rest = [...args];
  }

  /**
   * Takes the options that come next, and the word behind them.
   *
   * @param what What the word is, for the message where it is missing;
   * undefined where it may be.
   * @returns The word, or undefined.
   * @throws {UsageError} For what is no option, and for a word that is missing.
   * @throws {Wish} For `--help` and `--version`.
   */
  word(what?: string): string | undefined {
    const words = withNegativeValues(this.#rest);
    const given: Record<string, unknown> = parseArgs(words, {
      string: ["_", ...TEXTS, METADATA],
      boolean: [...FLAGS],
      collect: [METADATA],
      alias: { help: "h" },
      stopEarly: true,
      unknown(arg: string) {
        if (arg.startsWith("-") && arg !== "-") {
          const option = arg.replace(/=.*/s, "");
          const known = OPTIONS.filter((name) => name !== "supervised")
            .map((name) => `--${name}`);
          throw new UsageError(
            `There is no option ${option}${advice(option, known)}`,
          );
        }
      },
    });
    for (const name of FLAGS) {
      if (given[name] === true && (name === "help" || name === "version")) {
        throw new Wish(name);
      }
      if (given[name] === true) this.#given.set(name, true);
    }
    for (const name of TEXTS) {
      const value = given[name];
      if (value === "") throw new UsageError(`--${name} wants a value.`);
      if (value !== undefined) this.#given.set(name, value);
    }
    this.#metadata.push(...given[METADATA] as string[]);
    const [word, ...rest] = given._ as string[];
    this.#rest = rest;
    if (word === undefined && what !== undefined) {
      throw new UsageError(`${what} is missing.`);
    }
    return word;
  }

  /** Puts a word back, to be taken again. */
  putBack(word: string): void {
    this.#rest.unshift(word);
  }

  /** Takes all that is left, as it stands. */
  remainder(): string[] {
    return this.#rest.splice(0);
  }

  /** Takes options to the end; any other word is one too many. */
  end(): void {
    const word = this.word();
    if (word !== undefined) {
      throw new UsageError(`"${word}" is a word too many.`);
    }
  }

  /** Refuses options that a command has no use for. */
  only(command: string, options: readonly Option[]): void {
    const given: string[] = [...this.#given.keys()];
    if (this.#metadata.length > 0) given.push(METADATA);
    const strange = given.find((name) => !options.includes(name as Option));
    if (strange === undefined) return;
    if (strange === "credential-env") throw new UsageError(showsNothing);
    throw new UsageError(`${command} has no option --${strange}.`);
  }

  /** Whether an option without a value was given. */
  has(name: FlagOption): boolean {
    return this.#given.has(name);
  }

  /** The value of an option. */
  text(name: TextOption): string | undefined {
    return this.#given.get(name) as string | undefined;
  }

  /** The value of an option that is a number. */
  number(name: TextOption): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
    throw new UsageError(
      /^-[\d.]/.test(text)
        ? `--${name} wants a number ${
          FROM_0.includes(name) ? "from" : "above"
        } 0, and not ${text}.`
        : `--${name} wants a number, and ${text} is none.`,
    );
  }

  /**
   * The port that `--port` names.
   *
   * @param otherwise The port where it names none.
   */
  port(otherwise: number): number {
    const port = this.number("port") ?? otherwise;
    if (Number.isInteger(port) && port <= 65_535) return port;
    throw new UsageError(`A port is a number from 0 to 65535, not ${port}.`);
  }

  /** The value of an option that is a time in milliseconds. */
  time(name: TextOption): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const isNegative = text.startsWith("-");
    const time = text === "Infinity"
      ? Infinity
      : isNegative
      ? -1
      : this.number(name)!;
    if (time > 0) return time;
    throw new UsageError(
      `--${name} wants milliseconds above 0, or Infinity, and not ${text}.`,
    );
  }

  /** The texts of `--metadata KEY=TEXT`. */
  get metadata(): Record<string, string> | undefined {
    if (this.#metadata.length === 0) return undefined;
    return Object.fromEntries(this.#metadata.map((pair) => {
      const at = pair.indexOf("=");
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
      throw new UsageError(`--metadata wants KEY=TEXT, not ${pair}.`);
    }));
  }

  /**
   * The secrets to show and to demand, from the environment or typed: never
   * from the command line. Left out where there is none.
   */
  get secrets(): { credential?: string; requireCredential?: string } {
    const credential = this.has("ask-credential")
      ? this.#typedSecret()
      : this.#secret("credential-env");
    const requireCredential = this.#secret("require-credential-env");
    return {
      ...(credential === undefined ? {} : { credential }),
      ...(requireCredential === undefined ? {} : { requireCredential }),
    };
  }

  #secret(option: TextOption): string | undefined {
    const name = this.text(option);
    if (name === undefined) return undefined;
    const secret = Deno.env.get(name);
    if (secret !== undefined && secret !== "") return secret;
    throw new UsageError(`There is nothing in the variable ${name}.`);
  }

  #typedSecret(): string {
    if (this.text("credential-env") !== undefined) {
      throw new UsageError(
        "--ask-credential and --credential-env both name a secret to show: give one of them.",
      );
    }
    if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
      throw new UsageError(
        "--ask-credential asks on a terminal, and input or output is none. Put the secret into a variable, and name that by --credential-env.",
      );
    }
    const secret = typedSecret("Secret to show: ");
    if (secret !== "") return secret;
    throw new UsageError("No secret was typed.");
  }

  /** What `--cert` and `--key` name: they go together. */
  get certificate(): { cert: string; key: string } | undefined {
    const cert = this.pem("cert", "CERTIFICATE");
    const key = this.pem("key", "PRIVATE KEY");
    if (cert === undefined && key === undefined) return undefined;
    if (cert !== undefined && key !== undefined) return { cert, key };
    throw new UsageError("--cert and --key go together.");
  }

  /**
   * The contents of a file in PEM that an option names.
   *
   * @param name The option.
   * @param what What the file holds.
   */
  pem(
    name: TextOption,
    what: "CERTIFICATE" | "PRIVATE KEY",
  ): string | undefined {
    const path = this.text(name);
    if (path === undefined) return undefined;
    const text = contents(name, path);
    if (new RegExp(`-----BEGIN ([A-Z0-9]+ )*${what}-----`).test(text)) {
      return text;
    }
    throw new UsageError(
      `--${name} ${path} is no such file: it has no "-----BEGIN ${what}-----".`,
    );
  }
}

/** The contents of a file that an option names. */
function contents(name: TextOption, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--${name} ${path} cannot be read: ${reason}.`);
  }
}

/**
 * Asks for a secret on the terminal, which shows a star for each character.
 *
 * @param question What stands before it.
 * @returns What was typed until the end of the line.
 */
function typedSecret(question: string): string {
  const { stdin, stdout } = Deno;
  const show = (text: string) =>
    stdout.writeSync(new TextEncoder().encode(text));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1_024);
  const secret: string[] = [];
  let isInterrupted = false;
  show(question);
  // Ctrl-C comes as a character then: as a signal it would end the process, and
  // leave a terminal that shows nothing of what is typed.
  stdin.setRaw(true);
  try {
    for (let isOver = false; !isOver;) {
      const count = stdin.readSync(buffer);
      if (count === null) break;
      const bytes = buffer.subarray(0, count);
      for (const character of decoder.decode(bytes, { stream: true })) {
        isInterrupted = character === "\x03";
        isOver = isInterrupted || character === "\r" || character === "\n";
        if (isOver) break;
        if (character === "\b" || character === "\x7f") {
          if (secret.pop() !== undefined) show("\b \b");
        } else if (character >= " ") {
          secret.push(character);
          show("*");
        }
      }
    }
  } finally {
    stdin.setRaw(false);
    show("\r\x1b[K");
  }
  if (isInterrupted) Deno.exit(INTERRUPTED);
  return secret.join("");
}
