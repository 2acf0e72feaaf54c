import { assert, assertEquals } from "@std/assert";
import { ByteReader, ByteWriter } from "../../wire/codec/bytes.ts";
import {
  ReceiveTables,
  SendTables,
  SHAPE_KEYS,
  TABLE_BYTES,
  TABLE_ENTRIES,
  writeEntry,
} from "../../wire/codec/tables.ts";
import { test } from "../_test.ts";
import { codeOf } from "./_codec.ts";

type Entry = string | readonly string[];

function entryBytes(entry: Entry): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  writeEntry(writer, entry);
  return writer.written().slice();
}

function read(tables: ReceiveTables, bytes: Uint8Array): void {
  const reader = new ByteReader();
  reader.turnTo(bytes, 0, bytes.length);
  tables.readEntry(reader);
  reader.finish();
}

function keysOf(count: number, prefix = ""): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

test("TABLE_ENTRIES and the other bounds are those of the protocol", () => {
  assertEquals([TABLE_ENTRIES, TABLE_BYTES, SHAPE_KEYS], [1024, 262_144, 64]);
});

test("writeEntry() writes a name, or the size and the keys of a set", () => {
  const entries: [Entry, number[]][] = [
    ["add", [0, 3, 0x61, 0x64, 0x64]],
    ["", [0, 0]],
    [[], [1]],
    [["x"], [2, 1, 0x78]],
    [["x", ""], [3, 1, 0x78, 0]],
    [["é"], [2, 2, 0xc3, 0xa9]],
  ];
  const tables = new ReceiveTables();
  for (const [entry, bytes] of entries) {
    assertEquals([...entryBytes(entry)], bytes);
    read(tables, Uint8Array.from(bytes));
  }
  assertEquals([tables.name(0), tables.name(1)], ["add", ""]);
  assertEquals(
    [0, 1, 2, 3].map((index) => tables.shape(index).keys),
    [[], ["x"], ["x", ""], ["é"]],
  );
  assertEquals(tables.size, 6);
});

test("ReceiveTables refuses an index that was not defined", () => {
  const tables = new ReceiveTables();
  read(tables, entryBytes("f"));
  read(tables, entryBytes(["k"]));
  for (const index of [1, 2, 1023, 1024, 2 ** 32 - 1]) {
    assertEquals(codeOf(() => tables.name(index)), "malformed", `${index}`);
    assertEquals(codeOf(() => tables.shape(index)), "malformed", `${index}`);
  }
  tables.reset();
  assertEquals(codeOf(() => tables.name(0)), "malformed");
  assertEquals(codeOf(() => tables.shape(0)), "malformed");
  assertEquals(tables.size, 0);
  read(tables, entryBytes("g"));
  assertEquals(tables.name(0), "g");
});

const BAD_ENTRIES: [string, number[]][] = [
  ["nothing", []],
  ["a name that is cut", [0, 3, 0x61]],
  ["a name that is no UTF-8", [0, 1, 0xff]],
  ["a key set that is cut", [3, 1, 0x61]],
  ["a key twice", [3, 1, 0x61, 1, 0x61]],
  ["the empty key twice", [4, 0, 1, 0x61, 0]],
  ["65 keys", [
    66,
    ...keysOf(65).flatMap((key) => [...entryBytes(key)].slice(1)),
  ]],
  ["2^32 - 2 keys", [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ["an overlong size", [0x82, 0x00, 1, 0x61]],
];

test("readEntry() refuses entries that no sender makes", () => {
  for (const [what, bytes] of BAD_ENTRIES) {
    const tables = new ReceiveTables();
    const code = codeOf(() => read(tables, Uint8Array.from(bytes)));
    assertEquals(code, "malformed", what);
  }
  read(new ReceiveTables(), entryBytes(keysOf(64)));
});

test("ReceiveTables takes as many entries as the bound says, no more", () => {
  for (const make of [(n: number) => `${n}`, (n: number) => [`${n}`]]) {
    const tables = new ReceiveTables();
    for (let index = 0; index < TABLE_ENTRIES; index++) {
      read(tables, entryBytes(make(index)));
    }
    const code = codeOf(() => read(tables, entryBytes(make(-1))));
    assertEquals(code, "malformed");
  }
});

test("ReceiveTables takes as many bytes of text as the bound says", () => {
  const tables = new ReceiveTables();
  for (let index = 0; index < 256; index++) {
    read(tables, entryBytes(index % 2 ? "x".repeat(1024) : ["y".repeat(1024)]));
  }
  assertEquals(codeOf(() => read(tables, entryBytes("z"))), "malformed");
});

test("SendTables gives each name and key set one index", () => {
  const tables = new SendTables();
  assertEquals([tables.name("f"), tables.name("g"), tables.name("f")], [
    0,
    1,
    0,
  ]);
  const orders = [["a", "b"], ["b", "a"], ["a"], [], ["a", "b", "c"]];
  for (let round = 0; round < 3; round++) {
    const indices = orders.map((keys) => tables.shape(keys)?.index);
    assertEquals(indices, [0, 1, 2, 3, 4]);
  }
  assertEquals(tables.size, 7);
  const fresh = tables.takeFresh();
  assertEquals(fresh, ["f", "g", ...orders]);
  assertEquals(tables.hasFresh, false);
  assertEquals(tables.takeFresh(), []);
});

test("SendTables finds a key set in whatever order sets come", () => {
  const tables = new SendTables();
  const sets = Array.from({ length: 50 }, (_, n) => keysOf(n % 7, `${n}-`));
  const indices = new Map(
    sets.map((keys) => [keys.join(), tables.shape(keys)!.index]),
  );
  let pick = 1;
  for (let round = 0; round < 2_000; round++) {
    pick = pick * 75 % 65_537;
    const keys = sets[pick % sets.length]!;
    assertEquals(tables.shape([...keys])?.index, indices.get(keys.join()));
  }
});

test("SendTables leaves out what is too large for a place", () => {
  const tables = new SendTables();
  assertEquals(tables.name("f".repeat(257)), -1);
  assertEquals(tables.shape(["k".repeat(257)]), undefined);
  assertEquals(tables.shape(keysOf(65)), undefined);
  assertEquals(tables.name("\ud800"), -1);
  assertEquals(tables.shape(["\udfff"]), undefined);
  assertEquals([tables.size, tables.full, tables.hasFresh], [0, false, false]);
  assertEquals(tables.name("f".repeat(256)), 0);
  assertEquals(tables.shape(keysOf(64))?.index, 0);
});

test("SendTables keeps an entry within the peer's frame", () => {
  const tables = new SendTables();
  const keys = keysOf(20, "k".repeat(20));
  assertEquals(tables.shape(keys), undefined, "20 × 22 × 3 bytes at most");
  tables.entryLimit = 65_536;
  assertEquals(tables.shape(keys)?.index, 0);
  for (const entryLimit of [960, 4_096, 65_536]) {
    const tables = new SendTables();
    tables.entryLimit = entryLimit;
    for (let size = 1; size <= 64; size++) {
      tables.shape(keysOf(size, "世".repeat(255 - size)));
    }
    for (const entry of tables.takeFresh()) {
      assert(entryBytes(entry).length + 1 <= entryLimit);
    }
  }
});

test("SendTables says when it is full, and what it kept stays", () => {
  const tables = new SendTables();
  for (let index = 0; index < TABLE_ENTRIES; index++) {
    assertEquals(tables.name(`f${index}`), index);
    assertEquals(tables.shape([`k${index}`])?.index, index);
  }
  assertEquals(tables.full, false);
  assertEquals(tables.name("one more"), -1);
  assertEquals(tables.full, true);
  assertEquals(tables.shape(["one more"]), undefined);
  assertEquals(tables.name("f1023"), 1023);
  assertEquals(tables.shape(["k0"])?.index, 0);
  tables.reset();
  assertEquals([tables.size, tables.full, tables.hasFresh], [0, false, false]);
  assertEquals(tables.shape(["k1"])?.index, 0);
});

/** Both ends, of which one tells the other. */
function tell(from: SendTables, to: ReceiveTables): void {
  for (const entry of from.takeFresh()) read(to, entryBytes(entry));
}

test("SendTables never tells more than ReceiveTables takes", () => {
  for (const text of ["x", "é", "世", "𝄞"]) {
    const from = new SendTables();
    from.entryLimit = 65_536;
    const to = new ReceiveTables();
    for (let index = 0; index < 3_000; index++) {
      const long = `${index}${text.repeat(100)}`;
      const name = from.name(long);
      const keys = [long, text, `${index}`];
      const shape = from.shape(keys);
      tell(from, to);
      if (name >= 0) assertEquals(to.name(name), long);
      if (shape !== undefined) assertEquals(to.shape(shape.index).keys, keys);
    }
    assert(from.full);
    assertEquals(from.size, to.size);
  }
});

test("ReceiveTables counts bytes of UTF-8, whatever the text", () => {
  const encoder = new TextEncoder();
  for (const text of ["x", "é", "世", "𝄞"]) {
    const name = text.repeat(512 / encoder.encode(text).length | 0);
    const { length } = encoder.encode(name);
    const tables = new ReceiveTables();
    const names = Math.floor(TABLE_BYTES / length);
    for (let count = 0; count < names; count++) {
      read(tables, entryBytes(name));
    }
    const rest = "y".repeat(TABLE_BYTES - names * length);
    read(tables, entryBytes(rest));
    assertEquals(codeOf(() => read(tables, entryBytes(["z"]))), "malformed");
  }
});

test("SendTables leaves out keys that read like far indices", () => {
  const tables = new SendTables();
  for (const key of ["100", "4294967294", "1073741824"]) {
    assertEquals(tables.shape(["a", key]), undefined, key);
  }
  for (const key of ["0", "99", "1e3", "0100", "4294967295", "100 m"]) {
    assert(tables.shape(["a", key]) !== undefined, key);
  }
});
