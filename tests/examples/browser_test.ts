/**
 * The board in a real browser. Without Chromium its tests are skipped, and say
 * so; CI installs it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { startChromium, type Tab } from "../_chromium.ts";
import { mayTestWith } from "../_programs.ts";
import { test } from "../_test.ts";
import {
  EXAMPLES,
  type RunningServer,
  startServer,
  withFolder,
} from "./_run.ts";

const hasChromium = await mayTestWith("chromium", ["--version"]);
const testWithChromium = hasChromium ? test : Deno.test.ignore;

/** One transparent pixel. */
const PIXEL = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

/** Starts the board's server. */
function serve(folder: string, ...args: string[]): Promise<RunningServer> {
  return startServer(
    ...["--allow-net", "--allow-read", "--allow-write", "--allow-run"],
    ...[`${EXAMPLES}/browser/server.ts`, "--folder", `${folder}/board`],
    ...args,
  );
}

/** Opens the board in two tabs, and waits until each knows of the other. */
async function withTabs(
  port: number,
  work: (ada: Tab, bert: Tab) => Promise<void>,
): Promise<void> {
  await using chromium = await startChromium();
  const url = `http://127.0.0.1:${port}/`;
  const ada = await chromium.open(`${url}#Ada`);
  const bert = await chromium.open(`${url}#Bert`);
  for (const tab of [ada, bert]) await tab.until(LIVE);
  await work(ada, bert);
}

const STATE = `document.querySelector("#state").textContent`;
const LIVE = `${STATE} === "Live, 2 here"`;
/** Whether the server has answered for all notes. */
const SENT = `document.querySelector('[aria-busy="true"]') === null`;
/** The texts of the notes, in order. */
const TEXTS = `[...document.querySelectorAll(".note:not([hidden]) textarea")]
  .map(({ value }) => value).sort().join()`;

/** Adds a note with a text. */
async function add(tab: Tab, text: string): Promise<void> {
  await tab.click("#add");
  await tab.send("Input.insertText", { text });
}

/** Chooses a file to upload. */
async function choose(tab: Tab, path: string): Promise<void> {
  const { result } = await tab.send("Runtime.evaluate", {
    expression: `document.querySelector("#file")`,
  });
  const { objectId } = result as { objectId: string };
  await tab.send("DOM.setFileInputFiles", { objectId, files: [path] });
}

testWithChromium(
  "examples/browser shows each tab what another does",
  () =>
    withFolder(async (folder) => {
      await using server = await serve(folder, "--port", "0");
      await withTabs(server.port, async (ada, bert) => {
        await add(ada, "Hello");
        await bert.until(`${TEXTS} === "Hello"`);
        await bert.click("textarea");
        await bert.send("Input.insertText", { text: "!" });
        await ada.until(`/^(!Hello|Hello!)$/.test(${TEXTS})`);

        const place = `document.querySelector(".note").style.cssText`;
        const before = await bert.evaluate(place);
        await ada.drag(".grip", 70, 40);
        const after = await ada.evaluate(place);
        await bert.until(`${place} === ${JSON.stringify(after)}`);
        assert(before !== after);
        await bert.until(
          `document.querySelector(".pointer")?.textContent.trim() === "Ada"`,
        );

        await bert.click(".remove");
        await ada.until(`${TEXTS} === ""`);
        await bert.send("Page.navigate", { url: "about:blank" });
        await ada.until(`${STATE} === "Live, 1 here"`);
      });
      await server.end("SIGTERM");
    }),
);

testWithChromium(
  "examples/browser uploads pictures, shows the progress, and cancels",
  () =>
    withFolder(async (folder) => {
      await using server = await serve(folder, "--port", "0", "--rate", "200");
      await Deno.writeFile(`${folder}/pixel.png`, PIXEL);
      const large = new Uint8Array(20_000_000);
      large.set(PIXEL);
      await Deno.writeFile(`${folder}/large.png`, large);
      const files = async () =>
        (await Array.fromAsync(Deno.readDir(`${folder}/board`)))
          .map(({ name }) => name).filter((name) => name.includes("-"));
      await withTabs(server.port, async (ada, bert) => {
        await choose(ada, `${folder}/pixel.png`);
        await bert.until(
          `document.querySelector(".note img")?.naturalWidth === 1`,
        );
        await ada.until(`document.querySelector(".upload") === null`);
        assertEquals((await files()).length, 1);

        await choose(ada, `${folder}/large.png`);
        await ada.until(`document.querySelector("progress").value > 65536`);
        const told = `document.querySelector(".progress-text").textContent`;
        assertMatch(String(await ada.evaluate(told)), /^\d+ %$/);
        assertEquals((await files()).length, 2);
        await ada.click(".cancel");
        await ada.until(`document.querySelector(".upload") === null`);
        while ((await files()).length > 1) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assertEquals(await bert.evaluate(TEXTS), "pixel.png");
        assertEquals([ada.printed, bert.printed], [[], []]);
      });
      await server.end("SIGTERM");
    }),
);

testWithChromium(
  "examples/browser comes back when its server does, and sends what was changed",
  () =>
    withFolder(async (folder) => {
      const first = await serve(folder, "--port", "0");
      await withTabs(first.port, async (ada, bert) => {
        await add(ada, "one");
        await bert.until(`${TEXTS} === "one"`);
        await add(bert, "two");
        await ada.until(`${TEXTS} === "one,two"`);
        for (const tab of [ada, bert]) {
          await tab.until(LIVE);
          await tab.until(SENT);
        }

        await first.end("SIGKILL");
        for (const tab of [ada, bert]) {
          await tab.until(`${STATE} === "Reconnecting …"`);
        }
        await add(ada, "three");
        // Another note may lie on it.
        await bert.evaluate(`document.querySelector(".remove").click()`);
        for (const tab of [ada, bert]) {
          await tab.until(`${STATE} === "Reconnecting … 1 unsent"`);
        }
        assertEquals(await ada.evaluate(TEXTS), "one,three,two");
        assertEquals(await bert.evaluate(TEXTS), "two");

        await using second = await serve(folder, "--port", `${first.port}`);
        for (const tab of [ada, bert]) {
          await tab.until(LIVE);
          await tab.until(`${TEXTS} === "three,two"`);
        }
        await second.end("SIGTERM");
      });
    }),
);

testWithChromium(
  "examples/browser comes back when its tab has slept",
  () =>
    withFolder(async (folder) => {
      const first = await serve(folder, "--port", "0");
      await withTabs(first.port, async (ada, bert) => {
        const sleeps = (state: "frozen" | "active") =>
          bert.send("Page.setWebLifecycleState", { state });
        await sleeps("frozen");
        await add(ada, "one");
        await ada.until(LIVE);
        await sleeps("active");
        await bert.until(`${TEXTS} === "one"`);

        await sleeps("frozen");
        await first.end("SIGKILL");
        await using second = await serve(folder, "--port", `${first.port}`);
        await add(ada, "two");
        await ada.until(`${STATE} === "Live, 1 here"`);
        await sleeps("active");
        for (const tab of [ada, bert]) {
          await tab.until(LIVE);
          await tab.until(`${TEXTS} === "one,two"`);
        }
        await second.end("SIGTERM");
      });
    }),
);

testWithChromium(
  "examples/browser runs under a policy that forbids generated code",
  () =>
    withFolder(async (folder) => {
      await using server = await serve(folder, "--port", "0");
      await withTabs(server.port, async (ada, bert) => {
        for (const tab of [ada, bert]) {
          await tab.evaluate(`globalThis.forbidden = [];
            addEventListener("securitypolicyviolation", (event) =>
              forbidden.push(event.blockedURI));`);
        }
        for (let count = 0; count < 40; count++) {
          await ada.evaluate("add.click()");
        }
        await bert.until(`document.querySelectorAll(".note").length === 40`);
        // The wire has asked once.
        for (const tab of [ada, bert]) {
          assertEquals(await tab.evaluate("forbidden"), ["eval"]);
        }
        assertMatch(
          String(
            await ada.evaluate(`
            try { Function("") } catch (error) { String(error) }`),
          ),
          /^EvalError/,
        );
        assertEquals([ada.printed, bert.printed], [[], []]);
      });
      await server.end("SIGTERM");
    }),
);
