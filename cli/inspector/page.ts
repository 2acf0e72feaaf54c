/**
 * The page of the inspector: follows what its server tells, and shows it.
 *
 * @module
 */

import { connectWebSocket } from "../../transports/websocket.ts";
import type { Wire } from "../../wire/mod.ts";
import type { About, Inspection, MessageRow } from "../_inspection.ts";
import { Detail } from "./detail.ts";
import { count, counted, make, part, write } from "./dom.ts";
import { Filter } from "./filter.ts";
import { CallList, MessageList } from "./lists.ts";
import { type Call, Model } from "./model.ts";
import { showFunctions, showWires } from "./states.ts";

/** Ages are shown anew after so many milliseconds. */
const TICK = 500;
/** News may be so large. */
const LARGEST = 4 * 1024 * 1024;

const VIEWS = ["calls", "messages", "functions", "wires"] as const;
type View = typeof VIEWS[number];

/** The page. */
class Page {
  readonly #model = new Model();
  readonly #calls = new CallList();
  readonly #messages = new MessageList();
  readonly #detail: Detail;
  readonly #wire: Wire<Inspection>;
  readonly #about: About;
  #view: View = "calls";
  #filter = new Filter();
  #chosen: number | undefined;
  /** Resolves when it goes on; undefined while nothing is paused. */
  #pause: PromiseWithResolvers<void> | undefined;
  /** How far the server's clock is ahead. */
  #ahead = 0;
  #hasEnded = false;
  #isDrawing = false;

  constructor(wire: Wire<Inspection>, about: About) {
    this.#wire = wire;
    this.#about = about;
    this.#detail = new Detail(
      this.#model,
      (number) => wire.remoteValue.message(number).catch(() => undefined),
    );
    const { source, target, isRecording } = about;
    part("#where").textContent = isRecording
      ? `${source}, recorded of ${target}`
      : `${source} → ${target}`;
    this.#listen();
    this.#show("calls");
    this.#say();
  }

  /** Shows what comes, until the wire ends. */
  async follow(): Promise<void> {
    const timer = setInterval(() => {
      // Ages go on; those of a recording do not.
      if (this.#pause !== undefined || this.#about.isRecording) return;
      this.#model.time = Date.now() + this.#ahead;
      this.#draw();
    }, TICK);
    try {
      for await (const news of await this.#wire.remoteValue.follow()) {
        // While it waits, nothing is read, and the server keeps the last.
        await this.#pause?.promise;
        this.#ahead = news.time - Date.now();
        this.#model.take(news);
        if (this.#about.isRecording) this.#stopClock();
        this.#draw();
      }
    } finally {
      clearInterval(timer);
      this.#hasEnded = true;
      this.#say();
    }
  }

  /** The time of a recording is that of its last message. */
  #stopClock(): void {
    const { messages, wires } = this.#model;
    const ends = [...wires.values()].map(({ closed = 0 }) => closed);
    this.#model.time = Math.max(messages.at(-1)?.time ?? 0, ...ends);
  }

  #listen(): void {
    for (const view of VIEWS) {
      const tab = part(`#tab-${view}`);
      tab.addEventListener("click", () => this.#show(view));
      tab.addEventListener("keydown", ({ key }) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
        if (step === undefined) return;
        const next = VIEWS.at((VIEWS.indexOf(view) + step) % VIEWS.length)!;
        this.#show(next);
        part(`#tab-${next}`).focus();
      });
    }
    const form = part("#filter");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      this.#filter = new Filter();
      this.#draw();
    });
    part("#pause").addEventListener("click", () => {
      if (this.#pause === undefined) this.#pause = Promise.withResolvers();
      else {
        this.#pause.resolve();
        this.#pause = undefined;
      }
      const button = part("#pause");
      button.ariaPressed = String(this.#pause !== undefined);
      button.textContent = this.#pause === undefined ? "Pause" : "Go on";
      this.#say();
    });
    part("#close").addEventListener("click", () => this.#unchoose());
    addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.#unchoose();
    });
  }

  #unchoose(): void {
    this.#chosen = undefined;
    this.#detail.close();
    this.#draw();
  }

  #show(view: View): void {
    this.#view = view;
    for (const each of VIEWS) {
      const isShown = each === view;
      part(`#${each}`).hidden = !isShown;
      const tab = part(`#tab-${each}`);
      tab.ariaSelected = String(isShown);
      tab.tabIndex = isShown ? 0 : -1;
    }
    this.#draw();
  }

  /** Draws with the next frame. */
  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#drawNow();
    });
  }

  #drawNow(): void {
    const model = this.#model;
    const filter = this.#filter;
    const choice = {
      filter,
      chosen: this.#chosen,
      choose: (what: Call | MessageRow) => {
        this.#chosen = what.number;
        this.#detail.show(what);
        this.#draw();
      },
    };
    switch (this.#view) {
      case "calls":
        this.#calls.show(model, choice);
        break;
      case "messages":
        this.#messages.show(model, choice);
        break;
      case "functions":
        showFunctions(model, filter);
        break;
      case "wires":
        showWires(model, filter);
        break;
    }
    for (const view of VIEWS) {
      const { [view]: all } = model;
      const number = "size" in all ? all.size : all.length;
      write(part(`#tab-${view} .count`), count(number));
    }
    fill("#kinds", [...model.kinds].sort(), (kind) => kind);
    fill("#wire", [...model.wires.keys()], (wire) => `Wire ${wire}`);
    this.#detail.update();
    this.#notice();
  }

  /** Says what does not show. */
  #notice(): void {
    const { skipped, missed } = this.#model;
    const parts: string[] = [];
    if (skipped > 0) {
      parts.push(
        `${
          counted(skipped, "message")
        } came too fast to show; functions and wires count them.`,
      );
    }
    if (missed > 0) {
      parts.push(
        `${
          counted(missed, "message")
        } were forgotten before this page could show them.`,
      );
    }
    const notice = part("#notice");
    notice.hidden = parts.length === 0;
    write(notice, parts.join(" "));
  }

  #say(): void {
    const isPaused = this.#pause !== undefined;
    const [state, text] = this.#hasEnded
      ? ["ended", "Ended: the inspector has stopped"]
      : isPaused
      ? ["paused", "Paused"]
      : this.#about.isRecording
      ? ["recording", "Recording"]
      : ["live", "Live"];
    part("#state").dataset.state = state;
    write(part("#state"), text!);
    // There is nothing to stop.
    part("#pause").hidden = this.#hasEnded || this.#about.isRecording;
  }
}

/** Offers what there is to choose; what is chosen stays so. */
function fill<T extends string | number>(
  selector: string,
  values: readonly T[],
  text: (value: T) => string,
): void {
  const list = part(selector);
  const wanted = new Map(values.map((value) => [String(value), value]));
  for (const option of list.querySelectorAll("option")) {
    const isThere = wanted.delete(option.value);
    // The first one is for all.
    if (!isThere && !option.selected && option.value !== "") option.remove();
  }
  for (const [key, value] of wanted) {
    const option = make("option", "", text(value));
    option.value = key;
    list.append(option);
  }
}

/** Connects with the secret that the address has behind #. */
async function start(): Promise<void> {
  const credential = location.hash.slice(1);
  if (credential === "") {
    throw new Error("Open the address as the command printed it, with its #.");
  }
  const url = new URL("wire", location.href.replace(/^http/, "ws"));
  url.hash = "";
  const wire = await connectWebSocket<Inspection>(url, {
    credential,
    limits: { streamWindow: LARGEST },
  });
  const about = await wire.remoteValue.about();
  await new Page(wire, about).follow();
}

start().catch((error) => {
  part("#state").dataset.state = "ended";
  // One that was connected says so itself.
  if (part("#where").textContent !== "") return;
  const { code, message } = error as { code?: string; message: string };
  part("#state").textContent = "Not connected";
  part("#where").textContent = code === undefined
    ? message
    : `${code}: ${message}`;
  part("#where").title = message;
});
