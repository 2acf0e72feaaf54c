/**
 * Has a program listen on free ports of loopback, in the place of those that it
 * names, and find nobody where it connects.
 *
 * @module
 */

const { listen, connect } = Deno;

Deno.listen =
  ((options: Deno.TcpListenOptions) =>
    listen({ ...options, hostname: "127.0.0.1", port: 0 })) as typeof listen;

Deno.connect =
  ((options: Deno.ConnectOptions) =>
    connect({ ...options, hostname: "127.0.0.1", port: 1 })) as typeof connect;
