/**
 * Where this operating system lists its services.
 *
 * @module
 */

import type { ServiceFile } from "./services.ts";

/**
 * The services file.
 *
 * @returns Its path, and how to read it.
 */
export function serviceFile(): ServiceFile {
  const path = Deno.build.os === "windows"
    ? `${systemRoot()}\\System32\\drivers\\etc\\services`
    : "/etc/services";
  return { path, read: () => Deno.readTextFileSync(path) };
}

function systemRoot(): string {
  try {
    return Deno.env.get("SystemRoot") ?? "C:\\Windows";
  } catch {
    // The variable may not be read; this is where Windows mostly is.
    return "C:\\Windows";
  }
}
