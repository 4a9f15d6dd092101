"""What any call must do, shown on interop.Interop."""

import concurrent.futures
import itertools
import os
import queue
import uuid

import grpc

import interop_pb2
import interop_pb2_grpc
from harness import CALL_SECONDS, case, check, equal, fails_with

MEBIBYTE = 1 << 20
UNICODE = "\t\nno such 飛脚 ☺ 😈 100 %\r\n"


def interop(target):
    return interop_pb2_grpc.InteropStub(target.interop)


def blob(payload=b""):
    return interop_pb2.Blob(payload=payload)


def selected(metadata, prefix):
    return [(key, value) for key, value in metadata if key.startswith(prefix)]


# Messages


@case
def an_empty_message_comes_back(target):
    equal(interop(target).Echo(blob(), timeout=CALL_SECONDS), blob())


@case
def one_mebibyte_comes_back(target):
    request = blob(os.urandom(MEBIBYTE))
    equal(interop(target).Echo(request, timeout=CALL_SECONDS), request)


@case
def one_mebibyte_messages_come_back_in_a_stream(target):
    requests = [blob(os.urandom(MEBIBYTE)) for _ in range(16)]
    equal(list(interop(target).Exchange(iter(requests), timeout=CALL_SECONDS)), requests)


@case
def messages_of_all_lengths_come_back_in_a_stream(target):
    lengths = [0, 1, 126, 127, 128, 16_378, 16_379, 16_384, 65_535, 65_536, 300_000]
    requests = [blob(os.urandom(length)) for length in lengths]
    equal(list(interop(target).Exchange(iter(requests), timeout=CALL_SECONDS)), requests)


@case
def a_message_over_the_limit_is_refused(target):
    request = blob(bytes(5 * MEBIBYTE))
    call = lambda: interop(target).Echo(request, timeout=CALL_SECONDS)
    fails_with(grpc.StatusCode.RESOURCE_EXHAUSTED, call)


@case
def a_compressed_message_comes_back(target):
    request, metadata = blob(bytes(100_000)), [("compressed", "gzip")]
    reply = interop(target).Echo(
        request, metadata=metadata, compression=grpc.Compression.Gzip, timeout=CALL_SECONDS
    )
    equal(reply, request)


# Streams


@case
def the_server_sends_ten_thousand(target):
    replies = interop(target).Produce(interop_pb2.Count(numbers=10_000), timeout=CALL_SECONDS)
    equal([reply.value for reply in replies], list(range(10_000)))


@case
def the_client_sends_ten_thousand(target):
    requests = (interop_pb2.Number(value=value) for value in range(10_000))
    total = interop(target).Consume(requests, timeout=CALL_SECONDS)
    equal((total.numbers, total.sum), (10_000, sum(range(10_000))))


@case
def both_send_ten_thousand(target):
    requests = (blob(str(number).encode()) for number in range(10_000))
    replies = interop(target).Exchange(requests, timeout=CALL_SECONDS)
    equal([int(reply.payload) for reply in replies], list(range(10_000)))


@case
def streams_may_be_empty(target):
    stub = interop(target)
    equal(list(stub.Produce(interop_pb2.Count(), timeout=CALL_SECONDS)), [])
    equal(stub.Consume(iter(()), timeout=CALL_SECONDS), interop_pb2.Total())
    equal(list(stub.Exchange(iter(()), timeout=CALL_SECONDS)), [])


@case
def many_calls_share_a_connection(target):
    stub = interop(target)
    requests = [blob(str(number).encode() * 1000) for number in range(500)]
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        replies = pool.map(lambda request: stub.Echo(request, timeout=CALL_SECONDS), requests)
        equal(list(replies), requests)


@case
def a_slow_reader_gets_everything_and_holds_up_nobody(target):
    """More than every window and buffer holds waits for a reader that has other calls to make."""
    stub, errand = interop(target), blob(os.urandom(65_536))
    count = interop_pb2.Count(numbers=10_000, padding_len=1000)
    for want, reply in enumerate(stub.Produce(count, timeout=CALL_SECONDS)):
        equal((reply.value, len(reply.padding)), (want, 1000))
        if want % 100 == 0:
            equal(stub.Echo(errand, timeout=CALL_SECONDS), errand)
    equal(want, 9_999)


# Metadata


SENT = [
    ("echo-initial-text", "plain text, with = and ~"),
    ("echo-initial-twice", "first"),
    ("echo-initial-twice", "second"),
    ("echo-initial-all-bin", bytes(range(256))),
    ("echo-initial-short-bin", b"\xab"),
    ("echo-trailing-text", "after"),
    ("echo-trailing-all-bin", bytes(reversed(range(256)))),
    ("echo-trailing-empty-bin", b""),
]


def check_metadata(call):
    initial = selected(call.initial_metadata(), "echo-")
    trailing = selected(call.trailing_metadata(), "echo-")
    equal(sorted(initial), sorted(selected(SENT, "echo-initial-")))
    equal(sorted(trailing), sorted(selected(SENT, "echo-trailing-")))
    twice = [value for key, value in initial if key == "echo-initial-twice"]
    equal(twice, ["first", "second"])


@case
def metadata_goes_both_ways(target):
    _, call = interop(target).Echo.with_call(blob(), metadata=SENT, timeout=CALL_SECONDS)
    check_metadata(call)


@case
def metadata_goes_both_ways_around_a_stream(target):
    requests = iter([blob(b"one"), blob(b"two")])
    call = interop(target).Exchange(requests, metadata=SENT, timeout=CALL_SECONDS)
    equal([reply.payload for reply in call], [b"one", b"two"])
    check_metadata(call)


@case
def four_kilobytes_of_metadata_come_back(target):
    sent = [("echo-initial-long", "x" * 4096)]
    _, call = interop(target).Echo.with_call(blob(), metadata=sent, timeout=CALL_SECONDS)
    equal(selected(call.initial_metadata(), "echo-"), sent)


# Errors


@case
def every_code_arrives_with_its_message(target):
    stub = interop(target)
    for code in grpc.StatusCode:
        if code is grpc.StatusCode.OK:
            continue
        request = interop_pb2.Failure(code=code.value[0], message=f"as {code.value[1]}")
        error = fails_with(code, lambda: stub.Fail(request, timeout=CALL_SECONDS))
        equal(error.details(), f"as {code.value[1]}")


@case
def a_message_may_hold_any_character(target):
    request = interop_pb2.Failure(code=9, message=UNICODE)
    call = lambda: interop(target).Fail(request, timeout=CALL_SECONDS)
    equal(fails_with(grpc.StatusCode.FAILED_PRECONDITION, call).details(), UNICODE)


@case
def an_error_carries_its_details(target):
    details = bytes(range(256))
    request = interop_pb2.Failure(code=8, message="with details", details=details)
    call = lambda: interop(target).Fail(request, timeout=CALL_SECONDS)
    error = fails_with(grpc.StatusCode.RESOURCE_EXHAUSTED, call)
    equal(selected(error.trailing_metadata(), "grpc-status-details-bin"),
          [("grpc-status-details-bin", details)])


@case
def an_error_ends_a_stream_after_its_replies(target):
    """The server fails while the client may still send."""
    requests = queue.SimpleQueue()
    requests.put(interop_pb2.Failure(code=5, message=UNICODE, replies=3))
    call = interop(target).FailExchange(iter(requests.get, None), timeout=CALL_SECONDS)
    equal([next(call) for _ in range(3)], [blob()] * 3)
    error = fails_with(grpc.StatusCode.NOT_FOUND, lambda: next(call))
    requests.put(None)
    equal(error.details(), UNICODE)


@case
def an_unknown_method_is_unimplemented(target):
    method = target.interop.unary_unary("/interop.Interop/Missing")
    fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: method(b"", timeout=CALL_SECONDS))


@case
def an_unknown_service_is_unimplemented(target):
    method = target.interop.stream_stream("/interop.Missing/Echo")
    call = lambda: list(method(iter([b""]), timeout=CALL_SECONDS))
    fails_with(grpc.StatusCode.UNIMPLEMENTED, call)


@case
def bytes_that_are_no_message_fail_the_call_alone(target):
    method = target.interop.unary_unary("/interop.Interop/Echo")
    try:
        method(b"\xff\xff\xff", timeout=CALL_SECONDS)
        raise AssertionError("bytes that are no message were answered")
    except grpc.RpcError as error:
        # INTERNAL by the specification; grpcio's server says UNKNOWN.
        codes = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        check(error.code() in codes, f"got {error.code()}")
    equal(interop(target).Echo(blob(b"on"), timeout=CALL_SECONDS), blob(b"on"))


# Deadlines


@case
def the_server_knows_the_deadline(target):
    left = interop(target).TimeLeft(blob(), timeout=20)
    # grpcio rounds up what it sends.
    check(15_000 < left.millis <= 20_100, f"{left.millis} ms left of 20 s")
    equal(interop(target).TimeLeft(blob()).millis, 0)


@case
def a_deadline_ends_a_call(target):
    stub, name = interop(target), new_name()
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: stub.Hang(name, timeout=0.3))


@case
def a_deadline_ends_a_stream_that_has_begun(target):
    call = interop(target).HangReplies(new_name(), timeout=1)
    equal(next(call), blob())
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(call))


@case
def a_deadline_ends_the_handler(target):
    stub, name = interop(target), new_name()
    call = stub.Hang.future(name, timeout=1)
    stub.AwaitStarted(name, timeout=CALL_SECONDS)
    stub.AwaitCancelled(name, timeout=CALL_SECONDS)
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, call.result)


# Cancellation


_numbers = itertools.count()


def new_name():
    return interop_pb2.Name(name=f"python-{next(_numbers)}-{uuid.uuid4()}")


def cancel(stub, name, call):
    stub.AwaitStarted(name, timeout=CALL_SECONDS)
    call.cancel()
    stub.AwaitCancelled(name, timeout=CALL_SECONDS)
    equal(call.code(), grpc.StatusCode.CANCELLED)


@case
def a_cancelled_call_ends_its_handler(target):
    stub, name = interop(target), new_name()
    cancel(stub, name, stub.Hang.future(name))


@case
def a_cancelled_stream_of_replies_ends_its_handler(target):
    stub, name = interop(target), new_name()
    call = stub.HangReplies(name)
    equal(next(call), blob())
    cancel(stub, name, call)


@case
def a_cancelled_stream_of_requests_ends_its_handler(target):
    stub, name, requests = interop(target), new_name(), queue.SimpleQueue()
    requests.put(name)
    cancel(stub, name, stub.HangRequests.future(iter(requests.get, None)))
    requests.put(None)


@case
def a_cancelled_exchange_ends_its_handler(target):
    stub, name, requests = interop(target), new_name(), queue.SimpleQueue()
    requests.put(name)
    call = stub.HangExchange(iter(requests.get, None))
    equal(next(call), blob())
    cancel(stub, name, call)
    requests.put(None)


@case
def a_cancelled_flood_leaves_the_connection_whole(target):
    """The client leaves in the middle of a stream that the server is still sending."""
    stub = interop(target)
    for _ in range(20):
        call = stub.Produce(interop_pb2.Count(numbers=10_000_000))
        equal([next(call).value for _ in range(100)], list(range(100)))
        call.cancel()
    equal(stub.Echo(blob(b"on"), timeout=CALL_SECONDS), blob(b"on"))


@case
def a_closed_channel_ends_its_calls(target):
    stub, name = interop(target), new_name()
    # A pool of its own: otherwise grpcio shares the connection with the other channels.
    options = [("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(target.interop_address, options)
    call = interop_pb2_grpc.InteropStub(channel).Hang.future(name)
    stub.AwaitStarted(name, timeout=CALL_SECONDS)
    channel.close()
    stub.AwaitCancelled(name, timeout=CALL_SECONDS)
    equal(call.code(), grpc.StatusCode.CANCELLED)
