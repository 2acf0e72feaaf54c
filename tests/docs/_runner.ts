/**
 * Runs modules one after the other, in a process of their own: gets their URLs
 * as arguments, and prints a line when each of them has run.
 *
 * What they leave listening is closed behind each. The ports that they name
 * may be taken on this machine: they get free ones, on loopback, in their
 * place, and who connects to the port that was named gets there.
 *
 * @module
 */

const { listen, connect } = Deno;
/** What listens, and the port at which each of them can be found. */
const listeners = new Set<Deno.Listener>();
const ports = new Map<number, number>();

Deno.listen = ((options: Deno.TcpListenOptions) => {
  if ("path" in options) return listen(options);
  const listener = listen({ ...options, hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listeners.add(listener);
  ports.set(options.port || port, port);
  return listener;
}) as typeof Deno.listen;

Deno.connect = ((options: Deno.ConnectOptions) => {
  const port = ports.get(options.port);
  if (port === undefined) return connect(options);
  return connect({ ...options, hostname: "127.0.0.1", port });
}) as typeof Deno.connect;

const { serve } = Deno;
const webServers = new Set<Deno.HttpServer>();
Deno.serve = ((handler: Deno.ServeHandler<Deno.NetAddr>) => {
  const server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    handler,
  );
  webServers.add(server);
  ports.set(8000, server.addr.port);
  return server;
}) as typeof Deno.serve;

globalThis.WebSocket = class extends WebSocket {
  constructor(
    url: string | URL,
    protocols?: ConstructorParameters<typeof WebSocket>[1],
  ) {
    const there = new URL(url);
    there.port = String(ports.get(Number(there.port)) ?? there.port);
    super(there, protocols);
  }
};

// When garbage is collected nobody knows: a snippet that loses a reference may
// be told so, or not.
globalThis.FinalizationRegistry = class {
  register() {}
  unregister() {
    return false;
  }
  get [Symbol.toStringTag]() {
    return "FinalizationRegistry" as const;
  }
};

/** Lets everything happen that is under way within this process. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

for (const url of Deno.args) {
  await import(url);
  await settle();
  for (const listener of listeners) {
    try {
      listener.close();
    } catch {
      // The snippet has closed it.
    }
  }
  listeners.clear();
  for (const server of webServers) await server.shutdown();
  webServers.clear();
  ports.clear();
  await settle();
  console.log(`ran ${url}`);
}
Deno.exit(0);
