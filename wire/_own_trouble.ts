/**
 * What goes wrong on one's own side, and is nobody else's business.
 *
 * @module
 */

import { WireError } from "./errors.ts";

/**
 * A wire ends because something of this side's own went wrong, such as a hook
 * that threw. The peer learns that, but nothing of the text.
 */
export class OwnTrouble extends WireError {}
