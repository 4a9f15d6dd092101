//! What the details of a status look like on the wire, and what becomes of malformed ones.

use std::time::Duration;

use buffa::{Message, MessageName};
use buffa_types::google::protobuf::{self, Any};
use bytes::Bytes;

use super::*;
use crate::Code;
use crate::call::metadata::tests::received_headers;

/// One detail of each kind, by the builder.
fn one_of_each() -> ErrorDetails {
    ErrorDetails::new()
        .error_info("STOCKOUT", "shop", &[("zone", "eu")])
        .bad_request(&[("id", "is 0")])
        .retry_info(Duration::new(3, 500_000_000))
        .quota_failure(&[("user:1", "full")])
        .precondition_failure(&[("TOS", "doc", "sign")])
        .resource_info("user", "42", "me", "gone")
        .request_info("r1", "d")
        .debug_info("oops", &["a", "b"])
        .help(&[("docs", "http://x")])
        .localized_message("en", "no")
}

/// Field numbers and types as google/rpc/error_details.proto has them, written by hand.
const WIRE: [(&str, &[u8]); 10] = [
    (
        "ErrorInfo",
        b"\x0a\x08STOCKOUT\x12\x04shop\x1a\x0a\x0a\x04zone\x12\x02eu",
    ),
    ("BadRequest", b"\x0a\x0a\x0a\x02id\x12\x04is 0"),
    ("RetryInfo", b"\x0a\x08\x08\x03\x10\x80\xca\xb5\xee\x01"),
    ("QuotaFailure", b"\x0a\x0e\x0a\x06user:1\x12\x04full"),
    (
        "PreconditionFailure",
        b"\x0a\x10\x0a\x03TOS\x12\x03doc\x1a\x04sign",
    ),
    (
        "ResourceInfo",
        b"\x0a\x04user\x12\x0242\x1a\x02me\x22\x04gone",
    ),
    ("RequestInfo", b"\x0a\x02r1\x12\x01d"),
    ("DebugInfo", b"\x0a\x01a\x0a\x01b\x12\x04oops"),
    ("Help", b"\x0a\x10\x0a\x04docs\x12\x08http://x"),
    ("LocalizedMessage", b"\x0a\x02en\x12\x02no"),
];

#[test]
fn every_kind_has_its_layout_on_the_wire() {
    let details = one_of_each();
    assert_eq!(details.len(), WIRE.len());
    for (any, (name, bytes)) in details.entries().iter().zip(WIRE) {
        assert_eq!(
            any.type_url,
            format!("type.googleapis.com/google.rpc.{name}")
        );
        assert_eq!(any.value, bytes, "{name}");
    }
}

#[test]
fn every_kind_is_read_with_its_type() {
    let details = one_of_each();
    let shown = details.iter().map(|detail| format!("{detail:?}"));
    for (shown, (name, _)) in shown.zip(WIRE) {
        assert!(shown.starts_with(&format!("{name}(")), "{shown}");
    }
    let zone = details.get::<ErrorInfo>().unwrap().metadata;
    assert_eq!(zone.get("zone").map(String::as_str), Some("eu"));
    let links = details.get::<Help>().unwrap().links;
    assert_eq!((links.len(), &*links[0].url), (1, "http://x"));
    assert_eq!(details.retry_delay(), Some(Duration::from_millis(3500)));
}

#[test]
fn fields_beyond_the_builders_have_their_layout() {
    let quota = quota_failure::Violation {
        api_service: "a".into(),
        quota_metric: "m".into(),
        quota_id: "i".into(),
        quota_dimensions: [("k".to_owned(), "v".to_owned())].into_iter().collect(),
        quota_value: 1,
        future_quota_value: Some(0),
        ..Default::default()
    };
    let want = b"\x1a\x01a\x22\x01m\x2a\x01i\x32\x06\x0a\x01k\x12\x01v\x38\x01\x40\x00";
    assert_eq!(&*quota.encode_to_bytes(), want);
    let field = bad_request::FieldViolation {
        reason: "R".into(),
        localized_message: LocalizedMessage {
            locale: "en".into(),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    assert_eq!(&*field.encode_to_bytes(), b"\x1a\x01R\x22\x04\x0a\x02en");
}

#[test]
fn details_are_wrapped_in_a_status_message_with_code_and_message() {
    let details = ErrorDetails::new().request_info("r1", "d");
    let status = Status::not_found("no user").with_error_details(details);
    let url = "type.googleapis.com/google.rpc.RequestInfo";
    let mut want = b"\x08\x05\x12\x07no user\x1a\x35\x0a\x2a".to_vec();
    want.extend_from_slice(url.as_bytes());
    want.extend_from_slice(b"\x12\x07\x0a\x02r1\x12\x01d");
    assert_eq!(status.details(), &want);
    assert_eq!(status.message(), "no user");
    assert_eq!(status.code(), Code::NotFound);
}

#[test]
fn all_details_survive_a_status() {
    let details = one_of_each();
    let status = Status::aborted("x").with_error_details(details.clone());
    assert_eq!(status.error_details(), details);
    let without = Status::aborted("x").with_error_details(ErrorDetails::new());
    assert!(without.error_details().is_empty());
    assert_eq!(without.details(), &b"\x08\x0a\x12\x01x"[..]);
}

#[test]
fn a_number_of_the_future_is_in_the_message_too() {
    let status = received(b"4294967295").with_error_details(one_of_each());
    let message = RpcStatus::decode(&mut status.details().clone()).unwrap();
    assert_eq!(message.code, -1);
    assert_eq!(status.error_details(), one_of_each());
}

/// A status as a peer's trailers have it.
fn received(number: &[u8]) -> Status {
    Status::from_trailers(&received_headers(&[("grpc-status", number)])).unwrap()
}

fn any(type_url: &str, value: &'static [u8]) -> Any {
    Any {
        type_url: type_url.to_owned(),
        value: Bytes::from_static(value),
        ..Default::default()
    }
}

#[test]
fn details_that_are_unknown_or_malformed_are_kept_and_passed_on() {
    let strange = [
        any("type.googleapis.com/shop.v1.Receipt", b"\x08\x01"),
        any("type.googleapis.com/google.rpc.RetryInfo", b"\xff"),
        any("google.rpc.RetryInfo", b""),
        any("", b"\xff\xff"),
        any("/", b""),
    ];
    let mut details = ErrorDetails::new();
    for any in &strange {
        details = details.with_any(any.clone());
    }
    details = details.retry_info(Duration::from_secs(1));
    let first = Status::unavailable("first").with_error_details(details);
    let second = Status::internal("second").with_error_details(first.error_details());
    let details = second.error_details();
    assert_eq!(details.entries()[..5], strange);
    for (detail, any) in details.iter().zip(strange) {
        assert_eq!(detail, ErrorDetail::Other(any));
    }
    // The one that can be read is found behind the one that cannot.
    assert_eq!(details.retry_delay(), Some(Duration::from_secs(1)));
}

#[test]
fn the_type_is_what_follows_the_last_slash_of_its_url() {
    let table = [
        ("type.googleapis.com/google.rpc.RequestInfo", true),
        ("types.example/of/google.rpc.RequestInfo", true),
        ("/google.rpc.RequestInfo", true),
        ("google.rpc.RequestInfo", false),
        ("type.googleapis.com/.google.rpc.RequestInfo", false),
        ("type.googleapis.com/google.rpc.RequestInfo/", false),
        ("type.googleapis.com/xgoogle.rpc.RequestInfo", false),
    ];
    for (url, is_known) in table {
        let details = ErrorDetails::new().with_any(any(url, b"\x0a\x02r1"));
        assert_eq!(details.get::<RequestInfo>().is_some(), is_known, "{url}");
    }
}

#[test]
fn bytes_that_are_no_status_message_are_no_details_and_stay() {
    let valid = Status::aborted("x").with_error_details(one_of_each());
    let valid = valid.details();
    let cut = (0..valid.len()).map(|len| valid.slice(..len));
    let flipped = (0..valid.len() * 8).map(|bit| {
        let mut bytes = valid.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Bytes::from(bytes)
    });
    for bytes in cut.chain(flipped) {
        let status = Status::not_found("kept").with_details(bytes.clone());
        let details = status.error_details();
        let _ = (format!("{details:?}"), details.retry_delay());
        assert_eq!(status.to_string(), "NOT_FOUND: kept");
        assert_eq!(status.details(), &bytes);
    }
}

#[test]
fn delays_that_cannot_be_are_none_or_cut() {
    let longest = Duration::from_secs(315_576_000_000);
    let details = ErrorDetails::new().retry_info(Duration::MAX);
    assert_eq!(details.retry_delay(), Some(longest));
    let table = [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, i32::MIN)];
    for (seconds, nanos) in table {
        let retry_delay = protobuf::Duration {
            seconds,
            nanos,
            ..Default::default()
        };
        let details = ErrorDetails::new().with(&RetryInfo {
            retry_delay: retry_delay.into(),
            ..Default::default()
        });
        assert_eq!(details.retry_delay(), None, "{seconds} s {nanos} ns");
    }
    let details = ErrorDetails::new().with(&RetryInfo::default());
    assert_eq!(details.retry_delay(), None);
}

#[test]
fn a_message_of_ones_own_is_a_detail_like_any_other() {
    let own = crate::reflection::v1::ServiceResponse {
        name: "shop.v1.Shop".into(),
        ..Default::default()
    };
    let status = Status::internal("").with_error_details(ErrorDetails::new().with(&own));
    let details = status.error_details();
    assert_eq!(details.entries()[0].type_url, own_url());
    assert_eq!(details.get(), Some(own));
}

fn own_url() -> &'static str {
    <crate::reflection::v1::ServiceResponse as MessageName>::TYPE_URL
}
