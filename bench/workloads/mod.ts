/**
 * All workloads, in the order in which they run.
 *
 * @module
 */

import type { Workload } from "../_workload.ts";
import { bytesAsChunks, bytesIntoBuffer } from "./byte_streams.ts";
import { chunkCalls } from "./chunk_calls.ts";
import { chunkMessages } from "./chunk_messages.ts";
import { manyUnderWay } from "./many_under_way.ts";
import { manyWires } from "./many_wires.ts";
import { oneAtATime } from "./one_at_a_time.ts";
import { oneWay } from "./one_way.ts";
import { recordEcho } from "./record_echo.ts";

/** The workloads. */
export const WORKLOADS: readonly Workload[] = [
  oneAtATime,
  manyUnderWay,
  oneWay,
  recordEcho,
  chunkCalls,
  chunkMessages,
  bytesIntoBuffer,
  bytesAsChunks,
  manyWires,
];
