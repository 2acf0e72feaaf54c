/**
 * The order of type parameters: what the peer serves first, and what this side
 * serves second, wherever there are both.
 */

import { assertEquals } from "@std/assert";
import {
  type Connect,
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  type KeepConnectedOptions,
  type KeptConnection,
  makeWire,
  type OnConnect,
  type RequestServerOptions,
  type Wire,
  type WireOptions,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";

interface Clock {
  time(): number;
}

interface Bell {
  ring(times: number): string;
}

test("wirePair() types the first end as <Remote, Local>, the other in mirror image", async () => {
  const [near, far] = wirePair<Clock, Bell>(
    { functions: { ring: (times) => "ding".repeat(times) } },
    { functions: { time: () => 7 } },
  );
  const here: Wire<Clock, Bell> = near;
  const there: Wire<Bell, Clock> = far;
  const time: number = await here.remoteValue.time();
  const sound: string = await there.remoteValue.ring(2);
  assertEquals([time, sound], [7, "dingding"]);
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: that is what this end serves
    here.remoteValue.ring(1);
    // @ts-expect-error: that is what the other end serves
    near.serve({ time: () => 1 });
    // @ts-expect-error: the first end is no <Bell, Clock>
    const swapped: Wire<Bell, Clock> = near;
    return swapped;
  };
  assertEquals(typeof refused, "function");
  await near.close();
});

test("servers, clients and kept connections take <Remote, Local>", async () => {
  const serving: RequestServerOptions<Bell, Clock> = {
    functions: { time: () => 8 },
  };
  const rung = Promise.withResolvers<string>();
  const onConnect: OnConnect<Bell> = (wire) => {
    wire.remoteValue.ring(1).then(rung.resolve, rung.reject);
    return true;
  };
  const server = createRequestServer<Bell, Clock>(0, onConnect, serving);
  const calling: ConnectOptions<Clock, Bell> = {
    functions: { ring: (times) => `${times.toFixed()} ding` },
  };
  const connect: Connect<Clock, Bell> = () =>
    connectToRemoteServer<Clock, Bell>(
      "localhost",
      server.port,
      null,
      calling,
    );
  const keeping: KeepConnectedOptions<Clock, Bell> = {};
  const kept: KeptConnection<Clock, Bell> = keepConnected(connect, keeping);
  const time: number = await kept.remoteValue.time();
  assertEquals([time, await rung.promise], [8, "1 ding"]);
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: the server serves a clock
    createRequestServer<Bell, Clock>(0, null, { functions: { ring: String } });
    const options: WireOptions<Clock, Bell> = {
      // @ts-expect-error: this side serves a bell
      functions: { time: () => 1 },
    };
    return makeWire<Clock, Bell>({} as never, options);
  };
  assertEquals(typeof refused, "function");
  await kept.close();
  await server.shutdown();
});
