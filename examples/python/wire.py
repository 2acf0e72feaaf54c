"""A peer that does the least that ../../docs/protocol.md asks for, with a peer that it trusts."""
import asyncio, inspect, io, itertools, struct

HELLO, ACCEPT, RESET, PING, PONG, CLOSE, FINISH, ABORT, FORGET = b"\1\2\4\x20\x21\x30\x31\x32\x41"
MESSAGE, SEND, CALL, RETURN, VALUES, THROW, FAIL, CANCEL, CREDIT = range(0x10, 0x19)
LIMITS = [65536, 65536, 65536, 64, 65536, 1, 1000, 2**22, 0, 1000, 33, 0, 1, 0, 0]
NUMBERS = {0xC4 + n: struct.Struct(">" + form) for n, form in enumerate("BHIhifd")}

class WireError(Exception): """A code and a message: why a wire, or a call, fails."""
class RemoteError(Exception): """A name, a message and data: what a function of the peer threw."""

def check(is_so, otherwise, code="malformed"):
    if not is_so: raise WireError(code, otherwise)

def varint(n): return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

def text(*texts): return b"".join(varint(len(s.encode())) + s.encode() for s in texts)

def values(vs): return varint(len(vs)) + b"".join(map(value, vs))

def value(v):
    match v:
        case None: return b"\xc0"
        case bool(): return b"\xc3" if v else b"\xc2"
        case float(): return b"\xca" + struct.pack(">d", v)
        case int() if abs(v) < 2**31: return b"\xc8" + struct.pack(">i", v)
        case int() if abs(v) <= 2**53: return value(float(v))
        case str(): return b"\xcd" + text(v)
        case bytes(): return b"\xce" + varint(len(v)) + v
        case list(): return b"\xd1" + values(v)
        case dict(): return b"\xd3" + varint(len(v)) + b"".join(text(k) + value(v[k]) for k in v)
        case Exception(): return b"\xd6" + text(type(v).__name__, str(v)[:999]) + b"\0"
    raise WireError("unsupportedValue", f"A {type(v).__name__} cannot be sent.")

class Body(io.BytesIO):  # of a frame, which is read
    def take(self, n):
        data = self.read(n)
        check(len(data) == n, "A frame ends within its content.")
        return data

    def byte(self): return self.take(1)[0]

    def varint(self):
        byte = self.byte()
        return byte if byte < 128 else byte & 127 | self.varint() << 7

    def text(self): return self.take(self.varint()).decode()

    def values(self, n, depth=0): return [self.value(depth) for _ in range(n)]

    def value(self, depth=0):
        check(depth <= LIMITS[3], f"Values may nest {LIMITS[3]} deep here.", "limit")
        tag, inner = self.byte(), depth + 1
        if tag < 0x80 or tag >= 0xE0: return (tag + 32) % 256 - 32
        if tag < 0xA0: return self.take(tag - 0x80).decode()
        if tag < 0xB0: return self.values(tag - 0xA0, inner)
        if tag in NUMBERS: return NUMBERS[tag].unpack(self.take(NUMBERS[tag].size))[0]
        match tag:
            case 0xC0 | 0xC1: return None
            case 0xC2 | 0xC3: return tag == 0xC3
            case 0xCD: return self.text()
            case 0xCE: return self.take(self.varint())
            case 0xD1: return self.values(self.varint(), inner)
            case 0xD3: return {self.text(): self.value(inner) for _ in range(self.varint())}
            case 0xD6:
                name, message, parts = self.text(), self.text(), self.byte()
                rest = [self.value(inner) if n > 1 else self.text() for n in (1, 2, 4, 8) if n & parts]
                return RemoteError(name, message, rest[-1] if parts & 8 else None)
        raise WireError("resultGone" if tag == 0xDA else "unsupportedValue", f"No value is {tag:#x}.")

    def last(self, read):  # the end of a message, or why it fails alone
        try: return read(), None
        except WireError as error:
            check(error.args[0] != "malformed", error.args[1])
            return None, error

class Wire:  # one end; `functions` are what the peer can call, by name
    def __init__(self, reader, writer, functions={}):
        self.reader, self.writer, self.functions = reader, writer, functions
        self.peer, self.pending, self.serving, self.under_way = [4096] * 8, {}, {}, 0
        self.said, self.heard, self.opened = set(), set(), asyncio.Event()
        self.say(HELLO, b"WIRE\1\1" + varint(len(LIMITS)) + b"".join(map(varint, LIMITS)) + b"\0\0")
        self.ended = asyncio.create_task(self.run())

    def say(self, kind, rest=b""):
        most = min(self.peer[1:3] if ACCEPT in self.heard else self.peer[:3])
        check(len(rest) < most, f"The peer takes {most} bytes.", "limit")
        self.said.add(kind)
        self.writer.write(struct.pack(">IB", len(rest) + 1, kind) + rest)

    async def run(self):
        try:
            while True:
                size = int.from_bytes(await self.reader.readexactly(4), "big")
                check(0 < size <= LIMITS[1], f"A frame has {size} bytes.")
                self.hear(Body(await self.reader.readexactly(size)))
                self.advance()
        except (EOFError, OSError):
            code = "closed" if FINISH in self.said | self.heard else "connectionLost"
            error = WireError(code, "The wire has ended.")
        except Exception as why:
            error = why if isinstance(why, WireError) else WireError("malformed", repr(why))
            if HELLO in self.heard and ABORT not in self.heard: self.say(ABORT, text(*error.args))
        for future in self.pending.values(): future.done() or future.set_exception(error)
        for task in self.serving.values(): task.cancel()
        self.opened.set()
        self.writer.close()
        return error

    def advance(self):
        if self.pending or self.serving: return
        if CLOSE in self.heard and FINISH not in self.said: self.say(FINISH)
        if FINISH in self.heard and (CLOSE not in self.heard or FINISH in self.said):
            self.writer.write_eof()

    def hear(self, body):
        kind = body.byte()
        is_hello = kind == HELLO and body.take(4) == b"WIRE"
        check(is_hello != (HELLO in self.heard) or kind == ABORT, "A hello comes first, and once.")
        self.heard.add(kind)
        if kind == HELLO:
            version, _features = body.byte(), body.varint()
            check(version == 1, "This side speaks version 1.", "unsupportedVersion")
            self.peer = [body.varint() for _ in range(body.varint())]
            check(len(self.peer) > 13, "A hello has 14 limits or more.")
            self.say(ACCEPT)
        elif kind == ACCEPT: self.opened.set()
        elif kind in (SEND, CALL): self.serve(kind, body)
        elif kind in (RETURN, THROW, FAIL): self.answer(kind, body)
        elif kind == MESSAGE: self.say(CREDIT, b"\0" + varint(len(body.getvalue()) + 64))
        elif kind == CREDIT: self.under_way -= body.byte() and body.varint()
        elif kind == CANCEL:
            if (id := body.varint()) in self.serving: self.serving[id].cancel()
        elif kind == PING: self.say(PONG, body.take(4))
        elif kind == ABORT: raise WireError("peerAborted", f"{body.text()}: {body.text()}")
        else: check(kind in (PONG, CLOSE, FINISH, RESET, FORGET), f"No kind is {kind:#x}.")

    def serve(self, kind, body):
        id, flags = body.varint() if kind == CALL else object(), body.byte()
        target = body.byte() if flags & 4 else None
        if target is not None: body.take(4 if body.varint() >= 0 and target == 0 else 0)
        check(body.varint() == 0, "No name was defined.")
        name, _deadline = body.text(), flags & 2 and body.varint()
        _metadata = [(body.text(), body.text()) for _ in range(flags & 8 and body.varint())]
        args, error = body.last(lambda: body.values(body.varint()))
        if name not in self.functions: error = WireError("noSuchFunction", f"{name} is not served.")
        if flags & 4: error = WireError("resultGone" if target else "noSuchObject", "It is gone.")
        self.serving[id] = asyncio.create_task(
            self.apply(id, flags & 1, len(body.getvalue()) + 64, name, args, error))

    async def apply(self, id, all, cost, name, args, error):
        try:
            if error: raise error
            result = self.functions[name](*args)
            result = await result if inspect.isawaitable(result) else result
            several = result if isinstance(result, tuple) else (result,)
            answer = VALUES if all else RETURN, values(several) if all else value((*several, None)[0])
            check(len(answer[1]) < self.peer[1] - 8, "The result is too large.", "limit")
        except asyncio.CancelledError: answer = FAIL, text("cancelled", "The caller gave up.")
        except WireError as why: answer = FAIL, text(*why.args)
        except Exception as why: answer = THROW, value(why)
        if isinstance(id, int): self.say(answer[0], varint(id) + answer[1])
        else: self.say(CREDIT, b"\1" + varint(cost))
        del self.serving[id]
        self.advance()

    def answer(self, kind, body):
        future = self.pending.pop(body.varint())
        if kind == FAIL: result, error = None, WireError(body.text(), body.text())
        else: result, error = body.last(body.value)
        if kind == THROW and not error:
            error = result if isinstance(result, RemoteError) else RemoteError("Error", "", result)
        if not future.done(): future.set_exception(error) if error else future.set_result(result)

    async def call(self, name, *args):
        await self.opened.wait()
        most = min(self.peer[6], max(1, (self.peer[7] + self.peer[2]) // 65600))  # a large one's cost
        check(len(self.pending) < most and not self.ended.done(), "No call is taken.", "limit")
        id = next(n for n in itertools.count() if n not in self.pending)
        self.say(CALL, varint(id) + b"\0\0" + text(name) + values(args))
        future = self.pending[id] = asyncio.get_running_loop().create_future()
        try: return await future
        finally:
            if id in self.pending and not self.ended.done(): self.say(CANCEL, varint(id))

    async def send(self, name, *args):
        await self.opened.wait()
        check(self.under_way < self.peer[7], "The window is full.", "limit")
        self.say(SEND, call := b"\0\0" + text(name) + values(args))
        self.under_way += len(call) + 65

    async def close(self):
        await self.opened.wait()
        if not self.said & {CLOSE, FINISH}: self.say(CLOSE)
        return await self.ended
