"""grpcio under test: what stands for gRPC's C-core, though most of what it costs is Python.

Its best settings: asyncio, which costs less than a pool of threads; messages in protobuf's own C.
Python runs one thread at a time, so `--threads` changes nothing. C-core sets TCP_NODELAY itself.
"""

import argparse
import asyncio
import time
from pathlib import Path

import bench_pb2
import bench_pb2_grpc
import grpc
import helloworld_pb2
import helloworld_pb2_grpc

SCENARIOS = "hello echo down up both ping-pong wait burn record tls"
MAX_MESSAGE_LEN = 16 * 1024 * 1024
MAX_STREAMS = 20_000
WAIT_SECONDS = 0.001
BURN_NANOSECONDS = 200_000


class Greeter(helloworld_pb2_grpc.GreeterServicer):
    async def SayHello(self, request, context):
        return helloworld_pb2.HelloReply(message=f"Hello {request.name}!")


class Bench(bench_pb2_grpc.BenchServicer):
    async def Echo(self, request, context):
        return request

    async def Down(self, request, context):
        blob = bench_pb2.Blob(body=bytes(request.size))
        for _ in range(request.count):
            yield blob

    async def Up(self, requests, context):
        count = length = 0
        async for blob in requests:
            count += 1
            length += len(blob.body)
        return bench_pb2.Sum(count=count, bytes=length)

    async def Both(self, requests, context):
        async for blob in requests:
            yield blob

    async def Wait(self, request, context):
        await asyncio.sleep(WAIT_SECONDS)
        return request

    async def Burn(self, request, context):
        end = time.thread_time_ns() + BURN_NANOSECONDS
        while time.thread_time_ns() < end:
            pass
        return request

    async def Record(self, request, context):
        length = sum(len(log.body) for log in request.logs)
        return bench_pb2.Sum(count=len(request.logs), bytes=length)


def parse():
    parser = argparse.ArgumentParser(prog="grpcio-server")
    parser.add_argument("--scenarios", action="version", version=SCENARIOS)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--key", type=Path)
    told = parser.parse_args()
    if (told.cert is None) != (told.key is None):
        parser.error("--cert and --key go together")
    return told


async def serve(told):
    server = grpc.aio.server(
        options=[
            ("grpc.max_concurrent_streams", MAX_STREAMS),
            ("grpc.max_receive_message_length", MAX_MESSAGE_LEN),
            ("grpc.max_send_message_length", MAX_MESSAGE_LEN),
        ]
    )
    helloworld_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
    bench_pb2_grpc.add_BenchServicer_to_server(Bench(), server)
    if told.cert:
        pair = (told.key.read_bytes(), told.cert.read_bytes())
        port = server.add_secure_port(told.listen, grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port(told.listen)
    await server.start()
    host = told.listen.rpartition(":")[0]
    print(f"listening on {host}:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(parse()))
