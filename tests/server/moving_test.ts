/**
 * Clients move from server to server while work goes on.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  type KeptConnection,
  type RequestServer,
  type RequestServerOptions,
  type Wire,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";

interface Service {
  work(serial: number): Promise<number>;
  note(serial: number): void;
  count(from: number): AsyncIterable<number>;
}

/** How many items a stream has. */
const ITEMS = 20;
/** How many things each client does between two restarts. */
const ROUND = 60;

/** Servers behind one name, and what they have done. */
class Fleet implements AsyncDisposable {
  readonly worked = new Map<number, number>();
  readonly noted = new Map<number, number>();
  servers: RequestServer[] = [];
  #turn = 0;

  start(options: RequestServerOptions = {}): RequestServer {
    const count = (map: Map<number, number>, serial: number) =>
      void map.set(serial, (map.get(serial) ?? 0) + 1);
    const functions = {
      work: async (serial: number) => {
        count(this.worked, serial);
        await new Promise((resolve) => setTimeout(resolve, serial % 4));
        return 2 * serial;
      },
      note: (serial: number) => count(this.noted, serial),
      async *count(from: number) {
        for (let item = from; item < from + ITEMS; item++) {
          if (item % 5 === 0) await new Promise((done) => setTimeout(done, 1));
          yield item;
        }
      },
    };
    const server = createRequestServer(0, { functions, ...options });
    this.servers.push(server);
    return server;
  }

  /** One after the other gets the next client, as behind a balancer. */
  connect(signal: AbortSignal): Promise<Wire<Service>> {
    const server = this.servers[this.#turn++ % this.servers.length]!;
    return connectToRemoteServer("127.0.0.1", server.port, { signal });
  }

  /** A new server takes the place of an old one. */
  async replace(old: RequestServer): Promise<void> {
    this.start();
    this.servers = this.servers.filter((one) => one !== old);
    await old.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.shutdown()));
  }
}

/** A client that calls, sends and reads streams until it is stopped. */
class Client {
  readonly kept: KeptConnection<Service>;
  readonly losses: boolean[] = [];
  isStopped = false;
  done = 0;
  #waiting: (() => void) | undefined;

  constructor(fleet: Fleet) {
    this.kept = keepConnected<Service>(
      (signal) => fleet.connect(signal),
      {
        backoff: { least: 5, healthy: 1 },
        onLost: (_reason, { isMoving }) => this.losses.push(isMoving),
      },
    );
  }

  async work(serials: () => number): Promise<void> {
    while (!this.isStopped) {
      const serial = serials();
      assertEquals(await this.kept.remoteValue.work(serial), 2 * serial);
      this.#did();
    }
  }

  async note(serials: () => number): Promise<void> {
    while (!this.isStopped) {
      await this.kept.remote.note(serials());
      await new Promise((resolve) => setTimeout(resolve, 1));
      this.#did();
    }
  }

  async read(serials: () => number): Promise<void> {
    while (!this.isStopped) {
      const from = serials();
      const items: number[] = [];
      for await (const item of await this.kept.remoteValue.count(from)) {
        items.push(item);
      }
      assertEquals(items, Array.from({ length: ITEMS }, (_, i) => from + i));
      this.#did();
    }
  }

  /** Resolves when so many more things are done. */
  async round(): Promise<void> {
    for (const end = this.done + ROUND; this.done < end;) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
  }

  #did(): void {
    this.done++;
    this.#waiting?.();
  }
}

test("keepConnected() and shutdown() lose nothing while three servers are replaced under load", async () => {
  await using fleet = new Fleet();
  const old = [fleet.start(), fleet.start(), fleet.start()];
  let [serial, notes] = [0, 0];
  const clients = Array.from({ length: 4 }, () => new Client(fleet));
  const load = clients.flatMap((client) => [
    client.work(() => serial++),
    client.work(() => serial++),
    client.work(() => serial++),
    client.note(() => notes++),
    client.read(() => 1000 * serial++),
  ]);
  const rounds = () => Promise.all(clients.map((client) => client.round()));
  const failing = Promise.all(load);
  for (const server of old) {
    await Promise.race([rounds(), failing]);
    await fleet.replace(server);
  }
  await Promise.race([rounds(), failing]);
  for (const client of clients) client.isStopped = true;
  await failing;
  await Promise.all(clients.map(({ kept }) => kept.close()));
  const once = (map: Map<number, number>) =>
    [...map.values()].every((runs) => runs === 1);
  assert(once(fleet.worked) && once(fleet.noted));
  assertEquals(fleet.noted.size, notes);
  // Each server had clients, and each of them moved, and lost no wire.
  const losses = clients.flatMap((client) => client.losses);
  assert(losses.length >= old.length, `${losses.length} moves`);
  assert(losses.every((isMoving) => isMoving));
  assertEquals(clients.map(({ kept }) => kept.stats().repeated), [0, 0, 0, 0]);
});

test("maxWireAge closes wires, whose clients go on over others", async () => {
  await using fleet = new Fleet();
  fleet.start({ maxWireAge: 40 });
  const client = new Client(fleet);
  let serial = 0;
  const load = Promise.all([
    client.work(() => serial++),
    client.read(() => 1000 * serial++),
  ]);
  while (client.kept.stats().connections < 4) {
    await Promise.race([client.round(), load]);
  }
  client.isStopped = true;
  await load;
  await client.kept.close();
  assert(client.losses.every((isMoving) => isMoving));
  assert([...fleet.worked.values()].every((runs) => runs === 1));
});

test("createRequestServer() refuses an age that is no time", () => {
  for (const maxWireAge of [0, -1, NaN, "60"]) {
    const error = assertThrows(
      () => createRequestServer(0, { maxWireAge: maxWireAge as number }),
      WireError,
    );
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes('"maxWireAge"'), error.message);
  }
});
