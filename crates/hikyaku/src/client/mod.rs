//! Making calls: [`Channel`], and the handles of streaming calls.

mod answer;
mod backoff;
mod builder;
mod call;
mod channel;
mod connecting;
mod connection;
mod connectivity;
mod error;
mod guard;
mod intercepted;
mod keepalive;
mod openings;
mod sender;
mod shared;
mod start;
mod streaming;
mod target;
mod waiting;
mod watch;

pub use builder::ChannelBuilder;
pub use channel::Channel;
pub use connectivity::ConnectivityState;
pub use error::ConnectError;
pub use sender::{ClientStreaming, Sender};
pub use streaming::Streaming;
