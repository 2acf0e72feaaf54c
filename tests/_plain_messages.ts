/**
 * Messages of plain calls and answers, for who hears messages only.
 *
 * @module
 */

import type { Message, OverLimit } from "../wire/codec/messages.ts";
import type { PlainReceiver } from "../wire/codec/message_reader.ts";

/** Adds a message to a list for each plain call and answer. */
export function plainInto(list: (Message | OverLimit)[]): PlainReceiver {
  return {
    isOver: false,
    call(id, name, args) {
      const kind = "call", deadline = 0, wantsValues = false;
      list.push({ kind, id, name, args, deadline, wantsValues });
    },
    send(name, args) {
      list.push({ kind: "send", name, args, deadline: 0 });
    },
    returned(id, value) {
      list.push({ kind: "return", id, value });
    },
  };
}
