/**
 * The archive's client. `USAGE` tells the rest.
 *
 * @module
 */

import { connectToRemoteServer, formatAddress } from "../../mod.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText, plain } from "../_text.ts";
import type { Archive, SearchResult } from "./archive.ts";
import { findFiles } from "./files.ts";
import { bytesText, speedText, withProgress } from "./report.ts";
import { AT_ONCE, getFiles, listFiles, putFiles } from "./transfer.ts";

const USAGE = `Puts the files of a folder into an archive and gets them back:

  deno run --allow-net --allow-read --allow-run=git \\
    examples/archive/client.ts [options] [folder]

  folder             whose files: those that git tracks, or else all but those
                     in .git and node_modules (the folder of this project)
  --host <name>      where the server is (127.0.0.1)
  --port <port>      where it listens (7000)
  --pattern <regexp> what to search the archive for (export function \\w+)
  --help             shows this`;

/** How many of the matches are shown. */
const SHOWN = 5;

const told = commandLine(USAGE, ["host", "port", "pattern"], 1);
const host = told.option("host") ?? "127.0.0.1";
const port = told.port(1);
const pattern = told.option("pattern") ?? "export function \\w+";
const folder = told.rest[0] ?? `${import.meta.dirname}/../..`;
await check();
try {
  await main();
} catch (error) {
  console.error(`client: ${errorText(error)}`);
  Deno.exitCode = 1;
}

/** Puts, lists, searches, gets, and tells what it did. */
async function main(): Promise<void> {
  const files = await findFiles(folder);
  await using wire = await connectToRemoteServer<Archive>(host, port);
  const archive = wire.remoteValue;
  say(`connected to ${formatAddress(wire.address)}`);

  const found = totalSize(files);
  const put = await withProgress(
    "put",
    found,
    (progress) => putFiles(wire, folder, files, progress),
  );
  const originals = put.result;
  const size = totalSize(originals.values());
  say(`put ${originals.size} files: ${speedText(size, put.seconds)}`);

  const listed = await listFiles(archive, originals);
  say(`listed ${listed.length} files, ${bytesText(totalSize(listed))}`);

  showSearch(await archive.search(pattern, ""));

  const got = await withProgress(
    "get",
    size,
    (progress) => getFiles(wire, originals, progress),
  );
  say(
    `got ${originals.size} files: ${
      speedText(size, got.seconds)
    }; every SHA-256 is right`,
  );

  const both = speedText(2 * size, put.seconds + got.seconds);
  say(
    `moved ${both}, both ways together: ${wire.stats().callsMade} calls over one wire, ${AT_ONCE} files at once`,
  );
}

/** Shows what the search found. */
function showSearch({ matches, searched, skipped, complete }: SearchResult) {
  const atLeast = complete ? "" : "at least ";
  say(
    `searched ${searched} files for /${pattern}/ (${skipped} left out): ${atLeast}${matches.length} matches`,
  );
  for (const { path, line, text } of matches.slice(0, SHOWN)) {
    say(`  ${path}:${line}: ${text.trim()}`);
  }
  if (matches.length > SHOWN) say(`  and ${matches.length - SHOWN} more`);
}

/** Checks what can be checked before there is a server. */
async function check(): Promise<void> {
  try {
    new RegExp(pattern);
  } catch (error) {
    wrong(`--pattern wants a regular expression: ${errorText(error)}.`);
  }
  let isFolder = false;
  try {
    isFolder = (await Deno.stat(folder)).isDirectory;
  } catch (error) {
    // It may be there; the message names the permission.
    if (error instanceof Deno.errors.NotCapable) wrong(`${error.message}.`);
  }
  if (!isFolder) wrong(`There is no folder ${folder}.`);
}

function totalSize(files: Iterable<{ readonly size: number }>): number {
  let sum = 0;
  for (const { size } of files) sum += size;
  return sum;
}

function say(text: string): void {
  console.log(`client: ${plain(text)}`);
}
