/**
 * This repository over loopback HTTP, as users by URL have it.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);

/**
 * Serves the repository's files.
 *
 * @param served Gets the path of each file that is asked for.
 * @returns The server, on a free port.
 */
export function serveRepository(
  served: string[] = [],
): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    if (path.includes("..")) return new Response(null, { status: 403 });
    served.push(path);
    try {
      const source = await Deno.readTextFile(new URL(path, ROOT));
      const type = "application/typescript";
      return new Response(source, { headers: { "content-type": type } });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}
