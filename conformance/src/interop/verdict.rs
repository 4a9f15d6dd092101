//! Why a case fails: what was wanted, and what came.

use std::error::Error;
use std::fmt::{self, Debug};

use hikyaku::client::ConnectError;
use hikyaku::{BadMetadata, Code, Status};

/// How a case, or a step of one, went.
pub(super) type Outcome<T = ()> = Result<T, Why>;

/// Why a case failed, for people.
#[derive(Debug)]
pub(super) struct Why(String);

impl Why {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Why {}

impl From<Status> for Why {
    fn from(status: Status) -> Self {
        Self(format!("wanted OK, got {status}"))
    }
}

impl From<BadMetadata> for Why {
    fn from(error: BadMetadata) -> Self {
        Self(error.to_string())
    }
}

impl From<ConnectError> for Why {
    fn from(error: ConnectError) -> Self {
        Self(error.to_string())
    }
}

/// Fails the case unless the two are equal.
pub(super) fn equal<T: PartialEq + Debug>(what: &str, got: T, want: T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(Why(format!("{what}: wanted {want:?}, got {got:?}")))
}

/// Fails the case unless the call has failed with this code; gives its status.
pub(super) fn fails_with<T>(code: Code, got: Result<T, Status>) -> Outcome<Status> {
    match got {
        Ok(_) => Err(Why(format!("wanted {code:?}, got an answer"))),
        Err(status) if status.code() == code => Ok(status),
        Err(status) => Err(Why(format!("wanted {code:?}, got {status}"))),
    }
}
