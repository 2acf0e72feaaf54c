/**
 * Making a script of an input, whose variables outlive it.
 *
 * @module
 */

import { type Token, tokenize } from "./tokens.ts";

/**
 * Makes the body of an async function of an input. What the input declares at
 * its top becomes a property of the global object; the value of its last
 * expression goes to a function.
 *
 * @param text An input in JavaScript as Deno prints it: every statement begins
 * a line, and ends in a semicolon or a block.
 * @param give The name of the function that takes the value.
 * @param declare The name of the function that is told of declared names.
 * @returns The body.
 */
export function toScript(text: string, give: string, declare: string): string {
  const statements = toStatements(tokenize(text).tokens);
  const names: string[] = [];
  const functions: string[] = [];
  const others: string[] = [];
  for (const statement of statements) {
    const [first, second] = statement;
    const last = statement.at(-1)!;
    const source = text.slice(first!.start, last.end);
    const isAsync = first!.text === "async" && second?.text === "function";
    if (first!.text === "function" || isAsync) {
      const name = statement.slice(isAsync ? 2 : 1)
        .find((token) => token.kind === "word")!;
      const start = text.slice(first!.start, name.start);
      const rest = text.slice(name.end, last.end);
      names.push(name.text);
      functions.push(`${name.text} = ${start}${rest};`);
    } else if (first!.text === "class" && second?.kind === "word") {
      names.push(second.text);
      others.push(`${second.text} = ${source};`);
    } else if (/^(?:const|let|var)$/.test(first!.text)) {
      const declarators = toDeclarators(statement.slice(1));
      others.push(`(${declarators.map((one) => assignment(one, text))});`);
      names.push(...declarators.flatMap(declaredNames));
    } else if (statement === statements.at(-1) && isExpression(statement)) {
      const end = last.text === ";" ? last.start : last.end;
      others.push(`${give}((${text.slice(first!.start, end)}\n));`);
    } else {
      others.push(source);
    }
  }
  const told = `${declare}(${JSON.stringify(names)});`;
  return [told, ...functions, ...others].join("\n");
}

/** Divides tokens where a line begins behind a semicolon or a block. */
export function toStatements(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [];
  let before: Token | undefined;
  for (const token of tokens) {
    const current = statements.at(-1);
    const goesOn = /^(?:else|catch|finally)$/.test(token.text) ||
      (token.text === "while" && current?.[0]?.text === "do" &&
        !current.some((one) => one.depth === 0 && one.text === "while"));
    const begins = token.depth === 0 && token.startsLine && !goesOn &&
      before?.depth === 0 && (before.text === ";" || before.text === "}");
    if (current === undefined || begins) statements.push([token]);
    else current.push(token);
    before = token;
  }
  return statements;
}

/** Divides what follows `const`, `let` or `var` at its commas. */
export function toDeclarators(tokens: readonly Token[]): Token[][] {
  const declarators: Token[][] = [[]];
  for (const token of tokens) {
    const isTop = token.depth === 0 && token.kind === "sign";
    if (isTop && token.text === ";") break;
    if (isTop && token.text === ",") declarators.push([]);
    else declarators.at(-1)!.push(token);
  }
  return declarators;
}

/** A declarator as an assignment. */
export function assignment(declarator: Token[], text: string): string {
  const source = text.slice(declarator[0]!.start, declarator.at(-1)!.end);
  return declarator.length === 1 ? `${source} = undefined` : source;
}

/** The names that a declarator may declare: a few too many in patterns. */
export function declaredNames(declarator: Token[]): string[] {
  const end = declarator.findIndex((token) =>
    token.depth === 0 && token.text === "="
  );
  const pattern = end < 0 ? declarator : declarator.slice(0, end);
  return pattern.filter((token) => token.kind === "word")
    .map((token) => token.text);
}

/** Whether a statement is an expression, and so has a value. */
export function isExpression(statement: readonly Token[]): boolean {
  const [first, second] = statement;
  if (first === undefined || first.text === "{" || first.text === ";") {
    return false;
  }
  if (first.kind !== "word") return true;
  const isUsing = first.text === "using" && second?.kind === "word" ||
    first.text === "await" && second?.text === "using";
  return !isUsing && second?.text !== ":" &&
    !/^(?:if|for|while|do|switch|try|throw|return|break|continue|debugger|with)$/
      .test(first.text);
}
