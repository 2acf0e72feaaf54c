/**
 * How commands connect to a server.
 *
 * @module
 */

import {
  type CallOptions,
  connectToRemoteServer,
  type Wire,
  WireError,
} from "../mod.ts";
import { nearest } from "../wire/base/checks.ts";
import { connectWebSocket } from "../transports/websocket.ts";
import { type Endpoint, endpoint, endpointText } from "./_addresses.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import { connectThroughNats, type NatsTarget, natsTarget } from "./_nats.ts";

/** The options about where to connect to, and how. */
export const CONNECTING: readonly Option[] = [
  "unix",
  "tls",
  "ca",
  "tls-name",
  "cert",
  "key",
  "credential-env",
  "ask-credential",
  "require-credential-env",
  "insecure",
  "timeout",
];
/** The options of a call. */
export const CALLING: readonly Option[] = [
  ...CONNECTING,
  "deadline",
  "metadata",
  "json",
];

/** Where a server is. */
export type Target = Endpoint | NatsTarget;

/** What a usage says of addresses. */
export const ADDRESS_USAGE =
  `ADDRESS is HOST:PORT, :PORT of this machine, unix:PATH, ws://HOST:PORT/,
wss://HOST:PORT/ or nats://HOST:PORT/NAME, which asks one of the servers that
have the name at NATS, as the user in the variables NATS_USER and NATS_PASSWORD;
NATS_USER alone is a token.`;

/** What a usage says of the options about connecting. */
export const CONNECTING_USAGE =
  `  --unix PATH            a Unix socket, in the place of ADDRESS
  --tls                  speak TLS; the system says whom to trust
  --ca FILE              TLS, and trust this authority too
  --tls-name NAME        TLS, and expect a certificate of that name
  --cert FILE --key FILE TLS, and show this certificate
  --credential-env NAME  show the secret that is in this variable
  --ask-credential       ask for the secret to show, on the terminal
  --insecure             show it over TCP without TLS, beyond this machine, too
  --require-credential-env NAME
                         the server has to show the secret in this variable
  --timeout MS           how long connecting may take`;

/** Reads where the server is. */
export function targetOf(line: CommandLine): Target {
  // The socket's path may stand before the words, or behind them.
  const word = line.word();
  const path = line.text("unix");
  if (path !== undefined) {
    if (word !== undefined) line.putBack(word);
    return { kind: "unix", path };
  }
  if (word === undefined) throw new UsageError("ADDRESS is missing.");
  return natsTarget(word) ?? endpoint(word, "Where to connect to");
}

/** Where a server is, as a word. */
export function targetText(target: Target): string {
  return "name" in target
    ? `nats://${target.server}/${target.name}`
    : endpointText(target);
}

/** The options of each call. */
export function optionsOf(line: CommandLine): CallOptions {
  return { deadline: line.time("deadline"), metadata: line.metadata };
}

/** Connects, works, and closes. */
export async function connected<R>(
  line: CommandLine,
  target: Target,
  work: (wire: Wire) => Promise<R>,
): Promise<R> {
  const { wire, end } = await connect(line, target);
  try {
    return await work(wire);
  } catch (error) {
    // What took too long would keep the wire from closing.
    if (error instanceof WireError && error.code === "deadline") wire.abort();
    throw error;
  } finally {
    await wire.close();
    await end?.();
  }
}

/** So long a server may take to say what it serves, where a name is wrong. */
const LISTING = 2_000;

/**
 * Calls a function of a server; where it has none of that name, the error names
 * one that is like it.
 *
 * @param wire The wire.
 * @param target Where the server is.
 * @param name The function.
 * @param work What calls it.
 */
export async function callingAt<R>(
  wire: Wire,
  target: Target,
  name: string,
  work: () => Promise<R>,
): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WireError) || error.code !== "noSuchFunction") {
      throw error;
    }
    const names = await wire.listFunctions({ deadline: LISTING })
      .then((infos) => infos.map((info) => info.name), () => []);
    const near = nearest(name, names);
    const what = `The peer serves no function ${JSON.stringify(name)}`;
    throw new WireError(
      "noSuchFunction",
      near === undefined
        ? `${what}. "list ${targetText(target)}" prints what is served there.`
        : `${what}; did you mean ${JSON.stringify(near)}?`,
      { cause: error },
    );
  }
}

/** Connects; what is under the wire may have an end of its own. */
async function connect(
  line: CommandLine,
  target: Target,
): Promise<{ wire: Wire; end?: () => Promise<void> }> {
  const ca = line.pem("ca", "CERTIFICATE");
  const hostname = line.text("tls-name");
  const own = line.certificate;
  const isTls = line.has("tls") || ca !== undefined || hostname !== undefined ||
    own !== undefined;
  const options = {
    ...line.secrets,
    insecure: line.has("insecure"),
    timeout: line.time("timeout"),
    // Nothing is served here, and closing releases references.
    onError: () => {},
  };
  if ("name" in target) return await connectThroughNats(line, target, options);
  if (target.kind === "websocket") {
    if (!isTls) return { wire: await connectWebSocket(target.url, options) };
    throw new UsageError(
      "--tls, --ca, --tls-name, --cert and --key are not for WebSockets; of these wss: says it.",
    );
  }
  const [host, port, path] = target.kind === "unix"
    ? ["", 0, target.path] as const
    : [target.hostname, target.port, undefined] as const;
  if (isTls && path !== undefined) {
    throw new UsageError(
      "--tls, --ca, --tls-name, --cert and --key are for HOST:PORT: a Unix socket speaks no TLS.",
    );
  }
  const wire = await connectToRemoteServer(host, port, {
    ...options,
    path,
    tls: isTls
      ? { caCerts: ca === undefined ? [] : [ca], hostname, ...own }
      : undefined,
  });
  return { wire };
}
