"""What grpcio-reflection learns from a server, in both versions of the protocol."""

from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from harness import CALL_SECONDS, case, check, equal

USER_MANAGER = [
    ("GetUser", False, False),
    ("AddUser", False, False),
    ("CountAlreadyUsers", True, False),
    ("GetUsersByType", False, True),
    ("GetUsersByIds", True, True),
    ("get_client_stream", True, False),
    ("connect_chat", True, True),
]


@case
def reflection_v1alpha_lists_the_services(target):
    services = ProtoReflectionDescriptorDatabase(target.users).get_services()
    for name in ("UserManager", "hellostreamingworld.MultiGreeter"):
        check(name in services, f"{name} is not in {services}")


@case
def reflection_v1alpha_describes_every_method(target):
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(target.users))
    service = pool.FindServiceByName("UserManager")
    methods = [
        (method.name, method.client_streaming, method.server_streaming)
        for method in service.methods
    ]
    equal(methods, USER_MANAGER)
    greeter = pool.FindServiceByName("hellostreamingworld.MultiGreeter")
    equal([method.name for method in greeter.methods], ["sayHello"])
    equal(service.methods_by_name["AddUser"].input_type.full_name, "User")
    equal(pool.FindMessageTypeByName("User").fields_by_name["mail_address"].number, 3)


@case
def reflection_v1alpha_knows_a_service_of_another_package(target):
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(target.interop))
    service = pool.FindServiceByName("interop.Interop")
    equal(service.methods_by_name["Consume"].output_type.full_name, "interop.Total")


def ask_v1(target, *requests):
    """grpcio-reflection speaks v1alpha only; the messages of v1 are the same."""
    method = target.users.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [reflection_pb2.ServerReflectionRequest(**request) for request in requests]
    return list(method(iter(requests), timeout=CALL_SECONDS))


@case
def reflection_v1_lists_the_services(target):
    (reply,) = ask_v1(target, {"list_services": ""})
    names = [service.name for service in reply.list_services_response.service]
    for name in ("UserManager", "hellostreamingworld.MultiGreeter"):
        check(name in names, f"{name} is not in {names}")


@case
def reflection_v1_answers_one_question_after_another(target):
    by_symbol, by_name, nested, missing = ask_v1(
        target,
        {"file_containing_symbol": "UserManager"},
        {"file_by_filename": "hellostreamingworld.proto"},
        {"file_containing_symbol": "User.UserType"},
        {"file_containing_symbol": "NoSuchService"},
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(by_symbol.file_descriptor_response.file_descriptor_proto[0])
    pool.AddSerializedFile(by_name.file_descriptor_response.file_descriptor_proto[0])
    equal(len(pool.FindServiceByName("UserManager").methods), len(USER_MANAGER))
    pool.FindServiceByName("hellostreamingworld.MultiGreeter")
    equal(nested.WhichOneof("message_response"), "file_descriptor_response")
    equal(missing.error_response.error_code, 5)
