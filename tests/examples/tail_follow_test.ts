import { assertEquals } from "@std/assert";
import { LogFolder } from "../../examples/tail/folder.ts";
import { follow } from "../../examples/tail/follow.ts";
import { LinePrinter, makePrinters } from "../../examples/tail/printer.ts";
import type { From, Item, Position } from "../../examples/tail/protocol.ts";
import { test } from "../_test.ts";
import { withFolder } from "./_run.ts";

const LOG = "a.log";

/** A folder with a log, and what follows it. */
class Trial {
  readonly path: string;
  /** When the youngest file was made. */
  #last = 0;

  constructor(folder: string) {
    this.path = `${folder}/${LOG}`;
  }

  /** Writes. A file that is made by that is younger than those before it. */
  async write(text: string): Promise<void> {
    const born = async () => (await Deno.stat(this.path)).birthtime!.getTime();
    const isThere = await Deno.stat(this.path).then(() => true, () => false);
    if (!isThere) {
      // The clock of a file system may be coarse.
      do await Deno.writeFile(this.path, new Uint8Array()); while (
        await born() <= this.#last && await this.#removed()
      );
      this.#last = await born();
    }
    await Deno.writeTextFile(this.path, text, { append: true });
  }

  async #removed(): Promise<boolean> {
    await Deno.remove(this.path);
    return true;
  }

  rename(version: string): Promise<void> {
    return Deno.rename(this.path, `${this.path}${version}`);
  }

  /** Follows the log until so much has come, and then leaves it. */
  async read(from: From, count: number): Promise<[string, Position]> {
    const items = this.follow(from, new AbortController().signal);
    let text = "";
    let place: Position | undefined;
    for await (const item of items) {
      if (item instanceof Uint8Array) {
        text += new TextDecoder().decode(item);
        const { file, offset } = place!;
        place = { file, offset: offset + item.length };
      } else {
        place = item;
      }
      if (text.length >= count) break;
    }
    return [text, place!];
  }

  follow(from: From, signal: AbortSignal): AsyncGenerator<Item, void, void> {
    const folder = new LogFolder(this.path.slice(0, -LOG.length - 1));
    return follow({ folder, name: LOG, from, signal, onRead: () => {} });
  }
}

function trial(name: string, work: (trial: Trial) => Promise<void>): void {
  test(name, () => withFolder((folder) => work(new Trial(folder))));
}

trial("follow() goes on where another left off", async (log) => {
  await log.write("one ");
  const [first, place] = await log.read("start", 4);
  assertEquals([first, place.offset], ["one ", 4]);
  await log.write("two ");
  const [second, next] = await log.read(place, 4);
  assertEquals([second, next], ["two ", { ...place, offset: 8 }]);
});

trial("follow() begins at the end when it is told to", async (log) => {
  await log.write("one ");
  const items = log.follow("end", new AbortController().signal);
  assertEquals(((await items.next()).value as Position).offset, 4);
  await log.write("two ");
  assertEquals((await items.next()).value, new TextEncoder().encode("two "));
  await items.return();
});

trial("follow() finds a log that was being rotated at first", async (log) => {
  const items = log.follow("start", new AbortController().signal);
  const first = items.next();
  await Promise.resolve();
  await log.write("one ");
  assertEquals(((await first).value as Position).offset, 0);
  assertEquals((await items.next()).value, new TextEncoder().encode("one "));
  await items.return();
});

trial(
  "follow() reads a renamed log to its end, and goes on in the new one",
  async (log) => {
    await log.write("one ");
    const items = log.follow("start", new AbortController().signal);
    const next = async () => (await items.next()).value as Item;
    const place = await next() as Position;
    assertEquals(await next(), new TextEncoder().encode("one "));
    await Deno.writeTextFile(log.path, "two ", { append: true });
    await log.rename(".1");
    await log.write("");
    // The new one is empty: who writes may not have turned to it.
    await Deno.writeTextFile(`${log.path}.1`, "three ", { append: true });
    let text = "";
    while (text.length < 10) {
      text += new TextDecoder().decode(
        await next() as Uint8Array,
      );
    }
    assertEquals(text, "two three ");
    await log.write("four");
    const other = await next() as Position;
    assertEquals([other.offset, other.file === place.file], [0, false]);
    assertEquals(await next(), new TextEncoder().encode("four"));
    await items.return();
  },
);

for (
  const versions of [[".1", ".2", ".3"], [".3", ".2", ".1"], [
    "-20260131",
    "-20260201",
    ".1",
  ]]
) {
  trial(
    `follow() goes through what was renamed meanwhile (${versions.join(", ")})`,
    async (log) => {
      await log.write("one ");
      const [, place] = await log.read("start", 4);
      await log.write("two ");
      for (const [i, version] of versions.entries()) {
        await log.rename(version);
        await log.write(`new ${i} `);
      }
      // These are others' names.
      await Deno.writeTextFile(`${log.path}.err`, "no");
      await Deno.writeTextFile(`${log.path}.1.gz`, "no");
      const expected = "two new 0 new 1 new 2 ";
      const [text] = await log.read(place, expected.length);
      assertEquals(text, expected);
    },
  );
}

trial(
  "follow() begins a log again that was removed, or cut off",
  async (log) => {
    await log.write("one two ");
    const [, place] = await log.read("start", 8);
    await Deno.truncate(log.path);
    await log.write("three ");
    const [text, again] = await log.read(place, 6);
    assertEquals([text, again], ["three ", { ...place, offset: 6 }]);
    await Deno.remove(log.path);
    await log.write("four ");
    const [other, last] = await log.read(again, 5);
    assertEquals([other, last.offset, last.file === again.file], [
      "four ",
      5,
      false,
    ]);
  },
);

trial("follow() ends with its signal, whatever it waits for", async (log) => {
  await log.write("one");
  for (const from of ["end", { file: "gone", offset: 0 }] as From[]) {
    const controller = new AbortController();
    const items = log.follow(from, controller.signal);
    if (from === "end") await items.next();
    else await Deno.remove(log.path);
    const step = items.next();
    controller.abort();
    assertEquals(await step, { done: true, value: undefined });
  }
});

/** What a printer prints of bytes, however they are cut. */
async function printed(
  bytes: Uint8Array,
  size: number,
  isTerminal = false,
): Promise<Uint8Array[]> {
  const writes: Uint8Array[] = [];
  const write = (bytes: Uint8Array) => Promise.resolve(void writes.push(bytes));
  const printer = new LinePrinter("a: ", write, isTerminal);
  for (let at = 0; at < bytes.length; at += size) {
    await printer.print(bytes.subarray(at, at + size));
  }
  await printer.cut();
  return writes;
}

/** A folder in which a log is renamed when its files have just been listed. */
class Rotating extends LogFolder {
  rotate: (() => Promise<void>) | undefined;

  override async names(): Promise<string[]> {
    const names = await super.names();
    const { rotate } = this;
    this.rotate = undefined;
    await rotate?.();
    return names;
  }
}

test("LogFolder.find() finds a log that is renamed meanwhile", () =>
  withFolder(async (path) => {
    const trial = new Trial(path);
    await trial.write("one\n");
    const folder = new Rotating(path);
    using log = await folder.open(LOG);
    folder.rotate = async () => {
      await trial.rename(".1");
      await trial.write("two\n");
    };
    using found = await folder.find(log!.id);
    assertEquals(found?.id, log!.id);
    assertEquals(await folder.find("0-0-0"), undefined);
  }));

test("LinePrinter prints whole lines of any bytes, however they come", async () => {
  const bytes = Uint8Array.of(0xff, 0x0a, 0x0a, 0xc3, 0xa9, 0x00, 0x0a, 0x41);
  const prefix = [0x61, 0x3a, 0x20];
  const expected = [
    ...[...prefix, 0xff, 0x0a],
    ...[...prefix, 0x0a],
    ...[...prefix, 0xc3, 0xa9, 0x00, 0x0a],
    ...[...prefix, 0x41, 0x0a], // cut
  ];
  for (let size = 1; size <= bytes.length; size++) {
    const writes = await printed(bytes, size);
    assertEquals(writes.flatMap((w) => [...w]), expected);
    for (const write of writes) assertEquals(write.at(-1), 0x0a);
  }
});

test("LinePrinter bounds what it keeps of a line", async () => {
  const writes = await printed(new Uint8Array(3 * 2 ** 20).fill(0x41), 2 ** 16);
  assertEquals(writes.length, 3);
});

test("LinePrinter takes control characters out for a terminal", async () => {
  const bytes = new TextEncoder().encode("é\x1b[2J\x9b\r\n");
  const text = new TextDecoder();
  const writes = await printed(bytes, 1, true);
  assertEquals(writes.map((w) => text.decode(w)), ["a: é [2J  \n"]);
});

test("makePrinters() leaves the bytes of a single log as they are", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const printer = makePrinters([LOG], writable, false).get(LOG)!;
  const reader = readable.getReader();
  const bytes = Uint8Array.of(0x41, 0xff);
  const printing = printer.print(bytes);
  assertEquals((await reader.read()).value, bytes);
  await printing;
  await printer.cut();
});
