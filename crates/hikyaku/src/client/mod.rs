//! Making calls: [`Channel`], and the handles of streaming calls.

mod backoff;
mod builder;
mod channel;
mod connecting;
mod connection;
mod connectivity;
mod error;
mod guard;
mod intercepted;
mod keepalive;
mod sender;
mod shared;
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
