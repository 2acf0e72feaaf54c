/**
 * The commands that talk to a server: `list`, `call` and `ping`.
 *
 * @module
 */

import {
  type CallOptions,
  connectToRemoteServer,
  formatAddress,
  type Wire,
  WireError,
} from "../mod.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import { connectThroughNats, type NatsTarget, natsTarget } from "./_nats.ts";
import { printLine, write } from "./_output.ts";
import { asJson, HarmlessBytes, shown, signature } from "./_text.ts";

/** The options about where to connect to, and how. */
const CONNECTING: readonly Option[] = [
  "unix",
  "tls",
  "ca",
  "tls-name",
  "cert",
  "key",
  "credential-env",
  "require-credential-env",
  "insecure",
  "timeout",
];
/** The options of a call. */
const CALLING: readonly Option[] = [
  ...CONNECTING,
  "deadline",
  "metadata",
  "json",
];

/** Prints what the server serves. */
export async function list(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  line.end();
  line.only("list", CALLING);
  await connected(line, target, async (wire) => {
    const functions = await wire.listFunctions(optionsOf(line));
    if (line.has("json")) return await printLine(asJson(functions));
    for (const info of functions) await printLine(signature(info));
    if (functions.length === 0) console.error("No function is served there.");
  });
}

/** Calls a function, and prints its values. */
export async function call(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  const name = line.word("The function's name") ?? "";
  const args = line.remainder().map((text, index) =>
    argument(text, `Argument ${index + 1} of ${name}`)
  );
  line.only("call", [...CALLING, "one-way"]);
  const options = optionsOf(line);
  await connected(line, target, async (wire) => {
    if (line.has("one-way")) return await wire.send(name, args, options);
    const values = await wire.call(name, args, true, options) as unknown[];
    // The value of a function that returns nothing; as JSON it is null.
    const isNothing = values.length === 1 && values[0] === undefined;
    if (isNothing && !line.has("json")) return;
    for (const value of values) {
      if (isStream(value)) await printStream(line, value);
      else await print(line, value);
    }
  });
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null &&
    Symbol.asyncIterator in value;
}

/** Prints a value. */
async function print(line: CommandLine, value: unknown): Promise<void> {
  await printLine(
    line.has("json") ? asJson(value) : shown(value, Deno.stdout.isTerminal()),
  );
}

/** Prints the parts of a stream: bytes as they are, but to a terminal. */
async function printStream(
  line: CommandLine,
  parts: AsyncIterable<unknown>,
): Promise<void> {
  const harmless = Deno.stdout.isTerminal() ? new HarmlessBytes() : undefined;
  for await (const part of parts) {
    if (line.has("json") || !(part instanceof Uint8Array)) {
      await print(line, part);
    } else {
      await write(harmless === undefined ? part : harmless.take(part));
    }
  }
  if (harmless !== undefined) await write(harmless.take());
}

/** Asks the server for a sign of life. */
export async function ping(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  line.end();
  line.only("ping", CONNECTING);
  await connected(line, target, async (wire) => {
    const time = await wire.ping();
    await printLine(
      `${formatAddress(wire.address)} answered in ${time.toFixed(2)} ms`,
    );
  });
}

/** Where the server is. */
type Target = { path: string } | { host: string; port: number } | NatsTarget;

function targetOf(line: CommandLine): Target {
  // The socket's path may stand before the words, or behind them.
  const word = line.word();
  const path = line.text("unix");
  if (path !== undefined) {
    if (word !== undefined) line.putBack(word);
    return { path };
  }
  const nats = natsTarget(word);
  if (nats !== undefined) return nats;
  const match = word?.match(/^(?:\[([^\]]+)\]|([^:\[\]]*)):(\d{1,5})$/);
  if (match?.[3] !== undefined) {
    const host = match[1] ?? (match[2] || "localhost");
    const port = Number(match[3]);
    if (port >= 1 && port <= 65535) return { host, port };
    throw new UsageError(`A port is a number from 1 to 65535, not ${port}.`);
  }
  throw new UsageError(
    word === undefined
      ? "HOST:PORT is missing."
      : `Where to connect to is HOST:PORT, such as localhost:7000, or nats://HOST:PORT/NAME, not ${word}.`,
  );
}

/** How JSON begins, but for `true`, `false` and `null`. */
const LIKE_JSON = /^\s*[{["\d-]/;

/**
 * An argument: JSON where it is JSON, and a text elsewhere.
 *
 * @param text The argument.
 * @param which Which it is, for the message.
 * @throws {UsageError} For a text that begins like JSON: mostly a mistake.
 */
function argument(text: string, which: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!LIKE_JSON.test(text)) return text;
    throw new UsageError(
      `${which} begins like JSON, and is not JSON: ${text} (${
        (error as Error).message
      }). If it is a text, write ${inShell(JSON.stringify(text))}.`,
    );
  }
}

/** A text as a shell takes it for one word. */
function inShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function optionsOf(line: CommandLine): CallOptions {
  return { deadline: line.time("deadline"), metadata: line.metadata };
}

/** Connects, works, and closes. */
async function connected(
  line: CommandLine,
  target: Target,
  work: (wire: Wire) => Promise<void>,
): Promise<void> {
  const { wire, end } = await connect(line, target);
  try {
    await work(wire);
  } catch (error) {
    // What took too long would keep the wire from closing.
    if (error instanceof WireError && error.code === "deadline") wire.abort();
    throw error;
  } finally {
    await wire.close();
    await end?.();
  }
}

/** Connects; what is under the wire may have an end of its own. */
async function connect(
  line: CommandLine,
  target: Target,
): Promise<{ wire: Wire; end?: () => Promise<void> }> {
  const options = {
    ...line.secrets,
    insecure: line.has("insecure"),
    timeout: line.time("timeout"),
    // Nothing is served here, and closing releases references.
    onError: () => {},
  };
  if ("name" in target) return await connectThroughNats(line, target, options);
  const ca = line.pem("ca", "CERTIFICATE");
  const hostname = line.text("tls-name");
  const own = line.certificate;
  const isTls = line.has("tls") || ca !== undefined || hostname !== undefined ||
    own !== undefined;
  const [host, port] = "path" in target ? ["", 0] : [target.host, target.port];
  const wire = await connectToRemoteServer(host, port, {
    path: "path" in target ? target.path : undefined,
    tls: isTls
      ? { caCerts: ca === undefined ? [] : [ca], hostname, ...own }
      : undefined,
    ...options,
  });
  return { wire };
}
