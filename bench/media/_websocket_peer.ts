/**
 * The peer of `websocket.ts`.
 *
 * @module
 */

import { createRequestServer } from "../../server/mod.ts";
import { acceptWebSocket } from "../../transports/websocket.ts";
import { obey } from "../_control.ts";
import { FUNCTIONS } from "./_compare.ts";
import { Answers } from "./_exchange.ts";

/** Answers what comes over a raw WebSocket. */
function acceptRaw(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  const answers = new Answers((bytes) => socket.send(bytes));
  socket.onmessage = ({ data }) => answers.take(new Uint8Array(data));
  return response;
}

const server = createRequestServer(null, { functions: FUNCTIONS });
const web = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  (request) =>
    request.url.endsWith("/wire")
      ? acceptWebSocket(server, request)
      : acceptRaw(request),
);
await obey({ port: web.addr.port });
