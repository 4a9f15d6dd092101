//! The services that are called: the examples' greeter and numbers, and one whose messages are bytes.

use bytes::{Bytes, BytesMut};
use hikyaku::codec::{Codec, CodecError};
use hikyaku::server::{Methods, Replies, Requests, Service};
use hikyaku::{Request, Response, Server, Status};

use crate::proto::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};
use crate::proto::numbers::{Number, Numbers, NumbersServer};

/// Bytes of a message, at most: the echoes are of 4 MiB.
pub(crate) const MAX_MESSAGE_LEN: usize = 16 * 1024 * 1024;

pub(crate) const HELLO: &str = "/helloworld.Greeter/SayHello";
pub(crate) const SQUARE: &str = "/numbers.Numbers/Square";
pub(crate) const COUNT_TO: &str = "/numbers.Numbers/CountTo";
pub(crate) const SUM: &str = "/numbers.Numbers/Sum";
pub(crate) const RUNNING_SUM: &str = "/numbers.Numbers/RunningSum";
pub(crate) const ECHO: &str = "/instructions.Plain/Echo";
pub(crate) const LATER: &str = "/instructions.Plain/Later";

/// A server of all of them.
pub(crate) fn server() -> Server {
    Server::new()
        .max_message_len(MAX_MESSAGE_LEN)
        .add(GreeterServer::new(Hello))
        .add(NumbersServer::new(Sums))
        .add(Plain)
}

/// Allocates twice a call: the name when it is decoded, and the greeting.
struct Hello;

impl Greeter for Hello {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let mut message = String::with_capacity(32);
        message.push_str("Hello ");
        message.push_str(&request.message().name);
        message.push('!');
        Ok(HelloReply {
            message,
            ..Default::default()
        }
        .into())
    }
}

/// Allocates nothing.
struct Sums;

pub(crate) fn number(value: u64) -> Number {
    Number {
        value,
        ..Default::default()
    }
}

impl Numbers for Sums {
    async fn square(&self, request: Request<Number>) -> Result<Response<Number>, Status> {
        let value = request.message().value;
        Ok(number(value * value).into())
    }

    async fn count_to(
        &self,
        request: Request<Number>,
        mut replies: Replies<Number>,
    ) -> Result<(), Status> {
        for value in 1..=request.message().value {
            replies.send(number(value)).await?;
        }
        Ok(())
    }

    async fn sum(&self, mut requests: Requests<Number>) -> Result<Response<Number>, Status> {
        let mut sum = 0;
        while let Some(request) = requests.next().await? {
            sum += request.value;
        }
        Ok(number(sum).into())
    }

    async fn running_sum(
        &self,
        mut requests: Requests<Number>,
        mut replies: Replies<Number>,
    ) -> Result<(), Status> {
        let mut sum = 0;
        while let Some(request) = requests.next().await? {
            sum += request.value;
            replies.send(number(sum)).await?;
        }
        Ok(())
    }
}

/// Messages that are their own bytes.
pub(crate) struct Raw;

impl Codec<Bytes> for Raw {
    fn encode(message: &Bytes, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(message);
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<Bytes, CodecError> {
        Ok(bytes)
    }
}

/// Gives back what it gets, at once or after a wait.
struct Plain;

impl Service for Plain {
    fn name(&self) -> &'static str {
        "instructions.Plain"
    }

    fn descriptor_set(&self) -> &'static [u8] {
        &[]
    }

    fn register(self, methods: &mut Methods) {
        let echo = |request: Request<Bytes>| async { Ok(Response::new(request.into_message())) };
        methods.unary::<Raw, Bytes, Bytes, _, _>(ECHO, echo);
        let later = |request: Request<Bytes>| async {
            tokio::task::yield_now().await;
            Ok(Response::new(request.into_message()))
        };
        methods.unary::<Raw, Bytes, Bytes, _, _>(LATER, later);
    }
}
