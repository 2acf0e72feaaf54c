/**
 * Elements, and figures as text. What came over a wire becomes text, and never
 * markup.
 *
 * @module
 */

import type { Way } from "../_inspection.ts";

/** An element of the page that is there. */
export function part<T extends Element = HTMLElement>(
  selector: string,
  within: ParentNode = document,
): T {
  return within.querySelector<T>(selector)!;
}

/**
 * Makes an element.
 *
 * @param tag What it is.
 * @param className Its class; empty for none.
 * @param content Text, or elements.
 */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...content: (string | Node)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...content);
  return element;
}

/** Changes a text where it is another. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** An arrow that says where something goes. */
export function arrowOf(way: Way): HTMLElement {
  const arrow = make("span", `arrow ${way}`, way === "to-server" ? "→" : "←");
  arrow.title = way === "to-server" ? "to the server" : "to the client";
  return arrow;
}

/** A time of day. */
export function clock(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const rest = String(date.getMilliseconds()).padStart(3, "0");
  return `${day.map(two).join(":")}.${rest}`;
}

/** A length of time, in milliseconds, in three digits. */
export function duration(time: number): string {
  if (time < 1_000) {
    const digits = time < 10 ? 2 : time < 100 ? 1 : 0;
    return `${time.toFixed(digits)} ms`;
  }
  const seconds = time / 1_000;
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A number of bytes. */
export function bytes(size: number): string {
  if (size < 10_000) return `${size} B`;
  const kib = size / 1024;
  return kib < 10_000
    ? `${Math.round(kib)} KiB`
    : `${Math.round(kib / 1024)} MiB`;
}

/** A number, with marks between its thousands. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** A number of things. */
export function counted(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? "" : "s"}`;
}
