/**
 * What the snippets of the documentation take for granted, page by page.
 *
 * A definition stands in front of a snippet that mentions its name and does not
 * define it. A name with more in it than a word, such as `f("x"`, is looked for
 * as it is. Those above may be used by those below.
 *
 * @module
 */

import type { Definitions, PageContext } from "./_assemble.ts";

const ROOT = "jsr:@remote/wire";
const LISP = "jsr:@remote/wire/cmucl";
const ONCE = "jsr:@remote/wire/once";
const BROADCAST = "jsr:@remote/wire/broadcast";

/** The interface of the first pages, and a server of it. */
const CALCULATOR: Definitions = {
  Calculator: `interface Calculator {
    add(a: number, b: number): number;
    divmod(a: number, b: number): Values<[number, number]>;
    show(text: string): void;
  }`,
  [`<Calculator>("localhost", 7000`]: `
    createRequestServer(7000, (wire) => {
      wire.serve<Calculator>({
        add: (a, b) => a + b,
        divmod: (a, b) => values(Math.floor(a / b), a % b),
        show() {},
      });
      return true;
    });
  `,
};

/** Logs, as the pages have them, and a wire whose other end serves them. */
function logs(subscribe: string, listeners: string): Definitions {
  return {
    linesOf: `async function* linesOf(path: string) {
      await Promise.resolve();
      yield* [path, "END"];
    }`,
    listeners: `const listeners = new ${listeners}();`,
    LogFile: `class LogFile {
      constructor(readonly path: string) {}
      read(offset: number, count: number): string {
        return this.path.slice(offset, count);
      }
      flush(): void {}
    }`,
    Logs: `interface Logs {
      open(path: string): RemoteObject<LogFile>;
      subscribe(${subscribe}onLine: (line: string) => void): void;
      follow(path: string): AsyncIterable<string>;
    }`,
    wire: `interface Served {
      open(path: string): RemoteObject<LogFile>;
      subscribe(${subscribe}onLine: (line: string) => void): void;
      follow(path: string): AsyncIterable<string>;
      add(a: number, b: number): number;
      upload(path: string, data: AsyncIterable<Uint8Array>): void;
      download(path: string): ReadableStream<Uint8Array>;
    }
    const [end, there] = wirePair<Served, Served>();
    there.serve<Served>({
      open: (path) => makeRemoteObject(new LogFile(path)),
      subscribe() {},
      follow: linesOf,
      add: (a, b) => a + b,
      async upload(_path, data) {
        for await (const chunk of data) void chunk;
      },
      download: () => new Blob(["data"]).stream(),
    });
    const wire = end as unknown as Wire<Served, AnyFunctions>;`,
  };
}

/** A wire without functions of a known type. */
const PLAIN_WIRE = `const [wire, there] = wirePair();
  there.serve({ search: (text: string) => text });`;

/** What there is to search. */
const SEARCH: Definitions = {
  files: `const files: string[] = [];`,
  contains:
    `const contains = (file: string, text: string) => file.includes(text);`,
};

/** Functions behind contracts. */
const DIVIDER: Definitions = {
  Divider: `interface Divider {
    divide(a: number, b: number): number;
  }`,
  divide: `const divide = (a: number, b: number) => a / b;`,
};

/** A Lisp, as far as the pages need one. */
const LISP_SERVER: Definitions = {
  [`("127.0.0.1", 7001`]: `
    import { cmucl as lispOfPeer } from "${LISP}";
    createRequestServer(7001, null, {
      dialect: lispOfPeer(),
      functions: {
        "cl:expt": (a: number, b: number) => BigInt(a) ** BigInt(b),
        "cl:floor": (a: number, b: number) => values(Math.floor(a / b), a % b),
      },
    });`,
};

/** A server whose clients can be told something. */
const CHAT: Definitions = {
  server: `const server = createRequestServer<{ say(text: string): void }>(0);`,
};

/** A certificate and its key. */
const PEM = `
  const [cert, key] = await Promise.all(["server.pem", "server.key"].map((name) =>
    Deno.readTextFile(new URL(name, "${
  new URL("../tls/", import.meta.url).href
}"))
  )) as [string, string];`;

/** What the snippets take for granted, by page. */
export const CONTEXT: Readonly<Record<string, PageContext>> = {
  "README.md": {
    from: [ROOT],
    page: { ...CALCULATOR, ...DIVIDER, ...LISP_SERVER },
    headings: {
      "Start": {
        "connectToRemoteServer<Functions>": `
          createRequestServer(7000, null, {
            functions: {
              add: (a: number, b: number) => a + b,
              countDown: (_from: number) => new Blob(["data"]).stream(),
            },
          });`,
      },
      "Calls": {
        ...SEARCH,
        "wire.serve({": PLAIN_WIRE,
      },
      "Objects, streams, pipelining": logs(
        "",
        "Set<(line: string) => void>",
      ),
      "Many at once": CHAT,
    },
  },
  "docs/calls.md": {
    from: [ROOT, BROADCAST],
    headings: { "Calls to many peers": CHAT },
    page: {
      functions: `const functions = { search: (text: string) => text };`,
      [`("localhost", 7000`]: `createRequestServer(7000);`,
      wire: PLAIN_WIRE,
      signal: `const { signal } = new AbortController();`,
      listeners:
        `const listeners: RemoteFunction<(text: string) => void>[] = [];`,
      ...SEARCH,
    },
  },
  "docs/cmucl.md": {
    from: [LISP, ROOT],
    page: {
      ...LISP_SERVER,
      wire: `const [wire, there] = wirePair(
        { dialect: cmucl({ untagged: true }) },
        { dialect: cmucl({ untagged: true }) },
      );
      const peer = untagged(there);
      peer.outputNumber(42);`,
    },
  },
  "docs/contracts.md": {
    from: [ROOT],
    page: {
      v: `import * as v from "npm:valibot@1";`,
      calculator: `
        interface Calculator {
          divide(a: number, b: number): number;
          greet(name?: string): string;
        }
        const calculator: Contract<
          Calculator,
          { divide: { DivisionByZero: { dividend: number } } }
        > = contract({
          divide: {
            args: [v.number(), v.number()],
            result: v.number(),
            errors: { DivisionByZero: v.object({ dividend: v.number() }) },
          },
          greet: { args: [v.optional(v.string())], result: v.string() },
        });`,
      divide: `const divide = (a: number, b: number) => a / b;`,
      greet: `const greet = (name = "you") => name;`,
      wire: `const [wire] = wirePair();`,
      [`("localhost", 7000`]: `
        createRequestServer(7000, null, {
          serves: calculator,
          functions: {
            divide(a, b) {
              if (b !== 0) return a / b;
              throw calculator.error("divide", "DivisionByZero", { dividend: a });
            },
            greet: (name = "you") => name,
          },
        });`,
    },
  },
  "docs/once.md": {
    from: [ROOT, ONCE],
    notRun: { "onceInNats(": "there is no NATS server" },
    page: {
      nats:
        `import { connect as connectToNats } from "npm:@nats-io/transport-node";
        const nats = await connectToNats({});`,
      order: `let orders = 0;
      const order = (what: string) => \`\${++orders}: \${what}\`;`,
      functions: `const functions = { order };`,
      Shop: `interface Shop {
        order(what: string): string;
      }`,
      [`<Shop>("localhost", 7000`]: `
        createRequestServer(7000, {
          functions: { order: (what: string) => what },
          once: onceInMemory(),
        });`,
    },
  },
  "docs/keep_connected.md": {
    from: [ROOT],
    page: {
      linesBehind: `async function* linesBehind(path: string, after?: Cursor) {
        await Promise.resolve();
        const lines = [path, "END"];
        for (let at = Number(after ?? 0); at < lines.length; at++) {
          yield [at + 1, lines[at]!] as const;
        }
      }`,
      Logs: `interface Logs {
        follow(path: string): AsyncIterable<string>;
      }`,
      [`kept.resume(`]: `
        const [near, far] = wirePair<Logs>();
        far.serve({
          async *follow(path) {
            await Promise.resolve();
            yield path;
          },
        });
        await using kept = keepConnected(() => Promise.resolve(near));`,
      name: `const name: string = "alice";`,
      Calculator: `interface Calculator {
        add(a: number, b: number): number;
        logIn(name: string): void;
      }`,
      [`<Calculator>("localhost", 7000`]: `
        createRequestServer(7000, null, {
          functions: { add: (a: number, b: number) => a + b, logIn() {} },
        });`,
    },
  },
  "docs/listener.md": { from: [ROOT], page: { cert: PEM, key: PEM } },
  "docs/nats.md": {
    from: [ROOT],
    notRun: {
      "connectNats<": "there is no NATS server",
    },
    page: {
      nats:
        `import { connect as connectToNats } from "npm:@nats-io/transport-node";
        const nats = await connectToNats({});`,
      functions: `const functions = { add: (a: number, b: number) => a + b };`,
      Functions: `interface Functions {
        add(a: number, b: number): number;
      }`,
    },
  },
  "docs/objects.md": {
    from: [ROOT],
    page: {
      ...logs("name: string, ", "Map<string, (line: string) => void>"),
      newLines: `async function* newLines(_file: Deno.FsFile, _: AbortSignal) {
        await Promise.resolve();
        yield "a line";
      }`,
      copy: `const copy = await Deno.makeTempFile();`,
      data: `const data = new Blob(["data"]).stream();`,
      show: `const show = (line: string) => void line;`,
    },
  },
  "docs/runtimes.md": {
    from: [ROOT],
    notRun: {
      "parentWire({": "it is for a Worker",
      "stdioWire({": "it is for a child process",
      '["deno", "run"': "there is no such child",
    },
    page: {
      functions: `const functions = { add: (a: number, b: number) => a + b };`,
      Functions: `interface Functions {
        add(a: number, b: number): number;
      }`,
    },
    headings: {
      "A page": {
        "ws://localhost:8000/wire": `
          import { acceptWebSocket } from "${ROOT}/websocket";
          const server = createRequestServer(null, {
            functions: { add: (a: number, b: number) => a + b },
          });
          Deno.serve((request) => acceptWebSocket(server, request));`,
      },
      "A small client": {
        "ws://localhost:8000/wire": `
          import { acceptWebSocket } from "${ROOT}/websocket";
          const server = createRequestServer(null, {
            functions: { add: (a: number, b: number) => a + b },
          });
          Deno.serve((request) => acceptWebSocket(server, request));`,
      },
    },
  },
  "docs/security.md": {
    from: [ROOT],
    page: {
      cert: PEM,
      key: PEM,
      clientCa: `const clientCa = await Deno.readTextFile(new URL(
        "client_ca.pem",
        "${new URL("../tls/", import.meta.url).href}",
      ));`,
      userOfToken: `async function userOfToken(token: string) {
        await Promise.resolve();
        return token === "" ? undefined : { name: token, isLocked: false };
      }`,
      accounts:
        `const accounts = new Map([["token", { name: "alice", hasPaid: true }]]);`,
      secrets: `const secrets = ["the old one", "the new one"];`,
    },
  },
  "docs/values.md": { from: [ROOT] },
};
