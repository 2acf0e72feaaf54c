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
        name: "a call that waited for a wire leaves its timer",
        find: `    waiting.stop();
    return this.#waiting`,
        replace: "    return this.#waiting",
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
      {
        name: "streams of a call that never found a wire go on",
        find: "endStreams(call.args, new WireError(code, message, { cause }));",
        replace: "",
      },
    ],
  },
  {
    file: "wire/reconnect/_supervisor.ts",
    tests: [
      "wire/keep_connected_test.ts",
      "wire/keep_closing_test.ts",
      "wire/listeners_test.ts",
      "client/keep_connected_test.ts",
    ],
    bugs: [
      {
        name: "waits begin with the second one",
        find: "factor ** Math.max(0, this.failures - 1)",
        replace: "factor ** this.failures",
      },
      {
        name: "one attempt too many is made",
        find: "if (failures >= attempts) return false;",
        replace: "if (failures > attempts) return false;",
      },
      {
        name: "a connection that lived for a moment counts as healthy",
        find: "lived > 0 && lived >= this.#options.healthy;",
        replace: "lived > 0;",
      },
      {
        name: "the timer of an attempt stays",
        find: `    } finally {
      stopTimer();
    }
    await this.#hold(wire);`,
        replace: `    } finally {
      // Nothing.
    }
    await this.#hold(wire);`,
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
      },
      {
        name: "functions in namespaces are not checked",
        find: "? guarded(served, signatures, `${name}.`)",
        replace: "? guarded(served, signatures, name)",
      },
    ],
  },
  {
    file: "wire/contract/_shape.ts",
    tests: ["wire/shape_test.ts", "wire/fingerprint_test.ts"],
    bugs: [
      {
        name: "a property that may be missing is taken for given",
        find: "if (always === undefined && !isOptional) {",
        replace: "if (given === undefined && !isOptional) {",
      },
      {
        name: "one fitting branch of what is sent is enough",
        find: `    return firstOf(
      sent.slice(1),`,
        replace: `    return firstOf(
      sent.slice(1, 2),`,
      },
      {
        name: "a list never fits a tuple",
        find:
          'if (sentKind === "list" && takenKind === "tuple") return undefined;',
        replace: "",
      },
    ],
  },
  {
    file: "wire/contract/summary.ts",
    tests: ["wire/fingerprint_test.ts", "wire/contract_test.ts"],
    bugs: [
      {
        name: "a server may take fewer arguments than are given",
        find: "ours.required >= told.required && most(ours) <= most(told)",
        replace: "ours.required >= told.required",
      },
      {
        name: "further arguments are not compared",
        find: "told.args[i] ?? told.rest ?? ANY;",
        replace: "told.args[i] ?? ANY;",
      },
    ],
  },
  {
    file: "wire/telemetry/telemetry.ts",
    tests: ["wire/telemetry_test.ts", "telemetry/telemetry_test.ts"],
    bugs: [
      {
        name: "spans of servers are those of clients",
        find: "kind: isServer ? SERVER : CLIENT,",
        replace: "kind: isServer ? CLIENT : SERVER,",
      },
      {
        name: "a peer's calls belong to what was under way",
        find: "parent = parent.deleteValue(SPAN);",
        replace: "",
      },
      {
        name: "a trace makes metadata larger than they may be",
        find: "return metadataFit(some) ? some : metadata;",
        replace: "return some;",
      },
      {
        name: "a span of a call that fails does not end",
        find: `      } finally {
        span.end();
      }`,
        replace: `      } finally {
        if (!isServer) span.end();
      }`,
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
        name: "lines that wait are searched from the wrong byte",
        find: "this.#searched -= this.#start;",
        replace: "",
      },
      {
        name: "a write that the peer took in part is sent again",
        find: "bytes = bytes.subarray(count);",
        replace: "bytes = bytes.subarray(count - 1);",
      },
      {
        name: "a write never waits for room",
        find: "return this.#until(this.#queued - this.#pause);",
        replace: "return this.#until(0);",
      },
      {
        name: "a stream that was closed can be written to",
        find: "this.#closingWrite !== undefined || this.#end !== undefined",
        replace: "this.#end !== undefined",
      },
      {
        name: "the end of a line before the bytes that wait is taken along",
        find: "const hasReturn = at > this.#start && this.#bytes",
        replace: "const hasReturn = at > 0 && this.#bytes",
      },
    ],
  },
  {
    file: "wire/lines/services.ts",
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
      {
        name: "an instance with a property too few is made",
        find: "if (!Array.isArray(data) || data.length !== names.length) {",
        replace: "if (!Array.isArray(data) || data.length > names.length) {",
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
        name: "a stream gets bytes that are written over later",
        find: "const chunk = bytes.slice(0, LARGEST_WRITE);",
        replace: "const chunk = bytes.subarray(0, LARGEST_WRITE);",
      },
      {
        name: "a reader in memory does not see the end",
        find: "if (this.#chunk === undefined) this.#reader?.(null);",
        replace: "",
      },
      {
        name: "a write in memory outlives its reader",
        find: "this.#refused?.(brokenPipe());",
        replace: "",
      },
      {
        name: "a transport that takes nothing is asked for ever",
        find: "if (count > 0 && count <= length && Number.isInteger(count))",
        replace:
          "if (count >= 0 && count <= length && Number.isInteger(count))",
      },
      {
        name: "empty chunks add up over a whole life",
        find: `    if (chunk.length > 0) {
      this.#empty = 0;`,
        replace: "    if (chunk.length > 0) {",
      },
      {
        name: "what a socket read is overwritten by its next read",
        find: "return buffer.subarray(0, count);\n  };",
        replace: "return this.#buffer.subarray(0, count);\n  };",
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
      {
        name: "half of a write under TLS is lost",
        find: "else this.write(bytes.subarray(sent), done);",
        replace: "else done();",
      },
      {
        name: "who speaks no TLS is waited for",
        find: "raw.onForeign = () => raw.write(ALERT, () => fail(noTls()));",
        replace: "",
      },
    ],
  },
];
