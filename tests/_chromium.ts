/**
 * A real browser without a window, driven over the Chrome DevTools Protocol.
 *
 * @module
 */

/** A browser; `await using` ends it. */
export interface Chromium extends AsyncDisposable {
  /** Opens a page in a tab of its own. */
  open(url: string): Promise<Tab>;
}

/** A tab. */
export interface Tab {
  /** What the page printed, its errors, and what its policy forbade. */
  readonly printed: readonly string[];
  /** Calls a method of the protocol. */
  send(method: string, params?: object): Promise<Record<string, unknown>>;
  /** The value of an expression; of a promise, what it resolves to. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true; it is looked at again and again. */
  until(expression: string): Promise<void>;
  /** Clicks on the middle of an element. */
  click(selector: string): Promise<void>;
  /** Presses the mouse on an element, moves it by so much, and lets go. */
  drag(selector: string, right: number, down: number): Promise<void>;
}

/** What comes of the browser. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, never>;
  readonly result?: Record<string, never>;
  readonly error?: { readonly message: string };
}

type Send = (
  method: string,
  params?: object,
  sessionId?: string,
) => Promise<Record<string, unknown>>;

/** How long a page may take to get where it is waited for, in milliseconds. */
const PATIENCE = 120_000;

/** Starts Chromium, with a profile of its own. */
export async function startChromium(): Promise<Chromium> {
  const profile = await Deno.makeTempDir({ prefix: "wire-chromium-" });
  const child = new Deno.Command("chromium", {
    args: [
      "--headless",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      // Its sandbox cannot be had as root, nor in many containers.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "about:blank",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const found = Promise.withResolvers<string>();
  const reading = (async () => {
    let text = "";
    for await (
      const part of child.stderr.pipeThrough(new TextDecoderStream())
    ) {
      text += part;
      const url = /DevTools listening on (\S+)\s/.exec(text)?.[1];
      if (url !== undefined) found.resolve(url);
    }
    found.reject(new Error(`Chromium did not start: ${text}`));
  })();
  const end = async () => {
    await Promise.all([child.status, reading]);
    await Deno.remove(profile, { recursive: true });
  };
  found.promise.catch(end);
  const socket = new WebSocket(await found.promise);
  const hasClosed = new Promise((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onopen = resolve);
  const tabs = new Map<string, (message: Message) => void>();
  const send = sender(socket, tabs);
  return {
    async open(url) {
      const { targetId } = await send("Target.createTarget", {
        url: "about:blank",
      });
      const { sessionId } = await send("Target.attachToTarget", {
        targetId,
        flatten: true,
      });
      const printed: string[] = [];
      const session = String(sessionId);
      tabs.set(session, (message) => note(message, printed));
      const tab = tabOf(
        (method, params) => send(method, params, session),
        printed,
      );
      for (const domain of ["Runtime", "Log", "Page"]) {
        await tab.send(`${domain}.enable`);
      }
      await tab.send("Page.navigate", { url });
      await tab.until(
        `document.readyState === "complete" && location.href !== "about:blank"`,
      );
      return tab;
    },
    async [Symbol.asyncDispose]() {
      await send("Browser.close");
      await hasClosed;
      await end();
    },
  };
}

/** Matches answers with calls; events go to their tab. */
function sender(
  socket: WebSocket,
  tabs: Map<string, (message: Message) => void>,
): Send {
  const calls = new Map<
    number,
    PromiseWithResolvers<Record<string, unknown>>
  >();
  let last = 0;
  socket.onmessage = ({ data }) => {
    const message: Message = JSON.parse(data);
    const { id, result, error } = message;
    if (id === undefined) return tabs.get(message.sessionId ?? "")?.(message);
    const call = calls.get(id);
    calls.delete(id);
    if (error === undefined) call?.resolve(result ?? {});
    else call?.reject(new Error(error.message));
  };
  return (method, params = {}, sessionId) => {
    const id = ++last;
    const call = Promise.withResolvers<Record<string, unknown>>();
    calls.set(id, call);
    socket.send(JSON.stringify({ id, method, params, sessionId }));
    return call.promise;
  };
}

/** Notes what a page prints. */
function note({ method, params }: Message, printed: string[]): void {
  if (
    method === "Runtime.consoleAPICalled" ||
    method === "Runtime.exceptionThrown" || method === "Log.entryAdded"
  ) printed.push(JSON.stringify(params));
}

function tabOf(send: Tab["send"], printed: string[]): Tab {
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      allowUnsafeEvalBlockedByCSP: false,
      userGesture: true,
    });
    if (exceptionDetails === undefined) {
      return (result as { value: unknown }).value;
    }
    throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
  };
  const until = async (expression: string) => {
    const begin = Date.now();
    while (!await evaluate(expression)) {
      if (Date.now() - begin > PATIENCE) {
        const text = await evaluate("document.body.innerText");
        throw new Error(`Never ${expression}: ${text} ${printed.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const drag = async (selector: string, right: number, down: number) => {
    await send("Page.bringToFront");
    const [x, y] = await evaluate(`(() => {
      const { x, y, width, height } = document.querySelector(${
      JSON.stringify(selector)
    }).getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    })()`) as [number, number];
    const mouse = (type: string, x: number, y: number) =>
      send("Input.dispatchMouseEvent", {
        ...{ type, x, y, button: "left", buttons: 1, clickCount: 1 },
      });
    await mouse("mousePressed", x, y);
    if (right !== 0 || down !== 0) {
      await mouse("mouseMoved", x + right, y + down);
    }
    await mouse("mouseReleased", x + right, y + down);
  };
  return {
    printed,
    send,
    evaluate,
    until,
    click: (selector) => drag(selector, 0, 0),
    drag,
  };
}
