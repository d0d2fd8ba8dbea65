"""A real gRPC client: CALLS calls of the four kinds in turn, at most AT_ONCE in flight.

Prints "half" when half of them have ended, and at the end one line of JSON: how many calls, and for each that failed its id (the
x-request-id that the gateway logs), its kind and its status.

The threaded interface, not asyncio's: that one reports INTERNAL ("Internal error from Core") in place of the status that a server sent,
when the server ends a call while the client still writes, whoever the server is.

Arguments: ADDRESS CALLS AT_ONCE [fail STATUS]. With `fail`, every call asks the server to fail with that status.
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

ADDRESS, CALLS, AT_ONCE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
STATUS = sys.argv[5].encode() if sys.argv[4:5] == ["fail"] else None
WORD = b"x" * 1000
KINDS = ["Unary", "ServerStream", "ClientStream", "Chat"]


class Wrong(Exception):
    pass


def words():
    for _ in range(3):
        yield WORD
        time.sleep(0.002)


def call(channel, kind, metadata):
    terms = {"metadata": metadata, "timeout": 20}
    if kind == "Fail":
        channel.unary_unary("/test.Echo/Fail")(STATUS, **terms)
    elif kind == "Unary":
        expect(channel.unary_unary("/test.Echo/Unary")(WORD, **terms), WORD)
    elif kind == "ServerStream":
        expect(list(channel.unary_stream("/test.Echo/ServerStream")(WORD, **terms)), [WORD] * 3)
    elif kind == "ClientStream":
        expect(channel.stream_unary("/test.Echo/ClientStream")(words(), **terms), WORD * 3)
    else:
        expect(list(channel.stream_stream("/test.Echo/Chat")(words(), **terms)), [WORD] * 3)


def expect(found, expected):
    if found != expected:
        raise Wrong(f"another answer than was to come: {len(found)}")


class Tally:
    def __init__(self):
        self.lock, self.done, self.failed = threading.Lock(), 0, []

    def one(self, channel, number):
        kind = "Fail" if STATUS else KINDS[number % 4]
        name = f"call-{number}"
        try:
            call(channel, kind, (("x-request-id", name),))
        except grpc.RpcError as error:
            self.fail(name, kind, error.code().name, error.details())
        except Wrong as error:
            self.fail(name, kind, "WRONG", str(error))
        with self.lock:
            self.done += 1
            if self.done == CALLS // 2:
                print("half", flush=True)

    def fail(self, name, kind, status, details):
        with self.lock:
            self.failed.append({"id": name, "kind": kind, "status": status, "details": details})


tally = Tally()
with grpc.insecure_channel(ADDRESS) as channel, ThreadPoolExecutor(AT_ONCE) as pool:
    for result in [pool.submit(tally.one, channel, number) for number in range(CALLS)]:
        result.result()
print(json.dumps({"calls": CALLS, "failed": tally.failed}), flush=True)
