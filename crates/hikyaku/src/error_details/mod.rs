//! What a status tells programs beyond its code: `google.rpc`'s rich errors, with types.
//!
//! ```text
//! grpc-status-details-bin: base64 of
//!   google.rpc.Status { code, message, details: [Any, Any, …] }
//!                                                |    `- google.rpc.RetryInfo
//!                                                `- google.rpc.BadRequest
//! ```
//!
//! A server adds them with [`Status::with_error_details`], a client reads them with
//! [`Status::error_details`]. gRPC itself only carries the bytes; the messages are those that all
//! languages use.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use hikyaku::error_details::{BadRequest, ErrorDetails};
//! use hikyaku::Status;
//!
//! let status = Status::invalid_argument("two fields are wrong").with_error_details(
//!     ErrorDetails::new()
//!         .bad_request(&[("email", "has no @"), ("age", "is negative")])
//!         .retry_info(Duration::from_secs(5)),
//! );
//!
//! let details = status.error_details();
//! for violation in details.get::<BadRequest>().unwrap_or_default().field_violations {
//!     println!("{}: {}", violation.field, violation.description);
//! }
//! assert_eq!(details.retry_delay(), Some(Duration::from_secs(5)));
//! ```
//!
//! A `.proto` that imports these messages can use the types of this module, with
//! `extern_path(".google.rpc", "::hikyaku::error_details")` in its `build.rs`.
//!
//! Spec: google/rpc/status.proto, google/rpc/error_details.proto; gRPC "Richer error model".

mod builder;
mod detail;
#[cfg(test)]
mod tests;

mod generated {
    include!("generated/google_rpc.rs");
}

use std::fmt;
use std::time::Duration;

use buffa::{Message, MessageName};
use buffa_types::google::protobuf::Any;
use bytes::Bytes;

pub use detail::ErrorDetail;
/// `google.rpc.Status`, the message; [`hikyaku::Status`](crate::Status) is what ends a call.
pub use generated::google::rpc::Status as RpcStatus;
pub use generated::google::rpc::{
    BadRequest, DebugInfo, ErrorInfo, Help, LocalizedMessage, PreconditionFailure, QuotaFailure,
    RequestInfo, ResourceInfo, RetryInfo, bad_request, help, precondition_failure, quota_failure,
};

use crate::Status;

/// The details of a status, in the order they are sent in.
///
/// They are kept as they came: a detail that nobody here knows, or that cannot be read, is passed on
/// byte for byte when the status or the details go into another one.
///
/// # Example
/// ```
/// use hikyaku::error_details::{ErrorDetails, ErrorInfo};
///
/// let details = ErrorDetails::new().error_info("OUT_OF_STOCK", "shop.example", &[("item", "42")]);
/// assert_eq!(details.get::<ErrorInfo>().unwrap().reason, "OUT_OF_STOCK");
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct ErrorDetails {
    entries: Vec<Any>,
}

impl ErrorDetails {
    /// No details.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first detail of this type that can be read. Any protobuf message will do, one of your
    /// own as well.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::{ErrorDetails, Help, RequestInfo};
    ///
    /// let details = ErrorDetails::new().request_info("r-17", "");
    /// assert_eq!(details.get::<RequestInfo>().unwrap().request_id, "r-17");
    /// assert!(details.get::<Help>().is_none());
    /// ```
    #[must_use]
    pub fn get<T: Message + MessageName>(&self) -> Option<T> {
        self.all().next()
    }

    /// All details of this type that can be read.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::{ErrorDetails, LocalizedMessage};
    ///
    /// let details = ErrorDetails::new()
    ///     .localized_message("en", "The shop is closed.")
    ///     .localized_message("de", "Der Laden ist zu.");
    /// let locales: Vec<_> = details.all::<LocalizedMessage>().map(|text| text.locale).collect();
    /// assert_eq!(locales, ["en", "de"]);
    /// ```
    pub fn all<T: Message + MessageName>(&self) -> impl Iterator<Item = T> {
        self.entries.iter().filter_map(unpack)
    }

    /// Every detail, with its type if it is one of `google.rpc`'s.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::{ErrorDetail, ErrorDetails};
    ///
    /// let details = ErrorDetails::new().help(&[("opening hours", "https://shop.example/hours")]);
    /// for detail in details.iter() {
    ///     match detail {
    ///         ErrorDetail::Help(help) => println!("see {}", help.links[0].url),
    ///         ErrorDetail::ErrorInfo(info) => println!("because of {}", info.reason),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = ErrorDetail> {
        self.entries.iter().map(ErrorDetail::read)
    }

    /// The details as they are sent.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::ErrorDetails;
    ///
    /// let details = ErrorDetails::new().request_info("r-17", "");
    /// let url = &details.entries()[0].type_url;
    /// assert_eq!(url, "type.googleapis.com/google.rpc.RequestInfo");
    /// ```
    #[must_use]
    pub fn entries(&self) -> &[Any] {
        &self.entries
    }

    /// How many there are.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::error_details::ErrorDetails::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    ///
    /// # Example
    /// ```
    /// assert!(hikyaku::error_details::ErrorDetails::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How long to wait before another attempt, if a [`RetryInfo`] says so. A time below zero is
    /// none.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use hikyaku::error_details::ErrorDetails;
    ///
    /// let wait = Duration::from_millis(1500);
    /// assert_eq!(ErrorDetails::new().retry_info(wait).retry_delay(), Some(wait));
    /// ```
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        let delay = self.get::<RetryInfo>()?.retry_delay.into_option()?;
        Duration::try_from(delay).ok()
    }
}

impl fmt::Debug for ErrorDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Status {
    /// The status with [`details`](Status::details) that are these, in a `google.rpc.Status` with
    /// the code and the message of this one.
    ///
    /// They travel in a header: most peers refuse more than 8 KiB of those, and the status with
    /// them.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Status;
    /// use hikyaku::error_details::ErrorDetails;
    ///
    /// let details = ErrorDetails::new().resource_info("user", "42", "", "was deleted in May");
    /// let status = Status::not_found("no such user").with_error_details(details);
    /// assert!(!status.details().is_empty());
    /// ```
    #[must_use]
    pub fn with_error_details(self, details: ErrorDetails) -> Self {
        let message = RpcStatus {
            code: self.number().cast_signed(),
            message: self.message().to_owned(),
            details: details.entries,
            ..Default::default()
        };
        // Only a message of over 2 GiB cannot be encoded, and that could not be sent either.
        let bytes = message.try_encode_to_bytes().unwrap_or_default();
        self.with_details(bytes)
    }

    /// The details in [`details`](Status::details), as far as they are a `google.rpc.Status`.
    /// Nothing else of that message counts: code and message of a status are what gRPC says.
    ///
    /// Empty if there are none, and if the bytes are something else; [`details`](Status::details)
    /// has them then.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Status;
    ///
    /// let status = Status::not_found("no such user").with_details(&b"\xff\xff"[..]);
    /// assert!(status.error_details().is_empty());
    /// ```
    #[must_use]
    pub fn error_details(&self) -> ErrorDetails {
        let message = RpcStatus::decode(&mut self.details().clone()).unwrap_or_default();
        ErrorDetails {
            entries: message.details,
        }
    }
}

/// The message in `any`, if it is of this type and can be read.
fn unpack<T: Message + MessageName>(any: &Any) -> Option<T> {
    // What stands before the last slash says where to look the type up, not which it is.
    let (_, name) = any.type_url.rsplit_once('/')?;
    if name != T::FULL_NAME {
        return None;
    }
    T::decode(&mut Bytes::clone(&any.value)).ok()
}
