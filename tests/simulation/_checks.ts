/**
 * What has to be true of a wire at any time, when all is quiet, and when it is
 * gone.
 *
 * @module
 */

import type { Wire, WireLimits, WireStats } from "../../wire/mod.ts";
import type { Ledger } from "./_ledger.ts";

/** What a message counts for beyond its bytes. */
const MESSAGE_COST = 64;
const CHANNELS = ["calls", "sends", "messages"] as const;

/** Nothing holds more than this side's limits allow, at any time. */
export function checkBounds(
  ledger: Ledger,
  wire: Wire,
  limits: Readonly<WireLimits>,
): void {
  const stats = wire.stats();
  const { received, streamSpare } = stats.flow;
  const check = (what: string, value: number, most: number) => {
    if (value <= most) return;
    ledger.fault(`${value} ${what} are there, and ${most} may be`);
  };
  const { window, message } = limits;
  // The last message may be as large as any.
  const one = message + MESSAGE_COST;
  check("bytes of calls", received.calls, window + message + one);
  check("bytes of one-way calls", received.sends, window + one);
  check("bytes of messages", received.messages, window + one);
  // Of one-way calls there are no more than the window has room for.
  const sends = Math.ceil(window / MESSAGE_COST);
  check("calls", stats.callsRunning, limits.calls + sends);
  check("messages", stats.inbox, sends);
  check("streams that come", stats.streamsReceiving, limits.streams);
  check("streams that leave", stats.streamsSending, limits.streams);
  check("objects of the peer", stats.objectsImported, limits.objects);
  check("objects of this side", stats.objectsExported, limits.objects);
  check("bytes of spare", streamSpare, Math.floor(window / 2));
  if (streamSpare < 0) ledger.fault(`${streamSpare} bytes are spare`);
}

/** What is 0 when nothing is under way. */
const COUNTS: readonly (keyof WireStats)[] = [
  "callsPending",
  "callsWaiting",
  "callsRunning",
  "objectsExported",
  "objectsImported",
  "streamsReceiving",
  "streamsSending",
  "inbox",
  "memoryHeld",
  "outputWaiting",
];

/**
 * Everything was released, while the wire stands, and both ends account for
 * the same bytes.
 *
 * @param limits The peer's limits.
 */
export function checkQuiet(
  ledger: Ledger,
  end: number,
  wire: Wire,
  peer: Wire,
  { window }: Readonly<WireLimits>,
): void {
  const fault = (text: string) => ledger.fault(`end ${end}: ${text}`);
  const stats = wire.stats();
  for (const name of COUNTS) {
    if (stats[name] !== 0) fault(`${name} is ${stats[name]}, not 0`);
  }
  const { sent } = stats.flow;
  const { received, streamSpare } = peer.stats().flow;
  for (const channel of CHANNELS) {
    if (sent[channel] === received[channel]) continue;
    fault(
      `${
        sent[channel]
      } bytes of ${channel} are under way, and the peer knows of ${
        received[channel]
      }`,
    );
  }
  if (sent.calls !== 0) fault("calls hold bytes");
  if (Math.max(sent.sends, sent.messages) * 4 >= Math.max(window, 4)) {
    fault("credit of a quarter was not told");
  }
  if (streamSpare !== Math.floor(window / 2)) {
    fault(`${streamSpare} bytes are spare`);
  }
}

/** It has ended, once, and left nothing behind. */
export function checkGone(ledger: Ledger, wire: Wire, deaths: number): void {
  if (deaths !== 1) ledger.fault(`onDeath ran ${deaths} times`);
  const { callsPending, callsRunning, streamsReceiving, streamsSending } = wire
    .stats();
  const left = callsPending + callsRunning + streamsReceiving +
    streamsSending + wire.stats().memoryHeld;
  if (left > 0) ledger.fault("a wire that ended holds something");
}
