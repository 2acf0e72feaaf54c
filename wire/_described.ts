/**
 * What a served function tells of itself.
 *
 * @module
 */

import { keyOf } from "./_brand.ts";

/** What is known of a served function, as plain data. */
export interface FunctionDescription {
  /** Its name. */
  name: string;
  /** How many arguments it has, further ones not counted. */
  arity: number;
  /** What it is good for. */
  doc?: string;
  /** What its contract says, where it has one. */
  contract?: DescribedContract;
}

/** JSON Schemas of what a function takes and gives; null where unknown. */
export interface DescribedContract {
  /** Of each argument. */
  args: (object | null)[];
  /** Of every further argument; absent where there may be none. */
  rest?: object | null;
  /** Of the result, or of the first of several. */
  result: object | null;
  /** The names of the errors that it declares. */
  errors: string[];
}

/** The property of a served function that holds its description. */
export const DESCRIBED: unique symbol = Symbol.for(
  keyOf("described"),
);
