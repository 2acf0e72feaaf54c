/**
 * A parent whose child prints, and which ends with its wire.
 */

import { spawnRemote } from "../../transports/child.ts";
import { commandOf } from "./_beside.ts";

const wire = await spawnRemote(commandOf("_child"));
await wire.remoteValue.log("hello", { from: "the child" });
console.log(await wire.remoteValue.double(4));
await wire.close();
