/**
 * The command lines of the programs.
 *
 * @module
 */

import { loaded } from "./_std.ts";

const { parseArgs } = await loaded(import("@std/cli/parse-args"));

/** What a program was told. */
export interface CommandLine {
  /** The value of an option, which is never empty; undefined if not given. */
  option(name: string): string | undefined;
  /** The value of an option that is one of some; the first if not given. */
  choice<T extends string>(name: string, values: readonly [T, ...T[]]): T;
  /** The value of an option that is a count, of `least` or more. */
  count(name: string, otherwise: number, least: 0 | 1): number;
  /** The value of the option `port`, or 7000. */
  port(least: number): number;
  /** What is no option. */
  readonly rest: readonly string[];
}

/**
 * Reads the program's arguments. Prints the help and ends the program where
 * it is asked for; ends it with code 2 where an argument is wrong.
 *
 * @param usage The help.
 * @param names The options, all of which take a value.
 * @param mostRest How many arguments there may be beside options.
 * @returns What the program was told.
 */
export function commandLine(
  usage: string,
  names: string[],
  mostRest: number,
): CommandLine {
  const given: Record<string, unknown> = parseArgs(Deno.args, {
    string: names,
    boolean: ["help"],
    alias: { help: "h" },
    unknown(arg: string) {
      if (arg.startsWith("-")) wrong(`There is no option ${arg}.`);
    },
  });
  if (given.help === true) {
    console.log(usage);
    Deno.exit(0);
  }
  const rest = (given._ as unknown[]).map(String);
  if (rest.length > mostRest) {
    wrong(`One argument too many: ${rest[mostRest]}.`);
  }
  const option = (name: string) => {
    const value = given[name] as string | undefined;
    if (value === "") wrong(`The option --${name} wants a value.`);
    return value;
  };
  const choice = <T extends string>(name: string, values: readonly T[]) => {
    const text = option(name) ?? values[0];
    return values.find((value) => value === text) ??
      wrong(`--${name} wants ${values.join(" or ")}.`);
  };
  const count = (name: string, otherwise: number, least: 0 | 1) => {
    const text = option(name) ?? String(otherwise);
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    return wrong(
      `--${name} wants a number from ${least} to 999999999, not ${text}.`,
    );
  };
  const port = (least: number) => {
    const text = option("port") ?? "7000";
    const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
    if (port >= least && port <= 65_535) return port;
    return wrong(`A port is an integer from ${least} to 65535, not ${text}.`);
  };
  return { option, choice, count, port, rest };
}

/**
 * Ends the program over a wrong argument.
 *
 * @param message What is wrong.
 */
export function wrong(message: string): never {
  console.error(`${message} See --help.`);
  Deno.exit(2);
}
