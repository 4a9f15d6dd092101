//! A clock that stands still while anything is to be done, and leaps when nothing is.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

/// What no test needs, all its waits together: one that is not over by then never is.
pub const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a test on one thread under tokio's paused clock. Waiting costs no time, and a test that
/// waits for something that never comes fails instead of hanging.
///
/// # Panics
/// If the test does, or if it is not over within [`LIMIT`] of virtual time.
///
/// # Example
/// ```
/// use std::time::Duration;
/// hikyaku_testkit::virtual_time::run(async {
///     tokio::time::sleep(Duration::from_secs(3600)).await; // takes no time
/// });
/// ```
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        match timeout(LIMIT, test).await {
            Ok(output) => output,
            Err(_) => panic!("the test hangs: it waits for something that never comes"),
        }
    })
}

/// Lets everything happen that is going to happen soon: ten seconds of virtual time.
pub async fn settle() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}
