"""Plays one of the official interop cases with grpcio.

Ends with code 0 if the server did as it should, and otherwise says what was wanted and what came.
"""

import argparse
import queue
import sys
import time
from pathlib import Path

import grpc

import empty_pb2
import messages_pb2
import test_pb2_grpc

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
METADATA = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159
REQUESTS = (27182, 8, 1828, 45904)
RESPONSES = (31415, 9, 2653, 58979)
# No call takes as long, on any machine.
CALL_SECONDS = 60

CASES = {}


def case(function):
    """Makes a function a case of its name."""
    CASES[function.__name__] = function
    return function


@case
def empty_unary(calls, args):
    equal("the response", calls.EmptyCall(empty_pb2.Empty(), timeout=CALL_SECONDS), empty_pb2.Empty())


@case
def large_unary(calls, args):
    exchange(calls, LARGE_REQUEST, LARGE_RESPONSE)


@case
def very_large_request(calls, args):
    exchange(calls, 10 * 1024 * 1024, 10)


@case
def concurrent_large_unary(calls, args):
    request = simple(LARGE_REQUEST, LARGE_RESPONSE)
    waiting = [calls.UnaryCall.future(request, timeout=CALL_SECONDS) for _ in range(1000)]
    for call in waiting:
        check_payload(call.result(), LARGE_RESPONSE)


@case
def pick_first_unary(calls, args):
    request = messages_pb2.SimpleRequest(fill_server_id=True)
    ids = {calls.UnaryCall(request, timeout=CALL_SECONDS).server_id for _ in range(100)}
    if len(ids) != 1 or "" in ids:
        raise AssertionError(f"the server's id: wanted one, got {ids}")


@case
def client_compressed_unary(calls, args):
    lie = simple(LARGE_REQUEST, LARGE_RESPONSE, expect_compressed=told(True))
    call = lambda: calls.UnaryCall(lie, timeout=CALL_SECONDS)
    fails_with(grpc.StatusCode.INVALID_ARGUMENT, call)
    client_compressed_unary_noprobe(calls, args)


@case
def client_compressed_unary_noprobe(calls, args):
    for compressed, how in ((True, grpc.Compression.Gzip), (False, grpc.Compression.NoCompression)):
        request = simple(LARGE_REQUEST, LARGE_RESPONSE, expect_compressed=told(compressed))
        response = calls.UnaryCall(request, timeout=CALL_SECONDS, compression=how)
        check_payload(response, LARGE_RESPONSE)


@case
def server_compressed_unary(calls, args):
    """grpcio does not tell how a response came; it takes one that is compressed, or not."""
    for compressed in (True, False):
        request = simple(LARGE_REQUEST, LARGE_RESPONSE, response_compressed=told(compressed))
        check_payload(calls.UnaryCall(request, timeout=CALL_SECONDS), LARGE_RESPONSE)


@case
def server_compressed_streaming(calls, args):
    wanted = ((31415, True), (92653, False))
    parameters = [
        messages_pb2.ResponseParameters(size=size, compressed=told(compressed))
        for size, compressed in wanted
    ]
    request = messages_pb2.StreamingOutputCallRequest(response_parameters=parameters)
    replies = calls.StreamingOutputCall(request, timeout=CALL_SECONDS)
    equal("the lengths", [len(reply.payload.body) for reply in replies], [31415, 92653])


@case
def client_streaming(calls, args):
    parts = (
        messages_pb2.StreamingInputCallRequest(payload=messages_pb2.Payload(body=bytes(length)))
        for length in REQUESTS
    )
    response = calls.StreamingInputCall(parts, timeout=CALL_SECONDS)
    equal("aggregated_payload_size", response.aggregated_payload_size, 74922)


@case
def server_streaming(calls, args):
    request = output(0, *RESPONSES)
    replies = list(calls.StreamingOutputCall(request, timeout=CALL_SECONDS))
    equal("how many responses", len(replies), len(RESPONSES))
    for reply, length in zip(replies, RESPONSES):
        check_payload(reply, length)


@case
def ping_pong(calls, args):
    requests = Requests()
    replies = calls.FullDuplexCall(requests, timeout=CALL_SECONDS)
    for length, response in zip(REQUESTS, RESPONSES):
        requests.put(output(length, response))
        check_payload(next(replies), response)
    requests.end()
    equal("the rest", list(replies), [])


@case
def empty_stream(calls, args):
    equal("the responses", list(calls.FullDuplexCall(iter(()), timeout=CALL_SECONDS)), [])


@case
def custom_metadata(calls, args):
    request = simple(LARGE_REQUEST, LARGE_RESPONSE)
    response, call = calls.UnaryCall.with_call(request, timeout=CALL_SECONDS, metadata=METADATA)
    check_payload(response, LARGE_RESPONSE)
    check_metadata(call)
    requests = Requests()
    call = calls.FullDuplexCall(requests, timeout=CALL_SECONDS, metadata=METADATA)
    requests.put(output(LARGE_REQUEST, LARGE_RESPONSE))
    requests.end()
    check_payload(next(call), LARGE_RESPONSE)
    equal("the rest", list(call), [])
    check_metadata(call)


@case
def status_code_and_message(calls, args):
    status = messages_pb2.EchoStatus(code=2, message="test status message")
    check_status(calls, status)
    request = messages_pb2.StreamingOutputCallRequest(response_status=status)
    replies = calls.FullDuplexCall(iter((request,)), timeout=CALL_SECONDS)
    error = fails_with(grpc.StatusCode.UNKNOWN, lambda: list(replies))
    equal("the message", error.details(), status.message)


@case
def special_status_message(calls, args):
    message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    check_status(calls, messages_pb2.EchoStatus(code=2, message=message))


@case
def unimplemented_method(calls, args):
    call = lambda: calls.UnimplementedCall(empty_pb2.Empty(), timeout=CALL_SECONDS)
    fails_with(grpc.StatusCode.UNIMPLEMENTED, call)


@case
def unimplemented_service(calls, args):
    with channel(args) as other:
        stub = test_pb2_grpc.UnimplementedServiceStub(other)
        call = lambda: stub.UnimplementedCall(empty_pb2.Empty(), timeout=CALL_SECONDS)
        fails_with(grpc.StatusCode.UNIMPLEMENTED, call)


@case
def cancel_after_begin(calls, args):
    call = calls.StreamingInputCall.future(Requests(), timeout=CALL_SECONDS)
    # Calls leave in order: when this one is answered, the head of that one has been sent.
    empty_unary(calls, args)
    call.cancel()
    equal("the code", call.code(), grpc.StatusCode.CANCELLED)
    empty_unary(calls, args)


@case
def cancel_after_first_response(calls, args):
    requests = Requests()
    replies = calls.FullDuplexCall(requests, timeout=CALL_SECONDS)
    requests.put(output(27182, 31415))
    check_payload(next(replies), 31415)
    replies.cancel()
    equal("the code", replies.code(), grpc.StatusCode.CANCELLED)
    empty_unary(calls, args)


@case
def timeout_on_sleeping_server(calls, args):
    requests = Requests()
    requests.put(output(27182))
    replies = calls.FullDuplexCall(requests, timeout=0.001)
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(replies))


@case
def rpc_soak(calls, args):
    for _ in range(args.soak_iterations):
        large_unary(calls, args)


@case
def channel_soak(calls, args):
    for _ in range(args.soak_iterations):
        with channel(args) as other:
            large_unary(test_pb2_grpc.TestServiceStub(other), args)


@case
def long_lived_channel(calls, args):
    for iteration in range(args.soak_iterations):
        if iteration:
            time.sleep(args.iteration_interval)
        large_unary(calls, args)


class Requests:
    """Requests that are made while the call goes on."""

    def __init__(self):
        self.waiting = queue.SimpleQueue()

    def put(self, request):
        self.waiting.put(request)

    def end(self):
        self.waiting.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        request = self.waiting.get()
        if request is None:
            raise StopIteration
        return request


def told(value):
    return messages_pb2.BoolValue(value=value)


def simple(length, response, **more):
    payload = messages_pb2.Payload(body=bytes(length))
    return messages_pb2.SimpleRequest(payload=payload, response_size=response, **more)


def output(length, *responses):
    parameters = [messages_pb2.ResponseParameters(size=size) for size in responses]
    payload = messages_pb2.Payload(body=bytes(length))
    return messages_pb2.StreamingOutputCallRequest(payload=payload, response_parameters=parameters)


def exchange(calls, length, response):
    check_payload(calls.UnaryCall(simple(length, response), timeout=CALL_SECONDS), response)


def check_payload(response, length):
    body = response.payload.body
    equal("the payload's length", len(body), length)
    if any(body):
        raise AssertionError("the payload: wanted zeros, got something else")


def check_metadata(call):
    initial = [entry[1] for entry in call.initial_metadata() if entry[0] == ECHO_INITIAL]
    equal(ECHO_INITIAL, initial, [METADATA[0][1]])
    trailing = [entry[1] for entry in call.trailing_metadata() if entry[0] == ECHO_TRAILING]
    equal(ECHO_TRAILING, trailing, [METADATA[1][1]])


def check_status(calls, status):
    request = messages_pb2.SimpleRequest(response_status=status)
    call = lambda: calls.UnaryCall(request, timeout=CALL_SECONDS)
    error = fails_with(grpc.StatusCode.UNKNOWN, call)
    equal("the message", error.details(), status.message)


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: wanted {want!r}, got {got!r}")


def fails_with(code, call):
    try:
        call()
    except grpc.RpcError as error:
        equal("the code", error.code(), code)
        return error
    raise AssertionError(f"wanted {code}, got an answer")


def channel(args):
    target = f"{args.server_host}:{args.server_port}"
    # Otherwise all channels of a process share a connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    if not args.use_tls:
        if args.server_host_override:
            options.append(("grpc.default_authority", args.server_host_override))
        return grpc.insecure_channel(target, options)
    if args.server_host_override:
        options.append(("grpc.ssl_target_name_override", args.server_host_override))
    credentials = grpc.ssl_channel_credentials(args.ca_file.read_bytes())
    return grpc.secure_channel(target, credentials, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test_case", required=True, choices=CASES)
    parser.add_argument("--server_host", default="localhost")
    parser.add_argument("--server_port", type=int, default=10000)
    parser.add_argument("--server_host_override")
    parser.add_argument("--use_tls", action="store_true")
    parser.add_argument("--ca_file", type=Path)
    parser.add_argument("--soak_iterations", type=int, default=10)
    parser.add_argument("--iteration_interval", type=float, default=10)
    args = parser.parse_args()
    with channel(args) as calls:
        try:
            CASES[args.test_case](test_pb2_grpc.TestServiceStub(calls), args)
        except (AssertionError, grpc.RpcError) as error:
            sys.exit(f"error: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
