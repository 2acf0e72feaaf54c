/**
 * What a certificate says of whom it was issued to, read from its bytes.
 *
 * `node:crypto` gives subject and names as texts that it has joined, and an
 * issuer who lets others choose one name lets them choose more: one that holds
 * ", DNS:admin.example" would count as two.
 *
 * @module
 */

import type { PeerCertificate } from "./transport.ts";

/** What is read of `X509Certificate`. */
interface Certificate {
  readonly raw: Uint8Array;
  readonly fingerprint256: string;
  readonly validFrom: string;
  readonly validTo: string;
}

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const OCTET_STRING = 0x04;
const BMP_STRING = 0x1e;
/** The explicit field of a certificate that holds its extensions. */
const EXTENSIONS = 0xa3;
/** The subject alternative name. */
const ALTERNATIVE_NAME = "2.5.29.17";
/** Kinds of names, by their tags; the others are left out. */
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

/** What the parts of a subject are called; the others go by their numbers. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/**
 * Reads a certificate that TLS has checked.
 *
 * @param certificate What `getPeerX509Certificate()` gives.
 * @returns What it says.
 * @throws {RangeError} For bytes that are no certificate.
 */
export function readCertificate(certificate: Certificate): PeerCertificate {
  const [outer] = partsOf(certificate.raw);
  const [signed] = partsOf(outer!.content);
  const fields = partsOf(signed!.content);
  // The version is there or not; then come number, algorithm, issuer, dates.
  const first = fields[0]!.tag === 0xa0 ? 1 : 0;
  return Object.freeze({
    subject: subjectOf(fields[first + 4]!.content),
    names: Object.freeze(namesOf(fields)),
    fingerprint: certificate.fingerprint256,
    validFrom: new Date(certificate.validFrom),
    validTo: new Date(certificate.validTo),
  });
}

/** One part of a structure in DER. */
interface Part {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The parts of a structure. */
function partsOf(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at++]!;
    let length = bytes[at++]!;
    if (length > 0x80) {
      let count = length - 0x80;
      for (length = 0; count > 0; count--) length = length * 256 + bytes[at++]!;
    }
    // Also where the bytes ended before: the length is NaN then.
    if (!(at + length <= bytes.length)) {
      throw new RangeError("The certificate is cut short.");
    }
    parts.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return parts;
}

function subjectOf(bytes: Uint8Array): PeerCertificate["subject"] {
  const subject: Record<string, string[]> = Object.create(null);
  for (const set of partsOf(bytes)) {
    for (const attribute of partsOf(set.content)) {
      const [type, value] = partsOf(attribute.content);
      const number = identifierOf(type!.content);
      (subject[ATTRIBUTES[number] ?? number] ??= []).push(textOf(value!));
    }
  }
  for (const values of Object.values(subject)) Object.freeze(values);
  return Object.freeze(subject);
}

function namesOf(fields: readonly Part[]): string[] {
  const extensions = fields.find(({ tag }) => tag === EXTENSIONS);
  if (extensions === undefined) return [];
  const [list] = partsOf(extensions.content);
  const names = partsOf(list!.content)
    .map(({ content }) => partsOf(content))
    .find(([type]) =>
      type!.tag === OBJECT_IDENTIFIER &&
      identifierOf(type!.content) === ALTERNATIVE_NAME
    )
    ?.find(({ tag }) => tag === OCTET_STRING);
  if (names === undefined) return [];
  const [sequence] = partsOf(names.content);
  if (sequence?.tag !== SEQUENCE) return [];
  return partsOf(sequence.content).flatMap((part) => nameOf(part) ?? []);
}

function nameOf(part: Part): string | undefined {
  switch (part.tag) {
    case EMAIL:
      return `email:${textOf(part)}`;
    case DNS:
      return `DNS:${textOf(part)}`;
    case URI:
      return `URI:${textOf(part)}`;
    case IP:
      return `IP:${addressOf(part.content)}`;
    default:
      return undefined;
  }
}

function textOf({ tag, content }: Part): string {
  const encoding = tag === BMP_STRING ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(content);
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    groups.push((bytes[at]! * 256 + bytes[at + 1]!).toString(16));
  }
  // As addresses are mostly written: the URL standard shortens the zeros.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** An object identifier as it is written. */
function identifierOf(bytes: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(number / 40));
      numbers.push(first, number - first * 40);
    } else numbers.push(number);
    number = 0;
  }
  return numbers.join(".");
}
