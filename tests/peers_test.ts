/**
 * Servers and listeners with the programs that people have at hand.
 *
 * Without `nc`, `telnet` or `openssl` their tests are skipped, and say so; CI
 * installs all, and sets REMOTE_WIRE_PEERS=required so that nothing is skipped there.
 */

import { assert, assertEquals } from "@std/assert";
import { connect, createServer } from "node:net";
import { openTcpStream } from "../client/mod.ts";
import { createRequestServer, startUpServer } from "../server/mod.ts";
import type { LineStream } from "../wire/lines/mod.ts";
import { framed, hello } from "./_raw_peer.ts";
import { startListener } from "./server/listener/_client.ts";
import { mayTestWith } from "./_programs.ts";
import { test } from "./_test.ts";
import { readText, SERVER_TLS } from "./_transports.ts";

const testWithNc = await mayTestWith("nc") ? test : Deno.test.ignore;
const testWithTelnet = await mayTestWith("telnet") ? test : Deno.test.ignore;
const testWithOpenssl = await mayTestWith("openssl") ? test : Deno.test.ignore;

const talk = {
  service: 0,
  function: async (stream: LineStream) => {
    for await (const line of stream) stream.writeLine(`You sent: '${line}'`);
  },
};

/** A program that talks to a port. */
class Peer {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(program: string, ...args: string[]) {
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** Types a text. */
  async type(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Reads until this text has been printed. */
  async until(end: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(end);
      if (at >= 0) {
        const text = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + end.length);
        return text;
      }
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error(`No ${end} in: ${this.#text}`);
      this.#text += value;
    }
  }

  /** Ends its input, and waits for its end. */
  async end(): Promise<string> {
    await this.#writer.close().catch(() => {});
    for (;;) {
      const { value } = await this.#reader.read();
      if (value === undefined) break;
      this.#text += value;
    }
    await this.#child.status;
    return this.#text;
  }
}

testWithNc("nc talks to a stream server", async () => {
  await using server = startUpServer(talk);
  const nc = new Peer("nc", "-N", "127.0.0.1", String(server.port));
  await nc.type("Hello self.\n");
  await nc.until("You sent: 'Hello self.'\n");
  await nc.type("carriage\r\nÄ€😀\nunended");
  assertEquals(
    await nc.end(),
    "You sent: 'carriage'\nYou sent: 'Ä€😀'\nYou sent: 'unended'\n",
  );
});

testWithNc("nc works in a listener as in a REPL", async () => {
  await using listener = startListener();
  const nc = new Peer("nc", "127.0.0.1", String(listener.server.port));
  await nc.until("name> ");
  await nc.type('"alice"\n');
  await nc.until("alice> ");
  await nc.type("[1, 2].map((n) =>\n");
  assertEquals(await nc.until("... "), "");
  await nc.type("n * 21)\n");
  assertEquals(await nc.until("alice> "), "[ 21, 42 ]\n");
  await nc.type(":quit\n");
  assertEquals(await nc.end(), "; Goodbye, alice.\n");
});

testWithNc(
  "nc that is killed takes its session with it",
  async () => {
    await using listener = startListener({
      limits: { evaluation: 600_000, afterEnd: 1 },
    });
    const child = new Deno.Command("nc", {
      args: ["127.0.0.1", String(listener.server.port)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(
      new TextEncoder().encode("alice\nconsole.log('begun'); for (;;);\n"),
    );
    const reader = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    for (let text = ""; !text.includes("begun");) {
      text += (await reader.read()).value;
    }
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await writer.abort().catch(() => {});
    listener.server.kill();
    await listener.server.finished;
  },
);

testWithNc(
  "openTcpStream() talks to an nc that listens",
  async () => {
    // nc takes no port 0: one that was free a moment ago is taken.
    const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr;
    probe.close();
    const nc = new Peer("nc", "-l", "-N", "127.0.0.1", String(port));
    let stream;
    while (stream === undefined) {
      try {
        stream = await openTcpStream("127.0.0.1", port);
      } catch {
        // It does not listen yet.
      }
    }
    stream.writeLine("to nc");
    await nc.until("to nc\n");
    await nc.type("from nc\r\n");
    assertEquals(await stream.readLine(), "from nc");
    await stream.close();
    await nc.end();
  },
);

testWithTelnet("telnet talks to a stream server", async () => {
  await using server = startUpServer(talk);
  const telnet = new Peer("telnet", "127.0.0.1", String(server.port));
  await telnet.until("Escape character is");
  await telnet.type("Hello self.\n");
  await telnet.until("You sent: 'Hello self.'");
  await telnet.end();
});

testWithTelnet("telnet works in a listener", async () => {
  await using listener = startListener();
  const telnet = new Peer(
    "telnet",
    "127.0.0.1",
    String(listener.server.port),
  );
  await telnet.until("name> ");
  await telnet.type("'bob'\n");
  await telnet.until("bob> ");
  await telnet.type("40 + 2\n");
  assert((await telnet.until("bob> ")).startsWith("42"));
  await telnet.type(":quit\n");
  await telnet.until("; Goodbye, bob.");
  await telnet.end();
});

test("A client of node:net talks to a stream server", async () => {
  await using server = startUpServer(talk);
  const ended = Promise.withResolvers<string>();
  let text = "";
  const socket = connect(server.port, "127.0.0.1", () => {
    socket.write("Hello");
    socket.end(" self.\r\nbye");
  });
  socket.setEncoding("utf8");
  socket.on("data", (data: string) => text += data);
  socket.on("close", () => ended.resolve(text));
  assertEquals(
    await ended.promise,
    "You sent: 'Hello self.'\nYou sent: 'bye'\n",
  );
});

test("openTcpStream() talks to a server of node:net", async () => {
  const listening = Promise.withResolvers<number>();
  const server = createServer((socket) => {
    socket.on("data", (data) => socket.write(`<${data}>`));
    socket.on("end", () => socket.end("bye\r\n"));
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    listening.resolve(typeof address === "object" ? address!.port : 0);
  });
  const stream = await openTcpStream("127.0.0.1", await listening.promise);
  await stream.writeLine("x");
  assertEquals(await stream.readLine(), "<x");
  await stream.closeWrite();
  assertEquals(await stream.readLine(), ">bye");
  assertEquals(await stream.readLine(), null);
  await stream.close();
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
});

/** What a client of `openssl` prints until it has a hello, or is closed. */
async function tlsClient(port: number, ...args: string[]): Promise<string> {
  const file = (name: string) => `${import.meta.dirname}/tls/${name}`;
  const child = new Deno.Command("openssl", {
    args: [
      ...["s_client", "-connect", `127.0.0.1:${port}`],
      ...["-servername", "localhost", "-CAfile", file("ca.pem")],
      ...["-cert", file("client.pem"), "-key", file("client.key")],
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  // The server says hello when its client has; one that it leaves says nothing.
  const input = child.stdin.getWriter();
  input.write(framed(hello())).catch(() => {});
  let text = "";
  const decoder = new TextDecoder("latin1");
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk);
    if (text.includes("WIRE")) break;
  }
  await input.close().catch(() => {});
  await child.status;
  return text;
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  testWithOpenssl(
    `a session that is resumed (${version}) is no certificate`,
    async () => {
      const folder = await Deno.makeTempDir();
      const told: string[] = [];
      const options = {
        onAudit: ({ reason }: { reason: Error }) => told.push(reason.message),
        onError() {},
      };
      const clientCa = [readText("tls/client_ca.pem")];
      const others = [readText("tls/odd_ca.pem")];
      await using server = createRequestServer(0, {
        ...options,
        tls: { ...SERVER_TLS, clientCa },
      });
      await using other = createRequestServer(0, {
        ...options,
        tls: { ...SERVER_TLS, clientCa: others },
      });
      try {
        const session = `${folder}/session`;
        const first = await tlsClient(
          server.port,
          version,
          "-sess_out",
          session,
        );
        assert(first.includes("New, ") && first.includes("WIRE"), first);
        assertEquals(told, []);
        for (const { port } of [server, other]) {
          const next = await tlsClient(port, version, "-sess_in", session);
          assert(next.includes("Reused, ") && !next.includes("WIRE"), next);
          const reason = told.shift() ?? "";
          assert(reason.includes("shown in another session"), reason);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}
