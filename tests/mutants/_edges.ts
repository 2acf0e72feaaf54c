/**
 * Planted bugs of servers, clients and the command line.
 *
 * @module
 */

import type { BuggyFile } from "./_mutant.ts";

export const EDGES: readonly BuggyFile[] = [
  {
    file: "server/_seats.ts",
    tests: ["server/seats_test.ts", "server/crowds_test.ts"],
    bugs: [
      {
        name: "a server has one seat too many",
        find: "if (this.#seats.size >= this.#options.most)",
        replace: "if (this.#seats.size > this.#options.most)",
      },
      {
        name: "the seats of a network are never free again",
        find: "else this.#networks.set(network, left);",
        replace: "",
      },
      {
        name: "the youngest idle wire has to go",
        find: "|| since < found!.since;",
        replace: "|| since > found!.since;",
      },
      {
        name: "a wire that waits for something has to go",
        find: "return activity !== undefined &&\n      now",
        replace: "return now",
      },
    ],
  },
  {
    file: "server/_newcomers.ts",
    tests: ["server/newcomers_test.ts", "server/crowds_test.ts"],
    bugs: [
      {
        name: "a place is free twice",
        find:
          "if (network.begun.size < this.#options.perNetwork) this.#taken--;",
        replace: "this.#taken--;",
      },
      {
        name: "what a network has too many takes places",
        find: "if (begun.size <= this.#options.perNetwork) this.#taken++;",
        replace: "this.#taken++;",
      },
      {
        name: "a network fills the places of all",
        find: "return begun < perNetwork && this.#taken < most;",
        replace: "return this.#taken < most;",
      },
      {
        name: "who has spoken stays among the silent",
        find: "if (this.#silent.remove(arrival)) this.#spoken.enter(arrival);",
        replace: "",
      },
      {
        name: "who is gone goes on waiting",
        find: "if (this.#silent.remove(arrival)) arrival.close();",
        replace: "",
      },
      {
        name: "the largest network is served first",
        find: "one.begun.size - other.begun.size",
        replace: "other.begun.size - one.begun.size",
      },
    ],
  },
  {
    file: "server/_admission.ts",
    tests: [
      "server/network_test.ts",
      "server/attempts_test.ts",
      "server/guesses_test.ts",
      "server/connect_answer_test.ts",
      "server/arrival_test.ts",
    ],
    bugs: [
      {
        name: "an IPv4 address in IPv6 is another network",
        find: "if (mapped !== undefined) return mapped;",
        replace: "",
      },
      {
        name: "whatever onConnect says of accept lets in",
        find: 'if (typeof accept !== "boolean") {',
        replace: "if (accept === undefined) {",
      },
      {
        name: "the same wrong secret is counted each time",
        find: "if (this.#last.get(network) === given) return false;",
        replace: "",
      },
      {
        name: "bytes read ahead are lost where the buffer is small",
        find: "if (this.#taken === count) this.#ahead = undefined;",
        replace: "this.#ahead = undefined;",
      },
      {
        name: "an attempt is free for each that failed",
        find: "    return account.take();",
        replace:
          "    account.take();\n    account.giveBack();\n    return true;",
      },
      {
        name: "the newest network is forgotten first",
        find: `    this.#accounts.delete(network);
    this.#accounts.set(network, account);`,
        replace: "    this.#accounts.set(network, account);",
      },
    ],
  },
  {
    file: "server/_accept.ts",
    tests: ["server/accept_test.ts", "server/scarce_descriptors_test.ts"],
    bugs: [
      {
        name: "a server ends with the first failure to accept",
        find: "else this.lost(error);\n        burst++;",
        replace: "else break;\n        burst++;",
      },
      {
        name: "troubles of one kind are told by the hundred",
        find: `      known.count++;
      known.make = make;`,
        replace: `      known.count++;
      this.#report(make(1));`,
      },
      {
        name: "what was not told is lost when the server ends",
        find: `      this.#counts.delete(kind);
      if (count > 0) this.#report(make(count));`,
        replace: "      this.#counts.delete(kind);",
      },
      {
        name: "a connection that makes trouble stays open",
        find: `      closeQuietly(conn);
      this.lost(error);`,
        replace: "      this.lost(error);",
      },
    ],
  },
  {
    file: "server/_listen.ts",
    tests: ["server/socket_file_test.ts", "server/socket_races_test.ts"],
    bugs: [
      {
        name: "a socket file is open to other users",
        find: "umask = Deno.umask(0o177);",
        replace: "umask = Deno.umask(0o022);",
      },
      {
        name: "the umask of the process stays changed",
        find: "if (umask !== undefined) Deno.umask(umask);",
        replace: "",
      },
      {
        name: "the socket file of a living server is replaced",
        find: "return Atomics.load(answer, 0) !== REFUSED;",
        replace: "return Atomics.load(answer, 0) === REFUSED;",
      },
      {
        name: "two servers take the same stale socket file",
        find:
          "const lock = found === undefined ? undefined : lockFolder(path);",
        replace: "const lock: Deno.FsFile | undefined = undefined;",
      },
    ],
  },
  {
    file: "server/request_server.ts",
    tests: [
      "server/request_server_test.ts",
      "server/doors_test.ts",
      "server/crowds_test.ts",
      "server/signals_test.ts",
      "server/guesses_test.ts",
      "server/given_test.ts",
    ],
    bugs: [
      {
        name: "onDeath of a refused connection is called",
        find: `    if (!accept) return false;
    if (onDeath !== undefined) wire.onDeath(onDeath);`,
        replace: `    if (onDeath !== undefined) wire.onDeath(onDeath);
    if (!accept) return false;`,
      },
      {
        name: "a wire that died while onConnect decided is among the wires",
        find: "    if (wire.ended === undefined) {\n      this.#handshake",
        replace: "    if (wire !== undefined) {\n      this.#handshake",
      },
      {
        name: "the seat of a wire that has ended is taken for ever",
        find: "      this.#seats.leave(wire);",
        replace: "",
      },
      {
        name: "a server takes wires after it was destroyed",
        find: `    if (this.#destroyed) {
      wire.abort(shuttingDown());
      return false;
    }`,
        replace: "",
      },
      {
        name: "a server that is shutting down waits for handshakes",
        find: `      wire.abort(shuttingDown());
    }
    await`,
        replace: `      void wire;
    }
    await`,
      },
      {
        name: "the listener on a server's signal stays",
        find:
          'this.finished.then(() => signal.removeEventListener("abort", onAbort));',
        replace: "",
      },
      {
        name: "strangers are shown the server's secret",
        find: "peerFirst: credential !== undefined,",
        replace: "peerFirst: false,",
      },
    ],
  },
  {
    file: "server/stream_server.ts",
    tests: ["server/start_up_server_test.ts", "server/crowds_test.ts"],
    bugs: [
      {
        name: "connections are served side by side where one at a time may be",
        find: "return !(this.#init.oneAtATime && this.#running > 0);",
        replace: "return !(this.#init.oneAtATime && this.#running > 1);",
      },
      {
        name: "the stream of a function that has returned stays open",
        find: "if (isAsync) await stream.close();",
        replace: "",
      },
      {
        name: "a function that fails ends its stream as if that were all",
        find: "await this.#breakOff(stream);",
        replace: "await stream.close();",
      },
    ],
  },
  {
    file: "server/listener/listener.ts",
    tests: [
      "server/listener/introduction_test.ts",
      "server/listener/safety_test.ts",
    ],
    bugs: [
      {
        name: "the right secret costs an attempt",
        find: "this.#attempts.giveBack(network);",
        replace: "",
      },
      {
        name: "guesses at a listener's secret are not counted",
        find: "if (!this.#attempts.take(network)) {",
        replace: "if (this.#attempts.wait(network) > 0) {",
      },
      {
        name: "a listener's session keeps its seat",
        find: "      this.#sessions.leave(session);",
        replace: "",
      },
      {
        name: "who does not say its name stays",
        find: `    } finally {
      clearTimeout(timer);`,
        replace: `    } finally {
      void timer;`,
      },
    ],
  },
  {
    file: "client/_open_connection.ts",
    tests: [
      "client/giving_up_test.ts",
      "client/listeners_test.ts",
      "client/connect_test.ts",
      "client/tls_test.ts",
    ],
    bugs: [
      {
        name: "a connection that comes too late stays open",
        find: "promise.then(tooLate, () => {});",
        replace: "promise.catch(() => {});",
      },
      {
        name: "an attempt to connect leaves its listener",
        find: `      stopTimer();
      signal?.removeEventListener("abort", onAbort);`,
        replace: "      stopTimer();",
      },
      {
        name: "an attempt to connect leaves its timer",
        find: `      stopTimer();
      signal?.removeEventListener("abort", onAbort);`,
        replace: '      signal?.removeEventListener("abort", onAbort);',
      },
      {
        name: "who waits for a promise leaves a listener",
        find: `    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Closes`,
        replace: `    throw error;
  }
}

/** Closes`,
      },
    ],
  },
  {
    file: "client/connect.ts",
    tests: [
      "client/connect_test.ts",
      "client/connect_options_test.ts",
      "client/listeners_test.ts",
      "client/giving_up_test.ts",
    ],
    bugs: [
      {
        name: "port 0 is dialled",
        find: "if (checkPort(port) !== 0) return port;",
        replace: "if (checkPort(port) >= 0) return port;",
      },
      {
        name: "onDeath is called for a wire that never stood",
        find: "  const { onDeath: _, ...rest } = given;",
        replace: "  const rest = given;",
      },
      {
        name: "a wire that is given up while it opens stays",
        find: "const onAbort = () => wire.abort(signal.reason);",
        replace: "const onAbort = () => {};",
      },
    ],
  },
  {
    file: "client/lookup_host_entry.ts",
    tests: ["client/lookup_host_entry_test.ts"],
    bugs: [
      {
        name: "aliases that lead in a circle are followed for ever",
        find: "if (next === undefined || names.includes(bare(next))) break;",
        replace: "if (next === undefined) break;",
      },
      {
        name: "an IPv6 address is looked up in the wrong order",
        find: '[...digits.join("")].reverse().join(".")',
        replace: '[...digits.join("")].join(".")',
      },
    ],
  },
  {
    file: "cli/_text.ts",
    tests: ["cli/text_test.ts", "cli/hostile_server_test.ts"],
    bugs: [
      {
        name: "a character that is cut in two is lost",
        find: "{ stream: !isLast }",
        replace: "{ stream: false }",
      },
      {
        name: "a carriage return at the end of a piece moves the cursor",
        find: 'this.#held = !isLast && text.endsWith("\\r") ? "\\r" : "";',
        replace: 'this.#held = "";',
      },
      {
        name: "an error of a peer looks like one of the command line",
        find: '.replaceAll("\\n", "\\n  ");',
        replace: ";",
      },
      {
        name: "controls in JSON reach a terminal",
        find: "return json.replaceAll(",
        replace: "return json.replace(",
      },
    ],
  },
  {
    file: "cli/_client_commands.ts",
    tests: ["cli/cli_test.ts"],
    bugs: [
      {
        name: "nothing is printed for undefined as JSON",
        find: 'if (isNothing && !line.has("json")) return;',
        replace: "if (isNothing) return;",
      },
      {
        name: "a call that took too long keeps the command from ending",
        find:
          'if (error instanceof WireError && error.code === "deadline") wire.abort();',
        replace: "",
      },
    ],
  },
  {
    file: "cli/_server_commands.ts",
    tests: ["cli/cli_test.ts"],
    bugs: [
      {
        name: "classes are served as functions",
        find: "? isClass(value) ? undefined : value",
        replace: "? value",
      },
      {
        name: "Ctrl-C ends a server with success",
        find: "    code = INTERRUPTED;",
        replace: "",
      },
    ],
  },
];
