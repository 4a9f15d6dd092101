"""Serves UserManager, MultiGreeter and interop.Interop with grpcio.

Prints `listening on HOST:PORT` once it accepts, and serves until it is killed or told to shut down.
"""

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_reflection.v1alpha import reflection

import hellostreamingworld_pb2
import hellostreamingworld_pb2_grpc
import interop_pb2
import interop_pb2_grpc
import user_pb2
import user_pb2_grpc

# Every call that hangs keeps a thread.
THREADS = 64
DEFAULT_GREETINGS = 10
# A handler that hangs is woken by its call's end; this bounds the harm if that never comes.
HANG_SECONDS = 60


class Users(user_pb2_grpc.UserManagerServicer):
    """The users of a JSON file, kept in memory."""

    def __init__(self, path):
        self.lock = threading.Lock()
        with open(path, encoding="utf-8") as file:
            rows = json.load(file).values()
        self.users = {row["id"]: user(row) for row in rows}

    def GetUser(self, request, context):
        found = self.users.get(request.id)
        if found is None:
            return user_pb2.UserResponse(error=True, message="not found")
        return user_pb2.UserResponse(user=found)

    def AddUser(self, request, context):
        with self.lock:
            if request.id in self.users:
                return user_pb2.UserResponse(error=True, message="already exist")
            self.users[request.id] = request
        return user_pb2.UserResponse(user=request)

    def CountAlreadyUsers(self, requests, context):
        return user_pb2.UserCntResponse(user_cnt=self.count(requests))

    def GetUsersByType(self, request, context):
        for found in list(self.users.values()):
            if found.user_type == request.user_type:
                yield user_pb2.UserResponse(user=found)

    def GetUsersByIds(self, requests, context):
        for request in requests:
            if request.id in self.users:
                yield user_pb2.UserResponse(user=self.users[request.id])

    def get_client_stream(self, requests, context):
        return user_pb2.UserResponse(user=user_pb2.User(id=self.count(requests)))

    def connect_chat(self, requests, context):
        for request in requests:
            for message in ("Thank!!!", "good day!!!"):
                yield user_pb2.ChatMessage(id=request.id, message=message)

    def count(self, requests):
        return sum(1 for request in requests if request.id in self.users)


def user(row):
    return user_pb2.User(
        id=row["id"],
        nickname=row["nickname"],
        mail_address=row["mail_address"],
        user_type=user_pb2.User.UserType.Value(row["user_type"]),
    )


class Greetings(hellostreamingworld_pb2_grpc.MultiGreeterServicer):
    def sayHello(self, request, context):
        for _ in range(int(request.num_greetings or DEFAULT_GREETINGS)):
            yield hellostreamingworld_pb2.HelloReply(message=f"Hello {request.name}!")


class Interop(interop_pb2_grpc.InteropServicer):
    def __init__(self, shut_down):
        self.shut_down = shut_down
        self.started = Names()
        self.cancelled = Names()

    def Echo(self, request, context):
        if ("compressed", "gzip") in context.invocation_metadata():
            context.set_compression(grpc.Compression.Gzip)
        echo_metadata(context)
        return request

    def Exchange(self, requests, context):
        echo_metadata(context)
        yield from requests

    def Produce(self, request, context):
        padding = bytes(request.padding_len)
        for value in range(request.numbers):
            yield interop_pb2.Number(value=value, padding=padding)

    def Consume(self, requests, context):
        values = [request.value for request in requests]
        return interop_pb2.Total(numbers=len(values), sum=sum(values))

    def Fail(self, request, context):
        fail(request, context)

    def FailExchange(self, requests, context):
        failure = next(requests)
        for _ in range(failure.replies):
            yield interop_pb2.Blob()
        fail(failure, context)

    def TimeLeft(self, request, context):
        # Without a deadline grpcio answers with None, or with the age of the universe.
        seconds = context.time_remaining()
        known = seconds is not None and seconds < 10**9
        return interop_pb2.Nap(millis=int(seconds * 1000) if known else 0)

    def Hang(self, request, context):
        self.hang(request.name, context)()

    def HangReplies(self, request, context):
        wait = self.hang(request.name, context)
        yield interop_pb2.Blob()
        wait()

    def HangRequests(self, requests, context):
        self.hang(next(requests).name, context)()

    def HangExchange(self, requests, context):
        wait = self.hang(next(requests).name, context)
        yield interop_pb2.Blob()
        wait()

    def hang(self, name, context):
        """Reports the call and returns what waits for its end."""
        over = threading.Event()

        def cancelled():
            self.cancelled.add(name)
            over.set()

        if not context.add_callback(cancelled):
            cancelled()
        self.started.add(name)
        return lambda: over.wait(HANG_SECONDS)

    def AwaitStarted(self, request, context):
        self.started.wait_for(request.name)
        return interop_pb2.Blob()

    def AwaitCancelled(self, request, context):
        self.cancelled.wait_for(request.name)
        return interop_pb2.Blob()

    def ShutDown(self, request, context):
        self.shut_down()
        return interop_pb2.Blob()


class Names:
    """A set of names that others can wait for."""

    def __init__(self):
        self.changed = threading.Condition()
        self.names = set()

    def add(self, name):
        with self.changed:
            self.names.add(name)
            self.changed.notify_all()

    def wait_for(self, name):
        with self.changed:
            self.changed.wait_for(lambda: name in self.names, HANG_SECONDS)


def echo_metadata(context):
    metadata = context.invocation_metadata()
    context.send_initial_metadata([m for m in metadata if m[0].startswith("echo-initial-")])
    context.set_trailing_metadata([m for m in metadata if m[0].startswith("echo-trailing-")])


def fail(failure, context):
    if failure.details:
        context.set_trailing_metadata([("grpc-status-details-bin", failure.details)])
    codes = {code.value[0]: code for code in grpc.StatusCode}
    context.abort(codes[failure.code], failure.message)


def add_reflection_v1(server):
    """grpcio has v1alpha only; the messages of v1 are the same."""
    names = [
        user_pb2.DESCRIPTOR.services_by_name["UserManager"].full_name,
        hellostreamingworld_pb2.DESCRIPTOR.services_by_name["MultiGreeter"].full_name,
        interop_pb2.DESCRIPTOR.services_by_name["Interop"].full_name,
        reflection.SERVICE_NAME,
    ]
    reflection.enable_server_reflection(names, server)
    pb2 = reflection._reflection_pb2
    method = grpc.stream_stream_rpc_method_handler(
        reflection.ReflectionServicer(names).ServerReflectionInfo,
        request_deserializer=pb2.ServerReflectionRequest.FromString,
        response_serializer=pb2.ServerReflectionResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(
        "grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": method}
    )
    server.add_generic_rpc_handlers([handler])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--import", dest="users", required=True, metavar="USERS.JSON")
    args = parser.parse_args()

    server = grpc.server(ThreadPoolExecutor(max_workers=THREADS))
    user_pb2_grpc.add_UserManagerServicer_to_server(Users(args.users), server)
    hellostreamingworld_pb2_grpc.add_MultiGreeterServicer_to_server(Greetings(), server)
    interop_pb2_grpc.add_InteropServicer_to_server(
        Interop(shut_down=lambda: server.stop(HANG_SECONDS)), server
    )
    add_reflection_v1(server)
    port = server.add_insecure_port(args.listen)
    server.start()
    host = args.listen.rpartition(":")[0]
    print(f"listening on {host}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
