/**
 * Planted bugs of calls: those that are made, and those that are served.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const RPC: readonly BuggyFile[] = [
  {
    file: "wire/rpc/calls.ts",
    tests: [
      "wire/calls_test.ts",
      "wire/pipelining_edges_test.ts",
      "wire/getters_test.ts",
      "wire/listeners_test.ts",
      "wire/waiting_deadline_test.ts",
      "wire/pipelining_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a call whose result is gone is made again at once",
        find: "for (const base of follows.bases) this.#gone.add(base);",
        replace: "",
        tests: ["wire/pipelining_edges_test.ts"],
      },
      {
        name: "progress is told of a call that has failed",
        find: "    pending.progress?.end();\n",
        replace: "",
        tests: ["wire/progress_test.ts"],
      },
      {
        name: "a call's id is used again while a follower needs it",
        find: "if (pending.followers === 0) this.#free.push(pending.id);",
        replace: "this.#free.push(pending.id);",
      },
      {
        name: "a call's id comes free twice",
        find: "if (--base.followers === 0 && base.isOver)",
        replace: "if (--base.followers === 0)",
      },
      {
        name: "a call that was handed over is told as not sent",
        find:
          'return this.#output.wasHanded(pending) ? "maybeExecuted" : "notSent";',
        replace: 'return "notSent";',
      },
      {
        name: "a call that was not handed over is told as run perhaps",
        find:
          'return this.#output.wasHanded(pending) ? "maybeExecuted" : "notSent";',
        replace: 'return "maybeExecuted";',
      },
      {
        name: "a call given up in the output is told as not sent",
        find: "const sent = isMade && pending.position === Infinity",
        replace: "const sent = isMade && !this.#output.wasHanded(pending)",
      },
      {
        name: "a withdrawn call frees a window that it did not take",
        find: `      this.#sendQueue.withdraw(waiting);
      this.#release(pending, false);`,
        replace: `      this.#sendQueue.withdraw(waiting);
      this.#release(pending, true);`,
      },
      {
        name: "a call abandoned in pieces keeps its share of the window",
        find: `    } else if (this.#output.abandon?.(pending)) {
      this.#release(pending, true);`,
        replace: `    } else if (this.#output.abandon?.(pending)) {
      this.#release(pending, false);`,
      },
      {
        name: "the listener on a call's signal stays",
        find: "if (pending.streams === undefined) cleanup();",
        replace: "if (pending.streams === undefined) return;",
      },
      {
        name: "a call that waits for a result leaves its listener",
        find: "made.then(resolve, reject).then(stop);",
        replace: "made.then(resolve, reject);",
      },
      {
        name: "the peer is not told that a call was cancelled",
        find: "} else if (this.#mayCancel()) {",
        replace: "} else if (!this.#mayCancel()) {",
      },
      {
        name: "references of a late answer are kept",
        find: "if (pending.settled) return attachments?.drop();",
        replace: "if (pending.settled) return;",
      },
      {
        name: "references of a late error are kept",
        find: "if (pending.settled) attachments?.drop();",
        replace: "if (pending.settled) attachments?.label(pending.name);",
      },
      {
        name: "an answer to a call that was not sent is taken",
        find: "if (pending === undefined || pending.position === Infinity) {",
        replace: "if (pending === undefined) {",
      },
      {
        name: "calls of a wire that ended fail in the wrong order",
        find: "(a, b) => a.order - b.order",
        replace: "(a, b) => b.order - a.order",
      },
      {
        name: "what is called by a getter forgets the call around it",
        find: "this.#encoding = outerArgs;",
        replace: "this.#encoding = undefined;",
      },
      {
        name: "a call overtakes the large one whose result it needs",
        find: `        !waiting.dropped &&
        waiting.body.size <= this.#output.encoder.limits.frame;`,
        replace: "        !waiting.dropped;",
      },
      {
        name: "a call that was given up is made again",
        find:
          'if (code === "resultGone" && follows !== undefined && !pending.settled)',
        replace: 'if (code === "resultGone" && follows !== undefined)',
      },
      {
        name: "a call is sent whose base was cancelled in the queue",
        find: `      this.#dropFollowers(pending, "cancelled");
    } else if`,
        replace: "    } else if",
      },
      {
        name: "a call that fails while it is written keeps its timer",
        find: `      this.#free.push(id);
      pending.cleanup?.();`,
        replace: "      this.#free.push(id);",
      },
      {
        name: "an answer of the other kind is taken",
        find:
          "if (hasValues !== undefined && hasValues !== pending.wantsValues) {",
        replace: "if (hasValues === true && !pending.wantsValues) {",
      },
    ],
  },
  {
    file: "wire/rpc/pending_call.ts",
    tests: [
      "wire/streams_bound_test.ts",
      "wire/pipelining_edges_test.ts",
      "wire/getters_test.ts",
      "wire/listeners_test.ts",
      "wire/pipelining_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "progress of streams is that of the last item",
        find: "this.#progress?.tell(of, this.#bytes[of] += bytes);",
        replace: "this.#progress?.tell(of, bytes);",
        tests: ["wire/progress_test.ts"],
      },
      {
        name: "the listener stays when a call's last stream has ended",
        find: `    this.#open.delete(stream);
    if (this.#open.size === 0) this.#stop();`,
        replace: "    this.#open.delete(stream);",
      },
      {
        name: "free streams end with their call's signal",
        find: "    if (this.#isFree) {",
        replace: "    if (this.#isFree && this.#open.size === 0) {",
      },
      {
        name: "a stream that comes after the deadline goes on",
        find:
          "if (this.#reason !== undefined) return stream.abort(this.#reason);",
        replace: "",
      },
      {
        name: "a call on a result sends its streams twice",
        find: "if (!calls.canFollow(this) || carriesStream(args)) return",
        replace: "if (!calls.canFollow(this)) return",
      },
      {
        name: "functions of built-in classes can be called on a result",
        find: "if (isObject && !isCopied(result)) return localCaller(result);",
        replace: "if (isObject) return localCaller(result);",
      },
    ],
  },
  {
    file: "wire/rpc/incoming_calls.ts",
    tests: [
      "wire/incoming_calls_test.ts",
      "wire/receive_window_test.ts",
      "wire/forsaken_test.ts",
      "wire/forecast_test.ts",
      "wire/pipelining_edges_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a call that was given up meanwhile is answered twice",
        find: "if (isOwed) this.#answers.refuse(id, error);",
        replace: "this.#answers.refuse(id, error);",
        tests: ["wire/pipelining_edges_test.ts"],
      },
      {
        name: "a call that waits to begin has all of its deadline left",
        find:
          "parked.set(id, { name, args, extras, receiver, context, cost, excess });",
        replace:
          "parked.set(id, { name, args, extras, receiver, context: undefined, cost, excess });",
      },
      {
        name: "a call that is too late keeps what came with it",
        find: `      extras?.attachments?.drop();
      return this.#answers.refuse(id, tooLate());`,
        replace: "      return this.#answers.refuse(id, tooLate());",
      },
      {
        name: "a one-way call begins when its deadline has passed",
        find: `      extras?.attachments?.drop();
      return this.refuse(name, tooLate(), cost);`,
        replace: "",
        tests: ["wire/waiting_deadline_test.ts"],
      },
      {
        name: "a call beyond the limit is served",
        find: "if (owed >= calls) {",
        replace: "if (owed > calls) {",
        tests: ["wire/hostile_test.ts"],
      },
      {
        name: "a call beyond the window is served",
        find: "if (this.#holdings.bytes >= most) {",
        replace: "if (this.#holdings.bytes > most) {",
      },
      {
        name: "a call that waited to begin holds its bytes twice",
        find: `      admission.parked.delete(id);
      this.#holdings.give(cost, excess);`,
        replace: "      admission.parked.delete(id);",
      },
      {
        name: "a call cancelled before it began holds its bytes",
        find: "this.#holdings.give(waiting.cost, waiting.excess);",
        replace: "",
      },
      {
        name: "a call cancelled before it began holds its references",
        find: "waiting.extras?.attachments?.drop();",
        replace: "",
      },
      {
        name: "an abandoned call keeps a wire from closing",
        find: "if (this.#lifetime.isClosing) this.#forsake(running);",
        replace: "",
      },
      {
        name: "a one-way call that is refused gives no credit",
        find: `    this.#options.onError(error, oneWay(name));
    this.#window.consumed(cost);`,
        replace: "    this.#options.onError(error, oneWay(name));",
      },
      {
        name: "a one-way call that throws gives credit twice",
        find: `      dropUnused(extras, error);
      onError(troubleOf(error) ?? error, oneWay(name));`,
        replace: `      dropUnused(extras, error);
      this.#window.consumed(cost);
      onError(troubleOf(error) ?? error, oneWay(name));`,
      },
      {
        name: "a one-way call that is forsaken gives credit twice",
        find: "if (!this.#running.delete(running)) return;",
        replace: "this.#running.delete(running);",
      },
      {
        name: "a one-way call more than the limit runs",
        find: "this.#running.size >= limits.calls ||",
        replace: "this.#running.size > limits.calls ||",
        tests: ["wire/backpressure_test.ts"],
      },
      {
        name: "one-way calls that waited stay in the account of memory",
        find: `      memory?.give(excess);
      this.#begin(name, args, cost, excess, extras, receiver, context);`,
        replace:
          "      this.#begin(name, args, cost, excess, extras, receiver, context);",
        tests: ["wire/memory_test.ts"],
      },
      {
        name: "a function does not learn that its wire has ended",
        find: `      stopTimer?.();
      if (!isShielded(context)) abortContext(context, reason);`,
        replace: "      stopTimer?.();",
      },
      {
        name: "a call's timer outlives its wire",
        find: `      stopTimer?.();
      if (!isShielded(context)) abortContext(context, reason);`,
        replace:
          "      if (!isShielded(context)) abortContext(context, reason);",
      },
      {
        name: "the id of a waiting call may be used again",
        find: "if (this.#isOwed(id)) {",
        replace: "if (this.#calls.has(id)) {",
      },
      {
        name: "a call overtakes others that wait for room",
        find: "const isWaiting = parked.size > 0 ||",
        replace: "const isWaiting =",
      },
      {
        name: "a call runs that was cancelled while it waited for a result",
        find: "if (abortReason(context) !== undefined) {",
        replace: "if (abortReason(context) !== undefined && this.#ended) {",
      },
      {
        name: "a forsaken call is answered twice",
        find: "const isOwed = this.#settled(running) || this.#ended;",
        replace: "const isOwed = this.#settled(running) || true;",
      },
      {
        name: "streams of an answer that nobody wants go on",
        find: "} else endStreams(value, gone());",
        replace: "}",
      },
      {
        name: "calls are held up for ever behind one that waited for a result",
        find: `      ripening();
      this.resume();`,
        replace: "      this.resume();",
      },
      {
        name: "references of a call to what is not there are kept",
        find: `      attachments?.drop();
      this.#answers.refuse(id, error);
    }
  }`,
        replace: `      this.#answers.refuse(id, error);
    }
  }`,
      },
    ],
  },
  {
    file: "wire/rpc/_served_calls.ts",
    tests: [
      "wire/served_calls_test.ts",
      "wire/incoming_calls_test.ts",
      "wire/hostile_test.ts",
      "wire/contract_objects_test.ts",
      "wire/forecast_test.ts",
      "wire/memory_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "the last cancel that a peer has is refused",
        find: "if (--this.#left < 0)",
        replace: "if (--this.#left <= 0)",
      },
      {
        name: "more cancels than calls are taken",
        find: "if (--this.#left < 0)",
        replace: "if (--this.#left < -1)",
      },
      {
        name: "references of a call that its contract refuses are kept",
        find: "if (isA(error, Unfit)) return attachments.drop();",
        replace: "",
      },
      {
        name: "a call begins whose answer will find no room",
        find: "if (held + share <= this.#most) return true;",
        replace: "if (held <= this.#most) return true;",
      },
      {
        name: "room kept for an answer is released twice",
        find: `    this.#kept -= call.kept;
    call.kept = 0;`,
        replace: "    this.#kept -= call.kept;",
      },
      {
        name: "room for a slow answer is kept for ever",
        find: "if (this.#ticks - since < answers.patience) continue;",
        replace: "if (this.#ticks - since < Infinity) continue;",
      },
      {
        name: "one that needed a result overtakes another that waits for room",
        find: "if (this.#waiting.size === 0 && this.#hasRoom(key))",
        replace: "if (this.#hasRoom(key))",
      },
      {
        name: "calls that need results wait after the end of the wire",
        find: "    this.#ripe?.end();",
        replace: "",
      },
    ],
  },
  {
    file: "wire/rpc/results.ts",
    tests: [
      "wire/results_test.ts",
      "wire/pipelining_test.ts",
      "wire/hostile_objects_test.ts",
      "wire/memory_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a few bytes name a large result without end",
        find: "this.#copied + bytes.length > window + message",
        replace: "this.#copied > window + message",
      },
      {
        name: "copies of results are released twice",
        find: "borrower.copied = borrower.excess = 0;",
        replace: "",
      },
      {
        name: "copies of results are kept beyond the answer",
        find: `      this.#borrowers!.delete(id);
      this.releaseBorrowed(borrower);`,
        replace: "      this.#borrowers!.delete(id);",
      },
      {
        name: "a result that is gone is taken for a value",
        find: "if (found === GONE || !(id in this.#done)) throw gone();",
        replace: "if (!(id in this.#done)) throw gone();",
      },
      {
        name: "an object that was released can be called by its old call",
        find: "if (object === undefined || !objects?.isExported(object))",
        replace: "if (object === undefined)",
      },
      {
        name: "calls that came later begin before one whose result is there",
        find: "      wanted?.ready.declare();",
        replace: "",
      },
    ],
  },
  {
    file: "wire/rpc/_served_calls.ts",
    tests: [
      "wire/streams_unsent_test.ts",
      "wire/introspection_test.ts",
      "wire/middleware_objects_test.ts",
      "wire/streams_cancel_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "streams among values that nobody asked for go on",
        find: "list !== undefined && !wantsValues && list.length > 1",
        replace: "list !== undefined && !wantsValues && list.length > 2",
      },
      {
        name: "a stream in a later message cancels a call before it",
        find: "if (objects !== undefined) objects.context = undefined;",
        replace: "",
      },
      {
        name: "streams of an answer that cannot be sent go on",
        find: `      endStreams(result, error);
      const { code, message } = asWireError(error);`,
        replace: "      const { code, message } = asWireError(error);",
      },
      {
        name: "what a middleware refuses keeps its references",
        find: "if (!hasRun) extras?.attachments?.drop();",
        replace: "",
      },
      {
        name: "functions are listed where that is not allowed",
        find: "if (name !== LIST_FUNCTIONS || !introspection) return",
        replace: "if (name !== LIST_FUNCTIONS) return",
      },
    ],
  },
  {
    file: "wire/rpc/context.ts",
    tests: [
      "wire/calls_test.ts",
      "wire/incoming_calls_test.ts",
      "wire/waiting_deadline_test.ts",
      "wire/kept_calls_test.ts",
    ],
    bugs: [
      {
        name: "a deadline of less than a millisecond is none to the peer",
        find: "return Math.ceil(deadline);",
        replace: "return Math.floor(deadline);",
      },
      {
        name: "a call is made whose deadline has passed",
        find: "if (deadline > 0) return;",
        replace: "if (deadline >= 0) return;",
      },
      {
        name: "a deadline begins anew after a wait",
        find: "deadline: due - clock.now(),",
        replace: "deadline: options.deadline,",
      },
      {
        name: "a function that asks late for its signal is not told",
        find:
          "if (more.reason !== undefined) more.controller.abort(more.reason);",
        replace: "",
      },
    ],
  },
  {
    file: "wire/rpc/middleware.ts",
    tests: [
      "wire/middleware_test.ts",
      "wire/listeners_test.ts",
      "wire/streams_unsent_test.ts",
      "wire/metadata_test.ts",
    ],
    bugs: [
      {
        name: "a call held by middleware is told as sent",
        find: 'const sent = wasMade ? "maybeExecuted" : "notSent";',
        replace: 'const sent = "maybeExecuted";',
      },
      {
        name: "a call through middleware leaves its listener",
        find: "made.then(resolve, reject).then(stop);",
        replace: "made.then(resolve, reject);",
      },
      {
        name: "metadata that a middleware adds is lost",
        find: "metadata: changes.metadata ?? call.metadata,",
        replace: "metadata: call.metadata,",
      },
      {
        name: "a middleware's deadline does not count",
        find: ": dueAt({ deadline: changes.deadline }, clock);",
        replace: ": due;",
      },
      {
        name: "streams of a call that middleware refuses go on",
        find: "if (!isMade) endStreams(args, error);",
        replace: "",
      },
    ],
  },
  {
    file: "wire/rpc/messaging.ts",
    tests: [
      "wire/outbound_test.ts",
      "wire/calls_test.ts",
      "wire/send_queue_test.ts",
      "wire/streams_unsent_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "one-way calls do not tell how far they are",
        find:
          'onPart: (bytes, total) => progress.tell("arguments", bytes, total),',
        replace: "",
        tests: ["wire/progress_test.ts"],
      },
      {
        name: "one large call holds up small ones",
        find: "    this.calls.window += peer.message;\n",
        replace: "",
      },
      {
        name: "a one-way call whose getter ends the wire is never settled",
        find:
          "if (this.#lifetime.reason !== undefined) throw this.#lifetime.refusal(name);",
        replace: "",
        tests: ["wire/getters_test.ts"],
      },
      {
        name: "a one-way call given up in the queue leaves its listener",
        find: `      sendQueue.withdraw(waiting);
      stop();`,
        replace: "      sendQueue.withdraw(waiting);",
      },
      {
        name: "a one-way call that is sent leaves its timer",
        find: `        stop();
        if (failure === undefined) return resolve();`,
        replace: "        if (failure === undefined) return resolve();",
      },
      {
        name: "a one-way call of which a part was sent is told as not sent",
        find: 'sent: isPart ? "maybeExecuted" : "notSent"',
        replace: 'sent: "notSent"',
      },
      {
        name: "a one-way call that was not sent is told as run perhaps",
        find: 'sent: isPart ? "maybeExecuted" : "notSent"',
        replace: 'sent: "maybeExecuted"',
      },
      {
        name: "messages that wait at the end of a wire never fail",
        find: "for (const queue of this.#queues) queue.clear(reason);",
        replace: "",
      },
      {
        name: "streams of a one-way call after the end go on",
        find: `    if (refusal !== undefined) {
      endStreams(args, refusal);`,
        replace: "    if (refusal !== undefined) {",
      },
    ],
  },
];
