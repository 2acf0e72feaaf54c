/**
 * The server that is flooded, and has a bystander, too. Its argument is the
 * folder of the module that it runs, so that versions can be compared.
 *
 * @module
 */

import { obey } from "../_control.ts";

const [folder] = Deno.args;
const { createRequestServer, startUpServer } = await import(
  `file://${folder}/mod.ts`
);

const functions = {
  echo: (value: unknown) => value,
  drop() {},
  fail() {
    throw new RangeError("no");
  },
  fat: (size: number) => new Uint8Array(size),
  later: async (value: unknown) => {
    await undefined;
    return value;
  },
  busy(milliseconds: number) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  },
  async read(items: AsyncIterable<unknown>) {
    for await (const _ of items);
  },
};

/** Takes typed messages, as they come. */
function take(wire: { getObject(): Promise<unknown> }): true {
  (async () => {
    for (;;) await wire.getObject();
  })().catch(() => {});
  return true;
}

const read = (name: string) =>
  Deno.readTextFileSync(`${folder}/tests/tls/${name}`);
const tls = { cert: read("server.pem"), key: read("server.key") };
const server = createRequestServer(0, take, { functions, onError() {} });
const overTls = createRequestServer(0, take, { functions, tls, onError() {} });
const lines = startUpServer({
  service: 0,
  async function(stream: AsyncIterable<string>) {
    for await (const _ of stream);
  },
  onError() {},
});
await obey({ tcp: server.port, tls: overTls.port, lines: lines.port });
