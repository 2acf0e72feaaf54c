/**
 * What the main thread of a session's process does: it starts the Worker that
 * evaluates, hands requests on to it, and watches how much memory all takes,
 * and how much time of processors.
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
  /** How long an evaluation may take, in milliseconds. */
  readonly evaluation: number;
  /**
   * How much time of processors it may use besides evaluations, in
   * milliseconds.
   */
  readonly processor: number;
}

/** What the supervisor itself is told: an evaluation is over. */
export interface Rest {
  readonly rest: true;
}

/** How a supervisor ends its process, and why. */
export interface ExitCodes {
  /** Code evaluated in it asked for the end. */
  readonly left: number;
  /** It took too much memory. */
  readonly memory: number;
  /** It used too much time of processors. */
  readonly processor: number;
  /** The Worker broke. */
  readonly broken: number;
}

/**
 * Supervises, until standard input ends.
 *
 * Evaluations pay for two processors while they are under way. What is used
 * beyond that, by other threads or after an evaluation, is charged to the
 * session; a twentieth of a processor is always free.
 *
 * @param codes How to exit.
 */
export async function supervise(codes: ExitCodes): Promise<void> {
  const PROCESSORS = 2;
  const FREE = 1 / 20;
  const decoder = new TextDecoderStream();
  let worker: Worker | undefined;
  /** Until when an evaluation may be under way. */
  let evaluatesUntil = -Infinity;
  let longest = 0;
  const used = (): number => {
    // deno-lint-ignore no-process-global -- nothing can be imported here
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  const watch = ({ memory, processor }: Setup): void => {
    let left = processor;
    let before = { at: performance.now(), used: used() };
    setInterval(() => {
      if (Deno.memoryUsage().rss > memory) Deno.exit(codes.memory);
      const now = { at: performance.now(), used: used() };
      const evaluated = Math.min(now.at, evaluatesUntil) - before.at;
      left += Math.max(0, evaluated) * PROCESSORS +
        (now.at - before.at) * FREE - (now.used - before.used);
      left = Math.min(left, processor);
      before = now;
      if (left < 0) Deno.exit(codes.processor);
    }, 50);
  };
  const start = (setup: Setup): Worker => {
    const type = "application/javascript";
    const url = URL.createObjectURL(new Blob([setup.program], { type }));
    const worker = new Worker(url, { type: "module", name: setup.name });
    worker.onmessage = () => Deno.exit(codes.left);
    worker.onerror = (event) => {
      event.preventDefault();
      Deno.exit(codes.broken);
    };
    longest = setup.evaluation;
    // To start takes a while, too, and is not the session's fault.
    evaluatesUntil = performance.now() + longest;
    watch(setup);
    return worker;
  };
  const take = (message: Setup | Rest | object): void => {
    const now = performance.now();
    if ("rest" in message) evaluatesUntil = Math.min(evaluatesUntil, now);
    else if (worker === undefined) worker = start(message as Setup);
    else {
      if ("line" in message) evaluatesUntil = now + longest;
      worker.postMessage(message);
    }
  };
  let rest = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(decoder)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line));
  }
  Deno.exit(codes.left);
}
