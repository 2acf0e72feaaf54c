/**
 * Planted bugs of a wire's beginning, life and end.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const SESSION: readonly BuggyFile[] = [
  {
    file: "wire/session/handshake.ts",
    tests: [
      "wire/handshake_test.ts",
      "wire/graceful_close_test.ts",
      "wire/forsaken_test.ts",
      "wire/transport_faults_test.ts",
      "wire/hostile_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a second hello is taken",
        find: 'if (this.greeted) throw malformed("A second hello came.");',
        replace: "if (this.greeted) return;",
      },
      {
        name: "who has heard this side's hello is not told why it ends",
        find: "this.#lateness(limits), !options.peerFirst",
        replace: "this.#lateness(limits)",
      },
      {
        name: "a server tells who said half a hello why it ends",
        find: "this.#lateness(limits), !options.peerFirst",
        replace: "this.#lateness(limits), true",
      },
      {
        name: "a peer may accept before its hello",
        find: "if (!this.greeted || this.accepted) {",
        replace: "if (this.accepted) {",
        why: "The decoder lets nothing but a hello, or an abort, come first.",
      },
      {
        name: "a wire is open when one side has accepted",
        find: "if (this.welcome && this.accepted)",
        replace: "if (this.welcome || this.accepted)",
      },
      {
        name: "the beginning of a secret is enough",
        find:
          "const equal = secrets!.filter((each) => constantTimeEqual(shown, each));",
        replace:
          "const equal = secrets!.filter((each) => each.startsWith(shown));",
      },
      {
        name: "a wrong secret is not counted",
        find: "if (equal.length > 0) return undefined;\n  gate?.failed(shown);",
        replace: "if (equal.length > 0) return undefined;",
        tests: ["server/guesses_test.ts"],
      },
      {
        name: "a later version of the protocol is taken for this one",
        find: "if (hello.version !== VERSION) {",
        replace: "if (hello.version < VERSION) {",
      },
      {
        name: "the timer of the handshake stays",
        find: "pending?.stopTimer();",
        replace: "",
      },
      {
        name: "a wire is opened that died while its peer was decided on",
        find:
          "if (this.#pending === undefined) return;\n    const wire = this.#wire;\n    if (!welcome",
        replace:
          "if (this.#pending === undefined) throw new Error();\n    const wire = this.#wire;\n    if (!welcome",
      },
      {
        name: "the close overtakes calls that wait",
        find: "await this.#options.messaging.outbound.whenSettled();",
        replace: "",
      },
      {
        name: "a side that closes as well says finish before close",
        find: "const isSaid = !this.isOwn || this.#sentClose;",
        replace: "const isSaid = true;",
      },
      {
        name: "a side that has finished says close behind that",
        find: "    if (this.#finishing) return;\n",
        replace: "",
      },
      {
        name: "a wire closes under its streams",
        find: "outbound.waiting === 0 && wantedStreams === 0;",
        replace: "outbound.waiting === 0;",
      },
      {
        name: "a wire closes before its own finish has left",
        find: "if (this.gotFinish && (!this.#gotClose || this.sentFinish)) {",
        replace: "if (this.gotFinish) {",
      },
      {
        name: "functions that nobody waits for keep a peer from closing",
        find: `    lifetime.peerDrains();
    messaging.serving?.forsakeAbandoned();`,
        replace: "    lifetime.peerDrains();",
      },
      {
        name: "closing from both ends leaves a timer",
        find: "if (this.#stopTimer !== undefined) return;",
        replace: "",
      },
      {
        name: "the last message overtakes large ones",
        find: `    await output.flush();
    if (!this.#ended) output.send({ kind });`,
        replace: "    if (!this.#ended) output.send({ kind });",
      },
      {
        name: "a transport is closed twice",
        find: "if (isClosed) return;",
        replace: "",
      },
      {
        name: "a transport that never ends keeps a wire from ending",
        find: "await Promise.race([late.promise, done]);",
        replace: "await done;",
      },
      {
        name: "a second close is taken",
        find: 'if (this.#gotClose) throw malformed("A second close came.");',
        replace: "",
      },
    ],
  },
  {
    file: "wire/session/handshake.ts",
    tests: [
      "wire/keepalive_test.ts",
      "wire/busy_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "an idle wire is taken for stalled",
        find: "output.busy ? now - output.progressAt - this.#busySince : 0",
        replace: "now - output.progressAt - this.#busySince",
      },
      {
        name: "a peer is pinged before it has accepted",
        find: "} else if (handshake.accepted && silence >",
        replace: "} else if (silence >",
      },
      {
        name: "a peer that answered a ping is taken for silent",
        find: `    this.#receivedAt = now;
    this.#pingedAt = undefined;`,
        replace: "    this.#receivedAt = now;",
      },
      {
        name: "a ping that has not left is waited for",
        find: "} else if (output.taken <= this.#ping!.position) {",
        replace: "} else if (output.taken < this.#ping!.position) {",
      },
      {
        name: "time in which this side was busy counts for later writes",
        find: "if (progressAt !== this.#progressAt) this.#busySince = 0;",
        replace: "",
      },
      {
        name: "a peer is given no time after this side was busy",
        find: "const times = wasBusy ? 2 : 1;",
        replace: "const times = 1;",
      },
      {
        name: "a short stall of a full output is never seen",
        find: "(isFull ? SHORT_STALL : limits.stall)",
        replace: "limits.stall",
      },
      {
        name: "who pings when a wire ends waits for ever",
        find: "for (const resolve of this.#asked.values()) resolve();",
        replace: "",
      },
      {
        name: "pings end a wire that takes its answers slowly",
        find: "if (!isFull || progressAt !== this.#pongedAt) this.#pongs = 0;",
        replace: "if (!isFull) this.#pongs = 0;",
      },
      {
        name: "a message that is never finished is waited for",
        find: "decoder.unfinished && silence > times * limits.frameProgress",
        replace: "decoder.unfinished && silence > times * limits.stall * 9",
      },
      {
        name: "the watch goes on when its wire has ended",
        find: "if (this.#options.lifetime.reason === undefined) this.start();",
        replace: "this.start();",
      },
      {
        name: "a clock that jumped makes the past the future",
        find: "this.#receivedAt = Math.min(now, this.#receivedAt + busy);",
        replace: "this.#receivedAt = this.#receivedAt + busy;",
      },
    ],
  },
  {
    file: "wire/native/native_session.ts",
    tests: [
      "wire/outbound_test.ts",
      "wire/exports_test.ts",
      "wire/graceful_close_test.ts",
      "wire/calls_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "what a getter releases overtakes the large message that has it",
        find: "return queueMicrotask(() => this.sendBehind(message));",
        replace: "",
        tests: ["wire/getters_test.ts"],
      },
      {
        name: "a release overtakes a large message",
        find: "if (outbound.waiting === 0 && output.large === 0) {",
        replace: "if (outbound.waiting === 0) {",
      },
      {
        name: "a release overtakes what waits",
        find: "if (outbound.waiting === 0 && output.large === 0) {",
        replace: "if (output.large === 0) {",
      },
      {
        name: "large messages never fail when the wire ends",
        find: "this.output.dropLarge(reason);",
        replace: "",
      },
      {
        name: "calls are sent that were told as not sent",
        find: "if (this.handshake.accepted) output.drop();",
        replace: "",
        tests: ["wire/wire_test.ts"],
      },
      {
        name: "a TLS connection is closed and does not say so",
        find: 'this.address.transport !== "tls" || this.#reading.hasEnded;',
        replace: "true;",
        tests: ["wire/graceful_close_test.ts"],
      },
      {
        name: "a wire that the peer has finished is told as lost",
        find: "if (this.closing.sentFinish || this.closing.gotFinish) {",
        replace: "if (this.closing.sentFinish) {",
      },
      {
        name: "forceOutput() does not wait for what waits",
        find: `    await this.messaging.outbound.whenSettled();
    await this.output.flush();`,
        replace: "    await this.output.flush();",
      },
      {
        name: "a dead wire keeps the server's memory",
        find: "this.memory.end();",
        replace: "",
        tests: ["server/server_memory_test.ts", "wire/memory_test.ts"],
      },
      {
        name: "streams of a call on a dead reference go on",
        find: "  endStreams(args, error);\n  return error;",
        replace: "  return error;",
        tests: ["wire/streams_unsent_test.ts"],
      },
    ],
  },
  {
    file: "wire/native/native_session.ts",
    tests: ["wire/halves_test.ts"],
    bugs: [
      {
        name: "answers to half a chunk wait for the other half",
        find: "    output.writeNow();\n",
        replace: "",
      },
      {
        name: "a chunk is divided again that was divided in vain",
        find: "> this.#divided * 3 / 4 ? IN_VAIN : 0",
        replace: "> this.#divided * 3 ? IN_VAIN : 0",
      },
      {
        name: "asynchronous functions do not answer half a chunk",
        find: "!output.isDue &&\n      (messaging.serving?.running ?? 0) > 0",
        replace: "false",
      },
      {
        name: "a stream that comes first while a wire is closed is kept",
        find: "if (this.closing.isOwn) streams.cancelAll(closedReason);",
        replace: "",
        tests: ["wire/graceful_close_test.ts"],
      },
      {
        name: "results of half a chunk are gone for the other half",
        find: "if (!this.#isHalfway) messaging.finishChunk();",
        replace: "messaging.finishChunk();",
      },
      {
        name: "the second half of a chunk runs on a wire that has ended",
        find: "        if (lifetime.reason !== undefined) return true;\n",
        replace: "",
      },
    ],
  },
  {
    file: "wire/native/native_session.ts",
    tests: [
      "wire/receive_window_test.ts",
      "wire/graceful_close_test.ts",
      "wire/memory_test.ts",
      "wire/hostile_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "what came is told to no account",
        find: `        memory.tell();
`,
        replace: "",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "a wire that has ended stays in the account",
        find: `      this.memory.leave();
`,
        replace: "",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "calls and messages are in no account",
        find: "this.messaging.total + (this.#streams?.total ?? 0)",
        replace: "(this.#streams?.total ?? 0)",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "streams are in no account",
        find: "this.messaging.total + (this.#streams?.total ?? 0)",
        replace: "this.messaging.total",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "values are in no account",
        find: "this.memory.held + this.decoder.total",
        replace: "this.decoder.total",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "unfinished messages are in no account",
        find: "this.memory.held + this.decoder.total",
        replace: "this.memory.held",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "references are in no account",
        find: "(exported + imported) * TAKES.reference",
        replace: "0",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "references to objects of the peer are in no account",
        find: "(exported + imported)",
        replace: "exported",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "output is in no account",
        find: "const { total } = this.output;",
        replace: "const total = 0;",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "typed messages are not counted",
        find: "    messageWindow.received(cost);",
        replace: "",
      },
      {
        name: "a peer may give more credit than it got bytes",
        find: "if (amount > sendQueue.bytes) {",
        replace: "if (amount > sendQueue.bytes + 1) {",
      },
      {
        name: "calls are served behind the peer's close",
        find: "if (!this.#lifetime.isPeerDraining) return;",
        replace: "if (!this.#lifetime.isClosing) return;",
      },
      {
        name: "a message is read into a wire that has ended",
        find:
          `    return this.#turn.spend() || this.isOpening || this.isServing ||
      this.#lifetime.reason !== undefined;`,
        replace:
          "    return this.#turn.spend() || this.isOpening || this.isServing;",
      },
      {
        name: "the reason of a failed stream weighs nothing",
        find: "const held = extras?.failure === undefined ? weight + size : 0;",
        replace: "const held = 0 * (weight + size);",
      },
    ],
  },
];
