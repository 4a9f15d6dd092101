//! Making details: one line for each kind, as far as they are used every day. What a line has no
//! room for goes in as a message, with [`ErrorDetails::with`].

use std::time::Duration;

use buffa::{Message, MessageName};
use buffa_types::google::protobuf::{self, Any};

use super::{
    BadRequest, DebugInfo, ErrorDetails, ErrorInfo, Help, LocalizedMessage, PreconditionFailure,
    QuotaFailure, RequestInfo, ResourceInfo, RetryInfo, bad_request, help, precondition_failure,
    quota_failure,
};

impl ErrorDetails {
    /// Adds a message: one of this module, or of your own.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::{ErrorDetails, QuotaFailure, quota_failure::Violation};
    ///
    /// let calls_a_day = Violation {
    ///     subject: "project:42".into(),
    ///     quota_id: "calls-a-day".into(),
    ///     quota_value: 1000,
    ///     ..Default::default()
    /// };
    /// let failure = QuotaFailure { violations: vec![calls_a_day], ..Default::default() };
    /// let details = ErrorDetails::new().with(&failure);
    /// assert_eq!(details.get::<QuotaFailure>(), Some(failure));
    /// ```
    #[must_use]
    pub fn with<T: Message + MessageName>(self, message: &T) -> Self {
        match Any::try_pack(message, T::TYPE_URL) {
            Ok(any) => self.with_any(any),
            // Over 2 GiB: nothing that could be sent.
            Err(_) => self,
        }
    }

    /// Adds a detail that has been packed already, of whatever type.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::ErrorDetails;
    /// # use hikyaku::buffa_types::google::protobuf::Any;
    ///
    /// let theirs = ErrorDetails::new().request_info("r-17", "");
    /// let any = theirs.entries()[0].clone();
    /// let ours = ErrorDetails::new().with_any(any);
    /// assert_eq!(ours, theirs);
    /// ```
    #[must_use]
    pub fn with_any(mut self, any: Any) -> Self {
        self.entries.push(any);
        self
    }

    /// Adds an [`ErrorInfo`]: why it failed, for programs to compare.
    ///
    /// `reason` is a constant such as `OUT_OF_STOCK`, `domain` is who defines it, `metadata` is the
    /// case at hand.
    #[must_use]
    pub fn error_info(self, reason: &str, domain: &str, metadata: &[(&str, &str)]) -> Self {
        let metadata = metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.with(&ErrorInfo {
            reason: reason.to_owned(),
            domain: domain.to_owned(),
            metadata: metadata.collect(),
            ..Default::default()
        })
    }

    /// Adds a [`BadRequest`]: fields of the request, and what is wrong with each.
    #[must_use]
    pub fn bad_request(self, violations: &[(&str, &str)]) -> Self {
        let violations =
            violations
                .iter()
                .map(|(field, description)| bad_request::FieldViolation {
                    field: (*field).to_owned(),
                    description: (*description).to_owned(),
                    ..Default::default()
                });
        self.with(&BadRequest {
            field_violations: violations.collect(),
            ..Default::default()
        })
    }

    /// Adds a [`RetryInfo`]: the least time to wait before another attempt. What is longer than
    /// protobuf can say, 10,000 years, is cut to that.
    #[must_use]
    pub fn retry_info(self, delay: Duration) -> Self {
        self.with(&RetryInfo {
            retry_delay: protobuf::Duration::from(delay.min(MAX_DELAY)).into(),
            ..Default::default()
        })
    }

    /// Adds a [`DebugInfo`]: what the server knows, and where it happened, innermost call first.
    /// It tells strangers about the inside of the server: not for the open internet.
    #[must_use]
    pub fn debug_info(self, detail: &str, stack: &[&str]) -> Self {
        self.with(&DebugInfo {
            stack_entries: stack.iter().map(|entry| (*entry).to_owned()).collect(),
            detail: detail.to_owned(),
            ..Default::default()
        })
    }

    /// Adds a [`QuotaFailure`]: whose quotas are used up, and how.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::ErrorDetails;
    ///
    /// let details = ErrorDetails::new().quota_failure(&[("project:42", "1000 calls a day")]);
    /// # assert_eq!(details.len(), 1);
    /// ```
    #[must_use]
    pub fn quota_failure(self, violations: &[(&str, &str)]) -> Self {
        let violations = violations
            .iter()
            .map(|(subject, description)| quota_failure::Violation {
                subject: (*subject).to_owned(),
                description: (*description).to_owned(),
                ..Default::default()
            });
        self.with(&QuotaFailure {
            violations: violations.collect(),
            ..Default::default()
        })
    }

    /// Adds a [`PreconditionFailure`]: conditions, each with its kind, what fails it, and how to
    /// meet it.
    ///
    /// # Example
    /// ```
    /// use hikyaku::error_details::ErrorDetails;
    ///
    /// let details = ErrorDetails::new()
    ///     .precondition_failure(&[("TERMS", "shop.example/terms", "accept the terms first")]);
    /// # assert_eq!(details.len(), 1);
    /// ```
    #[must_use]
    pub fn precondition_failure(self, violations: &[(&str, &str, &str)]) -> Self {
        let violations =
            violations.iter().map(
                |(kind, subject, description)| precondition_failure::Violation {
                    r#type: (*kind).to_owned(),
                    subject: (*subject).to_owned(),
                    description: (*description).to_owned(),
                    ..Default::default()
                },
            );
        self.with(&PreconditionFailure {
            violations: violations.collect(),
            ..Default::default()
        })
    }

    /// Adds a [`RequestInfo`]: a name for the request, and what helps its makers to find it again.
    #[must_use]
    pub fn request_info(self, request_id: &str, serving_data: &str) -> Self {
        self.with(&RequestInfo {
            request_id: request_id.to_owned(),
            serving_data: serving_data.to_owned(),
            ..Default::default()
        })
    }

    /// Adds a [`ResourceInfo`]: what the call was about: its kind, which one, whose, and what went
    /// wrong with it.
    #[must_use]
    pub fn resource_info(self, kind: &str, name: &str, owner: &str, description: &str) -> Self {
        self.with(&ResourceInfo {
            resource_type: kind.to_owned(),
            resource_name: name.to_owned(),
            owner: owner.to_owned(),
            description: description.to_owned(),
            ..Default::default()
        })
    }

    /// Adds a [`Help`]: pages to read, each with what is to be found there and its address.
    #[must_use]
    pub fn help(self, links: &[(&str, &str)]) -> Self {
        let links = links.iter().map(|(description, url)| help::Link {
            description: (*description).to_owned(),
            url: (*url).to_owned(),
            ..Default::default()
        });
        self.with(&Help {
            links: links.collect(),
            ..Default::default()
        })
    }

    /// Adds a [`LocalizedMessage`]: the error for the user to read, in a language (`en-GB`).
    #[must_use]
    pub fn localized_message(self, locale: &str, message: &str) -> Self {
        self.with(&LocalizedMessage {
            locale: locale.to_owned(),
            message: message.to_owned(),
            ..Default::default()
        })
    }
}

/// The longest `google.protobuf.Duration`.
const MAX_DELAY: Duration = Duration::from_secs(315_576_000_000);
