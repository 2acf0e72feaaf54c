/**
 * The types of namespaces: what can be called and served in an object of
 * functions, and what is none.
 */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  type Contract,
  contract,
  type Functions,
  keepConnected,
  makeRemoteObject,
  type RemoteObject,
  type RemotePromise,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { v } from "../wire/_schemas.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

function holds<T extends true>(): T | void {}

interface Users {
  get(id: number): string;
  rename?(id: number, to: string): boolean;
  /** Names that a proxy keeps for itself. */
  call(id: number): void;
  toString(): string;
}

interface Api {
  ping(): string;
  readonly users: Users;
  readonly admin?: { readonly roles: { list(): string[] } };
  /** No namespaces: they have no functions, or are values. */
  readonly version: string;
  readonly options: { depth: number; more: { tags: string[] } };
  readonly since: Date;
  readonly names: Map<string, string>;
  readonly tree: Tree;
  /** A function that is an object as well is a function. */
  hybrid: { (x: number): number; extra(): void };
}

interface Tree {
  left?: Tree;
  right?: Tree;
}

class File {
  read(): string {
    return "read";
  }
  readonly log = { write: (text: string) => text.length };
}

interface Shop {
  files: { open(): RemoteObject<File> };
}

test("namespaces are typed at both ends, in all three ways to call", async () => {
  const [near, far] = wirePair<Api>();
  const hybrid = (x: number) => x + 1;
  far.serve({
    ping: () => "pong",
    users: {
      get(this: CallContext, id) {
        return `${this.functionName} ${id.toFixed()}`;
      },
      rename: (_id, to) => to.length > 0,
      call: (id) => void id.toFixed(),
      toString: () => "users",
    },
    admin: { roles: { list: async () => await Promise.resolve(["root"]) } },
    hybrid,
  });
  const { users, admin } = near.remoteValue;
  const name: RemotePromise<string> = users.get(1);
  const renamed: boolean = await near.with({}).remoteValue.users.rename(1, "x");
  const [roles]: [string[]] = await near.remoteValues.admin.roles.list();
  const sent: Promise<void> = near.remote.users.get(2);
  await sent;
  assertEquals(
    [await name, renamed, roles, await admin.roles.list()],
    ["users.get 1", true, ["root"], ["root"]],
  );
  await using kept = keepConnected(() => Promise.resolve(near));
  const again: string = await kept.remoteValue.users.get(3);
  assertEquals(again, "users.get 3");
  holds<
    Same<
      keyof typeof near.remoteValue,
      "ping" | "users" | "admin" | "hybrid"
    >
  >();
  holds<Same<keyof typeof users, "get" | "rename">>();
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: an argument of another type
    users.get("1");
    // @ts-expect-error: no such function
    users.remove(1);
    // @ts-expect-error: a namespace is no function
    near.remoteValue.users(1);
    // @ts-expect-error: no function is in it
    near.remoteValue.options.depth;
    // @ts-expect-error: that of the proxy is called, so it cannot be the peer's
    users.call(1);
    // @ts-expect-error: a result of another type
    const wrong: number = admin.roles.list();
    // @ts-expect-error: functions of a namespace are missing
    far.serve({ ping: () => "", users: { get: () => "" }, hybrid });
    const rest = { ping: () => "", hybrid };
    const { call, toString } = {} as Users;
    far.serve({
      ...rest,
      // @ts-expect-error: a result of another type
      users: { get: (id) => id, call, toString },
    });
    far.serve({
      ...rest,
      // @ts-expect-error: no function of the interface
      users: { get: () => "", call, toString, git: () => "" },
    });
    return wrong;
  };
  assertEquals(typeof refused, "function");
});

test("objects have no namespaces", async () => {
  const [near, far] = wirePair<Shop>();
  far.serve({ files: { open: () => makeRemoteObject(new File()) } });
  using file = await near.remoteValue.files.open();
  const text: string = await file.remoteValue.read();
  const piped: string = await near.remoteValue.files.open().remoteValue.read();
  assertEquals([text, piped], ["read", "read"]);
  holds<Same<keyof typeof file.remoteValue, "read">>();
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: only functions of an object can be called
    file.remoteValue.log.write("x");
    // @ts-expect-error: and those of its result
    near.remoteValue.files.open().remoteValue.log.write("x");
  };
  assertEquals(typeof refused, "function");
  file[Symbol.dispose]();
  near.abort();
  await far.closed;
});

interface Notes {
  notes: {
    write(text: string): number;
    erase?(at: number): boolean;
    old: { list(): string[] };
  };
}

const notes: Contract<Notes> = contract({
  notes: {
    write: { args: [v.string()], result: v.number() },
    erase: { args: [v.number()], result: v.boolean() },
    old: { list: { result: v.array(v.string()) } },
  },
});

test("namespaces of contracts are typed", async () => {
  const inferred = contract({
    notes: {
      write: {
        args: [v.string()],
        result: v.number(),
        errors: { Full: v.object({ most: v.number() }) },
      },
      version: { result: v.string() },
    },
  });
  holds<
    Same<
      ReturnType<Functions<typeof inferred>["notes"]["write"]>,
      number
    >
  >();
  const functions = {
    notes: {
      write: (text: string) => text.length,
      erase: () => true,
      old: { list: () => ["a"] },
    },
  };
  const [near, far] = wirePair({ expects: notes }, {
    serves: notes,
    functions,
  });
  const length: number = await near.remoteValue.notes.write("four");
  const list: string[] = await near.remoteValue.notes.old.list();
  assertEquals([length, list], [4, ["a"]]);
  // Checked, but not run.
  const refused = (error: unknown) => {
    if (inferred.isError(error, "notes.write", "Full")) {
      const most: number = error.data.most;
      return most;
    }
    // @ts-expect-error: no such function
    inferred.isError(error, "write", "Full");
    // @ts-expect-error: no such error
    inferred.isError(error, "notes.version", "Full");
    // @ts-expect-error: a function of the namespace is missing
    notes.implement({ notes: { write: () => 1, old: functions.notes.old } });
    // @ts-expect-error: the contract lacks a function of the interface
    const lacking: Contract<Notes> = contract({
      notes: { write: { args: [v.string()], result: v.number() } },
    });
    // @ts-expect-error: an argument of another type
    near.remoteValue.notes.write(1);
    return lacking;
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});
