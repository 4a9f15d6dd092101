//! The client and the server of the suite, talking to each other.

use hikyaku::buffa::{Enumeration, Message, MessageName};
use hikyaku::buffa_types::google::protobuf::Any;
use hikyaku::{Request, Server};

use super::service::Conformance;
use super::suite::client_compat_request::Cancel;
use super::suite::client_compat_request::cancel::CancelTiming;
use super::suite::conformance_payload::RequestInfo;
use super::suite::unary_response_definition::Response;
use super::suite::{
    BidiStreamRequest, ClientCompatRequest, ClientResponseResult, ClientStreamRequest, Code, Codec,
    Compression, ConformanceServiceServer, Error, Header, StreamResponseDefinition, StreamType,
    UnaryRequest, UnaryResponseDefinition, UnimplementedRequest,
};
use super::targets::Targets;
use super::{invoke, register_types};

/// Serves, and makes one call.
async fn call(mut asked: ClientCompatRequest) -> ClientResponseResult {
    register_types();
    let listener = hikyaku::server::bind("127.0.0.1:0").await.unwrap();
    asked.host = "127.0.0.1".to_owned();
    asked.port = listener.local_addr().unwrap().port().into();
    let server = Server::new().add(ConformanceServiceServer::new(Conformance));
    let serving = tokio::spawn(server.serve_listener(listener));
    let client = Targets::default().client(&asked).unwrap();
    let result = invoke::invoke(&client, asked).await.unwrap();
    serving.abort();
    result
}

fn packed<T: Message + MessageName>(message: &T) -> Any {
    Any::pack(message, T::TYPE_URL)
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: vec![value.to_owned()],
        ..Default::default()
    }
}

fn asked(method: &str, messages: Vec<Any>) -> ClientCompatRequest {
    ClientCompatRequest {
        method: Some(method.to_owned()),
        request_messages: messages,
        request_headers: vec![header("x-asked", "so")],
        codec: Codec::Json.into(),
        ..Default::default()
    }
}

fn cancel(timing: CancelTiming) -> Cancel {
    Cancel {
        cancel_timing: Some(timing),
        ..Default::default()
    }
}

fn aborted() -> Error {
    Error {
        code: Code::Aborted.into(),
        message: Some("not now".to_owned()),
        ..Default::default()
    }
}

/// A conversation of two requests, the first of which asks for these replies.
fn talk(stream_type: StreamType, replies: &[&str], error: Option<Error>) -> ClientCompatRequest {
    let definition = StreamResponseDefinition {
        response_headers: vec![header("x-before", "a")],
        response_data: replies
            .iter()
            .map(|data| data.as_bytes().to_vec())
            .collect(),
        response_trailers: vec![header("x-after", "b")],
        error: error.into(),
        ..Default::default()
    };
    let first = BidiStreamRequest {
        response_definition: definition.into(),
        full_duplex: stream_type == StreamType::FullDuplexBidiStream,
        ..Default::default()
    };
    let messages = vec![packed(&first), packed(&BidiStreamRequest::default())];
    ClientCompatRequest {
        stream_type: stream_type.into(),
        ..asked("BidiStream", messages)
    }
}

fn code(result: &ClientResponseResult) -> i32 {
    result
        .error
        .as_option()
        .map_or(0, |error| error.code.to_i32())
}

#[tokio::test]
async fn a_reply_tells_of_the_call_and_carries_what_was_asked_for() {
    let definition = UnaryResponseDefinition {
        response_headers: vec![header("x-before", "a")],
        response: Some(Response::ResponseData(b"data".to_vec())),
        response_trailers: vec![header("x-after", "b")],
        ..Default::default()
    };
    let request = ClientStreamRequest {
        response_definition: definition.into(),
        ..Default::default()
    };
    let messages = vec![packed(&request), packed(&ClientStreamRequest::default())];
    let mut wanted = asked("ClientStream", messages.clone());
    wanted.timeout_ms = Some(60_000);
    let result = call(wanted).await;
    assert!(result.response_headers.contains(&header("x-before", "a")));
    assert!(result.response_trailers.contains(&header("x-after", "b")));
    assert_eq!(result.payloads[0].data, b"data");
    let seen = result.payloads[0].request_info.as_option().unwrap();
    assert_eq!(seen.requests, messages);
    assert!(seen.request_headers.contains(&header("x-asked", "so")));
    assert!((1..=60_000).contains(&seen.timeout_ms.unwrap()), "{seen:?}");
}

#[tokio::test]
async fn an_error_tells_of_the_call_in_its_details() {
    let definition = UnaryResponseDefinition {
        response_trailers: vec![header("x-after", "b")],
        response: Some(Response::Error(aborted().into())),
        ..Default::default()
    };
    let request = UnaryRequest {
        response_definition: definition.into(),
        ..Default::default()
    };
    let result = call(asked("Unary", vec![packed(&request)])).await;
    let error = result.error.into_option().unwrap();
    assert_eq!(
        (error.code, error.message.as_deref()),
        (Code::Aborted.into(), Some("not now"))
    );
    let seen: RequestInfo = error.details[0].unpack_unchecked().unwrap();
    assert_eq!(seen.requests, [packed(&request)]);
    assert!(result.response_trailers.contains(&header("x-after", "b")));
    let unimplemented = asked(
        "Unimplemented",
        vec![packed(&UnimplementedRequest::default())],
    );
    assert_eq!(code(&call(unimplemented).await), Code::Unimplemented as i32);
}

#[tokio::test]
async fn a_conversation_goes_as_its_first_request_says() {
    let (half, full) = (
        StreamType::HalfDuplexBidiStream,
        StreamType::FullDuplexBidiStream,
    );
    // (kind, replies, requests that each reply tells of)
    let table: [(_, &[&str], &[usize]); 4] = [
        (half, &["a", "b", "c"], &[2, 0, 0]),
        (full, &["a", "b"], &[1, 1]),
        (full, &["a", "b", "c"], &[1, 1, 0]),
        (full, &["a"], &[1]),
    ];
    for (kind, replies, told) in table {
        for error in [None, Some(aborted())] {
            let want = error.as_ref().map_or(0, |_| Code::Aborted as i32);
            let result = call(talk(kind, replies, error)).await;
            assert_eq!(code(&result), want);
            let requests = result.payloads.iter().map(|payload| {
                let seen = payload.request_info.as_option();
                seen.map_or(0, |seen| seen.requests.len())
            });
            assert_eq!(requests.collect::<Vec<_>>(), told, "{kind:?} {replies:?}");
            assert!(result.response_headers.contains(&header("x-before", "a")));
            assert!(result.response_trailers.contains(&header("x-after", "b")));
        }
    }
}

#[tokio::test]
async fn a_call_is_given_up_when_the_suite_says_so() {
    let before_end = || CancelTiming::BeforeCloseSend(Box::default());
    let talk = |timing| ClientCompatRequest {
        cancel: cancel(timing).into(),
        ..talk(StreamType::FullDuplexBidiStream, &["a", "b", "c"], None)
    };
    // (the call, the replies that it gets)
    let table = [
        (talk(before_end()), 2),
        (talk(CancelTiming::AfterNumResponses(1)), 1),
        (
            ClientCompatRequest {
                cancel: cancel(before_end()).into(),
                ..asked(
                    "ClientStream",
                    vec![packed(&ClientStreamRequest::default())],
                )
            },
            0,
        ),
    ];
    for (wanted, replies) in table {
        let result = call(wanted).await;
        assert_eq!(code(&result), Code::Canceled as i32, "{result:?}");
        assert_eq!(result.payloads.len(), replies);
    }
}

#[tokio::test]
async fn answers_are_in_the_coding_of_their_case() {
    for coding in ["BR", "DEFLATE", "GZIP", "IDENTITY", "SNAPPY", "ZSTD"] {
        let compression = Compression::from_proto_name(&format!("COMPRESSION_{coding}")).unwrap();
        let listener = hikyaku::server::bind("127.0.0.1:0").await.unwrap();
        let asked = ClientCompatRequest {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port().into(),
            codec: Codec::Proto.into(),
            compression: compression.into(),
            ..Default::default()
        };
        let server = Server::new().add(ConformanceServiceServer::new(Conformance));
        tokio::spawn(server.serve_listener(listener));
        let client = Targets::default().client(&asked).unwrap();
        let case = format!("Basic/Compression:COMPRESSION_{coding}/unary");
        let request = Request::new(UnaryRequest::default());
        let request = request.with_metadata("x-test-case-name", &case).unwrap();
        let response = client.unary(request).await.unwrap();
        assert_eq!(response.was_compressed(), coding != "IDENTITY", "{coding}");
    }
}
