/**
 * What a process takes of its machine; on Linux.
 *
 * @module
 */

/** Milliseconds of processor time of a process. */
export function usedBy(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // In ticks of 10 ms: in user mode and in the system's.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Bytes of memory that a process has of its machine. */
export function residentIn(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}
