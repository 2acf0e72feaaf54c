/**
 * Services as this operating system lists them.
 *
 * @module
 */

import { type ServiceFile, servicePort } from "./services.ts";

/**
 * The port of a service, looked up on this machine where it is a name.
 *
 * @param service A port or a name.
 * @returns The port.
 * @throws {WireError} As `servicePort()` does.
 */
export function localServicePort(service: number | string): number {
  return servicePort(service, serviceFile());
}

/** The services file: its path, and how to read it. */
function serviceFile(): ServiceFile {
  const path = process.platform === "win32"
    ? `${systemRoot()}\\System32\\drivers\\etc\\services`
    : "/etc/services";
  const { readFileSync } = process.getBuiltinModule("node:fs");
  return { path, read: () => readFileSync(path, "utf8") };
}

function systemRoot(): string {
  try {
    return process.env["SystemRoot"] ?? "C:\\Windows";
  } catch {
    // The variable may not be read; this is where Windows mostly is.
    return "C:\\Windows";
  }
}
