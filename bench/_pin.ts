/**
 * Pinning to cores. Where the scheduler decides, it runs both processes on one
 * core at one time and on two at another, depending on what else the machine
 * does, and the numbers of the two cases are far apart: the time of a single
 * call on two cores is mostly that of waking a sleeping one.
 *
 * @module
 */

/**
 * Pins a process, and what it starts from now on, to a core by `taskset`.
 *
 * @param pid The process.
 * @param core The core.
 * @returns Undefined when that worked, or why it did not.
 */
export async function pin(
  pid: number,
  core: number,
): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("taskset", {
      args: ["-a", "-p", "-c", String(core), String(pid)],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch {
    return "this system has no taskset";
  }
}
