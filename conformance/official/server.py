"""Serves grpc.testing.TestService with grpcio, for the official interop cases.

Prints `listening on HOST:PORT` once it accepts, and serves until it is killed.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

import empty_pb2
import messages_pb2
import test_pb2_grpc

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
# Longer than the requests of any case; very_large_request has 10 MiB.
MAX_MESSAGE_LEN = 16 * 1024 * 1024
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Tester(test_pb2_grpc.TestServiceServicer):
    """grpcio does not tell a handler how a request was compressed: `expect_compressed` means nothing.
    The base class answers UnimplementedCall."""

    def EmptyCall(self, request, context):
        return empty_pb2.Empty()

    def UnaryCall(self, request, context):
        echo_metadata(context)
        check_status(request, context)
        if request.HasField("response_compressed"):
            compress(request.response_compressed.value, context)
        server_id = "python" if request.fill_server_id else ""
        return messages_pb2.SimpleResponse(
            payload=payload(request.response_type, request.response_size, context),
            server_id=server_id,
        )

    def StreamingOutputCall(self, request, context):
        echo_metadata(context)
        yield from answers(request, context)

    def StreamingInputCall(self, requests, context):
        total = sum(len(request.payload.body) for request in requests)
        return messages_pb2.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            yield from answers(request, context)

    def HalfDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in list(requests):
            yield from answers(request, context)


def answers(request, context):
    check_status(request, context)
    if any(parameters.compressed.value for parameters in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    for parameters in request.response_parameters:
        time.sleep(parameters.interval_us / 1_000_000)
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        yield messages_pb2.StreamingOutputCallResponse(
            payload=payload(request.response_type, parameters.size, context)
        )


def payload(kind, size, context):
    if kind != messages_pb2.COMPRESSABLE or size < 0:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no payload of type {kind} and size {size}")
    return messages_pb2.Payload(body=bytes(size))


def compress(wanted, context):
    if wanted:
        context.set_compression(grpc.Compression.Gzip)
    else:
        context.disable_next_message_compression()


def check_status(request, context):
    wanted = request.response_status
    if wanted.code:
        context.abort(CODES.get(wanted.code, grpc.StatusCode.UNKNOWN), wanted.message)


def echo_metadata(context):
    metadata = context.invocation_metadata()
    initial = [entry for entry in metadata if entry[0] == ECHO_INITIAL]
    if initial:
        context.send_initial_metadata(initial)
    context.set_trailing_metadata([entry for entry in metadata if entry[0] == ECHO_TRAILING])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=10000)
    parser.add_argument("--use_tls", action="store_true")
    parser.add_argument("--tls_cert_file", type=Path)
    parser.add_argument("--tls_key_file", type=Path)
    args = parser.parse_args()

    options = [("grpc.max_receive_message_length", MAX_MESSAGE_LEN)]
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=options)
    test_pb2_grpc.add_TestServiceServicer_to_server(Tester(), server)
    address = f"127.0.0.1:{args.port}"
    if args.use_tls:
        pair = (args.tls_key_file.read_bytes(), args.tls_cert_file.read_bytes())
        port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
