/**
 * A wire over NATS, beside messages that are published to the same process.
 *
 * @module
 */

import { connectNats } from "../../transports/nats.ts";
import type { Study } from "../_study.ts";
import { startBroker, startNatsPeer } from "../nats/_broker.ts";
import { compare, type MediumWire } from "./_compare.ts";
import { Requests } from "./_exchange.ts";
import { mediumStudy } from "./_medium_study.ts";

/** The study. */
export const nats: Study = mediumStudy(
  "nats",
  "NATS",
  async ({ rounds, seconds, place }) => {
    await using broker = await startBroker();
    await using peer = await startNatsPeer(broker.port);
    await place([peer.pid]);
    const { nats } = broker;
    const raw = new Requests((bytes) => nats.publish("bench.raw", bytes));
    nats.subscribe("bench.raw.answer", {
      callback: (_, { data }) => raw.came(data.length),
    });
    const wire = await connectNats(nats, "bench");
    const ends = { wire: wire as unknown as MediumWire, raw };
    const found = await compare(ends, rounds, seconds);
    await wire.close();
    return found;
  },
);
