/**
 * Something to follow. `USAGE` tells the rest.
 *
 * @module
 */

import { endSignal } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { pause } from "./pause.ts";

const USAGE = `Writes lines to logs, so that there is something to follow:

  deno run --allow-read=<folder> --allow-write=<folder> \\
    examples/tail/writer.ts [options] <folder> <log...>

  folder           where to write
  log              the name of a log
  --rotate <lines> after so many lines, rename each log and begin a new one
  --help           shows this

Ctrl-C or SIGTERM ends it.`;

/** How long to wait between two lines, in milliseconds. */
const INTERVAL = 2;
/** After how many lines to tell. */
const TOLD = 100;

const told = commandLine(USAGE, ["rotate"], 100);
const rotate = Number(told.option("rotate") ?? Infinity);
if (!(rotate >= 1)) wrong("--rotate wants a number of lines.");
const [folder = wrong("Which folder?"), ...names] = told.rest;
if (names.length === 0) {
  wrong("Which logs? Give the name of one, such as a.log.");
}
const ended = endSignal();
let count = 0;
for (; !ended.aborted; await pause(INTERVAL, ended)) {
  if (count > 0 && count % rotate === 0) renameAll(count / rotate);
  count++;
  for (const name of names) {
    const line = `line ${count} of ${name}, ${new Date().toISOString()}\n`;
    Deno.writeTextFileSync(`${folder}/${name}`, line, { append: true });
  }
  if (count % TOLD === 0) console.log(`writer: ${count} lines`);
}
console.log(`writer: ended after ${count} lines`);

function renameAll(version: number): void {
  for (const name of names) {
    Deno.renameSync(`${folder}/${name}`, `${folder}/${name}.${version}`);
  }
}
