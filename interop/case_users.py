"""Every method of the reference service, called as the seed's Python client calls it."""

import asyncio

import grpc

import hellostreamingworld_pb2
import hellostreamingworld_pb2_grpc
import user_pb2
import user_pb2_grpc
from harness import CALL_SECONDS, case, equal, fails_with

ADMIN = user_pb2.User(
    id=1,
    nickname="admin",
    mail_address="admin@example.com",
    user_type=user_pb2.User.ADMINISTRATOR,
)


def users(target):
    return user_pb2_grpc.UserManagerStub(target.users)


def ids(*numbers):
    return (user_pb2.UserRequest(id=number) for number in numbers)


@case
def get_user_answers_the_user(target):
    reply = users(target).GetUser(user_pb2.UserRequest(id=1), timeout=CALL_SECONDS)
    equal(reply, user_pb2.UserResponse(user=ADMIN))


@case
def get_user_of_an_unknown_id_is_an_error_in_the_message(target):
    reply = users(target).GetUser(user_pb2.UserRequest(id=4_000_000_000), timeout=CALL_SECONDS)
    equal(reply, user_pb2.UserResponse(error=True, message="not found"))


@case
def add_user_answers_the_user_once(target):
    user = user_pb2.User(
        id=1001, nickname="飛脚", mail_address="hikyaku@example.com", user_type=user_pb2.User.GUEST
    )
    stub = users(target)
    equal(stub.AddUser(user, timeout=CALL_SECONDS), user_pb2.UserResponse(user=user))
    again = stub.AddUser(user, timeout=CALL_SECONDS)
    equal(again, user_pb2.UserResponse(error=True, message="already exist"))
    found = stub.GetUser(user_pb2.UserRequest(id=1001), timeout=CALL_SECONDS)
    equal(found, user_pb2.UserResponse(user=user))


@case
def count_already_users_counts_those_that_exist(target):
    reply = users(target).CountAlreadyUsers(ids(1, 2, 999, 2), timeout=CALL_SECONDS)
    equal(reply, user_pb2.UserCntResponse(user_cnt=3))


@case
def count_already_users_counts_ten_thousand(target):
    reply = users(target).CountAlreadyUsers(ids(*[3] * 10_000), timeout=CALL_SECONDS)
    equal(reply.user_cnt, 10_000)


@case
def count_already_users_of_no_request_is_zero(target):
    reply = users(target).CountAlreadyUsers(ids(), timeout=CALL_SECONDS)
    equal(reply, user_pb2.UserCntResponse())


@case
def get_users_by_type_sends_them_in_order(target):
    request = user_pb2.UserTypeRequest(user_type=user_pb2.UserTypeRequest.NORMAL)
    replies = users(target).GetUsersByType(request, timeout=CALL_SECONDS)
    equal([reply.user.nickname for reply in replies], ["foo", "Zaru", "Saru"])


@case
def get_users_by_type_of_nobody_is_empty(target):
    request = user_pb2.UserTypeRequest(user_type=user_pb2.UserTypeRequest.NONE)
    equal(list(users(target).GetUsersByType(request, timeout=CALL_SECONDS)), [])


@case
def get_users_by_ids_skips_who_does_not_exist(target):
    replies = users(target).GetUsersByIds(ids(6, 999, 1, 6), timeout=CALL_SECONDS)
    equal([reply.user.nickname for reply in replies], ["Saru", "admin", "Saru"])


@case
def get_users_by_ids_exchanges_ten_thousand(target):
    replies = users(target).GetUsersByIds(ids(*[5] * 10_000), timeout=CALL_SECONDS)
    equal(sum(1 for reply in replies if reply.user.nickname == "Zaru"), 10_000)


@case
def get_client_stream_answers_the_count_as_an_id(target):
    reply = users(target).get_client_stream(ids(1, 2, 3), timeout=CALL_SECONDS)
    equal(reply, user_pb2.UserResponse(user=user_pb2.User(id=3)))


@case
def connect_chat_answers_twice(target):
    messages = (user_pb2.ChatMessage(id=number, message="hello") for number in (7, 8))
    replies = users(target).connect_chat(messages, timeout=CALL_SECONDS)
    want = [(7, "Thank!!!"), (7, "good day!!!"), (8, "Thank!!!"), (8, "good day!!!")]
    equal([(reply.id, reply.message) for reply in replies], want)


@case
def connect_chat_answers_before_the_next_message(target):
    """The second message is only sent when the replies to the first are there."""
    async def chat():
        async with grpc.aio.insecure_channel(target.users_address) as channel:
            call = user_pb2_grpc.UserManagerStub(channel).connect_chat(timeout=CALL_SECONDS)
            for number in range(100):
                await call.write(user_pb2.ChatMessage(id=number, message="ping"))
                for want in ("Thank!!!", "good day!!!"):
                    reply = await call.read()
                    equal((reply.id, reply.message), (number, want))
            await call.done_writing()
            equal(await call.read(), grpc.aio.EOF)

    asyncio.run(chat())


@case
def say_hello_greets_as_often_as_asked(target):
    stub = hellostreamingworld_pb2_grpc.MultiGreeterStub(target.users)
    request = hellostreamingworld_pb2.HelloRequest(name="you", num_greetings="3")
    replies = [reply.message for reply in stub.sayHello(request, timeout=CALL_SECONDS)]
    equal(replies, ["Hello you!"] * 3)


@case
def say_hello_is_read_until_eof(target):
    async def greet():
        async with grpc.aio.insecure_channel(target.users_address) as channel:
            stub = hellostreamingworld_pb2_grpc.MultiGreeterStub(channel)
            request = hellostreamingworld_pb2.HelloRequest(name="you")
            call = stub.sayHello(request, timeout=CALL_SECONDS)
            replies = 0
            while await call.read() != grpc.aio.EOF:
                replies += 1
            equal(replies, 10)

    asyncio.run(greet())


@case
def say_hello_sends_ten_thousand(target):
    stub = hellostreamingworld_pb2_grpc.MultiGreeterStub(target.users)
    request = hellostreamingworld_pb2.HelloRequest(name="you", num_greetings="10000")
    equal(sum(1 for _ in stub.sayHello(request, timeout=CALL_SECONDS)), 10_000)


@case
def a_user_manager_without_the_method_is_unimplemented(target):
    method = target.users.unary_unary("/UserManager/Forget")
    fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: method(b"", timeout=CALL_SECONDS))
