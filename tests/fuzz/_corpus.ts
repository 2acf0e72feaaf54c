/**
 * Inputs in files: those from which fuzzing begins (`corpus/`), and those that
 * failed once (`failed/`), in a folder for each target.
 *
 * @module
 */

import type { Bytes } from "./_target.ts";

/** An input, and its file's name. */
export interface Entry {
  readonly name: string;
  readonly input: Bytes;
}

/** Which inputs. */
export type Kind = "corpus" | "failed";

function folder(kind: Kind, target: string): URL {
  return new URL(`${kind}/${target}/`, import.meta.url);
}

/** The inputs for a target, by name; none where there is no folder. */
export function entries(kind: Kind, target: string): Entry[] {
  const place = folder(kind, target);
  try {
    return [...Deno.readDirSync(place)].map(({ name }) => name).sort().map(
      (name) => ({ name, input: Deno.readFileSync(new URL(name, place)) }),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The name of a file for an input: the same for the same bytes. */
function nameOf(input: Bytes): string {
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/**
 * Saves an input.
 *
 * @returns The path of its file.
 */
export function save(kind: Kind, target: string, input: Bytes): string {
  const place = folder(kind, target);
  Deno.mkdirSync(place, { recursive: true });
  const file = new URL(nameOf(input), place);
  Deno.writeFileSync(file, input);
  return decodeURIComponent(file.pathname);
}
