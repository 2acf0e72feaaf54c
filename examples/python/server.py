"""Calculates for ../calculator/client.ts, or for client.py: python3 server.py [port]"""
import asyncio, sys, wire

def half(n):
    if n % 2: raise ValueError(f"{n} is odd")
    return n / 2

async def serve(reader, writer):
    peer = wire.Wire(reader, writer, {
        "add": lambda a, b: a + b, "divmod": divmod, "half": half, "show": print,
        "think": lambda milliseconds: asyncio.sleep(milliseconds / 1000, 42),
        "echo": lambda value: value, "ask": lambda name, *args: peer.call(name, *args)})
    print(*(await peer.ended).args, flush=True)

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int((sys.argv + ["7000"])[1]))
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()

asyncio.run(main())
