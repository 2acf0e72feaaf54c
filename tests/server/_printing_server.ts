/**
 * A server whose errors are printed; the first argument says how the console
 * was replaced before the module was loaded.
 */

const [how] = Deno.args;
if (how === "before") console.error = (text) => console.log(`own: ${text}`);
const { createRequestServer, startUpServer } = await import("../../mod.ts");
if (how === "later") console.error = (text) => console.log(`own: ${text}`);

const server = createRequestServer(0, {
  functions: {
    echo: (x: unknown) => x,
    fail: (text: string) => {
      throw new Error(text);
    },
  },
});
const lines = startUpServer({
  service: 0,
  function: async (stream) => {
    for await (const line of stream) {
      if (line === "fail") throw new Error("x".repeat(10_000));
      await stream.writeLine(line);
    }
  },
});
const port = server.address.transport === "tcp" ? server.address.port : 0;
console.log(`ports ${port} ${lines.port}`);
