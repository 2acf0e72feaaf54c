/**
 * Planted bugs of streams, at both ends.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const STREAMS: readonly BuggyFile[] = [
  {
    file: "wire/streams/stream_ends.ts",
    tests: [
      "wire/stream_sink_test.ts",
      "wire/streams_test.ts",
      "wire/streams_cancel_test.ts",
      "wire/memory_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "progress counts what items of bytes begin with",
        find: 'message.kind === "streamBytes" ? message.bytes.length : size,',
        replace: "size,",
        tests: ["wire/progress_test.ts"],
      },
      {
        name: "an item without credit is taken",
        find: "if (this.#left <= 0) {",
        replace: "if (this.#left < 0) {",
      },
      {
        name: "references in an item of a cancelled stream are kept",
        find: `      attachments?.drop();
      return false;`,
        replace: "      return false;",
      },
      {
        name: "an item that is taken stays in the account of memory",
        find: `      this.#options.holdings.give(cost, excess);
      this.#taken(cost);`,
        replace: "      this.#taken(cost);",
      },
      {
        name: "a cancelled stream stays in the account of memory",
        find: "this.#options.holdings.give(item.cost, item.excess);",
        replace: "",
      },
      {
        name: "a stream is told of credit only when all is used up",
        find: "if (this.#owed * 2 < window || this.isDone) return;",
        replace: "if (this.#owed < window || this.isDone) return;",
      },
      {
        name: "what a window has grown by is forgotten",
        find: "this.grown += extra;",
        replace: "",
      },
      {
        name: "a window grows over its limit",
        find: "grow(Math.min(window, most - window))",
        replace: "grow(window)",
      },
      {
        name: "a stream stops for ever where memory is short",
        find: "if (isTight && this.#items.size > 0) return;",
        replace: "if (isTight) return;",
      },
      {
        name: "what came before a sudden end is still given out",
        find: "if (failure?.isSudden) this.#drop();",
        replace: "",
      },
      {
        name: "a stream can be taken by two",
        find: "if (this.#sink.isTaken) {",
        replace: "if (this.#sink.isTaken && this.#sink.isDone) {",
      },
      {
        name: "a stream that was read to its end fails at its call's signal",
        find: "if (wasDone && this.#isEmpty) return;",
        replace: "",
      },
      {
        name: "who waits for an item of a cancelled stream waits for ever",
        find: "read.resolve(DONE);",
        replace: "",
      },
      {
        name: "the streams in an item do not end with the call",
        find: "      attachments?.bind(this.call);",
        replace: "",
      },
      {
        name: "the call of a stream that was read keeps its listener",
        find: "if (this.#isOver && this.#items.size === 0) this.#leaveCall();",
        replace: "",
      },
    ],
  },
  {
    file: "wire/streams/stream_ends.ts",
    tests: [
      "wire/stream_source_test.ts",
      "wire/streams_test.ts",
      "wire/streams_unsent_test.ts",
      "wire/streams_cancel_test.ts",
      "wire/streams_bound_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a stream that was ended before it was sent never ends",
        find:
          "if (this.#reason !== undefined) return this.#tell(this.#reason);",
        replace: "",
      },
      {
        name: "items cost their producer less than the consumer counts",
        find: "this.#credit -= MESSAGE_OVERHEAD + size;",
        replace: "this.#credit -= size;",
      },
      {
        name: "a producer runs on without credit",
        find: "if (this.#credit <= 0) await this.#creditComes();",
        replace: "if (this.#credit < 0) await this.#creditComes();",
      },
      {
        name: "a stream ignores an output that others filled meanwhile",
        find: "while (!output.hasRoom) if (!await this.#mayGoOn()) return;",
        replace: "",
      },
      {
        name: "who reads into a buffer is not waited for",
        find: "return read.room !== undefined;",
        replace: "return false;",
        tests: ["wire/economy_test.ts"],
      },
      {
        name: "parts of a byte array ignore a full output",
        find: "while (from > 0 && (this.#credit <= 0 || !output.hasRoom)) {",
        replace: "while (from > 0 && this.#credit <= 0) {",
      },
      {
        name: "a producer whose message is not sent is not stopped",
        find: "if (!isRetried) {",
        replace: "if (isRetried) {",
      },
      {
        name: "a stream that has ended stays with its call",
        find: `    this.call?.remove(this);
    this.#options.onOver(this);`,
        replace: "    this.#options.onOver(this);",
      },
      {
        name: "the end of a cancelled stream overtakes its last item",
        find: "Promise.all([this.#stop(error), this.#sending])",
        replace: "this.#stop(error)",
      },
      {
        name: "credit of nothing is taken",
        find:
          'if (amount === 0) throw malformed("A stream was given credit of 0 bytes.");',
        replace: "",
      },
      {
        name: "the streams in an item that cannot be sent go on",
        find: "endStreams(value, error);",
        replace: "",
      },
      {
        name: "a producer is not stopped when its item cannot be sent",
        find: "return this.#stop(error);",
        replace: "return;",
      },
      {
        name: "a function is not told that its stream was cancelled",
        find: `    this.call?.remove(this);
    this.onCancel?.(error);`,
        replace: "    this.call?.remove(this);",
      },
    ],
  },
  {
    file: "wire/streams/streams.ts",
    tests: [
      "wire/stream_sink_test.ts",
      "wire/hello_limits_test.ts",
      "wire/streams_bound_test.ts",
      "wire/getters_test.ts",
      "wire/stream_source_test.ts",
      "wire/graceful_close_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a stream that comes while this side closes holds that up",
        find:
          "if (this.#closing !== undefined) this.#discard(sink, this.#closing());",
        replace: "",
      },
      {
        name: "a getter that calls frees the streams behind it",
        find: "this.call = outer;",
        replace: "this.call = undefined;",
      },
      {
        name: "a stream is begun over a wire that a getter has ended",
        find: "if (reason !== undefined) throw unsentStream(reason);",
        replace: "",
      },
      {
        name: "a stream more than the limit is taken",
        find: "if (this.#sinks.size >= limits.streams) {",
        replace: "if (this.#sinks.size > limits.streams) {",
      },
      {
        name: "the last stream that the peer takes is refused",
        find: "if (this.#announced + fresh.length > this.#most) {",
        replace: "if (this.#announced + fresh.length >= this.#most) {",
      },
      {
        name: "streams that have ended count against the peer's limit",
        find: "if (isAnnounced) this.#announced--;",
        replace: "",
      },
      {
        name: "the window of a stream that has ended is lost to others",
        find: "this.spare += sink.grown;",
        replace: "",
      },
      {
        name: "windows grow without end",
        find: "this.spare -= extra;",
        replace: "",
      },
      {
        name: "an item over a limit costs its producer nothing",
        find: `    sink.spend(cost);
    if (sink.isDone) return false;`,
        replace: "    if (sink.isDone) return false;",
      },
      {
        name: "an item over a limit does not stop its producer",
        find: `    sink.end({ error });
    this.#cancel(id, error);`,
        replace: "    sink.end({ error });",
      },
      {
        name: "a signal that a getter aborts does not end the streams",
        find: "if (signal?.aborted) cancel(signal.reason);",
        replace: "",
      },
      {
        name: "the listener of an unread stream outlives its wire",
        find: "for (const sink of this.#unread) sink.call?.remove(sink);",
        replace: "",
      },
      {
        name: "a one-way call's streams leave a listener",
        find: "call.settled(stop);",
        replace: "",
      },
      {
        name: "the peer's word is the only limit of streams",
        find: "return Math.min(peerLimits.streams, limits.streams);",
        replace: "return peerLimits.streams;",
      },
    ],
  },
];
