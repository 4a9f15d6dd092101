//! What a user is: values that cannot be nonsense, whatever came over the wire or out of a file.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// A user as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Chosen by whoever adds the user, never given twice.
    pub id: UserId,
    /// Any text, also none.
    pub nickname: String,
    /// Any text, also none: nobody sends mail to it from here.
    pub mail_address: String,
    /// What the user may do.
    pub user_type: UserType,
}

impl User {
    /// Bytes of the texts, for limits on how much is held at a time.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.nickname.len() + self.mail_address.len()
    }
}

/// The number of a user: 1 to 4294967295.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(NonZeroU32);

impl UserId {
    /// The id of that number.
    ///
    /// # Errors
    /// [`BadUserId`] if it is 0, which a message means when its id is not set.
    pub const fn new(number: u32) -> Result<Self, BadUserId> {
        match NonZeroU32::new(number) {
            Some(number) => Ok(Self(number)),
            None => Err(BadUserId),
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 0 was given for the id of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUserId;

impl fmt::Display for BadUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id 0 is not allowed; allowed: 1 to {}", u32::MAX)
    }
}

impl std::error::Error for BadUserId {}

/// What a user may do. Names and numbers are those of `User.UserType` in `proto/user.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserType {
    /// Nothing was said about it.
    None,
    /// The ordinary user.
    Normal,
    /// May do everything.
    Administrator,
    /// Looks around.
    Guest,
    /// Locked out.
    Disabled,
}

impl UserType {
    /// Every type, in the order of the numbers.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Normal,
        Self::Administrator,
        Self::Guest,
        Self::Disabled,
    ];

    /// The type of that number.
    ///
    /// # Errors
    /// [`BadUserType`] if there is none.
    pub fn from_number(number: i64) -> Result<Self, BadUserType> {
        Self::ALL
            .into_iter()
            .find(|user_type| i64::from(user_type.number()) == number)
            .ok_or_else(|| BadUserType {
                given: number.to_string(),
            })
    }

    /// The number on the wire and in the database.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Normal => 1,
            Self::Administrator => 2,
            Self::Guest => 3,
            Self::Disabled => 4,
        }
    }

    /// The name in `users.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Normal => "NORMAL",
            Self::Administrator => "ADMINISTRATOR",
            Self::Guest => "GUEST",
            Self::Disabled => "DISABLED",
        }
    }
}

impl FromStr for UserType {
    type Err = BadUserType;

    /// Reads a name, in capitals.
    fn from_str(name: &str) -> Result<Self, BadUserType> {
        Self::ALL
            .into_iter()
            .find(|user_type| user_type.name() == name)
            .ok_or_else(|| BadUserType {
                given: format!("`{name}`"),
            })
    }
}

impl fmt::Display for UserType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No user type has this name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadUserType {
    given: String,
}

impl fmt::Display for BadUserType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user type {} is unknown; allowed:", self.given)?;
        for (position, user_type) in UserType::ALL.into_iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma} {} ({})", user_type.name(), user_type.number())?;
        }
        Ok(())
    }
}

impl std::error::Error for BadUserType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_their_type() {
        for user_type in UserType::ALL {
            assert_eq!(user_type.name().parse(), Ok(user_type));
            assert_eq!(
                UserType::from_number(user_type.number().into()),
                Ok(user_type)
            );
        }
    }

    #[test]
    fn an_unknown_type_is_named_with_all_that_are_known() {
        let known = "NONE (0), NORMAL (1), ADMINISTRATOR (2), GUEST (3), DISABLED (4)";
        for number in [-1, 5, i64::MAX, i64::MIN] {
            let error = UserType::from_number(number).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("user type {number} is unknown; allowed: {known}")
            );
        }
        for name in ["", "normal", "BOSS", " NORMAL", "1"] {
            let error = name.parse::<UserType>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("user type `{name}` is unknown; allowed: {known}")
            );
        }
    }

    #[test]
    fn zero_is_no_id() {
        assert_eq!(UserId::new(0), Err(BadUserId));
        assert_eq!(UserId::new(u32::MAX).map(UserId::number), Ok(u32::MAX));
        assert_eq!(
            BadUserId.to_string(),
            "id 0 is not allowed; allowed: 1 to 4294967295"
        );
    }
}
