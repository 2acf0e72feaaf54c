/**
 * The command `talk`: lines with any server.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { openTcpStream, socketTransport } from "../mod.ts";
import { LineStream } from "../wire/lines/mod.ts";
import { type Endpoint, endpoint, endpointText } from "./_addresses.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import { OutputClosed, tell, write } from "./_output.ts";
import { tlsOf } from "./_tap_command.ts";
import { HarmlessBytes } from "./_text.ts";

/** Its options. */
export const TALK_OPTIONS: readonly Option[] = [
  "tls",
  "ca",
  "tls-name",
  "timeout",
];

/** What the command does, and its options. */
export const TALK_USAGE = `usage: deno run -A cli.ts talk [OPTION…] ADDRESS

Sends each line of the standard input to a server of lines, whatever it speaks,
and prints what comes. At the end of the input this side's direction is closed,
and what still comes is printed. A terminal gets no control characters.

ADDRESS is HOST:PORT, :PORT of this machine, or unix:PATH.

examples:
  talk localhost:10243
  echo QUIT | talk --tls mail.example.org:465

options:
  --tls, --ca FILE, --tls-name NAME
                         the server speaks TLS
  --timeout MS           how long connecting may take

The exit code is 0 when the server has closed the connection, 1 when it failed,
2 for a command line that makes no sense, and 130 after Ctrl-C.`;

/** Talks with a server, until that has closed the connection. */
export async function talk(line: CommandLine): Promise<never> {
  const target = endpoint(line.word("ADDRESS")!, "Where to connect to");
  line.end();
  line.only("talk", TALK_OPTIONS);
  const stream = await open(line, target);
  if (Deno.stdin.isTerminal()) {
    tell(
      `connected to ${endpointText(target)}; Ctrl-D ends the input`,
    );
  }
  void sendLines(stream);
  try {
    const harmless = Deno.stdout.isTerminal() ? new HarmlessBytes() : undefined;
    for await (const bytes of stream.readable) {
      await write(harmless === undefined ? bytes : harmless.take(bytes));
    }
    if (harmless !== undefined) await write(harmless.take());
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
  // The standard input may still be waited for.
  Deno.exit(0);
}

async function open(line: CommandLine, target: Endpoint): Promise<LineStream> {
  const tls = tlsOf(line, target);
  switch (target.kind) {
    case "websocket":
      throw new UsageError(
        "talk is for servers of lines: ADDRESS is HOST:PORT or unix:PATH.",
      );
    case "unix": {
      const { path } = target;
      try {
        const conn = await Deno.connect({ transport: "unix", path });
        const address = { transport: "unix", path } as const;
        return new LineStream(socketTransport(conn, address));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(
          `${endpointText(target)} cannot be reached: ${reason}.`,
        );
      }
    }
    default: {
      const { hostname, port } = target;
      const timeout = line.time("timeout");
      return await openTcpStream(hostname, port, { tls, timeout });
    }
  }
}

/** Sends the lines of the standard input; what fails shows where it is read. */
async function sendLines(stream: LineStream): Promise<void> {
  try {
    const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()) as ReadableStream<string>;
    for await (const line of lines) await stream.writeLine(line);
    await stream.closeWrite();
  } catch {
    // The connection has failed, or the input has.
  }
}
