/**
 * The server of the memory measurements. Its arguments are the folder of the
 * module that it runs, so that versions can be compared, and its limits, as
 * JSON, where they are not the defaults.
 *
 * @module
 */

import { obey } from "../_control.ts";

const [folder, limits = "{}"] = Deno.args;
const { createRequestServer } = await import(`file://${folder}/mod.ts`);

/** What functions hold that never finish. */
const held = new Set<unknown[]>();

const server = createRequestServer(0, null, {
  limits: JSON.parse(limits),
  functions: {
    echo: (value: unknown) => value,
    give: (value: unknown) => value,
    async hold(...args: unknown[]) {
      held.add(args);
      const { signal } = this as unknown as { signal: AbortSignal };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      held.delete(args);
    },
  },
  onError() {},
});
await obey({ port: server.port });
