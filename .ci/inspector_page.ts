/**
 * The page of the inspector, as one module that the command line loads:
 * `cli/_inspector_page.ts`, made of what is in `cli/inspector/`, with the
 * module's own client in its script.
 *
 *     deno run -A .ci/inspector_page.ts           whether the module is current
 *     deno run -A .ci/inspector_page.ts --write   makes it
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);
const PAGE = new URL("cli/inspector/", ROOT);
const MADE = new URL("cli/_inspector_page.ts", ROOT);

/** A digest of the page's own sources, which its module has. */
export async function pageDigest(): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(PAGE)))
    .map(({ name }) => name)
    .filter((name) => /\.(ts|html|css)$/.test(name)).sort();
  const texts = await Promise.all(
    names.map(async (name) => [name, await source(name)]),
  );
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

function source(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, PAGE));
}

/** The page's script, and all that it imports, as one file. */
async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--no-config", "--platform=browser", "--minify"],
      new URL("page.ts", PAGE).href,
    ],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`deno bundle failed: ${text(stderr)}`);
  return text(stdout);
}

/** The text of the module. */
async function made(): Promise<string> {
  const files = {
    "/": { type: "text/html; charset=utf-8", body: await source("page.html") },
    "/page.css": {
      type: "text/css; charset=utf-8",
      body: await source("page.css"),
    },
    "/page.js": {
      type: "text/javascript; charset=utf-8",
      body: await bundle(),
    },
  };
  const zipped = new Blob([JSON.stringify(files)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const page = (await new Response(zipped).bytes()).toBase64();
  return `/**
 * The page of the inspector, made by \`.ci/inspector_page.ts\` of what is in
 * \`cli/inspector/\`: do not edit it.
 *
 * @module
 */

/** The digest of its sources. */
export const DIGEST =
  "${await pageDigest()}";

/** Its files, as JSON, compressed by gzip, in Base64. */
export const PAGE =
  "${page}";
`;
}

if (import.meta.main) {
  const text = await made();
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(MADE, text);
  } else if (text !== await Deno.readTextFile(MADE)) {
    console.error(
      "cli/_inspector_page.ts is not current: deno run -A .ci/inspector_page.ts --write makes it.",
    );
    Deno.exitCode = 1;
  }
}
