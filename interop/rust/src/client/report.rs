//! Runs cases and says how each went: `ok NAME` or `FAILED NAME: why`.

use std::fmt::Debug;
use std::time::Duration;

use hikyaku::{BadMetadata, Code, Status};

/// No case takes a tenth of it on a slow machine.
const CASE_TIME: Duration = Duration::from_secs(60);

/// How a case went, or why it failed.
pub(crate) type Outcome = Result<(), Why>;

/// Why a case failed, for people.
pub(crate) struct Why(String);

impl Why {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<Status> for Why {
    fn from(status: Status) -> Self {
        Self(status.to_string())
    }
}

impl From<BadMetadata> for Why {
    fn from(error: BadMetadata) -> Self {
        Self(error.to_string())
    }
}

/// What has been run so far.
pub(crate) struct Report {
    prefix: String,
    failed_count: usize,
}

impl Report {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            failed_count: 0,
        }
    }

    /// Runs one case and prints its line.
    pub(crate) async fn case(&mut self, name: &str, case: impl Future<Output = Outcome>) {
        let outcome = tokio::time::timeout(CASE_TIME, case).await;
        let why = match outcome {
            Ok(Ok(())) => {
                println!("ok {}/{name}", self.prefix);
                return;
            }
            Ok(Err(why)) => why.0,
            Err(_) => format!("not done after {} s", CASE_TIME.as_secs()),
        };
        self.failed_count += 1;
        println!("FAILED {}/{name}: {}", self.prefix, why.replace('\n', " "));
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.failed_count == 0
    }
}

/// Fails the case unless the two are equal.
pub(crate) fn equal<T: PartialEq + Debug>(got: &T, want: &T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(Why(format!("got {}, want {}", short(got), short(want))))
}

/// Fails the case with `why` unless the condition holds.
pub(crate) fn check(holds: bool, why: &str) -> Outcome {
    if holds { Ok(()) } else { Err(Why::new(why)) }
}

/// Fails the case unless the call failed with this code; returns its status.
pub(crate) fn fails_with<T: Debug>(code: Code, got: Result<T, Status>) -> Result<Status, Why> {
    match got {
        Ok(reply) => Err(Why(format!("got {}, want {code:?}", short(&reply)))),
        Err(status) if status.code() == code => Ok(status),
        Err(status) => Err(Why(format!("got {status}, want {code:?}"))),
    }
}

fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}... ({} bytes)", text.split_at(end).0, text.len()),
        None => text,
    }
}
