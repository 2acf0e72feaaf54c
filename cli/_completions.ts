/**
 * The command `completions`: what shells complete.
 *
 * @module
 */

import {
  type CommandLine,
  type Option,
  takesValue,
  UsageError,
} from "./_command_line.ts";
import { printLine } from "./_output.ts";

/** What the command does. */
export const COMPLETIONS_USAGE =
  `usage: deno run -A cli.ts completions bash|zsh|fish [NAME]

Prints what makes a shell complete the command line, installed as NAME, which is
"wire" unless it is given.

examples:
  source <(wire completions bash)
  source <(wire completions zsh)
  wire completions fish | source

The exit code is 0, or 2 for a command line that makes no sense.`;

/** What there is to complete. */
export interface Completed {
  /** What it does, in a few words. */
  readonly summary: string;
  /** The options that it has. */
  readonly options: readonly Option[];
}

/**
 * Prints what a shell needs.
 *
 * @param line The command line.
 * @param commands All commands by name.
 */
export async function completions(
  line: CommandLine,
  commands: ReadonlyMap<string, Completed>,
): Promise<void> {
  const shell = line.word("The shell (bash, zsh or fish)");
  const name = line.word() ?? "wire";
  line.end();
  line.only("completions", []);
  const script = SHELLS.get(shell!);
  if (script === undefined) {
    throw new UsageError(`The shell is bash, zsh or fish, not ${shell}.`);
  }
  if (!/^[\w-]+$/.test(name)) {
    throw new UsageError(`NAME has letters, digits, - and _, unlike ${name}.`);
  }
  await printLine(script(name, commands));
}

type Script = (
  name: string,
  commands: ReadonlyMap<string, Completed>,
) => string;

const SHELLS: ReadonlyMap<string, Script> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
]);

function flags({ options }: Completed): string[] {
  return [...new Set<Option>([...options, "help"])].map((each) => `--${each}`);
}

/** Lines of a `case` of a POSIX shell, one for each command. */
function cases(commands: ReadonlyMap<string, Completed>): string {
  return Array.from(
    commands,
    ([name, command]) => `    ${name}) words="${flags(command).join(" ")}" ;;`,
  ).join("\n");
}

function bash(name: string, commands: Parameters<Script>[1]): string {
  const own = `_${name.replaceAll("-", "_")}_completions`;
  return `${own}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${
    [...commands.keys()].join(" ")
  } --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases(commands)}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    @*) COMPREPLY=($(compgen -P @ -f -- "\${current#@}")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F ${own} ${name}`;
}

function zsh(name: string, commands: Parameters<Script>[1]): string {
  const own = `_${name.replaceAll("-", "_")}_completions`;
  const list = Array.from(
    commands,
    ([each, { summary }]) => `    '${each}:${summary.replaceAll("'", "")}'`,
  ).join("\n");
  return `#compdef ${name}
${own}() {
  local words
  local -a commands
  commands=(
${list}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="\${\${(z)BUFFER}[2]}"
  case "$command" in
${cases(commands)}
  esac
  if [[ "$PREFIX" == -* ]]; then
    compadd -- \${=words}
  else
    _files
  fi
}
compdef ${own} ${name}`;
}

function fish(name: string, commands: Parameters<Script>[1]): string {
  const lines: string[] = [];
  for (const [each, { summary }] of commands) {
    const text = summary.replaceAll("'", "");
    lines.push(
      `complete -c ${name} -f -n __fish_use_subcommand -a ${each} -d '${text}'`,
    );
  }
  for (const [each, { options }] of commands) {
    for (const option of new Set<Option>([...options, "help"])) {
      const value = takesValue(option) ? " -r" : "";
      lines.push(
        `complete -c ${name} -n '__fish_seen_subcommand_from ${each}' -l ${option}${value}`,
      );
    }
  }
  return lines.join("\n");
}
