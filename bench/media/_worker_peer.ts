/**
 * The Workers of `worker.ts`: one is named "wire", the other "raw".
 *
 * @module
 */

import { parentWire } from "../../transports/worker.ts";
import { FUNCTIONS } from "./_compare.ts";
import { Answers } from "./_exchange.ts";

/** What is used of a Worker's global object. */
const self = globalThis as unknown as {
  readonly name: string;
  onmessage: (event: MessageEvent<Uint8Array>) => void;
  postMessage(message: unknown): void;
};

if (self.name === "wire") {
  parentWire({ functions: FUNCTIONS });
} else {
  const answers = new Answers((bytes) => self.postMessage(bytes));
  self.onmessage = ({ data }) => answers.take(data);
}
