/**
 * The values that the codec benchmarks encode and decode.
 *
 * @module
 */

/** A value with a name. */
export interface Sample {
  /** What it is. */
  readonly name: string;
  /** The value. */
  readonly value: unknown;
  /** Whether JSON brings it back as it was. */
  readonly json: boolean;
}

/**
 * A nested record as applications send them, about 1 KB as JSON.
 *
 * @param id Tells one record from another.
 * @returns The record.
 */
export function userRecord(id = 1): Record<string, unknown> {
  return {
    id,
    name: "Ada Lovelace",
    email: "ada.lovelace@analytical-engine.example",
    active: true,
    score: 98.625,
    createdAt: "1843-10-18T09:30:00.000Z",
    roles: ["author", "reviewer", "administrator"],
    address: {
      street: "12 St James's Square",
      city: "London",
      zip: "SW1Y 4JH",
      country: "GB",
      location: { latitude: 51.50722, longitude: -0.13514 },
    },
    settings: { theme: "dark", language: "en-GB", pageSize: 50, beta: false },
    projects: ["engine", "notes", "flyer"].map((name, index) => ({
      id: id * 100 + index,
      name,
      title: `The ${name} that was planned, described and half built`,
      stars: 1_000 * index + 7,
      archived: index === 2,
      tags: ["mathematics", "computing", "history"],
      owner: { id, name: "Ada Lovelace" },
    })),
    notes: "A method for computing Bernoulli numbers with the engine.",
  };
}

/** The values. */
export const SAMPLES: readonly Sample[] = [
  { name: "1 KB user record", value: userRecord(), json: true },
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
