//! Why a connection is over, as far as this end knows, and how that is told.

use std::error::Error;
use std::io;

use bytes::Bytes;
use hikyaku_http2::{ConnectionError, ErrorCode, Violation};

use crate::{Code, Origin, Status};

/// What is known of the end of a connection.
#[derive(Debug, Default)]
pub(crate) struct Loss {
    /// There once anything is known.
    known: Option<Box<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    socket: Option<io::Error>,
    fault: Option<ConnectionError>,
    farewell: Option<Farewell>,
}

static NOTHING: Known = Known {
    socket: None,
    fault: None,
    farewell: None,
};

/// The peer's GOAWAY.
#[derive(Clone, Debug)]
struct Farewell {
    code: ErrorCode,
    /// What the peer says of it; untrusted.
    debug: Bytes,
}

impl Loss {
    /// The socket failed.
    pub(crate) fn note_socket(&mut self, error: Option<io::Error>) {
        if let Some(error) = error {
            self.known.get_or_insert_default().socket = Some(error);
        }
    }

    /// The peer broke the protocol.
    pub(crate) fn note_fault(&mut self, fault: Option<ConnectionError>) {
        if let Some(fault) = fault {
            self.known.get_or_insert_default().fault = Some(fault);
        }
    }

    /// The peer said goodbye.
    pub(crate) fn note_farewell(&mut self, code: ErrorCode, debug: Bytes) {
        self.known.get_or_insert_default().farewell = Some(Farewell { code, debug });
    }

    fn known(&self) -> &Known {
        self.known.as_deref().unwrap_or(&NOTHING)
    }

    /// Whether the peer said goodbye, and nothing of an error.
    pub(crate) fn is_polite(&self) -> bool {
        let code = self.known().farewell.as_ref().map(|farewell| farewell.code);
        code == Some(ErrorCode::NO_ERROR)
    }

    /// The status of a client's call that was open.
    ///
    /// Spec: statuscodes.md: UNAVAILABLE, but INTERNAL where the server overran a window.
    pub(crate) fn to_client_status(&self, addr: &str) -> Status {
        let code = match &self.known().fault {
            Some(fault) if fault.code == ErrorCode::FLOW_CONTROL_ERROR => Code::Internal,
            _ => Code::Unavailable,
        };
        let what = self.tell(&format!("the connection to {addr}"), addr);
        self.to_status(code, what)
    }

    /// The status of a server's call that was open.
    pub(crate) fn to_server_status(&self) -> Status {
        let what = self.tell("the connection to the client", "the client");
        self.to_status(Code::Cancelled, what)
    }

    /// The error of a connection that has come to nothing: `what`, and why.
    pub(crate) fn to_io_error(&self, what: &str) -> io::Error {
        let kind = self.known().socket.as_ref().map(io::Error::kind);
        let mut what = what.to_owned();
        if let Some(cause) = self.cause() {
            what = format!("{what}: {cause}");
        }
        let kind = kind.unwrap_or(io::ErrorKind::ConnectionReset);
        io::Error::new(kind, self.with_farewell(what))
    }

    /// What the socket said at its end, if nothing says more.
    pub(crate) fn socket_error(&self) -> Option<io::Error> {
        let error = self
            .known()
            .socket
            .as_ref()
            .filter(|_| self.broken().is_none());
        error.map(explain)
    }

    fn to_status(&self, code: Code, what: String) -> Status {
        let status = Status::new(code, what).with_origin(Origin::Transport);
        match self.cause() {
            Some(cause) => status.with_source(cause),
            None => status,
        }
    }

    /// What happened to `connection`, or what `peer` did with it.
    fn tell(&self, connection: &str, peer: &str) -> String {
        let what = match (self.broken(), &self.known().socket) {
            (Some(fault), _) => format!("{connection} was ended: {fault}"),
            (None, Some(error)) => format!("{connection} was lost: {error}"),
            (None, None) => format!("{peer} closed the connection"),
        };
        self.with_farewell(what)
    }

    fn with_farewell(&self, what: String) -> String {
        match &self.known().farewell {
            Some(Farewell { code, debug }) => {
                let debug = debug.escape_ascii();
                format!("{what}; it had said GOAWAY {code} \"{debug}\"")
            }
            None => what,
        }
    }

    fn cause(&self) -> Option<Box<dyn Error + Send + Sync>> {
        match (self.broken(), &self.known().socket, &self.known().fault) {
            (None, Some(error), _) => Some(Box::new(explain(error))),
            (Some(fault), ..) | (None, None, Some(fault)) => Some(Box::new(fault.clone())),
            (None, None, None) => None,
        }
    }

    /// The rule that the peer broke: it says more than the socket, which fails after that, too.
    fn broken(&self) -> Option<&ConnectionError> {
        let is_broken =
            |fault: &&ConnectionError| !matches!(fault.what, Violation::ConnectionLost { .. });
        self.known().fault.as_ref().filter(is_broken)
    }
}

/// What ends a connection that nobody drives any more.
pub(crate) fn dropped() -> io::Error {
    io::Error::other("its runtime or its task has ended")
}

/// The same error once more, for a client: one of TLS says what that means of the server.
pub(crate) fn explain(error: &io::Error) -> io::Error {
    #[cfg(feature = "tls")]
    if let Some(error) = crate::tls::explained(error) {
        return error;
    }
    copy(error)
}

/// The same error once more: one connection can be the end of many calls.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(socket: Option<io::Error>, what: Option<Violation>, goaway: Option<&str>) -> Loss {
        let mut loss = Loss::default();
        loss.note_fault(what.map(ConnectionError::new));
        loss.note_socket(socket);
        if let Some(debug) = goaway {
            let debug = Bytes::copy_from_slice(debug.as_bytes());
            loss.note_farewell(ErrorCode::ENHANCE_YOUR_CALM, debug);
        }
        loss
    }

    fn reset() -> Option<io::Error> {
        Some(io::ErrorKind::ConnectionReset.into())
    }

    #[test]
    fn what_is_known_of_a_lost_connection_is_told_at_both_ends() {
        let bad = Some(Violation::BadPreface);
        let table = [
            (
                loss(None, None, None),
                "UNAVAILABLE: host:1 closed the connection",
                "CANCELLED: the client closed the connection",
            ),
            (
                loss(reset(), None, None),
                "UNAVAILABLE: the connection to host:1 was lost: connection reset",
                "CANCELLED: the connection to the client was lost: connection reset",
            ),
            (
                loss(None, None, Some("too many\n")),
                "UNAVAILABLE: host:1 closed the connection; it had said GOAWAY \
                 ENHANCE_YOUR_CALM \"too many\\n\"",
                "CANCELLED: the client closed the connection; it had said GOAWAY \
                 ENHANCE_YOUR_CALM \"too many\\n\"",
            ),
            (
                loss(reset(), bad, None),
                "UNAVAILABLE: the connection to host:1 was ended: PROTOCOL_ERROR: the client's \
                 preface is not HTTP/2",
                "CANCELLED: the connection to the client was ended: PROTOCOL_ERROR: the client's \
                 preface is not HTTP/2",
            ),
            (
                loss(
                    None,
                    Some(Violation::ConnectionLost { open_streams: 1 }),
                    None,
                ),
                "UNAVAILABLE: host:1 closed the connection",
                "CANCELLED: the client closed the connection",
            ),
        ];
        for (loss, at_client, at_server) in table {
            assert_eq!(loss.to_client_status("host:1").to_string(), at_client);
            assert_eq!(loss.to_server_status().to_string(), at_server);
            assert_eq!(loss.to_server_status().origin(), Origin::Transport);
        }
    }

    #[test]
    fn a_server_that_overruns_a_window_is_an_internal_error_and_any_other_fault_is_not() {
        let window = Violation::WindowExceeded { len: 9, window: 3 };
        let table = [
            (
                window,
                "INTERNAL: the connection to host:1 was ended: FLOW_CONTROL_ERROR: DATA of 9 bytes \
                 in a window of 3",
            ),
            (
                Violation::PushPromised,
                "UNAVAILABLE: the connection to host:1 was ended: PROTOCOL_ERROR: PUSH_PROMISE \
                 though push is disabled",
            ),
        ];
        for (what, want) in table {
            let status = loss(None, Some(what), None).to_client_status("host:1");
            assert_eq!(status.to_string(), want);
            assert_eq!(status.origin(), Origin::Transport);
            let source = Error::source(&status).unwrap();
            let fault = source.downcast_ref::<ConnectionError>().unwrap();
            assert_eq!(fault.what, what);
        }
    }

    #[test]
    fn the_systems_error_is_the_source_with_its_number() {
        let error = io::Error::from_raw_os_error(104);
        let text = error.to_string();
        let loss = loss(Some(error), None, None);
        let statuses = [loss.to_client_status("host:1"), loss.to_server_status()];
        for status in statuses {
            let source = Error::source(&status).unwrap();
            let source = source.downcast_ref::<io::Error>().unwrap();
            assert_eq!(source.raw_os_error(), Some(104));
            assert!(status.message().ends_with(&text), "{status}");
        }
    }

    #[test]
    fn a_connection_that_came_to_nothing_tells_why() {
        let table = [
            (loss(None, None, None), "no SETTINGS"),
            (loss(reset(), None, None), "no SETTINGS: connection reset"),
            (
                loss(None, Some(Violation::BadPreface), Some("slow")),
                "no SETTINGS: PROTOCOL_ERROR: the client's preface is not HTTP/2; it had said GOAWAY ENHANCE_YOUR_CALM \"slow\"",
            ),
        ];
        for (loss, want) in table {
            let error = loss.to_io_error("no SETTINGS");
            assert_eq!(error.to_string(), want);
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}
