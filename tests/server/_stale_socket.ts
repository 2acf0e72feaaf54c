/**
 * Socket files that no server listens at any more.
 *
 * @module
 */

/** Leaves socket files behind, as a process does that is killed. */
export async function leaveStaleSockets(...paths: string[]): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `for (const path of ${JSON.stringify(paths)}) {
         Deno.listen({ transport: "unix", path });
       }
       console.log("listening");
       await new Promise((resolve) => setTimeout(resolve, 1e6));`,
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
}
