/**
 * The cases of transports find what a transport does wrong, and name it.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  memoryTransports,
  type Transport,
  type WireError,
} from "../../wire/mod.ts";
import {
  type Connected,
  type TransportCaseOptions,
  transportCases,
} from "../../wire/testing/mod.ts";
import { test } from "../_test.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Two ends of which the near one does something in its own way. */
function faulty(own: (end: Transport) => Partial<Transport>): Connected {
  const [near, far] = memoryTransports();
  const end: Transport = {
    address: near.address,
    read: () => near.read(),
    write: (bytes) => near.write(bytes),
    closeWrite: () => near.closeWrite(),
    close: () => near.close(),
  };
  return [Object.assign(end, own({ ...end })), far];
}

/** Lets other microtasks run. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}

/** What fails, in which case, and what is said of it. */
const FAULTS: Record<
  string,
  [RegExp, (end: Transport) => Partial<Transport>, RegExp]
> = {
  "a write that says it took more": [
    /^bytes/,
    (end) => ({ write: async (bytes) => await end.write(bytes) + 1 }),
    /write\(\) gave 2, and not how many of 1 bytes/,
  ],
  "a byte that changes": [
    /^bytes/,
    (end) => ({
      write(bytes) {
        if (bytes.length > 4_000) bytes[4_000]! ^= 1;
        return end.write(bytes);
      },
    }),
    /byte 4000 of 4097 is not as it left/,
  ],
  "a write that transfers": [
    /^what is written/,
    (end) => ({
      write: (bytes: Bytes) =>
        end.write(structuredClone(bytes, { transfer: [bytes.buffer] })),
    }),
    /transferred the bytes/,
  ],
  "a write that settles before its bytes were taken": [
    /^what is written/,
    (end) => {
      let before: Promise<unknown> = Promise.resolve();
      return {
        write(bytes) {
          before = before.then(() => turns(50))
            .then(() => end.write(bytes)).catch(() => {});
          return Promise.resolve(bytes.length);
        },
      };
    },
    /still used its bytes/,
  ],
  "a write that never waits": [
    /^who does not read/,
    () => ({ write: (bytes) => Promise.resolve(bytes.length) }),
    /of which the peer has read none/,
  ],
  "an end that ends both directions": [
    /^the end of one/,
    (end) => ({
      closeWrite() {
        end.close();
        return Promise.resolve();
      },
    }),
    /closed its end|0 bytes came of/,
  ],
  "a close that does nothing": [
    /^close\(\)/,
    () => ({ close() {} }),
    /read\(\) when it was closed did not settle within 300 ms/,
  ],
  "an end that is none": [
    /^the end of one/,
    () => ({ closeWrite: () => Promise.resolve() }),
    /read\(\) did not settle/,
  ],
};

/** Runs the case of a name; gives what it fails with. */
async function failure(
  name: RegExp,
  makePair: () => Connected,
  options: TransportCaseOptions,
): Promise<WireError> {
  const cases = transportCases(makePair, options)
    .filter((each) => name.test(each.name));
  assertEquals(cases.length, 1);
  return await assertRejects(() => cases[0]!.run()) as WireError;
}

for (const [what, [name, own, text]] of Object.entries(FAULTS)) {
  test(`transportCases() finds ${what}`, async () => {
    const made: Connected[] = [];
    const makePair = () => {
      const pair = faulty(own);
      made.push(pair);
      return pair;
    };
    const options = { patience: 300, mostHeld: 2 ** 20 };
    const error = await failure(name, makePair, options);
    // Whatever the fault, nothing of the connection is left.
    for (const [, far] of made) (far as Transport).close();
    assert(["invalidArgument", "timeout"].includes(error.code), error.code);
    assertMatch(error.message, name);
    assertMatch(error.message, text);
  });
}

test("transportCases() refuses options that it does not know", () => {
  const error = assertThrows(() =>
    transportCases(memoryTransports, { patienc: 1 } as TransportCaseOptions)
  ) as WireError;
  assertMatch(error.message, /did you mean "patience"/);
});

test("transportCases() refuses numbers that are none", () => {
  for (const name of ["patience", "cuts", "mostHeld"]) {
    for (const value of [NaN, 0, -1, "10", null]) {
      const error = assertThrows(() =>
        transportCases(memoryTransports, { [name]: value })
      ) as WireError;
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, new RegExp(name));
    }
  }
});
