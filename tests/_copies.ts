/**
 * Further copies of the module in this process, as a program has them whose
 * parts import it from two URLs, or in two versions.
 *
 * @module
 */

import type { Contract } from "../mod.ts";
import { v } from "./wire/_schemas.ts";

/** A copy's `mod.ts`. */
export type Main = typeof import("../mod.ts");

const ROOT = new URL("../", import.meta.url);
const PARTS = ["mod.ts", "wire", "host", "server", "client"];

/** A copy of the module. */
export interface Copy {
  /** Its `mod.ts`. */
  readonly main: Main;
  /** Its `wire/mod.ts`. */
  readonly wire: typeof import("../wire/mod.ts");
  /** Its `wire/cmucl/mod.ts`. */
  readonly lisp: typeof import("../wire/cmucl/mod.ts");
}

/**
 * Loads one more copy.
 *
 * @param change Makes another version of it: changes the text of
 * `wire/base/errors.ts`.
 * @returns The copy.
 */
export async function loadCopy(
  change: (text: string) => string = (text) => text,
): Promise<Copy> {
  const folder = await Deno.makeTempDir({ prefix: "remote_wire_copy_" });
  try {
    for (const part of PARTS) await copy(new URL(part, ROOT), folder, part);
    const brand = `${folder}/wire/base/errors.ts`;
    await Deno.writeTextFile(brand, change(await Deno.readTextFile(brand)));
    return {
      main: await import(`file://${folder}/mod.ts`),
      wire: await import(`file://${folder}/wire/mod.ts`),
      lisp: await import(`file://${folder}/wire/cmucl/mod.ts`),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copy(from: URL, folder: string, part: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    return await Deno.copyFile(from, `${folder}/${part}`);
  }
  await Deno.mkdir(`${folder}/${part}`);
  for await (const { name } of Deno.readDir(from)) {
    await copy(new URL(`${from}/${name}`), folder, `${part}/${name}`);
  }
}

/** What a contract of a copy is about. */
export interface Division {
  /** Divides. */
  divide(a: number, b: number): number;
}

/** A contract of one of the copies. */
export function division(
  copy: Main,
  argument = v.number(),
): Contract<Division> {
  return copy.contract({
    divide: {
      args: [argument, v.number()],
      result: v.number(),
      errors: { DivisionByZero: v.object({ dividend: v.number() }) },
      doc: "Divides.",
    },
  }) as Contract<Division>;
}
