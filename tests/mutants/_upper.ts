/**
 * Planted bugs of what stands on wires, or beside them: kept connections,
 * contracts, spans, lines, types, transports.
 *
 * @module
 */

import type { BuggyFile } from "./_mutant.ts";

export const UPPER: readonly BuggyFile[] = [
  {
    file: "wire/reconnect/_kept_calls.ts",
    tests: [
      "wire/kept_calls_test.ts",
      "wire/keep_connected_test.ts",
      "wire/keep_closing_test.ts",
      "wire/listeners_test.ts",
      "wire/streams_unsent_test.ts",
    ],
    bugs: [
      {
        name: "a call that may have run is repeated without leave",
        find: "const mayLeaveAgain = (isSafe || this.#mayRepeat(call)) &&",
        replace: "const mayLeaveAgain =",
      },
      {
        name: "a call that was repeated is told as not sent",
        find: 'call.fate = "maybeExecuted";',
        replace: "",
      },
      {
        name: "calls of a lost wire lose their order",
        find: "all.sort((a, b) => a.call.order - b.call.order);",
        replace: "",
      },
      {
        name: "a call is repeated once too often",
        find: "repeats >= most) return false;",
        replace: "repeats > most) return false;",
      },
      {
        name: "one call more than the limit waits",
        find: "if (isNew && this.waiting >= most) {",
        replace: "if (isNew && this.waiting > most) {",
      },
      {
        name: "a call with a stream is sent a second time",
        find: `(isSafe || this.#mayRepeat(call)) &&
      !carriesStream(call.args);`,
        replace: "isSafe || this.#mayRepeat(call);",
      },
    ],
  },
  {
    file: "wire/reconnect/keep_connected.ts",
    tests: ["wire/resume_test.ts"],
    bugs: [
      {
        name: "a stream without places begins again",
        find: "!reading.isNamed && reading.count > 0",
        replace: "!reading.isNamed && reading.count < 0",
      },
      {
        name: "an item without a place is taken",
        find: "if (!isPlaced(item)) throw misplaced(item);",
        replace: "",
      },
      {
        name: "a stream stays with a server that closes",
        find: "if (reading.isNamed) leave(stream);",
        replace: "",
      },
      {
        name: "what a stream's cancel() throws keeps it from connecting again",
        find: "if (reading.isNamed) leave(stream);",
        replace:
          "if (reading.isNamed) (stream as any)?.cancel?.().catch(() => {});",
      },
    ],
  },
  {
    file: "wire/once/once.ts",
    tests: ["wire/once_test.ts", "wire/once_cuts_test.ts"],
    bugs: [
      {
        name: "a call whose key is known runs again",
        find: "if (known !== undefined) return await this.#await",
        replace: "if (known === null) return await this.#await",
      },
      {
        name: "a key may be used with other arguments",
        find: "if (known === print) return;",
        replace: "if (known !== print || known === print) return;",
      },
      {
        name: "keys of all identities are the same",
        find: "JSON.stringify([this.#ownerOf(call), given])",
        replace: 'JSON.stringify([this.#ownerOf(call) && "", given])',
      },
      {
        name: "a sign of life overwrites what came of a call",
        find: "return writing;",
        replace: "return Promise.resolve();",
      },
      {
        name: "the key is passed on with the metadata",
        find: "() => next({ metadata })",
        replace: "() => next()",
      },
      {
        name: "a run that gives signs of life is taken for lost",
        find: "if (beat !== before) heard",
        replace: "if (beat === before) heard",
      },
      {
        name: "what is no note is believed",
        find: "if (isNote(note)) return note;",
        replace: 'if (isNote(note) || why === "") return note as Note;',
      },
      {
        name: "what is no number is a sign of life, each time that it is read",
        find: "!Number.isFinite(beat)",
        replace: 'typeof beat !== "number"',
      },
      {
        name: "a caller that gives up ends the waiting of others",
        find: "if (known === undefined || call.signal?.aborted) {",
        replace: "if (known !== null) {",
      },
    ],
  },
  {
    file: "wire/once/calling.ts",
    tests: [
      "wire/once_test.ts",
      "wire/once_cuts_test.ts",
      "wire/streams_unsent_test.ts",
    ],
    bugs: [
      {
        name: "what is not called leaves its streams open",
        find: "endStreams(args, error);",
        replace: "",
      },
      {
        name:
          "a call is repeated at a server that cannot know of the first run",
        find: "first !== store",
        replace: "first === null",
      },
      {
        name: "a call is repeated that is no longer remembered",
        find: "since >= keeps -",
        replace: "since > keeps -",
      },
    ],
  },
  {
    file: "wire/once/_stores.ts",
    tests: ["wire/once_test.ts"],
    bugs: [
      {
        name: "a full store takes one more",
        find: "this.#settled.size >= this.#records",
        replace: "this.#settled.size > this.#records",
      },
      {
        name: "what is old is remembered for ever",
        find: "this.#settled.delete(key);\n      this.#held",
        replace: "this.#held",
      },
      {
        name: "what is no note in Deno KV is replaced, and its call runs again",
        find: "if (versionstamp !== null) return noteOf(value);",
        replace: "if (value instanceof Uint8Array) return value;",
      },
    ],
  },
  {
    file: "wire/once/_stores.ts",
    tests: ["wire/once_nats_test.ts"],
    bugs: [
      {
        name: "a bucket of NATS that drops old entries is taken",
        find: "if (max_bytes < 0 && max_msgs < 0) {",
        replace: "if (max_bytes < 0 || max_msgs < 0) {",
      },
      {
        name: "a bucket that was made again is the same store",
        find: "return `${bucket} ${streamInfo.created}`;",
        replace: "return `${bucket} ${typeof streamInfo.created}`;",
      },
    ],
  },
  {
    file: "wire/wire.ts",
    tests: ["wire/given_test.ts", "wire/wire_test.ts"],
    bugs: [
      {
        name: "a wire is made over anything",
        find: "if (!isTransport(transport)) {",
        replace: "if (transport === null) {",
      },
      {
        name: "a call by name ends its wire by what is neither true nor false",
        find: "      checkWantsValues(wantsValues);\n",
        replace: "",
      },
      {
        name: "streams are taken before the options of their wire are checked",
        find: "  if (!isTransport(connection)) checkOptions(options);\n  const",
        replace: "  const",
      },
    ],
  },
  {
    file: "wire/reconnect/_supervisor.ts",
    tests: [
      "wire/keep_connected_test.ts",
      "wire/keep_closing_test.ts",
      "wire/listeners_test.ts",
      "wire/moving_test.ts",
      "client/keep_connected_test.ts",
    ],
    bugs: [
      {
        name: "another wire's close passes for a kept connection's own",
        find:
          'if (isA(error, WireError) && error.code !== "closed") return error;',
        replace: "if (isA(error, WireError)) return error;",
        tests: ["wire/given_test.ts"],
      },
      {
        name: "random numbers that are none have a server asked in a hot loop",
        find: "!(share >= 0 && share <= 1)",
        replace: "share === null",
      },
      {
        name: "what ends a wait ends the wire that is being closed, too",
        find: "this.#controller = new AbortController();\n        release",
        replace: "release",
      },
      {
        name: "servers that close are asked in a hot loop",
        find: "if (isMoving && this.failures === 0) return 0;",
        replace: "if (isMoving) return 0;",
      },
      {
        name: "one attempt too many is made",
        find: "if (failures >= this.#most) return false;",
        replace: "if (failures > this.#most) return false;",
      },
      {
        name: "the timer of an attempt stays",
        find: `    } finally {
      stopTimer();
    }
    return await this.#hold(wire);`,
        replace: `    } finally {
      // Nothing.
    }
    return await this.#hold(wire);`,
      },
      {
        name: "a wire that comes after the attempt was given up stays open",
        find: "if (signal.aborted) onAbort();\n      remember",
        replace: "remember",
      },
    ],
  },
  {
    file: "wire/contract/_rules.ts",
    tests: [
      "wire/contract_test.ts",
      "wire/contract_results_test.ts",
      "wire/contract_objects_test.ts",
      "wire/contract_namespaces_test.ts",
    ],
    bugs: [
      {
        name: "a function gets more arguments than its contract has",
        find: "    if (rest === undefined) {".slice(2),
        replace: "  if (rest === null) {",
      },
      {
        name: "a function runs whose caller left during the check",
        find: "if (this instanceof CallContext && this.signal.aborted) {",
        replace: "if (this instanceof CallContext && !this.signal) {",
      },
      {
        name: "as many values as the contract has are refused",
        find: "if (wantsValues && values.length > schemas.length) {",
        replace: "if (wantsValues && values.length >= schemas.length) {",
      },
      {
        name: "streams in an answer that is refused go on",
        find: `    endStreams(answer, error);
    return error;`,
        replace: "    return error;",
        tests: ["wire/streams_unsent_test.ts"],
      },
    ],
  },
  {
    file: "wire/contract/_signature.ts",
    tests: [
      "wire/shape_test.ts",
      "wire/fingerprint_test.ts",
      "wire/contract_test.ts",
    ],
    bugs: [
      {
        name: "what a Map tells of a function goes unseen",
        find: "!(Symbol.iterator in value) && !isThenable(value);",
        replace: "!isThenable(value);",
      },
      {
        name: "a property that may be missing is taken for given",
        find: "if (always === undefined && !isOptional) {",
        replace: "if (given === undefined && !isOptional) {",
      },
    ],
  },
  {
    file: "wire/contract/_rules.ts",
    tests: ["wire/fingerprint_test.ts", "wire/contract_test.ts"],
    bugs: [
      {
        name: "a server may take fewer arguments than are given",
        find: "ours.required >= told.required && most(ours) <= most(told)",
        replace: "ours.required >= told.required",
      },
    ],
  },
  {
    file: "wire/rpc/middleware.ts",
    tests: ["wire/telemetry_test.ts", "telemetry/telemetry_test.ts"],
    bugs: [
      {
        name: "spans of servers are those of clients",
        find: "kind: isServer ? SERVER : CLIENT,",
        replace: "kind: isServer ? CLIENT : SERVER,",
      },
      {
        name: "a peer's calls belong to what was under way",
        find: "const cleared = active.deleteValue(SPAN);",
        replace: "const cleared = active;",
      },
      {
        name: "a span of a call that fails does not end",
        find: "tell(() => span?.end());",
        replace: "if (!isServer) tell(() => span?.end());",
      },
      {
        name: "durations are milliseconds",
        find: "const seconds = (clock.now() - began) / 1000;",
        replace: "const seconds = clock.now() - began;",
      },
      {
        name: "a call fails where OpenTelemetry cannot end its span",
        find: "tell(() => span?.end());",
        replace: "span?.end();",
      },
      {
        name: "the promise of a tracer ends the process",
        find: "if (started !== result) callHook(() => started, nothing);",
        replace: "",
      },
      {
        name: "what OpenTelemetry throws is told with each call",
        find: "isTold = true;",
        replace: "",
      },
      {
        name: "a peer makes any number of types of errors",
        find: "if (types.size < MOST_TYPES) types.add(type);",
        replace: "types.add(type);",
      },
    ],
  },
  {
    file: "wire/lines/line_stream.ts",
    tests: [
      "wire/line_stream_test.ts",
      "wire/line_buffer_test.ts",
      "server/start_up_server_test.ts",
    ],
    bugs: [
      {
        name: "a line may have any length where that is no number",
        find: 'checkNumber("maxLength", maxLength)',
        replace: "maxLength",
      },
      {
        name: "what is written of a Buffer can still be changed",
        find: "this.#output.write(new Uint8Array(data));",
        replace: "this.#output.write(data.slice());",
      },
      {
        name: "closing lasts as long as the transport likes",
        find: "Promise.race([this.closeWrite(), this.closed]);",
        replace: "this.closeWrite();",
      },
      {
        name: "the longest line may not end with CR LF",
        find: "if (this.#input.length > maxLength + 1) throw",
        replace: "if (this.#input.length > maxLength) throw",
      },
      {
        name: "the longest line is refused",
        find: "if (line.length > maxLength) throw",
        replace: "if (line.length >= maxLength) throw",
      },
      {
        name: "a write that the peer took in part is sent again",
        find: "bytes = bytes.subarray(count);",
        replace: "bytes = bytes.subarray(count - 1);",
      },
    ],
  },
  {
    file: "wire/lines/line_stream.ts",
    tests: ["wire/services_test.ts"],
    bugs: [
      {
        name: "a service in digits is looked up by name",
        find: "if (isText && /^\\d{1,5}$/.test(service))",
        replace: "if (isText && /^\\d{6}$/.test(service))",
      },
    ],
  },
  {
    file: "wire/types/mod.ts",
    tests: ["wire/value_types_test.ts", "types/value_types_test.ts"],
    bugs: [
      {
        name: "an instance of a subclass travels as its base",
        find: "Object.getPrototypeOf(value) === prototype",
        replace: "prototype.isPrototypeOf(value)",
      },
    ],
  },
  {
    file: "wire/transport/transport.ts",
    tests: [
      "wire/transport_test.ts",
      "wire/transport_faults_test.ts",
      "wire/address_test.ts",
      "wire/bytes_test.ts",
    ],
    bugs: [
      {
        name: "a write in memory outlives its reader",
        find: "this.#refused?.(brokenPipe());",
        replace: "",
      },
    ],
  },
  {
    file: "wire/transport/node_tls.ts",
    tests: ["wire/node_tls_test.ts", "client/tls_test.ts"],
    bugs: [
      {
        name: "TLS that was cut off is taken for its end",
        find: "if (isLast) throw cutOff();",
        replace: "if (isLast) return null;",
      },
    ],
  },
  {
    file: "transports/_web_socket.ts",
    tests: ["transports/websocket_test.ts"],
    bugs: [
      {
        name: "a WebSocket keeps bytes that the wire writes into again",
        find: "socket.send(copies ? bytes : bytes.slice())",
        replace: "socket.send(bytes)",
      },
    ],
  },
  {
    file: "transports/_nats_session.ts",
    tests: ["transports/nats_test.ts"],
    bugs: [
      {
        name: "a message that NATS has lost is not missed",
        find: "if (number !== this.#nextCame) {",
        replace: "if (number < 0) {",
      },
      {
        name: "strangers at NATS speak for the other end",
        find: "else if (reply === this.#peer) this.#take(data);",
        replace: "else this.#take(data);",
      },
      {
        name: "a Buffer of the client of NATS is taken for bytes",
        find: "this.transport.received(behindHead(data))",
        replace: "this.transport.received(data.subarray(HEAD))",
      },
      {
        name: "nobody hears that there are no responders",
        find: "headers?.code === NO_RESPONDERS && data.length === 0",
        replace: "headers?.code === -1",
      },
      {
        name: "a silent end at NATS is not looked for",
        find: "if (isSilent && this.#peer !== undefined) {",
        replace: "if (isSilent && this.#peer === undefined) {",
      },
      {
        name: "a wire outlives its connection to NATS",
        find:
          "for (const session of [...this.#sessions]) session.failed(error);",
        replace: "void error;",
      },
      {
        name: "output to NATS has no bound",
        find: "if (this.#untaken < MOST_UNTAKEN) return true;",
        replace: "if (this.#untaken < Infinity) return true;",
      },
      {
        name: "who is sent on by a server at NATS does not ask again",
        find: "if (data[0] === KIND.away) return this.open();",
        replace: "",
      },
    ],
  },
  {
    file: "transports/nats.ts",
    tests: ["transports/nats_test.ts"],
    bugs: [
      {
        name: "servers of a name at NATS all take each client",
        find: "      queue: QUEUE,",
        replace: "",
      },
      {
        name: "a server publishes wherever a client at NATS says",
        find: "!reply.startsWith(inboxPrefix)",
        replace: "reply.length > 256",
      },
      {
        name: "a server that NATS refused takes clients later",
        find: "if (this.#asked !== undefined) unsubscribe(this.#asked);",
        replace: "",
      },
      {
        name: "a server that stops leaves clients at NATS waiting",
        find: "return this.#connection.publish(reply, AWAY);",
        replace: "return;",
      },
      {
        name: "a server that is shut down keeps its name at NATS",
        find: "server.stopped?.then(() => service.stop());",
        replace: "",
      },
    ],
  },
  {
    file: "host/processes.ts",
    tests: ["transports/child_test.ts"],
    bugs: [
      {
        name: "a child writes all that waits at once",
        find: "stdout.write(bytes.subarray(0, LARGEST_WRITE))",
        replace: "stdout.write(bytes)",
      },
    ],
  },
  {
    file: "transports/worker.ts",
    tests: ["transports/threads_test.ts"],
    bugs: [
      {
        name: "buffers of messages that never come are kept without end",
        find: "if (this.#came.size > MOST) this.#forgetFirst();",
        replace: "if (this.#came.size > MOST) return false;",
        tests: ["transports/worker_test.ts"],
      },
      {
        name: "a thread's exit code is not waited for",
        find: "timer ??= setTimeout(() => following.onEnd(), EXIT_TIME);",
        replace: "following.onEnd();",
      },
    ],
  },
];
