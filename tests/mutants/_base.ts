/**
 * Planted bugs of what everything stands on.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const BASE: readonly BuggyFile[] = [
  {
    file: "wire/base/lifetime.ts",
    tests: [
      "wire/lifetime_test.ts",
      "wire/hooks_test.ts",
      "wire/kept_calls_test.ts",
      "wire/calls_test.ts",
    ],
    bugs: [
      {
        name: "a wire's signal does not abort at its end",
        find: "this.#controller?.abort(reason);",
        replace: "",
      },
      {
        name: "a wire ends properly that was aborted as another was closed",
        find:
          'if (isA(reason, WireError) && reason.code !== "closed") return reason;',
        replace: "if (isA(reason, WireError)) return reason;",
        tests: ["wire/wire_test.ts", "wire/keep_closing_test.ts"],
      },
      {
        name: "a wire's signal that is asked for late has not aborted",
        find:
          "if (this.reason !== undefined) this.#controller.abort(this.reason);",
        replace: "",
      },
      {
        name: "a refused call does not say that it was not sent",
        find: '{ cause: reason, sent: "notSent" }',
        replace: "{ cause: reason }",
      },
      {
        name: "a connection that comes too late stays open",
        find: "promise.then(tooLate, ignore);",
        replace: "promise.catch(ignore);",
        tests: ["client/giving_up_test.ts"],
      },
      {
        name: "an attempt to connect leaves its listener",
        find: `      stopTimer();
      signal?.removeEventListener("abort", onAbort);`,
        replace: "      stopTimer();",
        tests: ["client/listeners_test.ts"],
      },
    ],
  },
  {
    file: "wire/base/clock.ts",
    tests: [
      "wire/clock_test.ts",
      "wire/token_bucket_test.ts",
      "wire/turns_test.ts",
      "wire/fairness_test.ts",
      "wire/busy_test.ts",
      "wire/keepalive_test.ts",
    ],
    bugs: [
      {
        name: "a wire that only waited once is not looked at any more",
        find: "else if (isLong) this.#sure--;",
        replace: "",
      },
      {
        name: "what gives something up listens beyond its end",
        find: '    signal?.removeEventListener("abort", aborted);\n',
        replace: "",
        tests: ["wire/listeners_test.ts"],
      },
      {
        name: "what gives something up leaves its timer",
        find: `    stopTimer?.();
    signal?.remove`,
        replace: "    signal?.remove",
        tests: ["wire/calls_test.ts", "wire/streams_bound_test.ts"],
      },
      {
        name: "a long time is asked of a clock at once",
        find: "  if (!(time > LONGEST)) return clock.after(time, callback);",
        replace: "  if (time > 0) return clock.after(time, callback);",
      },
      {
        name: "for ever is asked of a clock",
        find: "if (time === Infinity) return () => {};",
        replace: "",
      },
      {
        name: "a token is taken that has not flowed in whole",
        find: "if (this.#tokens < 1) return false;",
        replace: "if (this.#tokens <= 0) return false;",
      },
      {
        name: "a time limit that is cancelled leaves its timer",
        find: "if (batch.callbacks.size === 0) end(tenth, batch);",
        replace: "",
      },
      {
        name: "a wire is never taken for one among others",
        find: "return now - this.#othersAt < LATELY;",
        replace: "return now - this.#othersAt < 0;",
      },
      {
        name: "the callbacks of a tenth of a second end with one that throws",
        find: `        queueMicrotask(() => {
          throw error;
        });`,
        replace: "        throw error;",
      },
    ],
  },
  {
    file: "wire/base/limits.ts",
    tests: [
      "wire/limits_test.ts",
      "wire/memory_test.ts",
      "wire/weight_limits_test.ts",
      "server/server_memory_test.ts",
      "wire/account_test.ts",
      "wire/served_calls_test.ts",
      "server/server_total_test.ts",
    ],
    bugs: [
      {
        name: "limits in a promise are left out in silence",
        find: "!mayBeOptions(limits, DEFAULT_LIMITS)",
        replace: "false",
      },
      {
        name: "what an answered call held stays in the account of memory",
        find: "if (excess > 0) this.#memory?.give(excess);",
        replace: "",
      },
      {
        name: "a wire counts twice once it holds less",
        find: "this.held += total - entry.counted;",
        replace: "this.held += total;",
      },
      {
        name: "a wire that has left stays in the account",
        find: `    this.held -= entry.counted;
`,
        replace: "",
      },
      {
        name: "wires may hold twice what all may",
        find: "    if (this.held <= this.most || this.#isToLook) return;",
        replace:
          "    if (this.held <= 2 * this.most || this.#isToLook) return;",
      },
      {
        name: "a wire ends for what it held once",
        find: `    for (const entry of this.#entries) this.#count(entry);
    if (this.#isFine()) return;`,
        replace: "    if (this.#isFine()) return;",
      },
      {
        name: "a wire ends although others only keep buffers",
        find: `      entry.holder.trim();
`,
        replace: "",
      },
      {
        name: "the lightest wire ends",
        find: ".sort((a, b) => b.counted - a.counted);",
        replace: ".sort((a, b) => a.counted - b.counted);",
      },
      {
        name: "all wires end where one is too heavy",
        find: `      if (this.#isFine()) break;
`,
        replace: "",
      },
      {
        name: "a wire that has ended is ended again",
        find: ".filter(({ isOver }) => !isOver)",
        replace: "",
      },
      {
        name: "one wire alone ends as if others held much",
        find: "    return this.#alone !== undefined;",
        replace: "    return false;",
      },
      {
        name: "one wire holds all there is beside others that hold much",
        find: "return this.held - counted < this.most * LITTLE;",
        replace: "return this.held - counted < this.most;",
      },
      {
        name: "light wires are read slowly",
        find: "entry.counted * this.#entries.size > this.held;",
        replace: "entry.counted > 0;",
      },
      {
        name: "heavy wires are read on however little is left",
        find: "    if (!this.#mustWait(entry)) return undefined;",
        replace: "    return undefined;",
      },
      {
        name: "a heavy wire waits until there is room, or for ever",
        find: "const isLate = now - since >= LONGEST_WAIT;",
        replace: "const isLate = false;",
      },
      {
        name: "a wire that waits does not go on once there is room",
        find: "if (isLate || !this.#mustWait(entry)) this.goOn(entry);",
        replace: "if (isLate) this.goOn(entry);",
      },
      {
        name: "a wire that has ended still waits",
        find: `    this.isOver = true;
    this.#account.goOn(this);`,
        replace: "    this.isOver = true;",
      },
      {
        name: "the timer of those that wait stays",
        find: `    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  get #isTight`,
        replace: `  }

  get #isTight`,
      },
      {
        name: "values are made however little all may hold",
        find: "this.#entry?.room() ?? Infinity",
        replace: "Infinity",
      },
      {
        name: "the bytes of calls are in no account",
        find: `    this.bytes += cost;
`,
        replace: "",
      },
      {
        name: "a light value releases memory that it did not hold",
        find: "return Math.max(0, weight - cost);",
        replace: "return weight - cost;",
      },
      {
        name: "the memory of a server is never released",
        find: "    if (this.#shared !== undefined) this.#shared.held -= bytes;",
        replace: "",
      },
      {
        name: "a wire has no share of its own",
        find: "left = Math.min(left, Math.max(all, share));",
        replace: "left = Math.min(left, all);",
      },
      {
        name: "a limit that is misspelt is ignored",
        find:
          `      throw unknownName("limit", name, Object.keys(DEFAULT_LIMITS));`,
        replace: "      continue;",
      },
    ],
  },
  {
    file: "wire/base/collections.ts",
    tests: ["server/stats_test.ts"],
    bugs: [
      {
        name: "a quantile is that of the bucket before",
        find: "2 ** ((index + FIRST - 0.5) / PER_DOUBLING);",
        replace: "2 ** ((index + FIRST - 1.5) / PER_DOUBLING);",
      },
    ],
  },
  {
    file: "wire/base/collections.ts",
    tests: [
      "wire/queue_test.ts",
      "wire/spare_buffers_test.ts",
      "wire/pieces_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a long queue skips what it has moved",
        find: "this.#items = items.slice(-this.size);",
        replace: "this.#items = items.slice(1 - this.size);",
      },
      {
        name: "a spare buffer is lent twice",
        find: "const [buffer] = buffers.splice(best, 1);",
        replace: "const buffer = buffers[best];",
      },
    ],
  },
  {
    file: "wire/base/checks.ts",
    tests: [
      "wire/constant_time_test.ts",
      "server/decision_test.ts",
      "server/credential_test.ts",
      "wire/handshake_test.ts",
      "wire/option_keys_test.ts",
    ],
    bugs: [
      {
        name: 'the text "false" turns an option on',
        find: 'if (flag === undefined || typeof flag === "boolean") continue;',
        replace: "continue;",
        tests: ["wire/option_names_test.ts"],
      },
      {
        name: "a secret with NULs behind it passes",
        find: "let difference = left.length ^ right.length;",
        replace: "let difference = 0;",
      },
      {
        name: "an answer that is no boolean lets a peer in",
        find: 'if (typeof answer === "boolean") return answer;',
        replace: "if (answer) return true;",
      },
    ],
  },
  {
    file: "wire/base/report.ts",
    tests: ["wire/report_test.ts", "server/printed_test.ts"],
    bugs: [
      {
        name: "a peer's text forges a line of the log",
        find: '.replaceAll("\\n", "\\n    ");',
        replace: ";",
      },
      {
        name: "reports are printed without end",
        find: "if (printed >= MOST_PRINTED) return void hidden++;",
        replace: "",
      },
    ],
  },
];
