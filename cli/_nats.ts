/**
 * Connections over NATS, for `nats://HOST:PORT/NAME`. The client of NATS is
 * loaded when it is needed, and not before.
 *
 * @module
 */

import { type Wire, WireError } from "../mod.ts";
import type {
  ConnectNatsOptions,
  NatsConnectionLike,
} from "../transports/nats.ts";
import { type CommandLine, UsageError } from "./_command_line.ts";
import { described } from "./_text.ts";

/** Where a server is at NATS. */
export interface NatsTarget {
  /** The NATS server, such as `localhost:4222`. */
  readonly server: string;
  /** The name of the servers there. */
  readonly name: string;
}

/** What is used of the package. */
interface Client {
  connect(options: object): Promise<
    NatsConnectionLike & { close(): Promise<void> }
  >;
}

/** The longest time limit that it takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** Not written where it is imported: loading this module is to load none. */
const CLIENT = "npm:@nats-io/transport-node@^3.4.0";

/**
 * Reads the address of a server at NATS.
 *
 * @param word A word of the command line.
 * @returns Where it is; undefined for what is no such address.
 * @throws {UsageError} For one without a name.
 */
export function natsTarget(word: string | undefined): NatsTarget | undefined {
  if (word === undefined || !/^nats:\/\//.test(word)) return undefined;
  const url = URL.canParse(word) ? new URL(word) : undefined;
  const [, name] = url?.pathname.match(/^\/([\w-]+)$/) ?? [];
  if (url === undefined || name === undefined || url.hostname === "") {
    throw new UsageError(
      `Where to connect to at NATS is nats://HOST:PORT/NAME, such as nats://localhost:4222/jobs, not ${word}.`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      "A secret does not belong on the command line: put it into the variables NATS_USER and NATS_PASSWORD.",
    );
  }
  const { hostname, port } = url;
  return { server: `${hostname}:${port || "4222"}`, name };
}

/**
 * Connects.
 *
 * @param line What the command line says of TLS.
 * @param target Where to.
 * @param options What the wire is made with.
 * @returns The wire, and what closes the connection under it.
 */
export async function connectThroughNats(
  line: CommandLine,
  { server, name }: NatsTarget,
  options: ConnectNatsOptions,
): Promise<{ wire: Wire; end: () => Promise<void> }> {
  if (line.text("tls-name") !== undefined) {
    throw new UsageError("--tls-name is not for NATS.");
  }
  const ca = line.pem("ca", "CERTIFICATE");
  const own = line.certificate;
  const isTls = line.has("tls") || ca !== undefined || own !== undefined;
  const { connect } = await client();
  const nats = await connect({
    servers: server,
    reconnect: false,
    timeout: Math.min(options.timeout ?? 10_000, LONGEST),
    ...user(),
    ...(isTls ? { tls: { ...(ca === undefined ? {} : { ca }), ...own } } : {}),
  }).catch((error: unknown) => {
    const text = described(error);
    const isRefused = /refused/i.test(text);
    throw new WireError(
      isRefused ? "connectionRefused" : "connectFailed",
      `Cannot connect to NATS at ${server}: ${
        isRefused ? "nobody listens there" : text
      }`,
      { cause: error },
    );
  });
  const end = () => nats.close();
  try {
    const { connectNats } = await import("../transports/nats.ts");
    return { wire: await connectNats(nats, name, options), end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Who connects, as the tools of NATS are told: a user alone is a token. */
function user(): { user?: string; pass?: string; token?: string } {
  const user = Deno.env.get("NATS_USER");
  const pass = Deno.env.get("NATS_PASSWORD");
  if (!user) return {};
  return pass ? { user, pass } : { token: user };
}

async function client(): Promise<Client> {
  try {
    return await import(CLIENT);
  } catch (error) {
    throw new WireError(
      "connectFailed",
      `The client of NATS cannot be loaded from npm (${CLIENT}): ${
        described(error)
      }`,
      { cause: error },
    );
  }
}
