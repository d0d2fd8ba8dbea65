"""A real gRPC server: all four kinds of calls, on bytes. Its one argument is the port."""

import asyncio
import sys

import grpc


async def unary(request, context):
    await asyncio.sleep(0.005)
    return request


async def server_stream(request, context):
    for _ in range(3):
        await asyncio.sleep(0.002)
        yield request


async def client_stream(requests, context):
    parts = [part async for part in requests]
    return b"".join(parts)


async def chat(requests, context):
    async for part in requests:
        yield part


async def fail(request, context):
    await context.abort(STATUSES[int(request)], "as asked")


STATUSES = {status.value[0]: status for status in grpc.StatusCode}

HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
}


async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Echo", HANDLERS)])
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
