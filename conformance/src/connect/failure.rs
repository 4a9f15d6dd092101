//! The end of a call in the suite's words.

use hikyaku::buffa_types::google::protobuf::Any;
use hikyaku::error_details::ErrorDetails;
use hikyaku::{Code, Status};

use super::suite::Error;

/// The status that an error says.
pub(super) fn read(error: Error) -> Status {
    let code = Code::from_number(error.code.to_i32().cast_unsigned());
    let details = error.details.into_iter();
    let status = Status::new(code, error.message.unwrap_or_default());
    status.with_error_details(details.fold(ErrorDetails::new(), ErrorDetails::with_any))
}

/// The error that says a status.
pub(super) fn write(status: &Status) -> Error {
    let details: Vec<Any> = status.error_details().entries().to_vec();
    Error {
        code: number(status).cast_signed().into(),
        message: Some(status.message().to_owned()),
        details,
        ..Default::default()
    }
}

/// The number of the code that the suite knows.
///
/// Its table of HTTP statuses is older than the row of 431 in http-grpc-status-mapping.md, which we
/// keep to: INTERNAL, where the suite wants what holds for all that is not in the table.
fn number(status: &Status) -> u32 {
    match status.http_status() {
        Some(431) => Code::Unknown.number(),
        _ => status.number(),
    }
}
