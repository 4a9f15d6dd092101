//! How a command can fail, and the exit code it then has.

use std::fmt;
use std::process::ExitCode;

use hikyaku::Status;

/// Why a command did not succeed; its text is for the standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What was asked for cannot be meant.
    Usage(String),
    /// It was tried and did not work.
    Failed(String),
}

impl Failure {
    /// 2 for bad usage, else 1.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }

    /// Something that was tried, and why it did not work.
    pub fn of(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Failed(format!("{what}: {why}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Failed(what) => write!(f, "error: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::of(status.code(), status.message())
    }
}

/// Writing to the standard output failed.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of("standard output", error)
    }
}
