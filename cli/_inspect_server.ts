/**
 * Serves the page of an inspector to browsers of this machine, and what it
 * shows over a wire of its own.
 *
 * @module
 */

import {
  createRequestServer,
  type RequestServer,
  type ServedFunctions,
} from "../mod.ts";
import { acceptWebSocket } from "../transports/websocket.ts";
import type { About, Inspection, News } from "./_inspection.ts";
import type { Inspector, Place } from "./_inspector.ts";
import { PAGE } from "./_inspector_page.ts";
import { listenError } from "./_proxy.ts";

/** The page runs its own script, talks to its own server, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

/** It listens there, and nowhere else. */
const HOSTNAME = "127.0.0.1";
/** Names of this machine in an address of the page. */
const NAMES: readonly string[] = [HOSTNAME, "localhost"];
/** A page is told of what has come in so many milliseconds together. */
const TOGETHER = 100;
/** How many random bytes the secret in the page's address has. */
const SECRET = 16;

/** A page's server. */
export interface InspectServer {
  /** The address of the page, with the secret that it shows. */
  readonly url: string;
  /** Ends it, with all pages. */
  close(): Promise<void>;
}

/**
 * Serves the page.
 *
 * @param inspector What it shows.
 * @param about What is looked at.
 * @param port Where, on this machine; 0 takes a free one.
 * @returns A promise of the server, once it listens.
 * @throws {WireError} As a rejection, `addressInUse` where the port is taken.
 */
export async function serveInspector(
  inspector: Inspector,
  about: About,
  port: number,
): Promise<InspectServer> {
  const files = await pageFiles();
  const secret = crypto.getRandomValues(new Uint8Array(SECRET)).toHex();
  const functions = inspectionOf(inspector, about);
  // Whoever may connect to this machine's ports may not see all by that.
  const server: RequestServer = createRequestServer<object, Inspection>(null, {
    functions,
    requireCredential: secret,
    onError() {},
  });
  const web = listening(port, () =>
    Deno.serve(
      {
        hostname: HOSTNAME,
        port,
        onListen() {},
        onError: () => new Response(null, { status: 500 }),
      },
      (request, { remoteAddr }) => {
        if (!isOurs(request, web.addr.port)) {
          return new Response("This page is for browsers of its own machine.", {
            status: 403,
            headers: HEADERS,
          });
        }
        const { pathname } = new URL(request.url);
        if (pathname === "/wire") {
          const address = remoteAddr as Deno.NetAddr;
          return acceptWebSocket(server, request, { address, idleTimeout: 0 });
        }
        const found = files.get(pathname);
        return new Response(found?.body ?? "Nothing here.", {
          status: found === undefined ? 404 : 200,
          headers: {
            ...HEADERS,
            "content-type": found?.type ?? "text/plain; charset=utf-8",
          },
        });
      },
    ));
  return {
    url: `http://${HOSTNAME}:${web.addr.port}/#${secret}`,
    async close() {
      server.destroy();
      // A page that reads nothing is not waited for.
      for (const wire of server.wires) {
        wire.abort(new Error("the inspector was ended"));
      }
      await server.finished;
      await web.shutdown();
    },
  };
}

/** Listens, or tells in words why not. */
function listening<S>(port: number, listen: () => S): S {
  try {
    return listen();
  } catch (error) {
    throw listenError(error, { kind: "tcp", hostname: HOSTNAME, port });
  }
}

/** The files of the page, by their paths. */
async function pageFiles(): Promise<
  Map<string, { readonly type: string; readonly body: string }>
> {
  const unzipped = new Blob([Uint8Array.fromBase64(PAGE)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return new Map(Object.entries(await new Response(unzipped).json()));
}

/**
 * Whether a request is for an address of this machine, and comes from no page
 * of another: a name of somebody else's may be made to lead here.
 */
function isOurs(request: Request, port: number): boolean {
  const hosts = NAMES.map((name) => `${name}:${port}`);
  const { headers } = request;
  const origin = headers.get("origin");
  return hosts.includes(headers.get("host")?.toLowerCase() ?? "") &&
    (origin === null || hosts.some((host) => origin === `http://${host}`));
}

/** What a page may call. */
function inspectionOf(
  inspector: Inspector,
  about: About,
): ServedFunctions<Inspection> {
  return {
    about: () => about,
    follow() {
      return newsOf(inspector, this.signal);
    },
    message: (number) => inspector.message(number) as never,
  };
}

/** What is new, as fast as a page reads it. */
async function* newsOf(
  inspector: Inspector,
  signal: AbortSignal,
): AsyncGenerator<News> {
  const place: Place = { message: 0, change: 0 };
  let wake = () => {};
  const until = (begin: (resolve: () => void) => unknown) =>
    new Promise<void>((resolve) => {
      wake = resolve;
      begin(resolve);
    });
  signal.addEventListener("abort", () => wake());
  while (!signal.aborted) {
    const news = inspector.news(place, Date.now());
    yield news;
    if (news.isBehind) continue;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await until((resolve) => timer = setTimeout(resolve, TOGETHER));
    clearTimeout(timer);
    if (signal.aborted) return;
    await until((resolve) => inspector.changedSince(place).then(resolve));
  }
}
