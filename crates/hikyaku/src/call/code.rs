//! The seventeen ways a call can end, and what HTTP's own codes mean among them.
//!
//! A [`Code`] is what programs decide by; the message of a [`Status`](crate::Status) is what people
//! read. The two translation tables below are for calls that ended without a `grpc-status`: a proxy
//! answered instead of the server, or the stream was reset. A server never uses them.
//!
//! Spec: gRPC status codes; gRPC over HTTP/2, "HTTP2 Transport Mapping" and "Errors".

use std::fmt;

use hikyaku_http2::ErrorCode;

/// How a call ended, as `grpc-status` carries it.
///
/// # Example
/// ```
/// use hikyaku::Code;
///
/// assert_eq!(Code::NotFound.number(), 5);
/// assert_eq!(Code::NotFound.to_string(), "NOT_FOUND");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// It succeeded.
    Ok = 0,
    /// It was cancelled, usually by the caller.
    Cancelled = 1,
    /// It failed and nothing better is known: a panic, a status from a foreign world.
    Unknown = 2,
    /// The request is wrong whatever state the system is in.
    InvalidArgument = 3,
    /// Time ran out. The work may have been done all the same.
    DeadlineExceeded = 4,
    /// What was asked for does not exist.
    NotFound = 5,
    /// What was to be created exists.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A quota, a size limit or a disk is used up.
    ResourceExhausted = 8,
    /// The system is not in the state the call needs; retrying alone does not help.
    FailedPrecondition = 9,
    /// Another caller got in the way; retry the whole transaction.
    Aborted = 10,
    /// Past the valid range, such as reading behind the end; the range may grow.
    OutOfRange = 11,
    /// This server does not offer the method or the feature.
    Unimplemented = 12,
    /// An invariant is broken; something is wrong inside.
    Internal = 13,
    /// Cannot be reached now; retrying with a delay is right, if the call may run twice.
    Unavailable = 14,
    /// Data is lost or damaged beyond repair.
    DataLoss = 15,
    /// The caller did not prove who it is.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, at the index of its number.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Code;
    ///
    /// assert_eq!(Code::ALL[14], Code::Unavailable);
    /// ```
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code with this number; [`Code::Unknown`] for a number that gRPC does not list.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Code;
    ///
    /// assert_eq!(Code::from_number(5), Code::NotFound);
    /// assert_eq!(Code::from_number(99), Code::Unknown);
    /// ```
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        let known = usize::try_from(number)
            .ok()
            .and_then(|index| Self::ALL.get(index));
        known.copied().unwrap_or(Self::Unknown)
    }

    /// The number on the wire, 0 to 16.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::Code::Unauthenticated.number(), 16);
    /// ```
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The name in gRPC's documents and configuration files.
    ///
    /// # Example
    /// ```
    /// assert_eq!(hikyaku::Code::DeadlineExceeded.name(), "DEADLINE_EXCEEDED");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// What an HTTP status means when the answer carries no `grpc-status`.
    ///
    /// Even 200 is [`Code::Unknown`]: a gRPC server would have said more.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Code;
    ///
    /// assert_eq!(Code::from_http_status(503), Code::Unavailable);
    /// assert_eq!(Code::from_http_status(200), Code::Unknown);
    /// ```
    #[must_use]
    pub const fn from_http_status(status: u16) -> Self {
        match status {
            400 | 431 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502 | 503 | 504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// What the code of an RST_STREAM means for the call it ended.
    ///
    /// Codes that gRPC gives no meaning are [`Code::Unknown`]. `REFUSED_STREAM` is
    /// [`Code::Unavailable`] and, alone among these, always safe to retry.
    ///
    /// # Example
    /// ```
    /// use hikyaku::Code;
    /// use hikyaku_http2::ErrorCode;
    ///
    /// assert_eq!(Code::from_http2(ErrorCode::CANCEL), Code::Cancelled);
    /// ```
    #[must_use]
    pub const fn from_http2(code: ErrorCode) -> Self {
        match code {
            ErrorCode::NO_ERROR
            | ErrorCode::PROTOCOL_ERROR
            | ErrorCode::INTERNAL_ERROR
            | ErrorCode::FLOW_CONTROL_ERROR
            | ErrorCode::SETTINGS_TIMEOUT
            | ErrorCode::FRAME_SIZE_ERROR
            | ErrorCode::COMPRESSION_ERROR
            | ErrorCode::CONNECT_ERROR => Self::Internal,
            ErrorCode::REFUSED_STREAM => Self::Unavailable,
            ErrorCode::CANCEL => Self::Cancelled,
            ErrorCode::ENHANCE_YOUR_CALM => Self::ResourceExhausted,
            ErrorCode::INADEQUATE_SECURITY => Self::PermissionDenied,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_code_and_name() {
        #[rustfmt::skip]
        let table = [
            (0, Code::Ok, "OK"),
            (1, Code::Cancelled, "CANCELLED"),
            (2, Code::Unknown, "UNKNOWN"),
            (3, Code::InvalidArgument, "INVALID_ARGUMENT"),
            (4, Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            (5, Code::NotFound, "NOT_FOUND"),
            (6, Code::AlreadyExists, "ALREADY_EXISTS"),
            (7, Code::PermissionDenied, "PERMISSION_DENIED"),
            (8, Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
            (9, Code::FailedPrecondition, "FAILED_PRECONDITION"),
            (10, Code::Aborted, "ABORTED"),
            (11, Code::OutOfRange, "OUT_OF_RANGE"),
            (12, Code::Unimplemented, "UNIMPLEMENTED"),
            (13, Code::Internal, "INTERNAL"),
            (14, Code::Unavailable, "UNAVAILABLE"),
            (15, Code::DataLoss, "DATA_LOSS"),
            (16, Code::Unauthenticated, "UNAUTHENTICATED"),
        ];
        for (number, code, name) in table {
            assert_eq!(Code::from_number(number), code, "{number}");
            assert_eq!(code.number(), number, "{name}");
            assert_eq!(code.to_string(), name, "{number}");
        }
        assert_eq!(table.map(|row| row.1), Code::ALL);
    }

    #[test]
    fn a_number_outside_the_list_is_unknown() {
        for number in [17, 18, 255, 256, u32::MAX] {
            assert_eq!(Code::from_number(number), Code::Unknown, "{number}");
        }
    }

    #[test]
    fn http_statuses_without_a_grpc_status_have_these_codes() {
        let table = [
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (429, Code::Unavailable),
            (431, Code::Internal),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
        ];
        for status in 0..=999 {
            let listed = table.iter().find(|row| row.0 == status);
            let want = listed.map_or(Code::Unknown, |row| row.1);
            assert_eq!(Code::from_http_status(status), want, "{status}");
        }
    }

    #[test]
    fn stream_resets_without_a_grpc_status_have_these_codes() {
        let table = [
            (ErrorCode::NO_ERROR, Code::Internal),
            (ErrorCode::PROTOCOL_ERROR, Code::Internal),
            (ErrorCode::INTERNAL_ERROR, Code::Internal),
            (ErrorCode::FLOW_CONTROL_ERROR, Code::Internal),
            (ErrorCode::SETTINGS_TIMEOUT, Code::Internal),
            (ErrorCode::STREAM_CLOSED, Code::Unknown),
            (ErrorCode::FRAME_SIZE_ERROR, Code::Internal),
            (ErrorCode::REFUSED_STREAM, Code::Unavailable),
            (ErrorCode::CANCEL, Code::Cancelled),
            (ErrorCode::COMPRESSION_ERROR, Code::Internal),
            (ErrorCode::CONNECT_ERROR, Code::Internal),
            (ErrorCode::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
            (ErrorCode::INADEQUATE_SECURITY, Code::PermissionDenied),
            (ErrorCode::HTTP_1_1_REQUIRED, Code::Unknown),
            (ErrorCode::from_number(0xe), Code::Unknown),
            (ErrorCode::from_number(u32::MAX), Code::Unknown),
        ];
        for (from, want) in table {
            assert_eq!(Code::from_http2(from), want, "{from}");
        }
    }
}
