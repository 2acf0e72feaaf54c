/**
 * All studies, in the order in which they run.
 *
 * @module
 */

import type { Study } from "../_study.ts";
import { child } from "../media/child.ts";
import { nats } from "../media/nats.ts";
import { node } from "../media/node.ts";
import { websocket } from "../media/websocket.ts";
import { worker } from "../media/worker.ts";
import { codec } from "./codec.ts";
import { decoder } from "./decoder.ts";
import { growthBytes } from "./growth_bytes.ts";
import { growthCalls } from "./growth_calls.ts";
import { growthNames } from "./growth_names.ts";
import { growthWires } from "./growth_wires.ts";
import { memory } from "./memory.ts";
import { opening } from "./opening.ts";
import { start } from "./start.ts";

/** The studies. */
export const STUDIES: readonly Study[] = [
  memory,
  opening,
  codec,
  growthCalls,
  growthWires,
  growthBytes,
  growthNames,
  decoder,
  start,
  websocket,
  worker,
  child,
  node,
  nats,
];
