/**
 * The command `replay`: the calls of a recording, made again.
 *
 * @module
 */

import { connectToRemoteServer, type Wire } from "../mod.ts";
import { cmucl } from "../wire/cmucl/mod.ts";
import type { TappedMessage } from "../wire/codec/mod.ts";
import { connectWebSocket } from "../transports/websocket.ts";
import { type Endpoint, endpoint } from "./_addresses.ts";
import type { CommandLine, Option } from "./_command_line.ts";
import { printLine } from "./_output.ts";
import { BadRecording, readRecording } from "./_recording.ts";
import { type Outcome, ReplayedWire } from "./_replayed_wire.ts";
import { filterOf, LEFT_OUT, tlsOf } from "./_tap_command.ts";
import { namesOf } from "./_tap_view.ts";
import { asJson, harmlessLine } from "./_text.ts";

/** Its options. */
export const REPLAY_OPTIONS: readonly Option[] = [
  "name",
  "wire",
  "json",
  "tls",
  "ca",
  "tls-name",
  "credential-env",
  "ask-credential",
  "insecure",
  "timeout",
  "deadline",
  "in-turn",
];

/** What the command does, and its options. */
export const REPLAY_USAGE =
  `usage: deno run -A cli.ts replay [OPTION…] FILE TARGET

Makes the calls of a recording again, at the server TARGET, and compares its
answers with those of the recording: values, errors, and the items of streams.
FILE is what "tap --record FILE" wrote. Calls are made in the order in which
they were made: each that came before an answer is made before that answer is
waited for. References to objects, and results that other calls need, are those
of this time.

TARGET is HOST:PORT, :PORT of this machine, unix:PATH, ws://HOST:PORT/ or
wss://HOST:PORT/.

Not repeated, and told: calls that pass an object or a function of the client's,
or a value of a declared type. Answers of calls that were cancelled are not
compared.

examples:
  replay calls.jsonl localhost:7000
  replay --name 'users.*' --json calls.jsonl unix:/run/users.sock

options:
  --name NAME[,NAME…]    only calls of these functions; * is any text
  --wire N[,N…]          only these wires, counted from 1
  --in-turn              make one call at a time, in the order of the answers of
                         the recording: for calls that were under way together
                         and depend on each other's order
  --deadline MS          how long an answer may take: 10000
  --json                 each difference, and the sums, as a line of JSON
  --tls, --ca FILE, --tls-name NAME
                         the target speaks TLS
  --credential-env NAME  show the secret that is in this variable
  --ask-credential       ask for the secret to show, on the terminal
  --insecure             show it over TCP without TLS, beyond this machine, too
  --timeout MS           how long connecting may take

The exit code is 0 when all answers are the same, 1 when one differs, when no
call is what the options ask for, or when FILE or TARGET cannot be used, and 2
for a command line that makes no sense.`;

/** How long an answer may take. */
const DEADLINE = 10_000;
/** So much of an answer is shown, and so much in front of a difference. */
const SHOWN = 400;
const BEFORE = 60;

/**
 * Repeats the calls of a recording.
 *
 * @returns The exit code.
 */
export async function replay(line: CommandLine): Promise<number> {
  const path = line.word("FILE") ?? "";
  const word = line.word("TARGET") ?? "";
  line.end();
  line.only("replay", REPLAY_OPTIONS);
  const target = endpoint(word, "Where to connect to");
  const isJson = line.has("json");
  const names = namesOf(line.text("name"));
  const { wires: wanted } = filterOf(line);
  const sums = { same: 0, different: 0, notRepeated: 0 };
  const lines: string[] = [];
  const options = {
    connect: connecting(line, target),
    wants: (name: string) =>
      names === undefined || names.some((each) => each.test(name)),
    deadline: line.time("deadline") ?? DEADLINE,
    inTurn: line.has("in-turn"),
    onOutcome(outcome: Outcome) {
      const { is } = outcome;
      sums[typeof is === "string" ? is : "notRepeated"]++;
      if (is !== "same") lines.push(isJson ? json(outcome) : text(outcome));
    },
  };
  const { entries } = await readRecording(path);
  const open = new Map<number, ReplayedWire>();
  let wires = 0;
  try {
    for await (const entry of entries) {
      const { wire, time } = entry;
      if (wanted !== undefined && !wanted.includes(wire)) continue;
      if (!("event" in entry)) {
        await open.get(wire)?.replay(entry.from, entry.bytes, time);
      } else if (entry.event === "leftOut") {
        const { count, from } = entry;
        const notRepeated = `${count} bytes were not recorded: ${LEFT_OUT}`;
        options.onOutcome({
          wire,
          call: `what the ${from} sent`,
          is: { notRepeated },
        });
      } else if (entry.event === "open") {
        wires++;
        open.set(wire, new ReplayedWire(wire, options));
      } else if (entry.event === "close") {
        await open.get(wire)?.end();
        open.delete(wire);
      }
      for (const each of lines.splice(0)) await printLine(each);
    }
  } finally {
    for (const wire of open.values()) await wire.end();
  }
  for (const each of lines.splice(0)) await printLine(each);
  const isChosen = names !== undefined || wanted !== undefined;
  if (wires === 0 || isChosen && sums.same + sums.different === 0) {
    throw new BadRecording(
      `Nothing was compared: ${
        isChosen
          ? "no call of the recording is what --name and --wire ask for"
          : "the recording has no wire"
      }.`,
    );
  }
  await printLine(isJson ? asJson(sums) : summary(sums));
  return sums.different > 0 ? 1 : 0;
}

/** Makes what connects to the target. */
function connecting(line: CommandLine, target: Endpoint) {
  const tls = tlsOf(line, target);
  const { secrets } = line;
  const timeout = line.time("timeout");
  const insecure = line.has("insecure");
  return (
    isLisp: boolean,
    tap: (message: TappedMessage) => void,
  ): Promise<Wire> => {
    const options = {
      ...secrets,
      insecure,
      timeout,
      tap,
      // What is not right shows as a difference.
      onError: () => {},
      dialect: isLisp ? cmucl() : undefined,
    };
    switch (target.kind) {
      case "websocket":
        return connectWebSocket(target.url, options);
      case "unix":
        return connectToRemoteServer("", 0, { ...options, path: target.path });
      default:
        return connectToRemoteServer(target.hostname, target.port, {
          ...options,
          tls,
        });
    }
  };
}

function json({ wire, call, is, recorded, now }: Outcome): string {
  return typeof is === "string"
    ? asJson({ wire, call, is, recorded, now })
    : asJson({ wire, call, is: "notRepeated", why: is.notRepeated });
}

function text({ wire, call, is, recorded = "", now = "" }: Outcome): string {
  const head = harmlessLine(`wire ${wire}, ${call}`);
  if (typeof is === "object") {
    return `${head} was not repeated: ${harmlessLine(is.notRepeated)}`;
  }
  // They may be alike for long.
  let at = 0;
  while (recorded[at] === now[at] && at < recorded.length) at++;
  const from = at > SHOWN ? at - BEFORE : 0;
  const part = (answer: string) =>
    harmlessLine(
      (from > 0 ? "…" : "") + answer.slice(from, from + SHOWN) +
        (answer.length > from + SHOWN ? "…" : ""),
    );
  return `${head}\n  recorded: ${part(recorded)}\n  now:      ${part(now)}`;
}

function summary(
  { same, different, notRepeated }: {
    same: number;
    different: number;
    notRepeated: number;
  },
): string {
  const compared = same + different;
  return `${compared} ${
    compared === 1 ? "answer" : "answers"
  } compared: ${same} the same, ${different} different${
    notRepeated === 0 ? "" : `; ${notRepeated} not repeated`
  }`;
}
