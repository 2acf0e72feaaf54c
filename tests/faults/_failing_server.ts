/**
 * A server whose function fails, so that errors are printed. Says its port.
 *
 * @module
 */

import { createRequestServer } from "../../mod.ts";

const server = createRequestServer(0, {
  functions: {
    echo: (x: number) => x,
    fail() {
      throw new Error("This is printed.");
    },
  },
});
console.log(server.port);
