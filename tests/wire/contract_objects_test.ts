/** Objects and streams among arguments that do not keep a contract. */

import { assertEquals } from "@std/assert";
import { contract, wirePair } from "../../mod.ts";
import type { StandardSchema } from "../../wire/contract/contract.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure, schema } from "./_schemas.ts";

async function* endless(): AsyncGenerator<number> {
  for (;;) yield await 1;
}

/** A schema that takes numbers, at once or later. */
function numbers(isLater: boolean): StandardSchema<unknown> {
  const check = (value: unknown) =>
    typeof value === "number"
      ? { value }
      : { issues: [{ message: "is no number" }] };
  return schema((value) =>
    isLater ? settle().then(() => check(value)) : check(value)
  );
}

const ANY = schema((value) => ({ value }));

for (const isLater of [false, true]) {
  test(`what comes with arguments refused ${isLater ? "later" : "at once"} is released`, async () => {
    const shapes = contract({
      take: { args: [numbers(isLater), ANY, ANY], result: ANY },
    });
    const [near, far] = wirePair({}, { onError() {} });
    let ran = 0;
    far.serve(shapes.implement({ take: () => ++ran }));
    const args = () => ["no number", () => 1, endless()];
    const error = await failure(near.call("take", args()));
    assertEquals(error.code, "invalidArgument");
    near.send("take", args());
    await settle();
    // What was released, and the end of the streams, come behind these.
    for (let turn = 0; turn < 3; turn++) await near.ping();
    const { objectsExported, streamsSending } = near.stats();
    assertEquals([ran, objectsExported, streamsSending], [0, 0, 0]);
    await near.close();
  });
}
