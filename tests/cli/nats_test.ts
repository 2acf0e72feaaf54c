/**
 * The command line, with servers at NATS.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { createRequestServer } from "../../mod.ts";
import { serveNats } from "../../transports/nats.ts";
import { natsTest } from "../transports/_nats.ts";
import { test } from "../_test.ts";
import { cli } from "./_cli.ts";

const functions = { add: (a: number, b: number) => a + b };

natsTest(
  "cli.ts list, call and ping speak to servers at NATS",
  async (nats) => {
    await using server = createRequestServer(null, { functions });
    await serveNats(server, await nats.connect(), "calculator");
    const address = `nats://127.0.0.1:${nats.port}/calculator`;
    assertEquals(await cli(["list", address]), {
      code: 0,
      stdout: "add(_, _)\n",
      stderr: "",
    });
    assertEquals(await cli(["call", address, "add", "40", "2"]), {
      code: 0,
      stdout: "42\n",
      stderr: "",
    });
    const { stdout } = await cli(["ping", address]);
    assertMatch(stdout, /^nats calculator answered in \d+\.\d\d ms\n$/);
    const none = await cli(["list", `nats://127.0.0.1:${nats.port}/nobody`]);
    assertEquals([none.code, none.stdout], [1, ""]);
    assertMatch(none.stderr, /^connectionRefused: .*"nobody"/);
  },
);

natsTest("cli.ts tells NATS who it is, from the environment", async (nats) => {
  await using server = createRequestServer(null, { functions });
  const own = await nats.connect({ user: "ann", pass: "secret" });
  await serveNats(server, own, "calculator");
  const args = ["list", `nats://127.0.0.1:${nats.port}/calculator`];
  const env = { NATS_USER: "ann", NATS_PASSWORD: "secret" };
  assertEquals((await cli(args, env)).stdout, "add(_, _)\n");
  const wrong = await cli(args, { ...env, NATS_PASSWORD: "other" });
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /^connectFailed: .*127\.0\.0\.1/);
}, "authorization { user: ann, password: secret }");

test("cli.ts refuses addresses at NATS that make no sense", async () => {
  for (
    const [address, message] of [
      ["nats://localhost", /nats:\/\/HOST:PORT\/NAME/],
      ["nats://localhost/a.b", /nats:\/\/HOST:PORT\/NAME/],
      ["nats://ann:secret@localhost/a", /NATS_USER and NATS_PASSWORD/],
    ] as const
  ) {
    const { code, stderr } = await cli(["list", address]);
    assertEquals(code, 2);
    assertMatch(stderr, message);
    assertEquals(stderr.includes("secret@"), false);
  }
  const gone = await cli(["list", "nats://127.0.0.1:1/name"]);
  assertEquals(gone.code, 1);
  assertMatch(gone.stderr, /^connectionRefused: .*NATS at 127\.0\.0\.1:1/);
});

test("cli.ts gives up a server of NATS that says nothing, and ends", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const address = `nats://127.0.0.1:${listener.addr.port}/name`;
  const { code, stderr } = await cli(["ping", "--timeout=200", address]);
  assertEquals(code, 1);
  assertMatch(stderr, /^connectFailed: Cannot connect to NATS .* timeout\n$/);
  (await accepted).close();
});
