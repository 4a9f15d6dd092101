"""How a server ends that is told to, by interop.Interop. The last case: there is no server after it."""

import itertools
import queue

import grpc

from case_calls import blob, interop
from harness import CALL_SECONDS, case, equal, fails_with


@case
def a_server_that_shuts_down_finishes_its_calls(target):
    stub, requests = interop(target), queue.SimpleQueue()
    replies = stub.Exchange(iter(requests.get, None), timeout=CALL_SECONDS)
    requests.put(blob(b"before"))
    equal(next(replies), blob(b"before"))
    stub.ShutDown(blob(), timeout=CALL_SECONDS)
    # Until the client has heard of it, the server may still take a call.
    calls = (stub.Echo(blob(), timeout=CALL_SECONDS) for _ in itertools.count())
    fails_with(grpc.StatusCode.UNAVAILABLE, lambda: list(calls))
    for number in range(100):
        requests.put(blob(bytes([number])))
        equal(next(replies), blob(bytes([number])))
    requests.put(None)
    equal(list(replies), [])
