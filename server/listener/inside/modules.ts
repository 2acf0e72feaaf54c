/**
 * Import and export at the top of an input: inputs are no modules, so that
 * they can share their variables.
 *
 * @module
 */

import { type Token, tokenize } from "./tokens.ts";

/**
 * Turns `import` declarations into `await import()`, and takes `export` away.
 *
 * @param text An input, in TypeScript.
 * @returns The same without both.
 */
export function withoutModuleSyntax(text: string): string {
  const { tokens } = tokenize(text);
  let result = "";
  let taken = 0;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    const before = tokens[index - 1]?.text;
    const next = tokens[index + 1];
    const isStart = token.depth === 0 && (before === undefined ||
      token.startsLine || before === ";" || before === "}");
    if (!isStart || next === undefined) continue;
    if (token.text === "export" && next.kind === "word") {
      result += text.slice(taken, token.start);
      taken = next.start;
    }
    if (token.text !== "import" || next.text === "(" || next.text === ".") {
      continue;
    }
    const last = tokens.findIndex((one, at) =>
      at > index && one.depth === 0 && one.kind === "string"
    );
    if (last < 0) continue;
    const hasWith = tokens[last + 1]?.text === "with";
    const close = hasWith
      ? tokens.findIndex((one, at) => at > last + 2 && one.depth === 0)
      : last;
    if (close < 0) continue;
    const options = hasWith
      ? `, { with: ${text.slice(tokens[last + 2]!.start, tokens[close]!.end)} }`
      : "";
    const load = `await import(${tokens[last]!.text}${options})`;
    result += text.slice(taken, token.start) +
      importDeclaration(tokens.slice(index + 1, last), text, load);
    taken = tokens[close]!.end;
    index = close;
  }
  return result + text.slice(taken);
}

/**
 * What stands for an import declaration.
 *
 * @param clause What is between `import` and the specifier.
 * @param text The text that the clause is of.
 * @param load The expression that imports the module.
 * @returns A declaration, or an expression, or nothing for types.
 */
export function importDeclaration(
  clause: readonly Token[],
  text: string,
  load: string,
): string {
  const [first, second] = clause;
  if (first === undefined) return load;
  if (
    first.text === "type" && second?.text !== "," && second?.text !== "from"
  ) {
    return "";
  }
  const star = clause.findIndex((token) => token.text === "*");
  if (star >= 0) {
    const all = clause[star + 2]?.text ?? "";
    const one = star > 0 ? `, { default: ${first.text} } = ${all}` : "";
    return `const ${all} = ${load}${one}`;
  }
  const open = clause.find((token) => token.text === "{");
  const close = clause.findLast((token) => token.text === "}");
  const names = open === undefined || close === undefined
    ? []
    : text.slice(open.end, close.start).split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !/^type\s/.test(name))
      .map((name) => name.replace(/\s+as\s+/, ": "));
  if (open !== first) names.unshift(`default: ${first.text}`);
  return `const { ${names.join(", ")} } = ${load}`;
}
