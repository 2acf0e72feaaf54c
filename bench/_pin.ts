/**
 * Pinning to cores. Where the scheduler decides, it runs both processes on one
 * core at one time and on two at another, depending on what else the machine
 * does, and the numbers of the two cases are far apart: the time of a single
 * call on two cores is mostly that of waking a sleeping one.
 *
 * @module
 */

/** The cores of this process and of its peers; undefined leaves them free. */
export type Cores = readonly [number, number] | undefined;

/**
 * Pins this process and its peers, with what they start from now on.
 *
 * @param pids The peers.
 * @param cores Where to.
 * @returns Undefined when that worked, or why it did not.
 */
export async function place(
  pids: readonly number[],
  cores: Cores,
): Promise<string | undefined> {
  const all = `0-${navigator.hardwareConcurrency - 1}`;
  const [near, far] = cores?.map(String) ?? [all, all];
  let failure = await pin(Deno.pid, near!);
  for (const pid of pids) failure ??= await pin(pid, far!);
  return failure;
}

/**
 * Says where the processes are.
 *
 * @param cores The cores that were asked for.
 * @param failure What {@linkcode place} returned.
 * @returns A text.
 */
export function placement(cores: Cores, failure: string | undefined): string {
  if (cores === undefined) return "not pinned";
  if (failure !== undefined) return `not pinned (${failure})`;
  return `pinned: client to core ${cores[0]}, peers to core ${cores[1]}`;
}

async function pin(pid: number, cores: string): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("taskset", {
      args: ["-a", "-p", "-c", cores, String(pid)],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch {
    return "this system has no taskset";
  }
}
