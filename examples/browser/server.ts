/**
 * The board's server. `USAGE` tells the rest.
 *
 * @module
 */

import {
  createRequestServer,
  isRemoteObject,
  type RemoteObject,
  type ServedFunctions,
  type Wire,
} from "../../mod.ts";
import { acceptWebSocket } from "../../transports/websocket.ts";
import { endSignal } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText } from "../_text.ts";
import type { Board, Ears, Point, Visitor } from "./protocol.ts";
import { isWithin, Store } from "./store.ts";

const USAGE = `Serves a board to browsers, and keeps what is on it:

  deno run --allow-net --allow-read --allow-write --allow-run examples/browser/server.ts

  --port <port>      where to listen; 0 takes a free port (7000)
  --folder <folder>  where to keep the board (board)
  --rate <rate>      how many kB of a picture are taken in a second, to see the
                     progress of an upload (no limit)
  --help             shows this

Open the address that it prints in two tabs. Ctrl-C or SIGTERM ends the server.`;

/** The page runs its own script, talks to its own server, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src blob: data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A visitor, and how it is told things. */
interface Guest extends Visitor {
  readonly ears: RemoteObject<Ears>;
  /** Where others point, of which it has not been told. */
  readonly points: Map<number, Point>;
  isBeingTold: boolean;
}

const told = commandLine(USAGE, ["port", "folder", "rate"], 0);
const port = told.port(0);
const rate = Number(told.option("rate") ?? Infinity);
if (!(rate > 0)) wrong("A rate is a number above 0.");
const ended = endSignal();
const guests = new Map<Wire, Guest>();
let visits = 0;
try {
  await serve(await Store.open(told.option("folder") ?? "board"));
} catch (error) {
  console.error(`board: ${errorText(error)}`);
  Deno.exitCode = 1;
}

/** Serves until a signal comes. */
async function serve(store: Store): Promise<void> {
  const files = new Map([
    ["/", await file("page.html", "text/html; charset=utf-8")],
    ["/page.css", await file("page.css", "text/css; charset=utf-8")],
    ["/page.js", {
      type: "text/javascript; charset=utf-8",
      body: await bundle(),
    }],
  ]);
  const server = createRequestServer<object, Board>(null, (wire) => {
    wire.serve<Board>(functionsOf(store, wire));
    return { accept: true, onDeath: () => leave(wire) };
  });
  const web = Deno.serve(
    {
      hostname: "127.0.0.1",
      port,
      onListen: ({ hostname, port }) =>
        console.log(`board: listening on http://${hostname}:${port}`),
    },
    (request, { remoteAddr }) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/wire") {
        const address = remoteAddr as Deno.NetAddr;
        // A wire has its own pings. Those of Deno's server keep a process that
        // is done alive for some seconds where a connection broke.
        return acceptWebSocket(server, request, { address, idleTimeout: 0 });
      }
      const found = files.get(pathname);
      return new Response(found?.body ?? "Nothing here.", {
        status: found ? 200 : 404,
        headers: {
          "content-type": found?.type ?? "text/plain",
          "content-security-policy": POLICY,
          "x-content-type-options": "nosniff",
          "cache-control": "no-cache",
        },
      });
    },
  );
  if (!ended.aborted) {
    await new Promise((resolve) => ended.addEventListener("abort", resolve));
  }
  await server.shutdown();
  await web.shutdown();
}

async function file(name: string, type: string) {
  const body = await Deno.readTextFile(new URL(name, import.meta.url));
  return { type, body };
}

/** The page's script, and all that it imports, as one file. */
async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--no-config", "--platform=browser", "--minify"],
      new URL("page.ts", import.meta.url).href,
    ],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`deno bundle failed: ${text(stderr)}`);
  return text(stdout);
}

/** What one page may call. */
function functionsOf(store: Store, wire: Wire): ServedFunctions<Board> {
  return {
    join(name, hue, ears) {
      const isFine = typeof name === "string" && /^\P{Cc}{1,20}$/u.test(name) &&
        isWithin(hue, 360) && isRemoteObject(ears);
      if (!isFine) throw new TypeError("That is no visitor.");
      leave(wire);
      const id = ++visits;
      const points = new Map();
      guests.set(wire, { id, name, hue, ears, points, isBeingTold: false });
      tellOfVisitors();
    },
    point(x, y) {
      const id = guests.get(wire)?.id;
      if (id === undefined || !isWithin(x, 1) || !isWithin(y, 1)) return;
      for (const guest of guests.values()) {
        if (guest.id === id) continue;
        guest.points.set(id, { id, x, y });
        tellOfPoints(guest);
      }
    },
    follow() {
      return store.follow(AbortSignal.any([this.signal, ended]));
    },
    put: (note) => store.put(note),
    remove: (id) => store.remove(id),
    async upload(note, bytes, onProgress) {
      using told = onProgress;
      // Nobody waits for what it answers.
      const tell = (count: number) => void told(count);
      return await store.upload(note, slowed(bytes), tell);
    },
    picture: (id) => store.picture(id),
  };
}

/** A page is gone. */
function leave(wire: Wire): void {
  const guest = guests.get(wire);
  if (guest === undefined) return;
  guests.delete(wire);
  guest.ears[Symbol.dispose]();
  tellOfVisitors();
}

function tellOfVisitors(): void {
  const all = Array.from(
    guests.values(),
    ({ id, name, hue }) => ({ id, name, hue }),
  );
  // What fails here fails because a page is gone.
  for (const { id, ears } of guests.values()) ears.remote.visitors(all, id);
}

/** A page that is slow is told of the last points alone. */
async function tellOfPoints(guest: Guest): Promise<void> {
  const { ears, points } = guest;
  if (guest.isBeingTold) return;
  guest.isBeingTold = true;
  try {
    while (points.size > 0) {
      const batch = [...points.values()];
      points.clear();
      await ears.remoteValue.pointed(batch);
    }
  } catch {
    // It is gone; or what it throws is its own.
  } finally {
    guest.isBeingTold = false;
  }
}

/** Bytes that come no faster than the option says. */
async function* slowed(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    yield chunk;
    await new Promise((resolve) => setTimeout(resolve, chunk.length / rate));
  }
}
