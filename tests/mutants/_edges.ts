/**
 * Planted bugs of servers, clients and the command line.
 *
 * @module
 */

import type { BuggyFile } from "./_mutant.ts";

export const EDGES: readonly BuggyFile[] = [
  {
    file: "server/_admission.ts",
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
    ],
  },
  {
    file: "transports/_connecting.ts",
    tests: ["transports/connecting_test.ts"],
    bugs: [
      {
        name: "a connection stays open over which no wire can be made",
        find: "if (attempt.reason || wire === undefined) transport.close();",
        replace: "if (attempt.reason) transport.close();",
      },
    ],
  },
  {
    file: "cli/_types.ts",
    tests: ["cli/verbs_test.ts"],
    bugs: [
      {
        name: "a server's text ends a comment, and is code then",
        find: 'return text.replaceAll("*/", "*\\\\/");',
        replace: "return text;",
      },
      {
        name: "a part of a schema is written once for each type of its whole",
        find: "TYPES.filter((each) => type.includes(each));",
        replace: "type as string[];",
      },
    ],
  },
  {
    file: "cli/_arguments.ts",
    tests: ["cli/verbs_test.ts"],
    bugs: [
      {
        name: "a file that begins like JSON is sent as a text",
        find: "if (!LIKE_JSON.test(text)) return text;",
        replace: "return text;",
      },
    ],
  },
  {
    file: "server/_admission.ts",
    tests: ["server/stats_test.ts"],
    bugs: [
      {
        name: "a server forgets what wires counted that have ended",
        find: "addTo(this.#sums, wire.stats(), true);",
        replace: "",
      },
      {
        name: "what wires had that have ended is told as of now",
        find: "if (!hasEnded || !OF_NOW[name]) sums[name] += stats[name];",
        replace: "sums[name] += stats[name];",
      },
      {
        name: "functions that fail are not counted as such",
        find: "if (hasFailed) this.#errors++;",
        replace: "",
      },
      {
        name: "a function's result is measured before it is there",
        find:
          "const later = laterOf(result);\n        if (later === undefined) {",
        replace:
          "const later = laterOf(result)!;\n        if (true as boolean) {",
      },
      {
        name: "any number of functions is measured apart",
        find: "functions.has(name) || functions.size < MOST_FUNCTIONS;",
        replace: "true as boolean;",
      },
    ],
  },
  {
    file: "server/_admission.ts",
    tests: ["server/served_test.ts"],
    bugs: [
      {
        name: "a wire gets the functions of another with the same names",
        find: "latest.get(name) === one",
        replace: "latest.has(name)",
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
        name: "who has spoken stays among the silent",
        find: "if (this.#silent.remove(arrival)) this.#spoken.enter(arrival);",
        replace: "",
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
        name: "bytes read ahead are lost where the buffer is small",
        find: "if (this.#taken === count) this.#ahead = undefined;",
        replace: "this.#ahead = undefined;",
      },
    ],
  },
  {
    file: "server/_listen.ts",
    tests: ["server/accept_test.ts", "server/scarce_descriptors_test.ts"],
    bugs: [
      {
        name: "troubles of one kind are told by the hundred",
        find: `      known.count++;
      known.make = make;`,
        replace: `      known.count++;
      this.#report(make(1));`,
      },
    ],
  },
  {
    file: "host/deno_host.ts",
    tests: ["server/socket_file_test.ts", "server/socket_races_test.ts"],
    bugs: [
      {
        name: "a socket file is open to other users",
        find: "umask = Deno.umask(0o177);",
        replace: "umask = Deno.umask(0o022);",
      },
    ],
  },
  {
    file: "server/request_server.ts",
    tests: [
      "server/decision_test.ts",
      "server/connect_answer_test.ts",
      "server/signals_test.ts",
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
        find: "    if (wire.ended !== undefined) return true;\n",
        replace: "",
      },
      {
        name: "the listener on a server's signal stays",
        find:
          'this.finished.then(() => signal.removeEventListener("abort", onAbort));',
        replace: "",
      },
    ],
  },
  {
    file: "server/start_up_server.ts",
    tests: ["server/start_up_server_test.ts", "server/crowds_test.ts"],
    bugs: [
      {
        name: "connections are served side by side where one at a time may be",
        find: "return !(this.#init.oneAtATime && this.#running > 0);",
        replace: "return !(this.#init.oneAtATime && this.#running > 1);",
      },
    ],
  },
  {
    file: "server/listener/listener.ts",
    tests: [
      "server/listener/introduction_test.ts",
      "server/listener/resets_test.ts",
    ],
    bugs: [
      {
        name: "the right secret costs an attempt",
        find: "this.#attempts.refund(network);",
        replace: "",
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
        name: "onDeath is called for a wire that never stood",
        find: `    onDeath: _,
    ...rest
  } = options;`,
        replace: `    ...rest
  } = options;`,
      },
    ],
  },
  {
    file: "client/connect.ts",
    tests: ["client/lookup_host_entry_test.ts"],
    bugs: [
      {
        name: "aliases that lead in a circle are followed for ever",
        find: "if (next === undefined || names.includes(bare(next))) break;",
        replace: "if (next === undefined) break;",
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
        name: "an error of a peer looks like one of the command line",
        find: '.replaceAll("\\n", "\\n  ");',
        replace: ";",
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
    ],
  },
  {
    file: "cli/_inspector.ts",
    tests: ["cli/inspect_test.ts"],
    bugs: [
      {
        name: "an inspector keeps every message",
        find: "if (!isMuch || oldest === number) break;",
        replace: "break;",
      },
      {
        name: "an answer that comes too fast is left out, and its call is not",
        find: "return call?.isKept ?? this.#hasTurn();",
        replace: "return this.#hasTurn();",
      },
      {
        name: "a page is not told what it missed",
        find: "const missed = from - place.message - 1;",
        replace: "const missed = 0;",
      },
      {
        name: "what a call costs stays under way for ever",
        find: "lane.called -= call.cost;",
        replace: "",
      },
    ],
  },
  {
    file: "cli/_inspect_server.ts",
    tests: ["cli/inspect_test.ts"],
    bugs: [
      {
        name: "an inspector shows all to any program of the machine",
        find: "    requireCredential: secret,\n",
        replace: "",
      },
      {
        name: "an inspector answers to any name",
        find: 'hosts.includes(headers.get("host")?.toLowerCase() ?? "") &&',
        replace: "",
      },
      {
        name: "pages of the same name at another scheme reach an inspector",
        find: "hosts.some((host) => origin === `http://${host}`)",
        replace: "hosts.some((host) => origin.endsWith(host))",
      },
    ],
  },
  {
    file: "cli/_value_tree.ts",
    tests: ["cli/inspect_test.ts"],
    bugs: [
      {
        name: "a large array makes a tree as large",
        find: "return this.#nodes >= MOST_NODES || this.#text >= MOST_TEXT;",
        replace: "return false;",
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
    ],
  },
];
