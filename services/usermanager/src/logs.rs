//! Structured logs on the standard error.

use std::env::{self, VarError};
use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::failure::Failure;

/// Begins to write logs. `RUST_LOG` chooses which; without it, `level` and above.
///
/// # Errors
/// [`Failure::Usage`] if `RUST_LOG` is not understood.
pub fn start(format: LogFormat, level: LevelFilter) -> Result<(), Failure> {
    let filter = filter(env::var("RUST_LOG"), level)?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // Only the first start in a process has an effect; the command line has just one.
    let _started = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    Ok(())
}

fn filter(rust_log: Result<String, VarError>, level: LevelFilter) -> Result<EnvFilter, Failure> {
    let directives = match rust_log {
        Ok(directives) => directives,
        Err(VarError::NotPresent) => String::new(),
        Err(error @ VarError::NotUnicode(_)) => return Err(bad("not readable", &error)),
    };
    EnvFilter::builder()
        .with_default_directive(level.into())
        .parse(&directives)
        .map_err(|error| bad(&directives, &error))
}

fn bad(directives: &str, error: &dyn std::error::Error) -> Failure {
    Failure::Usage(format!(
        "RUST_LOG `{directives}`: {error}; allowed: trace, debug, info, warn, error, off, \
         or a list of TARGET=LEVEL"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_is_respected_and_checked() {
        let filter = |rust_log: &str| filter(Ok(rust_log.to_owned()), LevelFilter::INFO);
        assert_eq!(filter("").unwrap().to_string(), "info");
        assert_eq!(
            filter("usermanager=debug,warn").unwrap().max_level_hint(),
            Some(LevelFilter::DEBUG)
        );
        let error = filter("usermanager=loud").unwrap_err();
        assert!(matches!(error, Failure::Usage(_)));
        assert!(
            error.to_string().contains("RUST_LOG `usermanager=loud`"),
            "{error}"
        );
    }
}
