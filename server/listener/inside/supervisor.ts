/**
 * What the main thread of a session's process does: it starts the Worker that
 * evaluates, hands requests on to it, and watches how much memory all takes.
 *
 * @module
 */

/** The first line that a supervisor gets. */
export interface Setup {
  /** The Worker's program. */
  readonly program: string;
  /** The Worker's name. */
  readonly name: string;
  /** How much memory the process may take, in bytes. */
  readonly memory: number;
}

/** How a supervisor ends its process, and why. */
export interface ExitCodes {
  /** Code evaluated in it asked for the end. */
  readonly left: number;
  /** It took too much memory. */
  readonly memory: number;
  /** The Worker broke. */
  readonly broken: number;
}

/**
 * Supervises, until standard input ends.
 *
 * @param codes How to exit.
 */
export async function supervise(codes: ExitCodes): Promise<void> {
  const decoder = new TextDecoderStream();
  let worker: Worker | undefined;
  const start = ({ program, name, memory }: Setup): Worker => {
    const type = "application/javascript";
    const url = URL.createObjectURL(new Blob([program], { type }));
    const worker = new Worker(url, { type: "module", name });
    worker.onmessage = () => Deno.exit(codes.left);
    worker.onerror = (event) => {
      event.preventDefault();
      Deno.exit(codes.broken);
    };
    setInterval(() => {
      if (Deno.memoryUsage().rss > memory) Deno.exit(codes.memory);
    }, 50);
    return worker;
  };
  let rest = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(decoder)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line);
      if (worker === undefined) worker = start(message);
      else worker.postMessage(message);
    }
  }
  Deno.exit(codes.left);
}
