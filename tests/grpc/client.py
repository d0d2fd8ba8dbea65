"""A real gRPC client: CALLS calls of the four kinds in turn, at most AT_ONCE in flight.

Prints "half" when half of them have ended, and at the end one line of JSON: how many calls, and for each that failed its id (the
x-request-id that the gateway logs), its kind and its status.

Arguments: ADDRESS CALLS AT_ONCE [fail STATUS]. With `fail`, every call asks the server to fail with that status.
"""

import asyncio
import json
import sys

import grpc

ADDRESS, CALLS, AT_ONCE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
STATUS = sys.argv[5].encode() if sys.argv[4:5] == ["fail"] else None
WORD = b"x" * 1000
KINDS = ["Unary", "ServerStream", "ClientStream", "Chat"]


class Wrong(Exception):
    pass


async def words():
    for _ in range(3):
        yield WORD
        await asyncio.sleep(0.002)


async def call(channel, number, kind, metadata):
    if kind == "Fail":
        await channel.unary_unary("/test.Echo/Fail")(STATUS, metadata=metadata, timeout=20)
    elif kind == "Unary":
        expect(await channel.unary_unary("/test.Echo/Unary")(WORD, metadata=metadata, timeout=20), WORD)
    elif kind == "ServerStream":
        answers = channel.unary_stream("/test.Echo/ServerStream")(WORD, metadata=metadata, timeout=20)
        expect([answer async for answer in answers], [WORD] * 3)
    elif kind == "ClientStream":
        expect(await channel.stream_unary("/test.Echo/ClientStream")(words(), metadata=metadata, timeout=20), WORD * 3)
    else:
        answers = channel.stream_stream("/test.Echo/Chat")(words(), metadata=metadata, timeout=20)
        expect([answer async for answer in answers], [WORD] * 3)


def expect(found, expected):
    if found != expected:
        raise Wrong(f"another answer than was to come: {len(found)}")


async def main():
    failed, done, turn = [], 0, asyncio.Semaphore(AT_ONCE)

    async def one(number):
        nonlocal done
        kind = "Fail" if STATUS else KINDS[number % 4]
        name = f"call-{number}"
        async with turn:
            try:
                await call(channel, number, kind, (("x-request-id", name),))
            except grpc.aio.AioRpcError as error:
                failed.append({"id": name, "kind": kind, "status": error.code().name, "details": error.details()})
            except Wrong as error:
                failed.append({"id": name, "kind": kind, "status": "WRONG", "details": str(error)})
        done += 1
        if done == CALLS // 2:
            print("half", flush=True)

    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        await asyncio.gather(*(one(number) for number in range(CALLS)))
    print(json.dumps({"calls": CALLS, "failed": failed}), flush=True)


asyncio.run(main())
