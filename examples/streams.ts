/**
 * The stream of a connection between the streams of the platform and those of
 * the standard library: a server numbers the lines it gets.
 *
 *     deno run --allow-net=127.0.0.1,localhost examples/streams.ts
 *
 * @module
 */

import { type LineStream, openTcpStream, startUpServer } from "../mod.ts";
import "./_one_line.ts";
import { loaded } from "./_std.ts";

const { TextLineStream } = await loaded(
  import("@std/streams/text-line-stream"),
);
const { toText } = await loaded(import("@std/streams/to-text"));

/** What a connection sends, numbered line by line, goes back to it. */
function numberLines(stream: LineStream): Promise<void> {
  let count = 0;
  return stream.readable
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())
    .pipeThrough(
      new TransformStream<string, string>({
        transform: (line, controller) =>
          controller.enqueue(`${++count}. ${line}\n`),
      }),
    )
    .pipeThrough(new TextEncoderStream())
    .pipeTo(stream.writable);
}

await using server = startUpServer({ service: 0, function: numberLines });
await using stream = await openTcpStream("localhost", server.port);

await ReadableStream.from(["one\ntw", "o\r\nthree"])
  .pipeThrough(new TextEncoderStream())
  .pipeTo(stream.writable);
console.log(await toText(stream.readable));
