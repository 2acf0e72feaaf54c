/**
 * Prints what is sent, and what is held of it, in the attacks that have a bound
 * for that. Names of kinds may follow; else it is all of them.
 *
 *     deno task run -A tests/hostile/table.ts "streams of lines"
 *
 * @module
 */

import { type Account, Arena } from "./_arena.ts";
import { allCatalogues } from "./_catalogues.ts";

const MB = 1_000_000;

function inMegabytes(bytes: number): string {
  return (Math.max(0, bytes) / MB).toFixed(1);
}

console.log("| attack | roads | sent, MB | held, MB | may be held, MB |");
console.log("| --- | --: | --: | --: | --: |");
for (const catalogue of await allCatalogues()) {
  if (Deno.args.length > 0 && !Deno.args.includes(catalogue.kind)) continue;
  const measured = catalogue.attacks.filter((attack) =>
    "holds" in attack && attack.holds !== undefined
  );
  if (measured.length === 0) continue;
  await using arena = await Arena.open(catalogue);
  for (const attack of measured) {
    const account: Account = { roads: 0, sent: 0, held: 0 };
    await arena.bear(attack, account);
    const { holds = 0 } = attack as { holds?: number };
    const most = account.roads * holds * 1024 * 1024;
    const cells = [
      attack.name,
      account.roads,
      inMegabytes(account.sent),
      inMegabytes(account.held),
      inMegabytes(most),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
