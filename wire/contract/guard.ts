/**
 * Served functions behind their contract: what does not fit never reaches
 * them.
 *
 * @module
 */

import { CallContext } from "../rpc/context.ts";
import { Unfit, WireError } from "../base/errors.ts";
import { DESCRIBED } from "../rpc/introspection.ts";
import { flattened, isNamespace } from "../rpc/served.ts";
import type { Signature, Signatures } from "./_signature.ts";
import { type Checked, checkValues, issuesText } from "./standard_schema.ts";

type Served = (this: unknown, ...args: unknown[]) => unknown;

/** Functions and namespaces of them, those of a contract behind it. */
interface Guarded {
  [name: string]: Served | Guarded;
}

/**
 * Puts functions behind the contract.
 *
 * @param functions What implements it: own enumerable properties.
 * @param signatures The contract.
 * @returns The guarded functions. One that is guarded already stays as it is.
 * @throws {WireError} `invalidArgument` when there is one too few or too many.
 */
export function implemented(
  functions: object,
  signatures: Signatures,
): Guarded {
  const names = flattened(functions);
  for (const name of signatures.keys()) {
    if (names.has(name)) continue;
    throw new WireError(
      "invalidArgument",
      `The contract has the function "${name}", and the implementation lacks it. It takes an object whose own properties are functions; the methods of a class are inherited.`,
    );
  }
  const stranger = [...names.keys()].find((name) => !signatures.has(name));
  if (stranger !== undefined) {
    throw new WireError(
      "invalidArgument",
      `The implementation has the function "${stranger}", which is not in the contract. Serve it by itself, or add it there.`,
    );
  }
  return guarded(functions, signatures);
}

/**
 * Puts those of some functions behind a contract that it knows.
 *
 * @param functions Functions to serve, and namespaces of them.
 * @param signatures The contract.
 * @param prefix What their names begin with.
 * @returns All of them, guarded or as they are.
 * @throws {WireError} `invalidArgument` for what is no function.
 */
export function guarded(
  functions: object,
  signatures: Signatures,
  prefix = "",
): Guarded {
  const result: Guarded = Object.create(null);
  for (const [key, served] of Object.entries(functions)) {
    const name = prefix + key;
    const signature = signatures.get(name);
    result[key] = isNamespace(served)
      ? guarded(served, signatures, `${name}.`)
      : signature === undefined
      ? served
      : guard(signature, served);
  }
  return result;
}

function guard(signature: Signature, served: unknown): Served {
  if (typeof served !== "function") {
    throw new WireError(
      "invalidArgument",
      `The contract's "${signature.name}" is implemented by something that is not a function.`,
    );
  }
  const { [DESCRIBED]: described } = served as { [DESCRIBED]?: object };
  if (described === signature.description) return served as Served;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const checked = checkArguments(signature, args);
    return checked instanceof Promise
      ? checked.then((checked) => {
        // Its caller may be gone by now.
        if (this instanceof CallContext && this.signal.aborted) {
          const { code, message } = this.signal.reason as WireError;
          throw new Unfit(code, message);
        }
        return Reflect.apply(served, this, accepted(signature, checked));
      })
      : Reflect.apply(served, this, accepted(signature, checked));
  };
  return Object.defineProperty(wrapper, DESCRIBED, {
    get: () => signature.description,
  });
}

function checkArguments(
  { name, args: schemas, rest }: Signature,
  args: unknown[],
): Checked | Promise<Checked> {
  const further = args.length - schemas.length;
  if (further <= 0) return checkValues(schemas, args);
  if (rest === undefined) {
    throw new Unfit(
      "invalidArgument",
      `The call of "${name}" was refused: it takes ${schemas.length} arguments, and ${args.length} came.`,
    );
  }
  const all = [...schemas, ...Array.from({ length: further }, () => rest)];
  return checkValues(all, args);
}

/** What the schemas made of the arguments, if they let them pass. */
function accepted(
  { name }: Signature,
  { values, issues, trouble }: Checked,
): unknown[] {
  if (issues.length === 0) return values;
  const unfit = new Unfit(
    "invalidArgument",
    `The call of "${name}" was refused: ${issuesText("argument", issues)}.`,
    { cause: issues },
  );
  unfit.trouble = trouble;
  throw unfit;
}
