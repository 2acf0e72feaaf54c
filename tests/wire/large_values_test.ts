/** Values that are larger than a frame, up to a limit of 256 MiB. */

import { assert, assertEquals } from "@std/assert";
import { wirePair } from "../../wire/mod.ts";
import { test } from "../_test.ts";

const MIB = 1024 * 1024;

test("a limit of 256 MiB takes values of that size, and pings go between", async () => {
  const limits = { message: 256 * MIB };
  const [near, far] = wirePair({ limits }, { limits });
  far.serve({
    last: (bytes: Uint8Array) => [bytes.length, bytes.at(-1)],
    echo: (x: unknown) => x,
  });
  const length = 256 * MIB - 100;
  const large = new Uint8Array(length);
  large[length - 1] = 7;
  let isDone = false;
  const call = near.remoteValue.last(large).then((result: unknown) => {
    isDone = true;
    return result;
  });
  let pings = 0;
  for (; !isDone; pings++) {
    await near.ping();
    assertEquals(await near.remoteValue.echo(pings), pings);
  }
  assertEquals(await call, [length, 7]);
  assert(pings > 50, `${pings} pings and calls were answered meanwhile`);
  await Promise.all([near.close(), far.close()]);
});
