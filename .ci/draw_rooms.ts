/**
 * Draws docs/rooms.svg: the folders of the house, and which import from which.
 * An arrow that follows from others is left out.
 *
 *     deno run --allow-read --allow-run --allow-write .ci/draw_rooms.ts
 */

const ROOT = new URL("../", import.meta.url);
const BOX = { width: 132, height: 40, gap: 18, step: 74, margin: 24 };

/** What each folder is for, in the few words that a box has room for. */
const WORDS: Readonly<Record<string, string>> = {
  "cli": "the command line",
  "server": "request servers",
  "client": "connecting",
  "transports": "WebSocket, Worker",
  "testing": "transports' cases",
  "host": "Deno, or Node",
  "reconnect": "keepConnected",
  "broadcast": "one call, many wires",
  "wire": "the Wire itself",
  "lines": "streams of lines",
  "contract": "schemas, types",
  "native": "this protocol",
  "light": "a light wire",
  "cmucl": "CMUCL's protocol",
  "session": "handshake, close",
  "objects": "references",
  "streams": "streams",
  "once": "calls that run once",
  "rpc": "calls, proxies",
  "flow": "flow control",
  "codec": "bytes and values",
  "types": "Temporal, classes",
  "transport": "connections",
  "base": "errors, limits",
};

interface Described {
  specifier: string;
  dependencies?: {
    code?: { specifier?: string };
    type?: { specifier?: string };
  }[];
}

/** The folder that a file belongs to; undefined for entry points. */
function roomOf(url: string): string | undefined {
  if (!url.startsWith(ROOT.href)) return undefined;
  const [top = "", second = "", third] = url.slice(ROOT.href.length).split("/");
  if (top === "cli.ts") return "cli";
  if (second === "" || second === "mod.ts") return undefined;
  if (top !== "wire") return top;
  return third === undefined ? "wire" : second;
}

/** Which room imports from which others. */
async function arrows(): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (
    const entry of [
      "mod.ts",
      "wire/cmucl/mod.ts",
      "wire/testing/mod.ts",
      "wire/once/once.ts",
      ...["websocket", "light", "worker", "child", "nats"].map((name) =>
        `transports/${name}.ts`
      ),
      "cli.ts",
    ]
  ) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-config", new URL(entry, ROOT).href],
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: Described[];
    };
    for (const { specifier, dependencies = [] } of modules) {
      const from = roomOf(specifier);
      if (from === undefined) continue;
      const targets = found.get(from) ?? new Set();
      found.set(from, targets);
      for (const { code, type } of dependencies) {
        const to = roomOf((code ?? type)?.specifier ?? "");
        if (to !== undefined && to !== from) targets.add(to);
      }
    }
  }
  // The command line stands on mod.ts, which is all of it.
  found.set("cli", new Set(["server", "client", "reconnect"]));
  return found;
}

/** How many rooms stand above one another over a room, at most. */
function depths(rooms: Map<string, Set<string>>): Map<string, number> {
  const known = new Map<string, number>();
  const depth = (room: string): number => {
    const before = known.get(room);
    if (before !== undefined) return before;
    const above = [...rooms].filter(([, targets]) => targets.has(room));
    const own = Math.max(-1, ...above.map(([from]) => depth(from))) + 1;
    known.set(room, own);
    return own;
  };
  for (const room of rooms.keys()) depth(room);
  // Nothing imports it; it stands beside its sibling.
  known.set("cmucl", known.get("native") ?? 0);
  return known;
}

/** Leaves out what can be reached through others. */
function reduced(rooms: Map<string, Set<string>>): [string, string][] {
  const reaches = (from: string, to: string): boolean =>
    [...rooms.get(from) ?? []].some((next) => next === to || reaches(next, to));
  return [...rooms].flatMap(([from, targets]) =>
    [...targets]
      .filter((to) =>
        ![...targets].some((other) => other !== to && reaches(other, to))
      )
      .map((to): [string, string] => [from, to])
  );
}

/** The whole picture. */
export async function drawRooms(): Promise<string> {
  const rooms = await arrows();
  const depth = depths(rooms);
  const levels = Math.max(...depth.values()) + 1;
  const order = Object.keys(WORDS);
  const rows = Array.from(
    { length: levels },
    (_, level) =>
      [...rooms.keys()].filter((room) => depth.get(room) === level)
        .sort((one, other) => order.indexOf(one) - order.indexOf(other)),
  );
  const widest = Math.max(...rows.map(({ length }) => length));
  const width = widest * (BOX.width + BOX.gap) - BOX.gap + 2 * BOX.margin + 120;
  const total = (levels - 1) * BOX.step + BOX.height + 2 * BOX.margin;
  const place = new Map<string, { x: number; y: number }>();
  rows.forEach((row, level) => {
    const span = row.length * (BOX.width + BOX.gap) - BOX.gap;
    row.forEach((room, index) =>
      place.set(room, {
        x: (width - span) / 2 + index * (BOX.width + BOX.gap),
        y: BOX.margin + level * BOX.step,
      })
    );
  });
  const lines = reduced(rooms).map(([from, to]) => {
    const a = place.get(from)!;
    const b = place.get(to)!;
    const x1 = a.x + BOX.width / 2;
    const y1 = a.y + BOX.height;
    const x2 = b.x + BOX.width / 2;
    const y2 = b.y - 4;
    const far = y2 - y1 > BOX.step;
    // What passes other boxes goes round them.
    const side = x1 + x2 < width ? -1 : 1;
    const rows = Math.round((y2 - y1) / BOX.step);
    const bend = far ? side * (60 + 45 * rows) : 0;
    const third = Math.round((y2 - y1) / 3);
    const to1 = `${x1 + bend} ${y1 + third}`;
    return `<path d="M${x1} ${y1} C${to1} ${x2 + bend} ${
      y2 - third
    } ${x2} ${y2}"/>`;
  });
  const boxes = [...place].map(([room, { x, y }]) => {
    const name = ["cli", "server", "client", "wire"].includes(room)
      ? room === "wire" ? "wire.ts" : `${room}/`
      : `${room}/`;
    const middle = x + BOX.width / 2;
    return `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="5"/>` +
      `<text x="${middle}" y="${y + 17}" class="name">${name}</text>` +
      `<text x="${middle}" y="${y + 32}">${WORDS[room] ?? ""}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" role="img">
<title>The folders, and which import from which</title>
<style>
  svg { background: #fff }
  rect { fill: #f4f6fa; stroke: #35507a }
  text { font: 11px sans-serif; text-anchor: middle; fill: #333 }
  .name { font: bold 13px monospace; fill: #12294d }
  path { fill: none; stroke: #7a8aa5; stroke-width: 1.2; marker-end: url(#tip) }
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill:#7a8aa5;stroke:none;marker-end:none"/></marker></defs>
${lines.sort().join("\n")}
${boxes.sort().join("\n")}
</svg>
`;
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("docs/rooms.svg", ROOT), await drawRooms());
}
