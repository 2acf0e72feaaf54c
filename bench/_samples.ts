/**
 * The values that are encoded and decoded, by the codec alone and in calls.
 *
 * @module
 */

/** A value with a name. */
export interface Sample {
  /** What it is. */
  readonly name: string;
  /** The value. */
  readonly value: unknown;
  /** Whether JSON can write it down; what comes back may differ. */
  readonly json: boolean;
}

/** A nested record as applications send them, about 1 KB as JSON. */
export interface UserRecord {
  /** Tells one record from another. */
  readonly id: number;
  /** When it was made: JSON makes a string of it. */
  readonly createdAt: Date;
  /** Eight objects made alike. */
  readonly items: readonly object[];
  /** The rest: strings, integers, floats, booleans, a list, an object. */
  readonly [key: string]: unknown;
}

const ITEMS = [
  "mill",
  "store",
  "barrel",
  "punched card",
  "carriage",
  "anticipating lever",
  "printing frame",
  "bell",
];

/**
 * Makes a record.
 *
 * @param id Tells one record from another.
 * @returns The record.
 */
export function userRecord(id = 1): UserRecord {
  return {
    id,
    name: "Ada Lovelace",
    email: "ada.lovelace@analytical-engine.example",
    active: true,
    score: 98.625 + id,
    createdAt: new Date(Date.UTC(2026, 9, 18, 9, 30, id)),
    roles: ["author", "reviewer", "administrator"],
    address: {
      street: "12 St James's Square",
      city: "London",
      zip: "SW1Y 4JH",
      location: { latitude: 51.50722, longitude: -0.13514 },
    },
    items: ITEMS.map((title, index) => ({
      sku: id * 100_000 + index,
      title,
      maker: `Workshop of ${title}s, Lambeth`,
      quantity: index + 1,
      price: 12.5 * index + 0.99,
      inStock: index % 3 !== 0,
    })),
    notes: "A method for computing Bernoulli numbers with the engine, " +
      "with a table of its operations in the order in which they are done.",
  };
}

/** The values. */
export const SAMPLES: readonly Sample[] = [
  { name: "1 KB record", value: userRecord(), json: true },
  {
    name: "1,000 int32",
    value: Array.from(
      { length: 1_000 },
      (_, index) => Math.imul(index, 2654435761) | 0,
    ),
    json: true,
  },
  {
    name: "Map of 100 strings",
    value: new Map(
      Array.from({ length: 100 }, (_, at) => [`key-${at}`, `value of ${at}`]),
    ),
    json: false,
  },
  {
    name: "10,000 short strings",
    value: Array.from({ length: 10_000 }, (_, at) => `string ${at}`),
    json: true,
  },
];
