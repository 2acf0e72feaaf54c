/**
 * A copy of the checkout, in which bugs are planted and tests run: what its
 * user has before them stays as it is.
 *
 * @module
 */

import { type Mutant, planted } from "./_mutant.ts";

const ROOT = new URL("../../", import.meta.url);
/** Tests with a bug take so many times as long as without, and this longer. */
const TIMES = 5;
const LONGER = 20_000;
/** Where the standard library is from: see `.ci/with_std.ts`. */
const STD = Deno.env.get("REMOTE_WIRE_STD") === "npm"
  ? ["--import-map=.ci/npm_import_map.json", "--no-lock"]
  : [];

/** What came of the tests of a file. */
export interface TestRun {
  readonly outcome: "passed" | "failed" | "hung";
  readonly milliseconds: number;
  /** What was printed. */
  readonly report: string;
}

/** The files of the repository, those not committed yet included. */
async function files(): Promise<string[]> {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "-co", "--exclude-standard"],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error("git does not list the files.");
  return new TextDecoder().decode(stdout).split("\0").filter(Boolean);
}

/** A copy of the checkout. */
export class Checkout implements AsyncDisposable {
  readonly #folder: string;
  /** How long the tests of a file take without a bug. */
  readonly #times = new Map<string, number>();

  /** @param folder Where it is. */
  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes a copy. */
  static async make(): Promise<Checkout> {
    const folder = await Deno.makeTempDir({ prefix: "mutants-" });
    for (const path of await files()) {
      const to = `${folder}/${path}`;
      await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
      // One that was removed is listed until that is committed.
      await Deno.copyFile(new URL(path, ROOT), to).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
    return new Checkout(folder);
  }

  /**
   * Tries a bug, with one file of tests after the other until one fails.
   *
   * @param mutant The bug.
   * @returns Which tests caught it; undefined where none did.
   * @throws {Error} Where tests fail without it, or it is no program.
   */
  async caughtBy(mutant: Mutant): Promise<string | undefined> {
    for (const tests of mutant.tests) {
      const limit = await this.#time(tests) * TIMES + LONGER;
      const { outcome, report } = await this.#runWith(mutant, tests, limit);
      if (/SyntaxError|could not be parsed/.test(report)) {
        throw new Error(`The bug is no program:\n${report}`);
      }
      if (outcome !== "passed") return `${tests}, ${outcome}`;
    }
    return undefined;
  }

  async #runWith(
    mutant: Mutant,
    tests: string,
    limit: number,
  ): Promise<TestRun> {
    const path = `${this.#folder}/${mutant.file}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, planted(text, mutant));
    try {
      return await this.#run(tests, limit);
    } finally {
      await Deno.writeTextFile(path, text);
    }
  }

  /** How long the tests of a file take without a bug, in milliseconds. */
  async #time(tests: string): Promise<number> {
    const known = this.#times.get(tests);
    if (known !== undefined) return known;
    const { outcome, milliseconds, report } = await this.#run(tests, 600_000);
    if (outcome !== "passed") {
      throw new Error(`${tests} ${outcome} without a bug:\n${report}`);
    }
    this.#times.set(tests, milliseconds);
    return milliseconds;
  }

  async #run(tests: string, limit: number): Promise<TestRun> {
    const begun = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", ...STD, "-A", "--no-check", "--fail-fast", "--trace-leaks"],
        `tests/${tests}`,
      ],
      cwd: this.#folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limit);
    const { success, stdout, stderr } = await child.output();
    clearTimeout(timer);
    const decoder = new TextDecoder();
    return {
      outcome: isLate ? "hung" : success ? "passed" : "failed",
      milliseconds: performance.now() - begun,
      report: decoder.decode(stdout) + decoder.decode(stderr),
    };
  }

  /** Removes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
