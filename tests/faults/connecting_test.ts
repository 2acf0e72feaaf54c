/** Clients that have no descriptor left. Servers: scarce_descriptors_test.ts. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { createRequestServer } from "../../mod.ts";
import { withFewFiles } from "../_programs.ts";
import { test } from "../_test.ts";
import { serving, TRANSPORTS } from "./_places.ts";
import type { ScarceReport } from "./_scarce_client.ts";

const PROGRAM = new URL("./_scarce_client.ts", import.meta.url).pathname;

if (Deno.build.os === "linux") {
  for (const transport of TRANSPORTS) {
    test(`${transport}, no descriptor left to connect with: it fails with connectFailed, open wires go on, and later it succeeds`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/home.sock`;
      await using server = createRequestServer(0, {
        functions: { echo: (x: number) => x },
        ...serving(transport, path),
      });
      const place = JSON.stringify([transport, { port: server.port, path }]);
      const { success, stdout, stderr } = await new Deno.Command("sh", {
        args: withFewFiles(PROGRAM, place),
        env: { DENO_NO_UPDATE_CHECK: "1" },
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      const { message, ...report } = JSON.parse(
        new TextDecoder().decode(stdout),
      ) as ScarceReport;
      assertMatch(message, /too many files.*ulimit -n/);
      assertEquals(report, { code: "connectFailed", meanwhile: 1, later: 2 });
      await Deno.remove(folder, { recursive: true });
    });
  }
}
