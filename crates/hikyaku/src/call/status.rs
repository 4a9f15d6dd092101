//! How a call ended, in full: the code, the text, the details, and who said so.
//!
//! On the wire a status is the end of the trailers:
//!
//! ```text
//! grpc-status: 5                          the number
//! grpc-message: no such user              percent-encoded, if not empty
//! grpc-status-details-bin: CAUS…          base64, if any: usually a google.rpc.Status
//! ```
//!
//! A status is never lost over one of its parts: a number that is none is UNKNOWN, a message or
//! details that cannot be read leave the rest as it is.
//!
//! Spec: gRPC over HTTP/2, "Responses".

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hikyaku_http2::{Field, Headers};

use super::code::Code;
use super::metadata::{Metadata, decode_base64, encode_base64};
use super::percent;

/// The one error of a call, at either end.
///
/// It is as large as a pointer, so that a `Result<T, Status>` stays as small as `T` allows.
///
/// # Example
/// ```
/// use hikyaku::{Code, Status};
///
/// let status = Status::not_found("no such user");
/// assert_eq!(status.code(), Code::NotFound);
/// assert_eq!(status.to_string(), "NOT_FOUND: no such user");
/// ```
#[derive(Clone)]
pub struct Status(Box<Inner>);

#[derive(Clone)]
struct Inner {
    /// As on the wire; what is not of the list is [`Code::Unknown`].
    number: u32,
    origin: Origin,
    message: String,
    details: Bytes,
    metadata: Metadata,
    /// Received before the status, in a block of its own. Never sent.
    initial_metadata: Metadata,
    source: Option<Arc<dyn Error + Send + Sync>>,
    /// Sent beside the refusal of a message coding.
    accept_encoding: Option<&'static str>,
    /// Of an answer that was not gRPC's.
    http_status: Option<u16>,
    is_safe_to_retry: bool,
}

/// Who ended the call. Tells what a code cannot: whether the peer ever had the request in hand.
///
/// # Example
/// ```
/// use hikyaku::{Origin, Status};
///
/// assert_eq!(Status::internal("broken").origin(), Origin::Local);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The peer sent the status.
    Peer,
    /// It was made here: by the application, by a deadline, by a limit.
    Local,
    /// The connection or the stream broke.
    Transport,
}

impl Status {
    /// A status made here.
    ///
    /// # Example
    /// ```
    /// use hikyaku::{Code, Status};
    ///
    /// let status = Status::new(Code::Aborted, format!("user {} changed meanwhile", 42));
    /// assert_eq!(status.message(), "user 42 changed meanwhile");
    /// ```
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            number: code.number(),
            origin: Origin::Local,
            message: message.into(),
            details: Bytes::new(),
            metadata: Metadata::new(),
            initial_metadata: Metadata::new(),
            source: None,
            accept_encoding: None,
            http_status: None,
            is_safe_to_retry: false,
        }))
    }

    /// What programs decide by.
    ///
    /// # Example
    /// ```
    /// use hikyaku::{Code, Status};
    ///
    /// assert_eq!(Status::unavailable("try later").code(), Code::Unavailable);
    /// ```
    #[must_use]
    pub fn code(&self) -> Code {
        Code::from_number(self.0.number)
    }

    /// The number on the wire. It says more than [`Status::code`] if the peer sent a number that
    /// gRPC does not list: the code is [`Code::Unknown`] then.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::Status::not_found("no such user").number(), 5);
    /// ```
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// What people read; may be empty.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::Status::not_found("no such user").message(), "no such user");
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What programs may read beyond the code, by custom an encoded `google.rpc.Status`; may be
    /// empty. [`Status::error_details`] reads that.
    ///
    /// # Example
    /// ```
    /// assert!(hikyaku::Status::not_found("no such user").details().is_empty());
    /// ```
    #[must_use]
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// The trailing metadata that came, or is to be sent, with the status.
    ///
    /// # Example
    /// ```
    /// assert!(hikyaku::Status::not_found("no such user").metadata().is_empty());
    /// ```
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// At a client: what the server had sent already, as the metadata of its answer, when a call with
    /// one reply failed. Most servers send nothing before a failure. (Of a stream,
    /// [`Streaming::metadata`](crate::client::Streaming::metadata) tells it.)
    ///
    /// It stays here: a server that hands the status on sends [`Status::metadata`] alone.
    ///
    /// # Example
    /// ```
    /// assert!(hikyaku::Status::not_found("no such user").initial_metadata().is_empty());
    /// ```
    #[must_use]
    pub fn initial_metadata(&self) -> &Metadata {
        &self.0.initial_metadata
    }

    /// Who ended the call.
    ///
    /// # Example
    /// ```
    /// use hikyaku::{Origin, Status};
    ///
    /// assert_eq!(Status::cancelled("not needed").origin(), Origin::Local);
    /// ```
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// At a client: the HTTP status of an answer that was not gRPC's, most likely a proxy's. The code
    /// was made of it ([`Code::from_http_status`]), and it says more.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::Status::unavailable("a handler said so").http_status(), None);
    /// ```
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// Whether the server certainly never looked at the call, so that making it again cannot do
    /// anything twice: no connection came about, or the server said that it left the call out.
    ///
    /// A channel makes such calls again by itself where it can. A call that ends with this could
    /// not be: it was left out twice, or had sent too much to be kept.
    ///
    /// # Example
    /// ```
    /// assert!(!hikyaku::Status::unavailable("a handler said so").is_safe_to_retry());
    /// ```
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        self.0.is_safe_to_retry
    }

    /// The status with these [`details`](Status::details). [`Status::with_error_details`] makes them
    /// of typed messages.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Status;
    ///
    /// let status = Status::invalid_argument("id is 0").with_details(&b"\x08\x03"[..]);
    /// assert_eq!(status.details().len(), 2);
    /// ```
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Self {
        self.0.details = details.into();
        self
    }

    /// The status with this trailing [`metadata`](Status::metadata).
    ///
    /// # Example
    /// ```
    /// use hikyaku::{Metadata, Status};
    ///
    /// let mut metadata = Metadata::new();
    /// metadata.insert("grpc-retry-pushback-ms", "500")?;
    /// let status = Status::unavailable("warming up").with_metadata(metadata);
    /// assert_eq!(status.metadata().get("grpc-retry-pushback-ms"), Some("500"));
    /// # Ok::<(), Status>(())
    /// ```
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// The status with its cause, which stays on this side of the wire.
    ///
    /// # Example
    /// ```
    /// use std::error::Error;
    /// use hikyaku::Status;
    ///
    /// let cause = "x".parse::<u32>().unwrap_err();
    /// let status = Status::invalid_argument("id is no number").with_source(cause);
    /// assert!(status.source().is_some());
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The status with this [`origin`](Status::origin).
    ///
    /// # Example
    /// ```
    /// use hikyaku::{Origin, Status};
    ///
    /// let status = Status::unavailable("connection lost").with_origin(Origin::Transport);
    /// assert_eq!(status.origin(), Origin::Transport);
    /// ```
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin = origin;
        self
    }

    /// The status of an answer that was not gRPC's.
    pub(crate) fn of_http(mut self, http_status: u16) -> Self {
        self.0.http_status = Some(http_status);
        self
    }

    /// The status of a call whose answer had begun with this metadata.
    pub(crate) fn after(mut self, initial_metadata: Metadata) -> Self {
        self.0.initial_metadata = initial_metadata;
        self
    }

    /// The status of a call that the server never looked at.
    pub(crate) fn of_unprocessed(mut self) -> Self {
        self.0.is_safe_to_retry = true;
        self
    }

    /// Names the message codings that would have been understood, for the refusal of another one.
    pub(crate) fn set_accept_encoding(&mut self, codings: &'static str) {
        self.0.accept_encoding = Some(codings);
    }

    /// The status in the form its fields borrow from.
    pub(crate) fn encode_fields(&self) -> StatusFields<'_> {
        let inner = &*self.0;
        let number = match NUMBERS
            .iter()
            .zip(0..)
            .find(|(_, number)| *number == inner.number)
        {
            Some((text, _)) => Cow::Borrowed(*text),
            None => Cow::Owned(inner.number.to_string()),
        };
        StatusFields {
            number,
            message: percent::encode(&inner.message),
            details: encode_base64(&inner.details),
            accept_encoding: inner.accept_encoding.unwrap_or_default(),
            metadata: &inner.metadata,
        }
    }

    /// The status in these trailers, or in the headers of a Trailers-Only response; `None` if they
    /// hold no `grpc-status`. OK is a status too.
    pub(crate) fn from_trailers(trailers: &Headers) -> Option<Self> {
        let value = trailers.get(STATUS)?;
        let number = parse_number(value);
        let mut message = trailers
            .get(MESSAGE)
            .map(percent::decode)
            .unwrap_or_default();
        if number.is_none() {
            let separator = if message.is_empty() { "" } else { ": " };
            message = format!(
                "peer sent grpc-status '{}'{separator}{message}",
                value.escape_ascii()
            );
        }
        Some(Self(Box::new(Inner {
            number: number.unwrap_or(Code::Unknown.number()),
            origin: Origin::Peer,
            message,
            details: trailers
                .get(DETAILS)
                .and_then(decode_base64)
                .unwrap_or_default(),
            metadata: Metadata::received(trailers.clone()),
            initial_metadata: Metadata::new(),
            source: None,
            accept_encoding: None,
            http_status: None,
            is_safe_to_retry: false,
        })))
    }
}

/// One constructor per code other than OK.
macro_rules! constructors {
    ($($name:ident = $code:ident, $what:literal;)*) => {
        impl Status {
            $(
                #[doc = concat!("A status of [`Code::", stringify!($code), "`]: ", $what, ".")]
                ///
                /// # Example
                /// ```
                /// # use hikyaku::{Code, Status};
                #[doc = concat!("let status = Status::", stringify!($name), "(\"why\");")]
                #[doc = concat!("assert_eq!(status.code(), Code::", stringify!($code), ");")]
                /// ```
                #[must_use]
                pub fn $name(message: impl Into<String>) -> Self {
                    Self::new(Code::$code, message)
                }
            )*
        }
    };
}

constructors! {
    cancelled = Cancelled, "the call is no longer wanted";
    unknown = Unknown, "nothing better is known";
    invalid_argument = InvalidArgument, "the request is wrong in itself";
    deadline_exceeded = DeadlineExceeded, "time ran out";
    not_found = NotFound, "it does not exist";
    already_exists = AlreadyExists, "it exists";
    permission_denied = PermissionDenied, "the caller may not do this";
    resource_exhausted = ResourceExhausted, "a limit is reached";
    failed_precondition = FailedPrecondition, "the system is in the wrong state";
    aborted = Aborted, "another caller got in the way";
    out_of_range = OutOfRange, "past the valid range";
    unimplemented = Unimplemented, "not offered here";
    internal = Internal, "something is wrong inside";
    unavailable = Unavailable, "not reachable now";
    data_loss = DataLoss, "data is lost or damaged";
    unauthenticated = Unauthenticated, "the caller is not known";
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().name())?;
        if self.number() != self.code().number() {
            write!(f, " (number {})", self.number())?;
        }
        if !self.message().is_empty() {
            write!(f, ": {}", self.message())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut shown = f.debug_struct("Status");
        shown.field("code", &self.code());
        if inner.number != self.code().number() {
            shown.field("number", &inner.number);
        }
        shown
            .field("message", &inner.message)
            .field("origin", &inner.origin);
        if !inner.details.is_empty() {
            shown.field("details", &inner.details);
        }
        if !inner.metadata.is_empty() {
            shown.field("metadata", &inner.metadata);
        }
        if !inner.initial_metadata.is_empty() {
            shown.field("initial_metadata", &inner.initial_metadata);
        }
        if let Some(http_status) = inner.http_status {
            shown.field("http_status", &http_status);
        }
        if inner.is_safe_to_retry {
            shown.field("is_safe_to_retry", &true);
        }
        if let Some(source) = &inner.source {
            shown.field("source", source);
        }
        shown.finish()
    }
}

impl Error for Status {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// The fields of a status, encoded.
pub(crate) struct StatusFields<'a> {
    number: Cow<'static, str>,
    message: Cow<'a, str>,
    details: String,
    accept_encoding: &'static str,
    metadata: &'a Metadata,
}

impl StatusFields<'_> {
    /// The fields in the order they are sent in: the status, then the trailing metadata.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        // A message or details that repeat are the exception; the numbers are few.
        let optional = [
            (MESSAGE, &*self.message),
            (DETAILS, &*self.details),
            (ACCEPT_ENCODING, self.accept_encoding),
        ];
        let optional = optional.into_iter().filter(|(_, value)| !value.is_empty());
        std::iter::once(Field::indexed(STATUS.as_bytes(), self.number.as_bytes()))
            .chain(optional.map(|(name, value)| Field::literal(name.as_bytes(), value.as_bytes())))
            .chain(self.metadata.fields())
    }
}

/// The number in a `grpc-status`: decimal, without sign or leading zero.
fn parse_number(value: &[u8]) -> Option<u32> {
    match value {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] => std::str::from_utf8(value).ok()?.parse().ok(),
        _ => None,
    }
}

/// The field of the number.
const STATUS: &str = "grpc-status";

/// The field of the message.
const MESSAGE: &str = "grpc-message";

/// The field of the details.
const DETAILS: &str = "grpc-status-details-bin";

/// The field of the message codings that are understood.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// The numbers of [`Code::ALL`] as text.
const NUMBERS: [&str; 17] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::metadata::tests::received_headers;

    fn from_trailers(fields: &[(&str, &[u8])]) -> Option<Status> {
        Status::from_trailers(&received_headers(fields))
    }

    /// The fields as a peer receives them.
    fn pass(status: &Status) -> Status {
        let encoded = status.encode_fields();
        let fields: Vec<_> = encoded
            .fields()
            .map(|field| (std::str::from_utf8(field.name).unwrap(), field.value))
            .collect();
        from_trailers(&fields).unwrap()
    }

    #[test]
    fn a_status_is_a_pointer() {
        assert_eq!(size_of::<Result<(), Status>>(), size_of::<usize>());
    }

    #[test]
    fn a_number_is_decimal_without_a_leading_zero_or_unknown() {
        let table: [(&[u8], u32, Code, &str); 12] = [
            (b"0", 0, Code::Ok, ""),
            (b"5", 5, Code::NotFound, ""),
            (b"16", 16, Code::Unauthenticated, ""),
            (b"17", 17, Code::Unknown, ""),
            (b"4294967295", u32::MAX, Code::Unknown, ""),
            (
                b"4294967296",
                2,
                Code::Unknown,
                "peer sent grpc-status '4294967296'",
            ),
            (b"00", 2, Code::Unknown, "peer sent grpc-status '00'"),
            (b"05", 2, Code::Unknown, "peer sent grpc-status '05'"),
            (b"+5", 2, Code::Unknown, "peer sent grpc-status '+5'"),
            (b"-1", 2, Code::Unknown, "peer sent grpc-status '-1'"),
            (b"", 2, Code::Unknown, "peer sent grpc-status ''"),
            (b"5\xff", 2, Code::Unknown, r"peer sent grpc-status '5\xff'"),
        ];
        for (value, number, code, message) in table {
            let status = from_trailers(&[("grpc-status", value)]).unwrap();
            let got = (
                status.number(),
                status.code(),
                status.message(),
                status.origin(),
            );
            assert_eq!(
                got,
                (number, code, message, Origin::Peer),
                "{}",
                value.escape_ascii()
            );
        }
    }

    #[test]
    fn no_number_is_no_status() {
        assert!(from_trailers(&[("grpc-message", b"lost")]).is_none());
    }

    #[test]
    fn a_part_that_cannot_be_read_does_not_lose_the_rest() {
        let status = from_trailers(&[
            ("grpc-status", b"x"),
            ("grpc-message", b"%E2%98%BA %zz %ff"),
            ("grpc-status-details-bin", b"***"),
            ("user-id", b"42"),
        ]);
        let status = status.unwrap();
        assert_eq!(
            status.to_string(),
            "UNKNOWN: peer sent grpc-status 'x': ☺ %zz \u{fffd}"
        );
        assert!(status.details().is_empty());
        assert_eq!(status.metadata().get("user-id"), Some("42"));
        assert_eq!(status.metadata().len(), 1);
    }

    #[test]
    fn a_status_survives_the_wire() {
        let mut metadata = Metadata::new();
        metadata.insert("user-id", "42").unwrap();
        metadata.insert_bin("trace-bin", &[0xab; 3]).unwrap();
        for code in Code::ALL {
            let sent = Status::new(code, "\t\nwith whitespace ☺ and 😈\t\n ")
                .with_details(vec![0xff; 5])
                .with_metadata(metadata.clone());
            let received = pass(&sent);
            assert_eq!(received.code(), code);
            assert_eq!(received.message(), sent.message(), "{code}");
            assert_eq!(received.details(), sent.details(), "{code}");
            assert_eq!(received.metadata(), &metadata, "{code}");
        }
    }

    #[test]
    fn a_number_of_the_future_is_kept_and_passed_on() {
        let received = from_trailers(&[("grpc-status", b"42"), ("grpc-message", b"new")]).unwrap();
        assert_eq!(received.to_string(), "UNKNOWN (number 42): new");
        assert_eq!(pass(&received).number(), 42);
    }

    #[test]
    fn a_plain_status_is_one_field() {
        let status = Status::new(Code::Ok, "");
        let encoded = status.encode_fields();
        let fields: Vec<_> = encoded.fields().collect();
        assert_eq!(fields, [Field::indexed(b"grpc-status", b"0")]);
    }

    #[test]
    fn the_refusal_of_a_coding_names_others() {
        let mut status = Status::unimplemented("");
        status.set_accept_encoding("identity");
        let encoded = status.encode_fields();
        let want = Field::literal(b"grpc-accept-encoding", b"identity");
        assert_eq!(encoded.fields().last(), Some(want));
    }

    #[test]
    fn shown_for_people_and_for_programmers() {
        let cause = std::io::Error::other("disk");
        let status = Status::internal("broken").with_source(cause);
        assert_eq!(status.to_string(), "INTERNAL: broken");
        assert_eq!(Status::internal("").to_string(), "INTERNAL");
        assert_eq!(Error::source(&status).unwrap().to_string(), "disk");
        let want = r#"Status { code: NotFound, message: "x", origin: Local }"#;
        assert_eq!(format!("{:?}", Status::not_found("x")), want);
    }
}
