/**
 * Text from elsewhere, fit to be shown.
 *
 * @module
 */

/**
 * Makes text from elsewhere fit to be shown: control characters might move the
 * cursor, or worse.
 *
 * @param text The text.
 * @returns The text without them.
 */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ");
}

/** What an error says, for people. */
export function errorText(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error));
}
