/**
 * Functions and classes stay small, and state stays out of modules. The parser
 * is that of `deno lint`.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "./_test.ts";

const ROOT = new URL("../", import.meta.url);
/** What is looked at; the tests themselves are not. */
const FOLDERS = [
  "wire",
  "host",
  "node",
  "server",
  "client",
  "transports",
  "cli",
  "examples",
  "bench",
  ".ci",
] as const;
const FILES = ["mod.ts", "cli.ts"];

/** More than that needs a reason, in a comment beside it. */
const MOST_LINES = 70;
const MOST_FIELDS = 15;

/** Something that a module has. */
interface Found {
  readonly path: string;
  readonly name: string;
  /** The line on which it begins, from 0 on. */
  readonly line: number;
}

/** A function, or a class. */
interface Sized extends Found {
  readonly kind: "lines" | "fields";
  readonly count: number;
}

/** What one module has. */
interface Module {
  readonly lines: readonly string[];
  readonly sized: Sized[];
  /** Variables that change, outside of functions and classes. */
  readonly state: Found[];
}

type Node = Deno.lint.Node;

/** Reads a module. */
function read(path: string, source: string): Module {
  const lines = source.split("\n");
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + 1);
  const lineAt = (offset: number) =>
    starts.findIndex((start) => start > offset) - 1;
  const sized: Sized[] = [];
  const state: Found[] = [];
  const found = (node: Node, name: string): Found => {
    return { path, name, line: lineAt(node.range[0]) };
  };
  const sizedFunction = (node: Node) => {
    const [from, to] = node.range;
    const count = lineAt(to - 1) - lineAt(from) + 1;
    sized.push({ ...found(node, nameOf(node)), kind: "lines", count });
  };
  const sizedClass = (node: Deno.lint.ClassDeclaration) => {
    const count = fieldsOf(node);
    sized.push({ ...found(node, nameOf(node)), kind: "fields", count });
  };
  Deno.lint.runPlugin(
    {
      name: "sizes",
      rules: {
        sizes: {
          create: () => ({
            FunctionDeclaration: sizedFunction,
            FunctionExpression: sizedFunction,
            ArrowFunctionExpression: sizedFunction,
            ClassDeclaration: sizedClass,
            ClassExpression: (node) =>
              sizedClass(node as unknown as Deno.lint.ClassDeclaration),
            VariableDeclaration(node) {
              const { parent } = node as { parent: Node };
              const isOfModule = parent.type === "Program" ||
                parent.type === "ExportNamedDeclaration";
              if (!isOfModule) return;
              for (const each of node.declarations) {
                const changes = node.kind === "const"
                  ? isEmpty(each, source)
                  : !isFriend(each, source);
                if (changes) state.push(found(node, nameOf(each)));
              }
            },
          }),
        },
      },
    },
    path,
    source,
  );
  return { lines, sized, state };
}

/** How many fields an object of a class has; bound methods are none. */
function fieldsOf({ body }: Deno.lint.ClassDeclaration): number {
  let count = 0;
  for (const member of body.body) {
    if (member.type === "PropertyDefinition") {
      const isMethod = member.value?.type === "ArrowFunctionExpression";
      if (!member.static && !isMethod) count++;
    } else if (
      member.type === "MethodDefinition" && member.kind === "constructor"
    ) {
      count += member.value.params
        .filter(({ type }) => type === "TSParameterProperty").length;
    }
  }
  return count;
}

/** Whether a constant begins as an empty collection, and so is to be filled. */
function isEmpty(
  { range, init }: Deno.lint.VariableDeclarator,
  source: string,
): boolean {
  if (init === null) return false;
  const declared = source.slice(range[0], init.range[0]);
  if (/:\s*readonly\b|:\s*Readonly/.test(declared)) return false;
  switch (init.type) {
    case "NewExpression":
      return init.arguments.length === 0 &&
        /^new (Weak)?(Map|Set)\b/.test(source.slice(...init.range));
    case "ArrayExpression":
      return init.elements.length === 0;
    case "ObjectExpression":
      return init.properties.length === 0;
    default:
      return false;
  }
}

/** Whether a variable is a function that a class below it gives away, once. */
function isFriend(
  { range, init }: Deno.lint.VariableDeclarator,
  source: string,
): boolean {
  return init === null && /^\w+: \(/.test(source.slice(...range));
}

/** What a node is called, as far as it is. */
function nameOf(node: unknown): string {
  const { id, key, parent } = node as {
    id?: { name?: string } | null;
    key?: { name?: string };
    parent?: { id?: { name?: string } | null; key?: { name?: string } };
  };
  return id?.name ?? key?.name ?? parent?.key?.name ?? parent?.id?.name ??
    "(no name)";
}

/** The comments beside what begins on a line: above it, and directly below. */
function commentsBeside(lines: readonly string[], line: number): string {
  const isComment = (at: number) =>
    /^\s*(\/\*\*|\*|\/\/)/.test(lines[at] ?? "");
  let from = line;
  while (isComment(from - 1)) from--;
  // What begins may go over several lines.
  let body = line;
  while (body + 1 < lines.length && !lines[body]!.endsWith("{")) body++;
  let to = body + 1;
  while (isComment(to)) to++;
  return [...lines.slice(from, line), ...lines.slice(body + 1, to)].join("\n");
}

/** The paths of all modules of a folder. */
async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (
    const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))
  ) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* modulesIn(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

async function readAll(): Promise<Map<string, Module>> {
  const modules = new Map<string, Module>();
  const add = async (path: string) => {
    const source = await Deno.readTextFile(new URL(path, ROOT));
    modules.set(path, read(path, source));
  };
  for (const path of FILES) await add(path);
  for (const folder of FOLDERS) {
    for await (const path of modulesIn(folder)) await add(path);
  }
  return modules;
}

const modules = await readAll();

/** What is too large, and does not say why. */
function tooLarge(
  { lines, sized }: Module,
  kind: Sized["kind"],
  most: number,
): string[] {
  return sized
    .filter((each) => each.kind === kind && each.count > most)
    .filter(({ line }) =>
      !commentsBeside(lines, line).includes(`Over ${most} ${kind}: `)
    )
    .map(({ path, line, name, count }) =>
      `${path}:${line + 1}: ${name} has ${count} ${kind}`
    );
}

for (
  const [what, kind, most] of [
    ["functions have at most 70 lines", "lines", MOST_LINES],
    ["classes have at most 15 fields", "fields", MOST_FIELDS],
  ] as const
) {
  test(`${what}, or say why beside it`, () => {
    assert(modules.size > 100);
    const all = [...modules.values()];
    assertEquals(all.flatMap((each) => tooLarge(each, kind, most)), []);
  });
}

test("docs/architecture.md names each module of the core that keeps state", async () => {
  const page = await Deno.readTextFile(
    new URL("docs/architecture.md", ROOT),
  );
  const start = page.indexOf("- **No state in module-level variables**");
  const named = page.slice(start, page.indexOf("\n- **", start + 1));
  const keeping = [...modules].filter(([path, { state }]) =>
    /^(wire|server|client)\//.test(path) && state.length > 0
  ).map(([path]) => path.replace("wire/", ""));
  assert(keeping.length > 0);
  const missing = keeping.filter((path) => !named.includes(`\`${path}\``));
  assertEquals(missing, []);
  const gone = [...named.matchAll(/`(\w+\/\w+\.ts)`/g)]
    .map(([_, path]) => path!).filter((path) => !keeping.includes(path));
  assertEquals(gone, []);
});

test("what is too large is found, and so is state", () => {
  const fields = Array.from({ length: 16 }, (_, n) => `  f${n} = 0;\n`).join(
    "",
  );
  const long = `function long() {\n${"  f();\n".repeat(69)}}\n`;
  const source = `${long}
// Over 70 lines: it says why.
${long}
class Wide {
${fields}}

/**
 * Wide, too.
 *
 * Over 15 fields: it says why.
 */
export class Fine {
${fields}}

class Small {
  readonly bound = () => 1;
${fields.replace("  f0 = 0;\n", "")}}

let one = 0;
export let friend: (wide: Wide) => void;
const two = new Map<string, number>();
export const three: string[] = [];
const four: ReadonlyMap<string, number> = new Map();
const five = new Map([["a", 1]]);
`;
  const module = read("a.ts", source);
  assertEquals(tooLarge(module, "lines", MOST_LINES), [
    "a.ts:1: long has 71 lines",
  ]);
  assertEquals(tooLarge(module, "fields", MOST_FIELDS), [
    "a.ts:146: Wide has 16 fields",
  ]);
  assertEquals(module.state.map(({ name }) => name), ["one", "two", "three"]);
});
