/**
 * Counts the tests behind each row of a table in docs/reliability.md, by having
 * their files define them, and prints the table's counts; or writes them.
 *
 *     deno task run -A .ci/count_tests.ts [--write]
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);
const PAGE = new URL("docs/reliability.md", ROOT);

/** A row of a table that ends in links to tests, and their number. */
const ROW = /^(\|.*\| )([^|]*\]\(\.\.\/tests\/[^|]*)\|( *[\d,]* *)\|$/;
const LINK = /\]\(\.\.\/(tests\/[^)#]+)\)/g;

/** How many tests were defined since it was asked last. */
let defined = 0;

/** What defines no test. */
const UNCOUNTED = [
  "beforeAll",
  "beforeEach",
  "afterAll",
  "afterEach",
  "sanitizer",
];

/** Takes the place of `Deno.test`: what is defined is counted, and not run. */
function countDefinitions(): void {
  const counting = () => void defined++;
  for (const name of Object.keys(Deno.test)) {
    Object.assign(counting, {
      [name]() {
        if (UNCOUNTED.includes(name)) return;
        // A test whose peer is missing here counts all the same.
        if (name === "ignore") return counting();
        throw new Error(`Nobody knows how many tests Deno.test.${name} makes.`);
      },
    });
  }
  Object.defineProperty(Deno, "test", { value: counting });
}

/** The files of tests at a path: itself, or all in that folder. */
async function testsAt(path: string): Promise<string[]> {
  if (!path.endsWith("/")) return [path];
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(path, ROOT))) {
    if (isDirectory) found.push(...await testsAt(`${path}${name}/`));
    else if (name.endsWith("_test.ts")) found.push(path + name);
  }
  return found;
}

/** How many tests there are at some paths; each file counts once. */
async function testsOf(
  paths: readonly string[],
  known: Map<string, number>,
): Promise<number> {
  const files = new Set((await Promise.all(paths.map(testsAt))).flat());
  let sum = 0;
  for (const file of files) {
    let count = known.get(file);
    if (count === undefined) {
      defined = 0;
      await import(new URL(file, ROOT).href);
      count = defined;
      if (count === 0) throw new Error(`${file} has no test.`);
      known.set(file, count);
    }
    sum += count;
  }
  return sum;
}

/** The page, with the counts as they are. */
async function counted(page: string): Promise<string> {
  const known = new Map<string, number>();
  const lines: string[] = [];
  for (const line of page.split("\n")) {
    const [, before, links, cell] = ROW.exec(line) ?? [];
    if (cell === undefined) {
      lines.push(line);
      continue;
    }
    const paths = [...links!.matchAll(LINK)].map(([, path]) => path!);
    const text = (await testsOf(paths, known)).toLocaleString("en");
    lines.push(`${before}${links}|${` ${text} `.padStart(cell.length)}|`);
  }
  return lines.join("\n");
}

countDefinitions();
const page = await Deno.readTextFile(PAGE);
const now = await counted(page);
if (Deno.args.includes("--write")) await Deno.writeTextFile(PAGE, now);
else console.log(now);
Deno.exit(0);
