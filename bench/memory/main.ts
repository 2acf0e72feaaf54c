/**
 * What a server holds of a peer that sends all that the windows of a wire let
 * it, and takes nothing: by kinds of value, and by where they are held.
 *
 *     deno task run -A bench/memory/main.ts [--tree DIR] [--kinds a,b] [--places a,b]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Peer, startPeer } from "../_peer.ts";
import { number, table } from "../_table.ts";
import { Hoarder, type Place, PLACES } from "./_hoard.ts";
import { VALUE_KINDS, type ValueKind } from "./_values.ts";

const MB = 1_000_000;

/** What became of one hoard, in bytes. */
interface Result {
  readonly sent: number;
  readonly resident: number;
  readonly heap: number;
  /** What is left once the peer has gone. */
  readonly left: number;
  readonly note: string;
}

const flags = parseArgs(Deno.args, {
  string: ["tree", "kinds", "places"],
  default: { tree: new URL("../../", import.meta.url).pathname },
});

const heapOf = ({ heapUsed, external }: Deno.MemoryUsage) =>
  heapUsed + external;

/** Has a fresh server hoard. */
async function measure(
  kind: ValueKind,
  places: readonly Place[],
): Promise<Result> {
  let peer: Peer<{ port: number }> | undefined;
  let sent = 0;
  try {
    peer = await startPeer("./memory/victim.ts", flags.tree);
    const { port } = peer.ports;
    // What a first wire costs is no matter.
    (await Hoarder.open(port))[Symbol.dispose]();
    const before = await peer.memory();
    let after: Deno.MemoryUsage;
    let hasEnded = false;
    {
      using hoarder = await Hoarder.open(port);
      for (const place of places) {
        await hoarder.hoard(place, kind);
        sent = hoarder.sent;
      }
      hasEnded = hoarder.hasEnded;
      after = await peer.memory();
    }
    const left = await peer.memory();
    return {
      sent,
      resident: after.rss - before.rss,
      heap: heapOf(after) - heapOf(before),
      left: heapOf(left) - heapOf(before),
      note: hasEnded ? "wire ended" : "",
    };
  } catch (error) {
    const note = `process ended (${(error as Error).message})`;
    return { sent, resident: NaN, heap: NaN, left: NaN, note };
  } finally {
    await Promise.resolve(peer?.[Symbol.asyncDispose]()).catch(() => {});
  }
}

const kinds = flags.kinds?.split(",");
const chosen = flags.places?.split(",") ??
  [...PLACES.filter((one) => one !== "answers"), "all"];
const megabytes = (bytes: number) =>
  Number.isNaN(bytes) ? "–" : number(bytes / MB, 1);
const rows: string[][] = [];
for (const kind of VALUE_KINDS) {
  if (kinds !== undefined && !kinds.includes(kind.name)) continue;
  for (const place of chosen) {
    const places = place === "all"
      ? PLACES.filter((one) => one !== "pieces" && one !== "answers")
      : [place as Place];
    const { sent, resident, heap, left, note } = await measure(kind, places);
    const row = [
      kind.name,
      place,
      megabytes(sent),
      megabytes(resident),
      megabytes(heap),
      Number.isNaN(resident) ? "–" : number(resident / sent, 1),
      megabytes(left),
      note,
    ];
    console.error(row.join("  "));
    rows.push(row);
  }
}
console.log(table(
  [
    "list of",
    "held as",
    "sent MB",
    "resident MB",
    "heap MB",
    "resident ÷ sent",
    "left MB",
    "",
  ],
  rows,
));
