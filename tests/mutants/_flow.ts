/**
 * Planted bugs of flow control: queues, windows, the writer.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const FLOW: readonly BuggyFile[] = [
  {
    file: "wire/flow/windows.ts",
    tests: [
      "wire/send_queue_test.ts",
      "wire/receive_window_test.ts",
      "wire/inbox_test.ts",
      "wire/outbound_test.ts",
      "wire/memory_test.ts",
      "wire/streams_unsent_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a message more than the peer's window is sent",
        find: "return this.bytes < this.window;",
        replace: "return this.bytes <= this.window;",
      },
      {
        name: "a call more than the peer takes is sent",
        find: "this.#count < this.most",
        replace: "this.#count <= this.most",
      },
      {
        name: "messages overtake a large one",
        find: "!this.#held && this.#output.hasRoom",
        replace: "this.#output.hasRoom",
      },
      {
        name: "calls overtake one-way calls that wait",
        find: "(this.before === undefined || this.before.#queue.size === 0)",
        replace: "true",
      },
      {
        name: "messages are counted without their overhead when sent",
        find: "this.bytes += size + MESSAGE_OVERHEAD;",
        replace: "this.bytes += size;",
      },
      {
        name: "credit does not wake what waits for it",
        find: "if (this.#queue.size > 0) this.drain();",
        replace: "",
      },
      {
        name: "what a withdrawn message exported stays exported",
        find: `    waiting.dropped = true;
    waiting.body.attachments?.undo();`,
        replace: "    waiting.dropped = true;",
      },
      {
        name: "what a withdrawn call waited behind remembers it",
        find:
          "if (waiting.held !== undefined) this.before!.#letGo(waiting.held);",
        replace: "",
        tests: ["wire/flat_heap_test.ts"],
      },
      {
        name: "who waits behind a withdrawn message waits on",
        find:
          "if (this.#queue.peek() === waiting) queueMicrotask(() => this.drain());",
        replace: "",
      },
      {
        name: "a queue goes on while a getter has a message withdrawn",
        find: "queueMicrotask(() => this.drain());",
        replace: "this.drain();",
        tests: ["wire/getters_test.ts"],
      },
      {
        name: "what waits for a queue is forgotten with what was withdrawn",
        find: "if (!isGone(next)) queue.push(next);",
        replace: "if (!next.dropped) queue.push(next);",
      },
      {
        name: "a withdrawn message still counts as waiting",
        find: `    this.#dequeued(waiting.body);
    waiting.body = NOTHING;`,
        replace: "    waiting.body = NOTHING;",
      },
      {
        name: "what waits at the end of a wire keeps its streams",
        find: `      next.body.attachments?.undo();
      next.ticket.onSettled?.(failure);`,
        replace: "      next.ticket.onSettled?.(failure);",
      },
      {
        name: "a message as large as the peer takes is refused after waiting",
        find: "const failure = body.size > most",
        replace: "const failure = body.size >= most",
      },
      {
        name: "what is refused after waiting keeps its references",
        find: `    if (failure !== undefined) {
      body.attachments?.undo();`,
        replace: "    if (failure !== undefined) {",
      },
      {
        name: "nothing goes on behind a large message",
        find: `    this.#held = false;
    this.drain();`,
        replace: "    this.#held = false;",
      },
      {
        name: "what is refused for want of room keeps its references",
        find: `      body.attachments?.undo();
      throw error;`,
        replace: "      throw error;",
      },
      {
        name: "a message beyond the window is taken",
        find: "if (this.held + this.#credit >= this.#size) {",
        replace: "if (this.held + this.#credit > this.#size) {",
      },
      {
        name: "credit that is not told yet opens the window",
        find: "if (this.held + this.#credit >= this.#size) {",
        replace: "if (this.held >= this.#size) {",
      },
      {
        name: "credit is given twice",
        find: `    const amount = this.#credit;
    this.#credit = 0;`,
        replace: "    const amount = this.#credit;",
      },
      {
        name: "credit is told in wholes, and not in quarters",
        find: "if (this.#credit * 4 < this.#size) return;",
        replace: "if (this.#credit < this.#size) return;",
      },
      {
        name: "a message that is waited for gives no credit",
        find: `    this.#window.consumed(cost);
    if (error === undefined)`,
        replace: "    if (error === undefined)",
      },
      {
        name: "a message that is taken stays in the account of memory",
        find: `      memory?.give(excess);
      if (error !== undefined) return failed`,
        replace: "      if (error !== undefined) return failed",
      },
      {
        name: "a message that is held is never released",
        find: "return new ReceivedMessage(value, undefined, cost, excess);",
        replace: "return new ReceivedMessage(value, undefined, cost, 0);",
      },
      {
        name: "who asks for a message after the end waits for ever",
        find:
          "if (reason !== undefined) return failed(reason, undefined, WHERE);",
        replace: "",
      },
    ],
  },
  {
    file: "wire/flow/byte_output.ts",
    tests: [
      "wire/byte_output_test.ts",
      "wire/output_test.ts",
      "wire/backlog_test.ts",
      "wire/waiting_deadline_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a message behind the last write counts as handed over",
        find: "return ticket.position < this.base;",
        replace: "return ticket.position <= this.base;",
      },
      {
        name: "output has room at its limit",
        find: "return this.waiting < this.backlog.pause;",
        replace: "return this.waiting <= this.backlog.pause;",
      },
      {
        name: "the third part of a write begins at the wrong byte",
        find: "this.#write(writing.subarray(-this.#left))",
        replace: "this.#write(writing.subarray(count))",
      },
      {
        name: "what is written of a large message counts as a flood",
        find: "return this.base + this.writer.position - this.taken;",
        replace: "return this.writer.position + this.#left;",
      },
      {
        name: "a write that is taken is no progress",
        find: `    if (this.#left > 0) {
      this.progressAt = this.clock.now();`,
        replace: "    if (this.#left > 0) {",
      },
      {
        name: "who waits for output to be sent waits beyond its end",
        find: `    this.#stopped = true;
    this.#finishFlush();`,
        replace: "    this.#stopped = true;",
      },
      {
        name: "who waits for output after its end waits for ever",
        find: "if (this.#stopped || this.waiting === 0)",
        replace: "if (this.waiting === 0)",
      },
      {
        name: "who waits for output to be sent waits for what comes meanwhile",
        find: "this.#finishFlush(this.waiting > 0 ? this.base : undefined);",
        replace: "",
      },
      {
        name: "who waits for output waits for what was dropped",
        find: "this.#finishFlush(this.waiting > 0 ? this.base : undefined);",
        replace: "this.#finishFlush(this.base);",
        tests: ["wire/output_test.ts"],
      },
      {
        name: "a part of a large message counts as small ones that were taken",
        find: "this.#isCollected = this.base > base;",
        replace: "this.#isCollected = true;",
        tests: ["wire/output_test.ts"],
      },
      {
        name: "what waited is not counted out whole",
        find: "this.held -= size + WAITING_COST;",
        replace: "this.held -= size;",
      },
      {
        name: "output that waits is no part of what may wait",
        find: "held + output + size + WAITING_COST <= most",
        replace: "held + size + WAITING_COST <= most",
      },
      {
        name: "an answer ignores what waits in the queues",
        find: "this.held + size <= most;",
        replace: "this.waiting + size <= most;",
      },
      {
        name: "nobody learns that the output has room again",
        find: "if (this.hasRoom && !this.#stopped) this.listener.onRoom();",
        replace: "",
      },
      {
        name: "a wire that has ended goes on writing",
        find: "if (!this.#stopped) this.#write(",
        replace: "this.#write(",
      },
      {
        name: "a deadline that has just passed in the queue is sent",
        find: "if (now >= this.#until) return this.#passed();",
        replace: "if (now > this.#until) return this.#passed();",
      },
      {
        name: "the peer is told of a whole deadline after the wait",
        find: "const left = Math.min(written, Math.ceil(this.#until - now));",
        replace: "const left = written;",
      },
      {
        name: "a deadline that became shorter leaves bytes behind",
        find: "body.size = size - less;",
        replace: "",
      },
      {
        name: "messages that begin to wait are not told to the account",
        find: "    this.#listener?.onGrown?.();",
        replace: "",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "of refusals for want of room each one is told",
        find: `    this.#isTold = true;
    return`,
        replace: "    return",
      },
    ],
  },
  {
    file: "wire/flow/output.ts",
    tests: [
      "wire/output_test.ts",
      "wire/send_queue_test.ts",
      "wire/pieces_test.ts",
      "wire/renewal_test.ts",
      "wire/calls_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "progress counts what pieces begin with",
        find: "  return offset - pieces *",
        replace: "  return offset - 0 *",
        tests: ["wire/progress_test.ts"],
      },
      {
        name: "a large message is not told to the account",
        find: "    this.listener.onGrown?.();",
        replace: "",
        tests: ["wire/account_test.ts"],
      },
      {
        name: "tables are reset under a large message",
        find: "if (!tables.full || this.#large.length > 0) return;",
        replace: "if (!tables.full) return;",
      },
      {
        name: "tables are reset under messages that wait",
        find: "if (this.backlog.waiting > 0) return;",
        replace: "",
      },
      {
        name: "a reset is not written before something else is sent",
        find: `    this.encoder.reset();
    // What comes behind it may turn out to be unsendable.
    this.schedule();`,
        replace: "    this.encoder.reset();",
      },
      {
        name: "an abandoned message is counted out whole",
        find: `    gone?.resolve();
    this.elsewhere -= frames.length - offset;`,
        replace: `    gone?.resolve();
    this.elsewhere -= frames.length;`,
      },
      {
        name: "the peer keeps the pieces of an abandoned message",
        find: "if (offset > 0) {",
        replace: "if (offset > frames.length) {",
      },
      {
        name: "releases wait for an abandoned message for ever",
        find: `    attachments?.undo();
    gone?.resolve();`,
        replace: "    attachments?.undo();",
      },
      {
        name: "an abandoned message keeps its references",
        find: `    attachments?.undo();
    gone?.resolve();`,
        replace: "    gone?.resolve();",
      },
      {
        name: "the queue does not learn that a large message has left",
        find: "large.sender?.largeSent();",
        replace: "",
      },
      {
        name: "what was defined and dropped is taken for known",
        find: "this.encoder.tables.takeFresh();",
        replace: "",
      },
      {
        name:
          "a large call that a getter gives up is cancelled before it has come",
        find: `    if (index < 0) return false;
    this.encoder.checkIdle();`,
        replace: "    if (index < 0 || this.encoder.isBusy) return false;",
        tests: ["wire/getters_test.ts"],
      },
      {
        name: "a flush does not wait for what is large",
        find: "if (this.#large.length > 0) await this.whenLargeLeft();",
        replace: "",
      },
      {
        name: "a large message overtakes the definitions that it needs",
        find: "large !== undefined && this.base >= large.after",
        replace: "large !== undefined",
      },
      {
        name: "small messages keep a large one waiting",
        find: "(isCollected && !this.#isLargesTurn)",
        replace: "isCollected",
      },
      {
        name: "an answer before the acceptance is larger than the peer takes",
        find: "this.#limit(limits, Math.min(limits.helloFrame, limits.frame));",
        replace: "this.#limit(limits, limits.frame);",
      },
      {
        name: "an answer that finds no room keeps its references",
        find: `      this.encoder.attachments?.undo();
      throw error;`,
        replace: "      throw error;",
      },
      {
        name: "one large message leaves no room for small ones",
        find: "return this.waiting - (frames.length - offset) < pause;",
        replace: "return this.waiting < pause;",
      },
      {
        name: "more large messages are under way than the peer takes",
        find: "Math.min(this.#large.length, this.#pieces)",
        replace: "this.#large.length",
      },
      {
        name: "two buffers are one where a large message follows another",
        find: "this.#retired = frames.buffer;",
        replace: "this.#spares.give(frames.buffer);",
      },
    ],
  },
];
