//! Interceptors, at both ends and for all four kinds of call.

mod dropping;
mod ends;
mod messages;
mod metadata;
mod order;
mod time;
#[cfg(feature = "tower")]
mod tower;

use std::sync::{Arc, Mutex};

use hikyaku::client::ChannelBuilder;
use hikyaku::intercept::{Call, Interceptor, Kind, Message, Next, Side};
use hikyaku::{Channel, Metadata, Request, Server, Status};

use crate::in_memory::{Calling, Calls, Network};

/// The kinds, each with a method of [`Calls::four_kinds`].
const KINDS: [(Kind, &str); 4] = [
    (Kind::Unary, "/test.Calls/Square"),
    (Kind::ServerStreaming, "/test.Calls/Count"),
    (Kind::ClientStreaming, "/test.Calls/Sum"),
    (Kind::BidiStreaming, "/test.Calls/Sums"),
];

const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// A client and a server, about to get interceptors.
struct Ends {
    network: Network,
    server: Server,
    builder: ChannelBuilder,
}

impl Ends {
    fn new(calls: Calls) -> Self {
        let network = Network::new();
        let builder = network.builder();
        let server = Server::new().add(calls);
        Self {
            network,
            server,
            builder,
        }
    }

    fn with(mut self, side: Side, interceptor: impl Interceptor) -> Self {
        match side {
            Side::Client => self.builder = self.builder.intercept(interceptor),
            Side::Server => self.server = self.server.intercept(interceptor),
        }
        self
    }

    /// Lets the server serve.
    fn channel(self) -> Channel {
        self.network.serve(self.server);
        self.builder.lazy().unwrap()
    }
}

/// All that a caller got of a call.
#[derive(Debug)]
struct Got {
    head: Metadata,
    replies: Vec<u64>,
    /// The trailers of a success.
    end: Result<Metadata, Status>,
}

impl Got {
    fn status(self) -> Status {
        self.end.expect_err("the call fails")
    }
}

/// Makes a call of any kind. Where there is a stream of requests it counts to the number.
async fn call(
    channel: &Channel,
    kind: Kind,
    path: &'static str,
    request: impl Into<Request<u64>>,
) -> Got {
    let request = request.into();
    let last = *request.message();
    let single = match kind {
        Kind::Unary => channel.ask(path, request).await,
        Kind::ClientStreaming => {
            let mut call = channel.tell(path, request.map(drop)).await;
            for number in 1..=last {
                if call.send(number).await.is_err() {
                    break; // how it went, the end says
                }
            }
            call.finish().await
        }
        Kind::ServerStreaming => return read(channel.list(path, request).await).await,
        Kind::BidiStreaming => {
            let (mut sender, replies) = channel.talk(path, request.map(drop)).await;
            let reading = tokio::spawn(read(replies));
            for number in 1..=last {
                if sender.send(number).await.is_err() {
                    break;
                }
            }
            sender.finish();
            return reading.await.unwrap();
        }
    };
    match single {
        Ok(response) => Got {
            head: response.metadata().clone(),
            replies: vec![*response.message()],
            end: Ok(response.trailers().clone()),
        },
        Err(status) => Got {
            head: Metadata::new(),
            replies: Vec::new(),
            end: Err(status),
        },
    }
}

async fn read(mut stream: hikyaku::client::Streaming<u64>) -> Got {
    let mut replies = Vec::new();
    let head = stream.metadata().await;
    let end = loop {
        match stream.next().await {
            Ok(Some(reply)) => replies.push(reply),
            Ok(None) => break Ok(stream.trailers().expect("the end has been read").clone()),
            Err(status) => break Err(status),
        }
    };
    assert_eq!(
        stream.next().await.is_err(),
        end.is_err(),
        "an end is repeated"
    );
    Got { head, replies, end }
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What was noted since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// An interceptor that changes nothing and notes all it sees, under a name.
    fn spy(&self, name: &'static str) -> impl Interceptor {
        let log = self.clone();
        move |mut call: Call, next: Next| {
            let log = log.clone();
            let seen = |what: &'static str| {
                let log = log.clone();
                move |message: &mut Message<'_>| {
                    log.note(format!("{what} {} {name}", message.get::<u64>().unwrap()));
                    Ok(())
                }
            };
            call.on_request(seen("request"));
            call.on_reply(seen("reply"));
            let seen = log.clone();
            call.on_head(move |_| seen.note(format!("head {name}")));
            async move {
                log.note(format!("call {name}"));
                let end = next.run(call).await;
                log.note(match &end {
                    Ok(_) => format!("ok {name}"),
                    Err(status) => format!("{} {name}", status.code().name()),
                });
                end
            }
        }
    }
}
