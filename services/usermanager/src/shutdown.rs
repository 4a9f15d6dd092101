//! When to end: Ctrl-C or SIGTERM.

use std::io;
use std::process;

/// The two signals that ask the process to end.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen, inside a runtime. From now on the signals no longer kill the process.
    ///
    /// # Errors
    /// The system's, if it allows no handler.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let interrupt = signal(SignalKind::interrupt())?;
            let terminate = signal(SignalKind::terminate())?;
            Ok(Self {
                interrupt,
                terminate,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the first signal; a second one then ends the process at once.
    pub async fn first(mut self) {
        let signal = self.next().await;
        tracing::info!(signal, "ending: calls in flight are finished first");
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!(signal, "ending at once");
            // Every write that was answered is on disk, so nothing is lost.
            process::exit(1);
        });
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_no_handler) => std::future::pending().await,
        }
    }
}
