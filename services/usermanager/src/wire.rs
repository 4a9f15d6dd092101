//! Between messages and users: a number is checked here, once, and nowhere else.

use hikyaku::{Code, Status};

use crate::proto::{self, UserResponse};
use crate::store::StoreError;
use crate::user::{User, UserId, UserType};

/// The id of a request.
///
/// # Errors
/// INVALID_ARGUMENT for 0.
pub fn user_id(number: u32) -> Result<UserId, Status> {
    UserId::new(number).map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))
}

/// The user type of a request; the two enums of `proto/user.proto` have the same numbers.
///
/// # Errors
/// INVALID_ARGUMENT for a number that is not in the list.
pub fn user_type(number: i32) -> Result<UserType, Status> {
    UserType::from_number(number.into())
        .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))
}

/// The user that a message describes.
///
/// # Errors
/// INVALID_ARGUMENT if its id or type is out of range.
pub fn user(message: proto::User) -> Result<User, Status> {
    Ok(User {
        id: user_id(message.id)?,
        user_type: user_type(message.user_type.to_i32())?,
        nickname: message.nickname,
        mail_address: message.mail_address,
    })
}

/// The answer that is a user.
#[must_use]
pub fn found(user: User) -> UserResponse {
    let message = proto::User {
        id: user.id.number(),
        nickname: user.nickname,
        mail_address: user.mail_address,
        user_type: user.user_type.number().into(),
        ..Default::default()
    };
    UserResponse {
        user: message.into(),
        ..Default::default()
    }
}

/// The answer that is no user, and why.
#[must_use]
pub fn error(message: &str) -> UserResponse {
    UserResponse {
        error: true,
        message: message.to_owned(),
        ..Default::default()
    }
}

/// A store that cannot answer. What SQLite said is in our log and not the client's business.
impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Busy | StoreError::Closed => Code::Unavailable,
            StoreError::Full => Code::ResourceExhausted,
            StoreError::Failed(_) => return Self::new(Code::Internal, "the store failed"),
        };
        Self::new(code, error.to_string())
    }
}
