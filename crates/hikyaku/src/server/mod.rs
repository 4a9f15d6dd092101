//! Serving calls: [`Server`], and what a service is made of.

mod accept;
mod answer;
pub(crate) mod catalog;
mod connection;
mod door;
mod fallback;
mod handlers;
mod head;
pub(crate) mod intercepted;
mod lasting;
mod limits;
mod method;
mod phase;
mod replies;
mod requests;
mod router;
mod runner;
mod runtime;
#[cfg(feature = "tls")]
mod secure;
mod serve;

pub use accept::{Listener, bind};
pub use fallback::{HttpRequest, HttpResponse};
pub use limits::Limits;
pub use method::Methods;
pub use replies::Replies;
pub use requests::Requests;
pub use router::Service;
pub use runtime::runtime;
pub use serve::{ServeError, Server};
