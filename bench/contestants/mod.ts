/**
 * All contestants, the wire first.
 *
 * @module
 */

import type { Contestant } from "../_workload.ts";
import { birpc } from "./birpc.ts";
import { capnweb } from "./capnweb.ts";
import { grpc } from "./grpc.ts";
import { msgpackrByHand, msgpackrCollected } from "./msgpackr.ts";
import { socketIo } from "./socket_io.ts";
import { vscodeJsonrpc } from "./vscode_jsonrpc.ts";
import { wire } from "./wire.ts";

/** The contestants. */
export const CONTESTANTS: readonly Contestant[] = [
  wire,
  msgpackrByHand,
  msgpackrCollected,
  birpc,
  socketIo,
  vscodeJsonrpc,
  capnweb,
  grpc,
];
