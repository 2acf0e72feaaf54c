/**
 * A thousand wires with one call under way on each. The raw loop has as many
 * connections, writes a request on each and waits for its answer.
 *
 * @module
 */

import { CALLS_PER_SECOND, type Workload } from "../_workload.ts";

const WIRES = 1_000;

/** Shares operations out among as many callers as there are connections. */
async function share<T>(
  connections: readonly T[],
  operations: number,
  operation: (connection: T) => Promise<unknown>,
): Promise<void> {
  let begun = 0;
  await Promise.all(connections.map(async (connection) => {
    while (begun++ < operations) await operation(connection);
  }));
}

/** The workload. */
export const manyWires: Workload = {
  name: "wires",
  title: `${WIRES.toLocaleString("en-US")} wires, one call under way on each`,
  metrics: [CALLS_PER_SECOND],
  firstCount: WIRES * 4,
  step: WIRES,
  connections: WIRES,
  readBuffer: 16 * 1024,
  run: (clients, operations) =>
    share(clients, operations, ({ calls }) => calls.add(operations, 1)),
  raw: (connections, operations) =>
    share(connections, operations, (connection) => connection.exchange(1)),
};
