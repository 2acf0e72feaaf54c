/**
 * Two servers that find the same stale socket file: one of them gets it, and
 * neither takes the other's. What the other one does is done in this process,
 * at the very moment that matters.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { leaveStaleSockets } from "./_stale_socket.ts";

/** Moments at which another server may replace the stale file by its own. */
const MOMENTS: Record<string, (act: () => void) => Disposable> = {
  "this one gets the lock": (act) => {
    const { tryLockSync } = Deno.FsFile.prototype;
    let isDone = false;
    Deno.FsFile.prototype.tryLockSync = function (isExclusive) {
      if (!isDone) {
        isDone = true;
        act();
      }
      return tryLockSync.call(this, isExclusive);
    };
    return {
      [Symbol.dispose]() {
        assert(isDone, "No lock was asked for.");
        Deno.FsFile.prototype.tryLockSync = tryLockSync;
      },
    };
  },
  "this one has found it stale": (act) => {
    const { Worker } = globalThis;
    let isDone = false;
    globalThis.Worker = class extends Worker {
      override terminate(): void {
        super.terminate();
        if (isDone) return;
        isDone = true;
        act();
      }
    };
    return {
      [Symbol.dispose]() {
        assert(isDone, "Nobody looked whether it is stale.");
        globalThis.Worker = Worker;
      },
    };
  },
};

/** Ways to put a new socket file in the place of the old one. */
const PUTS: Record<string, (path: string) => Deno.Listener> = {
  "removed and made": (path) => {
    Deno.removeSync(path);
    return Deno.listen({ transport: "unix", path });
  },
  "moved there": (path) => {
    const other = Deno.listen({ transport: "unix", path: `${path}.new` });
    Deno.renameSync(`${path}.new`, path);
    return other;
  },
};

if (Deno.build.os !== "windows") {
  for (const [moment, during] of Object.entries(MOMENTS)) {
    for (const [how, put] of Object.entries(PUTS)) {
      test(`a living socket file is left alone that is ${how} when ${moment}`, async () => {
        const folder = await Deno.makeTempDir();
        const path = `${folder}/wire.sock`;
        await leaveStaleSockets(path);
        let other: Deno.Listener | undefined;
        {
          using _ = during(() => other = put(path));
          const error = assertThrows(
            () => void createRequestServer(0, undefined, { path }),
            WireError,
          ) as WireError;
          assertEquals(error.code, "addressInUse");
        }
        // Whoever connects reaches the other one.
        const accepted = other!.accept();
        const conn = await Deno.connect({ transport: "unix", path });
        conn.close();
        (await accepted).close();
        other!.close();
        await Deno.remove(folder, { recursive: true });
      });
    }
  }

  test("a server that cannot tell whether a file is stale leaves it alone", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/wire.sock`;
    await leaveStaleSockets(path);
    const { wait } = Atomics;
    // As if the other end did not answer in time.
    Atomics.wait = () => "timed-out";
    try {
      const error = assertThrows(
        () => void createRequestServer(0, undefined, { path }),
        WireError,
      ) as WireError;
      assertEquals(error.code, "addressInUse");
      assert(Deno.lstatSync(path).isSocket);
    } finally {
      Atomics.wait = wait;
    }
    await using server = createRequestServer(0, undefined, { path });
    await using wire = await connectToRemoteServer("", 0, undefined, { path });
    assertEquals([server.port, wire.ended], [0, undefined]);
    await wire.close();
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  });
}
