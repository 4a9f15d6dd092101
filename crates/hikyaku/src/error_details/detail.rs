//! One detail, by its type.

use buffa_types::google::protobuf::Any;

use super::{
    BadRequest, DebugInfo, ErrorInfo, Help, LocalizedMessage, PreconditionFailure, QuotaFailure,
    RequestInfo, ResourceInfo, RetryInfo, unpack,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// One detail of a status, by its type.
        ///
        /// # Example
        /// ```
        /// use hikyaku::error_details::{ErrorDetail, ErrorDetails};
        ///
        /// let details = ErrorDetails::new().debug_info("disk full", &["store::write"]);
        /// let detail = details.iter().next();
        /// assert!(matches!(detail, Some(ErrorDetail::DebugInfo(info)) if info.detail == "disk full"));
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ErrorDetail {
            $($(#[$doc])* $kind($kind),)*
            /// A message that is not of `google.rpc`, or that cannot be read.
            Other(Any),
        }

        impl ErrorDetail {
            /// What is in `any`.
            pub(super) fn read(any: &Any) -> Self {
                $(if let Some(detail) = unpack(any) {
                    return Self::$kind(detail);
                })*
                Self::Other(any.clone())
            }
        }
    };
}

kinds! {
    /// Why it failed, for programs to compare.
    ErrorInfo,
    /// What is wrong with the request.
    BadRequest,
    /// When to try again.
    RetryInfo,
    /// Which quotas are used up.
    QuotaFailure,
    /// What has to be different before the call can succeed.
    PreconditionFailure,
    /// What the call was about.
    ResourceInfo,
    /// Which request it was.
    RequestInfo,
    /// For developers of the server.
    DebugInfo,
    /// Where to read on.
    Help,
    /// The error in the user's language.
    LocalizedMessage,
}
