/**
 * Peers that speak CMUCL's protocol, and say in it what no CMUCL would.
 *
 * @module
 */

import { assert } from "@std/assert";
import { DEFAULT_LIMITS } from "../../wire/mod.ts";
import {
  abortName,
  callName,
  OP,
  returnName,
} from "../../wire/cmucl/opcodes.ts";
import { RemoteObject } from "../../wire/cmucl/remote_objects.ts";
import { written } from "../wire/cmucl/_lisp.ts";
import type { Attack, Catalogue, Siege } from "./_attack.ts";
import { type Bytes, each, join, times, uint32, utf8 } from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";

const { message: MESSAGE, cmuclString: STRING, cmuclBignum: BIGNUM } =
  DEFAULT_LIMITS;
const MIB = 1024 * 1024;
/** Who asks, in calls for values. */
const ASKER = new RemoteObject(1, 2, 3);

/** A number. */
const number = (n: number) => new Uint8Array([OP.number, ...uint32(n)]);
/** A string, with the length that it says it has. */
const string = (bytes: Uint8Array, length = bytes.length) =>
  join(new Uint8Array([OP.string, ...uint32(length)]), bytes);
/** A symbol that is not saved. */
const named = (name: string) =>
  join(
    new Uint8Array([OP.symbol, ...uint32(name.length)]),
    utf8(name),
    new Uint8Array([...uint32(16)]),
    utf8("COMMON-LISP-USER"),
  );
const NIL = join(
  new Uint8Array([OP.symbol, ...uint32(3)]),
  utf8("NIL"),
  new Uint8Array([...uint32(11)]),
  utf8("COMMON-LISP"),
);
/** Saves an object. */
const save = (index: number, object: Uint8Array) =>
  join(new Uint8Array([OP.save, ...uint32(index)]), object);
/** What was saved. */
const lookUp = (index: number) => new Uint8Array([OP.lookUp, ...uint32(index)]);
/** NIL for five bytes. */
const SAVED_NIL = save(0, NIL);
const SHORT_NIL = lookUp(0);

/** A call of a served function, for no value. */
function send(name: string, ...args: Uint8Array[]): Bytes {
  return join(new Uint8Array([OP.callMany, args.length]), named(name), ...args);
}

/** The same for a value. */
function ask(name: string, ...args: Uint8Array[]): Bytes {
  return join(
    written((lisp) => {
      lisp.saves = false;
      lisp.call(callName(1), [ASKER]);
    }),
    send(name, ...args),
  );
}

/** A list of lists of nothing, as long as it may be in so many bytes. */
function emptyLists(bytes: number): Bytes {
  // One whose car and cdr are NIL.
  const item = join(
    new Uint8Array([OP.cons, OP.cons]),
    SHORT_NIL,
    SHORT_NIL,
  );
  return join(times(Math.floor(bytes / item.length), item), SHORT_NIL);
}

/** A list in a list, and so on. */
function deep(depth: number): Bytes {
  return join(
    times(depth, new Uint8Array([OP.cons])),
    times(depth + 1, SHORT_NIL),
  );
}

/** The answer to a call shows that a wire lives. */
async function alive(peer: HostilePeer): Promise<void> {
  const text = utf8(`alive ${peer.road}`);
  const heard = peer.hearUntil(text);
  await peer.say(ask("ECHO", string(text)));
  await heard;
}

/** What ends the wire. */
function bad(name: string, says: () => Bytes): Attack {
  return { name, says, promise: "malformed" };
}

/** What does not. */
function borne(
  name: string,
  says: () => Bytes,
  how: Partial<Attack> = {},
): Attack {
  return { name, says, promise: "goes on", ...how };
}

/** How much of that is held, at most, in bytes. */
const MOST_HELD = 64 * MIB;

/** More than the victim takes: the rest stays with its sender. */
function unread(name: string, says: () => Bytes): Siege {
  return {
    name,
    async siege(arena) {
      const before = await arena.victim.ask.state(true);
      const peer = await arena.roads.connect("cmucl");
      peer.say(says());
      let said = -1;
      for (let still = 0; still < 20; still++) {
        if (peer.said !== said) still = 0;
        said = peer.said;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const { memory } = await arena.victim.ask.state(true);
      const held = memory - before.memory;
      assert(held <= MOST_HELD, `${held} bytes are held.`);
      peer.close();
      // Who does not read does not see that its peer is gone.
      await arena.victim.ask.abortFull();
    },
    promise: "it stops reading, and what it has is bounded",
  };
}

const FALSE_ANSWER = written((lisp) => {
  lisp.saves = false;
  lisp.call(returnName(1), [ASKER, 1]);
});
const FALSE_ABORT = written((lisp) => {
  lisp.saves = false;
  lisp.call(abortName, [ASKER]);
});

export const LISP: Catalogue = {
  kind: "peers that speak CMUCL's protocol",
  about:
    "Lengths, counts, depths and sizes have their limits here too; what waits is left where it is.",
  victim: { doors: ["cmucl"] },
  over: ["cmucl", "client cmucl"],
  alive,
  attacks: [
    ...[15, 16, 127, 255].map((op) =>
      bad(`the opcode ${op}, which there is not`, () => new Uint8Array([op]))
    ),
    bad("a string of -1 characters", () => string(utf8(""), 0xffffffff)),
    bad("a string of 2^31 - 1 characters", () => string(utf8("x"), 0x7fffffff)),
    bad(
      "a symbol whose name has -2 characters",
      () => new Uint8Array([OP.symbol, 255, 255, 255, 254]),
    ),
    bad("a symbol whose package has 2^30 characters", () =>
      join(
        new Uint8Array([OP.symbol, ...uint32(1), 65]),
        new Uint8Array([...uint32(0x40000000)]),
      )),
    bad(
      "a bignum of 2^31 - 1 words",
      () => new Uint8Array([OP.bignum, 0x7f, 255, 255, 255]),
    ),
    bad(
      "a bignum of -2^31 words",
      () => new Uint8Array([OP.bignum, 0x80, 0, 0, 0]),
    ),
    bad("an object saved at -1", () => save(-1, number(1))),
    bad("an object saved at 2^31 - 1", () => save(0x7fffffff, number(1))),
    bad("an object saved twice at once", () => save(1, save(2, number(1)))),
    bad("an object looked up that was never saved", () => lookUp(7)),
    bad(
      "one byte more than an object may have",
      () => join(SAVED_NIL, emptyLists(MESSAGE + 12)),
    ),
    bad("an answer that nobody waits for", () => FALSE_ANSWER),
    bad("an abort of a call that nobody made", () => FALSE_ABORT),
    bad("a chain of calls for values without end", () =>
      times(
        10_000,
        written((lisp) => {
          lisp.saves = false;
          lisp.call(callName(1), [ASKER]);
        }),
      )),
    borne(
      "a bignum of one word more than it may have",
      () =>
        join(
          new Uint8Array([OP.bignum, ...uint32(BIGNUM + 1)]),
          new Uint8Array(4 * (BIGNUM + 1)).fill(255),
        ),
    ),
    borne(
      "bignums as large as they may be, that are sent back",
      () =>
        times(
          20,
          send(
            "NOTE",
            join(
              new Uint8Array([OP.bignum, ...uint32(BIGNUM)]),
              new Uint8Array(4 * BIGNUM).fill(255),
            ),
          ),
        ),
    ),
    borne(
      "a string of one character more than it may have",
      () => string(new Uint8Array(STRING + 1).fill(120)),
    ),
    borne("lists that nest 100,000 deep", () => join(SAVED_NIL, deep(100_000))),
    borne("calls that nest 10,000 deep as arguments", () =>
      join(
        save(1, named("ECHO")),
        times(10_000, join(new Uint8Array([1]), lookUp(1))),
        number(1),
      )),
    borne("a call within data", () =>
      join(
        SAVED_NIL,
        new Uint8Array([OP.cons, 0]),
        named("NOTE"),
        SHORT_NIL,
      )),
    borne(
      "5,000 calls of what is not served",
      () => each(5_000, (n) => send(`NO-SUCH-${n}`)),
    ),
    borne(
      "5,000 calls of what is no name",
      () => times(5_000, join(new Uint8Array([0]), string(utf8("CAR")))),
    ),
    borne("calls of what every object inherits", () =>
      join(
        ...["__PROTO__", "CONSTRUCTOR", "TOSTRING", "__proto__"].map((name) =>
          send(name)
        ),
      )),
    borne(
      "20,000 symbols, each another, that are not saved",
      () => each(20_000, (n) => send("NOTE", named(`SYMBOL-NUMBER-${n}`))),
      { holds: 2 },
    ),
    borne(
      "20,000 symbols, each another, in the place of functions",
      () => each(20_000, (n) => join(new Uint8Array([0]), named(`F-${n}`))),
      { holds: 2 },
    ),
    borne(
      "as many saved symbols as there is room for",
      () =>
        each(
          20_000,
          (n) => send("NOTE", save(n % 4_096, named(`SYMBOL-NUMBER-${n}`))),
        ),
      { run: alive, holds: 8 },
    ),
    borne(
      "lists of nothing that are saved, as many as there is room for",
      () =>
        join(
          SAVED_NIL,
          send("NOTE", save(1, emptyLists(MESSAGE / 4))),
        ),
      { holds: 32 },
    ),
    {
      name: "lists of nothing that are saved, and more than there is room for",
      says: () =>
        join(
          SAVED_NIL,
          ...Array.from({ length: 3 }, (_, n) =>
            send("NOTE", save(n + 1, emptyLists(MESSAGE / 4)))),
        ),
      promise: "limit",
    },
    borne(
      "20,000 remote objects, some of them the victim's, which nobody has",
      () =>
        each(20_000, (n) =>
          send(
            "NOTE",
            new Uint8Array([OP.remote, ...uint32(n), 0, 0, 0, 1, ...uint32(n)]),
          )),
      { holds: 2 },
    ),
    unread(
      "32 MiB of lists of nothing that nobody takes",
      () => join(SAVED_NIL, times(32, emptyLists(MIB))),
    ),
    unread(
      "32 MiB of calls that never end",
      () => times(530, ask("WAITFOREVER", string(new Uint8Array(60_000)))),
    ),
    {
      name: "calls that answer 200 KB each, 200 of them, that it does not read",
      says: () => times(200, ask("FAT", number(200_000))),
      reads: false,
      run: (peer) => peer.say(ask("NOTE")),
      alive: () => Promise.resolve(),
      promise: "goes on",
      holds: 24,
    },
  ],
};
