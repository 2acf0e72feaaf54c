/**
 * The bytes with which values begin; `docs/protocol.md` describes each.
 *
 * @module
 */

/** The first byte of each value that is no small integer, text or list. */
export const TAG = {
  text: 0x80, // and 31 more: the length in UTF-8
  list: 0xa0, // and 15 more: the count
  object: 0xb0, // and 15 more: the index of the key set
  null: 0xc0,
  undefined: 0xc1,
  false: 0xc2,
  true: 0xc3,
  uint8: 0xc4,
  uint16: 0xc5,
  uint32: 0xc6,
  int16: 0xc7,
  int32: 0xc8,
  float32: 0xc9,
  float64: 0xca,
  positiveBigint: 0xcb,
  negativeBigint: 0xcc,
  longText: 0xcd,
  bytes: 0xce,
  view: 0xcf,
  date: 0xd0,
  longList: 0xd1,
  anyObject: 0xd2,
  dictionary: 0xd3,
  map: 0xd4,
  set: 0xd5,
  error: 0xd6,
  reference: 0xd7,
  own: 0xd8,
  stream: 0xd9,
  result: 0xda,
  time: 0xdb,
  negative: 0xe0, // −32 to −1 are 0xe0 to 0xff
} as const;

/** Which parts of an error follow its name and message. */
export const ERROR_PART = { stack: 1, cause: 2, errors: 4, data: 8 } as const;
