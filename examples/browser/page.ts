/**
 * The page: shows the board, and what others do on it.
 *
 * @module
 */

import { keepConnected } from "../../wire/reconnect/keep_connected.ts";
import { makeRemoteObject, type Wire } from "../../wire/mod.ts";
import { connectWebSocket } from "../../transports/websocket.ts";
import type { Board, Change, Ears, Note, Point, Visitor } from "./protocol.ts";

/** A note, and what is known of it. */
interface Shown {
  readonly note: Note;
  readonly element: HTMLElement;
  /** The last version that the server is known to have. */
  version: number;
  /** A change of this page is on its way. */
  isSending: boolean;
  /** There was another one meanwhile. */
  isChanged: boolean;
  isRemoved: boolean;
  /** What the server told meanwhile. */
  news?: Change;
}

const ANIMALS = ["Badger", "Crane", "Fox", "Heron", "Lynx", "Otter", "Wren"];
/** The visitor's name: what the address says behind #, or an animal. */
const name = decodeURIComponent(location.hash.slice(1)).slice(0, 20) ||
  ANIMALS[Math.floor(Math.random() * ANIMALS.length)]!;
/** The colour of the visitor's notes, which follows from the name. */
const hue = [...name].reduce(
  (sum, char) => (sum * 31 + char.codePointAt(0)! * 137) % 360,
  0,
);

const board = part(document, "#board");
const state = part(document, "#state");
const notes = new Map<string, Shown>();
const pointers = new Map<number, HTMLElement>();
let visitors: readonly Visitor[] = [];
/** Why the last change was refused. */
let trouble = "";

const kept = keepConnected<Board>(
  (signal) =>
    connectWebSocket(new URL("wire", location.href.replace(/^http/, "ws")), {
      signal,
    }),
  {
    onConnected: join,
    onLost: () => ears.visitors([], 0),
    // Both may be done twice: a call that may have been lost is repeated.
    idempotent: ["put", "remove"],
    backoff: { most: 4_000 },
  },
);

/** Each wire begins with this; calls that wait are sent afterwards. */
async function join(wire: Wire<Board>): Promise<void> {
  await wire.remoteValue.join(name, hue, makeRemoteObject<Ears>(ears));
  const changes = await wire.remoteValue.follow();
  // What fails here ends the wire, and the next one begins anew.
  follow(changes).catch((error) => wire.abort(error));
}

async function follow(changes: AsyncIterable<Change[]>): Promise<void> {
  let isFirst = true;
  for await (const batch of changes) {
    if (isFirst) {
      const ids = new Set(batch.map(({ id }) => id));
      for (const [id, shown] of notes) {
        // What a wire before this one told.
        delete shown.news;
        // What others removed while there was no wire.
        if (!ids.has(id) && !shown.isSending) drop(shown);
      }
    }
    isFirst = false;
    batch.forEach(take);
  }
}

/** Takes a change that the server tells of. */
function take(change: Change): void {
  const shown = notes.get(change.id);
  if (shown?.isSending) {
    // It may be older than what is on its way.
    shown.news = change;
  } else if (change.isGone) {
    if (shown !== undefined) drop(shown);
  } else if (!shown?.isRemoved) {
    const { version, isGone: _, ...note } = change;
    const known = shown ?? make(note);
    known.version = version;
    Object.assign(known.note, note);
    render(known);
  }
}

/** Sends a note as it is now; one call at a time. */
async function send(shown: Shown): Promise<void> {
  shown.isChanged = true;
  if (shown.isSending) return;
  shown.isSending = true;
  shown.element.ariaBusy = "true";
  trouble = "";
  try {
    while (shown.isChanged) {
      shown.isChanged = false;
      shown.version = shown.isRemoved
        ? await kept.remoteValue.remove(shown.note.id)
        : await kept.remoteValue.put({ ...shown.note });
    }
  } catch (error) {
    trouble = messageOf(error);
    // What the server has is shown again.
    shown.version = 0;
    shown.isRemoved = false;
  }
  shown.isSending = false;
  shown.element.ariaBusy = "false";
  const { news } = shown;
  delete shown.news;
  if (news !== undefined && news.version >= shown.version) take(news);
}

const ears: Ears = {
  visitors(all, own) {
    visitors = all;
    const list = all.map(({ id, name, hue }) => {
      const item = document.createElement("li");
      item.textContent = [...name][0] ?? "";
      item.title = id === own ? `${name} (you)` : name;
      item.style.setProperty("--hue", `${hue}`);
      return item;
    });
    part(document, "#visitors").replaceChildren(...list);
    part(document, "#hint").hidden = all.length !== 1;
    for (const [id, pointer] of pointers) {
      if (all.some((visitor) => visitor.id === id)) continue;
      pointer.remove();
      pointers.delete(id);
    }
  },
  pointed(points) {
    points.forEach(showPointer);
  },
};

function showPointer({ id, x, y }: Point): void {
  const visitor = visitors.find((each) => each.id === id);
  if (visitor === undefined) return;
  let pointer = pointers.get(id);
  if (pointer === undefined) {
    pointer = copyOf("#pointer");
    part(pointer, "span").textContent = visitor.name;
    pointer.style.setProperty("--hue", `${visitor.hue}`);
    pointers.set(id, pointer);
    board.append(pointer);
  }
  place(pointer, x, y);
}

/** Makes a note that is not there yet. */
function make(note: Note): Shown {
  const element = copyOf("#note");
  const shown: Shown = {
    note,
    element,
    version: 0,
    isSending: false,
    isChanged: false,
    isRemoved: false,
  };
  notes.set(note.id, shown);
  board.append(element);
  const text = part<HTMLTextAreaElement>(element, "textarea");
  text.addEventListener("input", () => change(shown, { text: text.value }));
  part(element, ".remove").addEventListener("click", () => {
    shown.isRemoved = true;
    render(shown);
    send(shown);
  });
  part(element, "img").addEventListener("load", ({ target }) => {
    URL.revokeObjectURL((target as HTMLImageElement).src);
  });
  moveBy(part(element, ".grip"), shown);
  return shown;
}

/** Changes a note here, and everywhere. */
function change(shown: Shown, changes: Partial<Note>): void {
  Object.assign(shown.note, changes);
  render(shown);
  send(shown);
}

function render(shown: Shown): void {
  const { note, element, isRemoved } = shown;
  element.hidden = isRemoved;
  element.style.setProperty("--hue", `${note.hue}`);
  place(element, note.x, note.y);
  const text = part<HTMLTextAreaElement>(element, "textarea");
  if (text.value !== note.text) {
    const { selectionStart, selectionEnd } = text;
    text.value = note.text;
    if (text === document.activeElement) {
      text.setSelectionRange(selectionStart, selectionEnd);
    }
  }
  const image = part<HTMLImageElement>(element, "img");
  if (note.picture !== undefined && image.hidden) {
    showPicture(note, image).catch(() => image.hidden = true);
  }
}

/** Loads a picture: it comes as a stream. */
async function showPicture(note: Note, image: HTMLImageElement): Promise<void> {
  image.hidden = false;
  const { readable } = await kept.remoteValue.picture(note.id);
  const blob = await new Response(readable).blob();
  image.src = URL.createObjectURL(blob.slice(0, blob.size, note.picture));
}

function drop({ note, element }: Shown): void {
  notes.delete(note.id);
  element.remove();
}

/** Lets the pointer and the arrow keys move a note. */
function moveBy(grip: HTMLElement, shown: Shown): void {
  const { note, element } = shown;
  const move = (right: number, down: number) =>
    change(shown, {
      x: within(note.x + right / (board.clientWidth - element.offsetWidth)),
      y: within(note.y + down / (board.clientHeight - element.offsetHeight)),
    });
  let last = { clientX: 0, clientY: 0 };
  grip.addEventListener("pointerdown", (event) => {
    // On top of the others. What is moved in the page captures nothing.
    board.append(element);
    grip.setPointerCapture(event.pointerId);
    last = event;
  });
  grip.addEventListener("pointermove", (event) => {
    if (!grip.hasPointerCapture(event.pointerId)) return;
    move(event.clientX - last.clientX, event.clientY - last.clientY);
    last = event;
  });
  grip.addEventListener("keydown", (event) => {
    const step = {
      ArrowLeft: [-16, 0],
      ArrowRight: [16, 0],
      ArrowUp: [0, -16],
      ArrowDown: [0, 16],
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(step[0]!, step[1]!);
  });
}

/** A note of this visitor's, somewhere in the middle. */
function newNote(): Note {
  const somewhere = () => 0.15 + Math.random() * 0.7;
  const [x, y] = [somewhere(), somewhere()];
  return { id: crypto.randomUUID(), x, y, hue, text: "" };
}

/** Uploads a picture, and shows how far that is. */
function upload(file: File): void {
  const row = copyOf("#upload");
  const progress = part<HTMLProgressElement>(row, "progress");
  const told = part(row, ".progress-text");
  const again = part(row, ".again");
  const note = {
    ...newNote(),
    text: file.name.slice(0, 100),
    picture: file.type,
  };
  let controller: AbortController;
  const run = async () => {
    controller = new AbortController();
    again.hidden = true;
    progress.value = 0;
    told.textContent = "waits";
    try {
      const { remoteValue } = kept.with({ signal: controller.signal });
      await remoteValue.upload(note, file.stream(), (count) => {
        progress.value = count;
        told.textContent = `${Math.floor(100 * count / file.size)} %`;
      });
      row.remove();
    } catch (error) {
      told.textContent = messageOf(error);
      again.hidden = false;
    }
  };
  part(row, ".name").textContent = file.name;
  progress.max = file.size;
  again.addEventListener("click", run);
  part(row, ".cancel").addEventListener("click", () => {
    controller.abort();
    row.remove();
  });
  part(document, "#uploads").append(row);
  run();
}

part(document, "#add").addEventListener("click", () => {
  const shown = make(newNote());
  render(shown);
  send(shown);
  part(shown.element, "textarea").focus();
});

part(document, "#file").addEventListener("change", ({ target }) => {
  const input = target as HTMLInputElement;
  for (const file of input.files ?? []) upload(file);
  input.value = "";
});

board.addEventListener("dragover", (event) => event.preventDefault());
board.addEventListener("drop", (event) => {
  event.preventDefault();
  for (const file of event.dataTransfer?.files ?? []) upload(file);
});

board.addEventListener("pointermove", ({ clientX, clientY }) => {
  const { left, top, width, height } = board.getBoundingClientRect();
  // Over the present wire: where one pointed a while ago is of no interest.
  kept.wire?.remote.point(
    within((clientX - left) / width),
    within((clientY - top) / height),
  );
});

/** Says how things are. */
function showState(): void {
  const unsent = [...notes.values()].filter(({ isSending }) => isSending);
  const text = kept.state === "connected"
    ? trouble || `Live, ${visitors.length} here`
    : kept.state === "closed"
    ? `Closed: ${kept.ended?.message}`
    : `Reconnecting …${unsent.length > 0 ? ` ${unsent.length} unsent` : ""}`;
  state.dataset.state = kept.state;
  if (state.textContent !== text) state.textContent = text;
}
setInterval(showState, 200);

/** Where something is, as fractions of the board. */
function place(element: HTMLElement, x: number, y: number): void {
  element.style.setProperty("--x", `${x}`);
  element.style.setProperty("--y", `${y}`);
}

/** From 0 to 1; where there is no room, 0. */
function within(fraction: number): number {
  return Math.min(1, Math.max(0, fraction || 0));
}

/** A copy of what a template holds. */
function copyOf(template: string): HTMLElement {
  const { content } = part<HTMLTemplateElement>(document, template);
  return content.firstElementChild!.cloneNode(true) as HTMLElement;
}

function part<T extends HTMLElement>(within: ParentNode, selector: string): T {
  return within.querySelector<T>(selector)!;
}

function messageOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === "connectionLost") return "The connection was lost.";
  return error instanceof Error ? error.message : String(error);
}
