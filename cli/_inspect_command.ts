/**
 * The command `inspect`: a proxy whose messages a page shows, or a page that
 * shows a recording.
 *
 * @module
 */

import { endpointText } from "./_addresses.ts";
import type { CommandLine, Option } from "./_command_line.ts";
import type { About } from "./_inspection.ts";
import { printLine, tell } from "./_output.ts";
import { ByteProxy } from "./_proxy.ts";
import { readRecording } from "./_recording.ts";
import {
  apply,
  endedBySignals,
  sourceOf,
  wayOf,
  witness,
} from "./_tap_command.ts";
import { asJson, harmlessLine } from "./_text.ts";

/** Its options. */
export const INSPECT_OPTIONS: readonly Option[] = [
  ...["read", "port", "json", "cert", "key"] as const,
  ...["tls", "ca", "tls-name", "timeout"] as const,
];

/** What the command does, and its options. */
export const INSPECT_USAGE =
  `usage: deno run -A cli.ts inspect [OPTION…] LISTEN TARGET
       deno run -A cli.ts inspect [OPTION…] --read FILE

Is a proxy as tap is, and serves a page that shows what passes: the wires, their
calls on a time line, how long the functions take, flow control, and each
message in full. It prints the address of the page, for a browser of this
machine. The address holds a secret: whoever has it sees what passes.

An address is HOST:PORT, :PORT of this machine, unix:PATH, ws://HOST:PORT/ or
wss://HOST:PORT/.

examples:
  inspect :7001 localhost:7000
  inspect --port 8080 unix:/tmp/tap.sock localhost:7000
  inspect --read calls.jsonl

options:
  --read FILE            show a recording of tap
  --port PORT            where the page is; a free port, where left out
  --json                 print the page's address, and others, as a line of JSON
  --cert FILE --key FILE clients speak TLS with the proxy, which reads it
  --tls, --ca FILE, --tls-name NAME
                         the target speaks TLS
  --timeout MS           how long connecting to the target may take

The last 5,000 messages are kept. What comes faster than 1,000 a second is
counted, and does not show; all bytes are passed on.
Ctrl-C ends it.

The exit code is 0 when it was ended by SIGTERM, 1 when it cannot listen or FILE
is no recording, 2 for a command line that makes no sense, and 130 after Ctrl-C.`;

/** Serves the page until it is ended. */
export async function inspect(line: CommandLine): Promise<number> {
  const ofRecording = ["read", "port", "json"] as const;
  const source = sourceOf(line, "inspect", INSPECT_OPTIONS, ofRecording);
  if ("path" in source) return await show(line, source.path);
  return await watch(line, source.listen, source.target);
}

/** Shows what passes. */
async function watch(
  line: CommandLine,
  listenWord: string,
  targetWord: string,
): Promise<number> {
  const way = await wayOf(line, listenWord, targetWord);
  const { Inspector } = await import("./_inspector.ts");
  const inspector = new Inspector();
  const proxy = new ByteProxy({ ...way, witness: witness(inspector) });
  try {
    return await serve(line, inspector, {
      target: endpointText(way.target),
      source: proxy.address,
      isRecording: false,
    });
  } finally {
    await proxy.close();
  }
}

/** So many messages of a recording are kept, and all of them looked at. */
const RECORDED = { messages: 20_000, perSecond: Infinity };

/** Shows a recording. */
async function show(line: CommandLine, path: string): Promise<number> {
  const { heading, entries } = await readRecording(path);
  const { Inspector } = await import("./_inspector.ts");
  const inspector = new Inspector(RECORDED);
  for await (const entry of entries) {
    apply(entry, inspector, Date.parse(heading.began));
  }
  return await serve(line, inspector, {
    target: String(heading.target),
    source: path.split(/[/\\]/).at(-1)!,
    isRecording: true,
  });
}

/** Serves the page until a signal comes. */
async function serve(
  line: CommandLine,
  inspector: InstanceType<typeof import("./_inspector.ts").Inspector>,
  about: About,
): Promise<number> {
  const { serveInspector } = await import("./_inspect_server.ts");
  const page = await serveInspector(inspector, about, line.port(0));
  const ended = Promise.withResolvers<number>();
  const stop = endedBySignals(ended.resolve);
  try {
    const { source, target, isRecording } = about;
    tell(
      harmlessLine(
        isRecording ? `showing ${source}` : `inspecting ${source} → ${target}`,
      ),
    );
    await printLine(
      line.has("json") ? asJson({ url: page.url, ...about }) : page.url,
    );
    return await ended.promise;
  } finally {
    stop();
    await page.close();
  }
}
