/**
 * Two servers share what they remember in Deno KV, and clients go from one to
 * the other. Prints what the calls came to, and how often their functions ran.
 *
 *     deno run --unstable-kv tests/wire/programs/once_in_kv.ts [PATH]
 *
 * @module
 */

import { wirePair } from "../../../wire/mod.ts";
import { type KvLike, onceInKv } from "../../../wire/once/once.ts";
import { keepConnected } from "../../../wire/reconnect/keep_connected.ts";

interface Openable {
  openKv(path: string): Promise<KvLike & { close(): void }>;
}

const deno = Deno as unknown as Openable;
const open = () => deno.openKv(Deno.args[0] ?? ":memory:");
const first = await open();
// A second connection to a database in memory is another database.
const second = Deno.args[0] === undefined ? first : await open();
const runs: string[] = [];
let connections = 0;
const kept = keepConnected(() => {
  const isFirst = connections++ === 0;
  const once = onceInKv(isFirst ? first : second, { lease: 500 });
  const [near, far] = wirePair({}, { once, onError: () => {} });
  far.serve({
    order(what: string) {
      runs.push(what);
      return `${what} by ${isFirst ? "the first" : "the second"}`;
    },
  });
  return Promise.resolve(near);
}, { backoff: { least: 1, most: 1 } });

const { remoteValue } = kept.with({ once: "tea" });
console.log(await remoteValue.order!("tea"));
// The answer of the first run, wherever it is asked for.
kept.wire!.abort();
console.log(await remoteValue.order!("tea"));
const reused = await remoteValue.order!("coffee").catch((error: unknown) =>
  error
) as { code?: string };
console.log(reused.code);
for (const size of [50_000, 70_000]) {
  // The second is more than Deno KV takes: its caller has it, and nobody else.
  const { remoteValue } = kept.with({ once: `of ${size}` });
  const result = await remoteValue.order!("x".repeat(size)) as string;
  console.log(result.length > size);
  kept.wire!.abort();
  const again = await remoteValue.order!("x".repeat(size))
    .catch((error: { code?: string }) => error.code);
  console.log(again === result || again);
}
console.log(`${runs.length} runs`);
await kept.close();
first.close();
if (second !== first) second.close();
