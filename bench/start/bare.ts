/**
 * A whole program without wires: it listens, connects to itself, sends some
 * bytes and gets some back.
 *
 * @module
 */

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

async function answer(): Promise<void> {
  using conn = await listener.accept();
  await conn.read(new Uint8Array(12));
  await conn.write(new Uint8Array(8));
}

const answered = answer();
{
  const { hostname, port } = listener.addr;
  using conn = await Deno.connect({ hostname, port });
  await conn.write(new Uint8Array(12));
  await conn.read(new Uint8Array(8));
}
await answered;
listener.close();
Deno.exit();
