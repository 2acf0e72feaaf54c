/**
 * A client in a process that may open few files, and has opened them all. Says
 * as JSON what becomes of connecting meanwhile, and later.
 *
 * @module
 */

import { connectToRemoteServer, type Wire, WireError } from "../../mod.ts";
import { connecting, type Place, type Transport } from "./_places.ts";

/** What such a client finds. */
export interface ScarceReport {
  /** The error of connecting when there is no descriptor left. */
  readonly code: string;
  readonly message: string;
  /** What a wire answers that was open already, meanwhile. */
  readonly meanwhile: number;
  /** What a new wire answers when files were closed. */
  readonly later: number;
}

interface Remote {
  echo(x: number): number;
}

const [transport, place] = JSON.parse(Deno.args[0]!) as [Transport, Place];

function connect(): Promise<Wire<Remote>> {
  return connectToRemoteServer<Remote>("127.0.0.1", place.port, null, {
    ...connecting(transport, place),
  });
}

/** Opens files until there is no descriptor left. */
function takeAll(): Deno.FsFile[] {
  const files: Deno.FsFile[] = [];
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    return files;
  }
}

const open = await connect();
// Whatever is loaded when connecting fails needs a descriptor once.
await connectToRemoteServer("127.0.0.1", 1).catch(() => {});
await open.remoteValue.echo(0);
const files = takeAll();
const failed = await connect().then(() => undefined, (error) => error);
const { code, message } = failed instanceof WireError
  ? failed
  : { code: "", message: String(failed) };
const meanwhile = await open.remoteValue.echo(1);
for (const file of files) file.close();
const next = await connect();
const later = await next.remoteValue.echo(2);
await Promise.all([open.close(), next.close()]);
console.log(JSON.stringify({ code, message, meanwhile, later }));
