"""Has ../calculator/server.ts, or server.py, calculate: python3 client.py [port]"""
import asyncio, sys, wire

async def main():
    streams = await asyncio.open_connection("127.0.0.1", int((sys.argv + ["7000"])[1]))
    peer = wire.Wire(*streams, {"greet": lambda name: f"Hello {name}."})
    print("40 + 2 =", await peer.call("add", 40, 2))
    await peer.send("show", "Thank you.")
    try: await peer.call("half", 7)
    except wire.RemoteError as error: print("half(7) threw a {}: {}".format(*error.args))
    try: await asyncio.wait_for(peer.call("think", 60000), 0.1)
    except TimeoutError: print("think(60000) takes too long")
    print(*(await peer.close()).args)

asyncio.run(main())
