/**
 * A server whose spans a test collects: it ends when its client has left.
 *
 * @module
 */

import {
  type CallContext,
  createRequestServer,
  formatAddress,
  Refusal,
  type Wire,
} from "../../mod.ts";

const [url = ""] = Deno.args;

const server = createRequestServer(0, () => ({
  accept: true,
  onDeath: () => void server.destroy(),
}), {
  functions: {
    async front(this: CallContext<Wire>) {
      await (await fetch(url)).text();
      return await this.wire.remoteValue.back();
    },
    note(this: CallContext) {},
    traceparent(this: CallContext) {
      return this.metadata.traceparent;
    },
    refused() {},
    fail() {
      throw new RangeError("it fails");
    },
  },
  serveThrough: [(call, next) => {
    if (call.name !== "refused") return next();
    throw new Refusal("permissionDenied", "it is refused");
  }],
});
console.log(`listening on ${formatAddress(server.address)}`);
