//! What a server serves, and until when, for the services that tell it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use tokio::sync::watch;

/// The names of all services with their encoded descriptor sets; known once the server serves.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    services: OnceLock<BTreeMap<&'static str, &'static [u8]>>,
    draining: watch::Sender<bool>,
}

impl Catalog {
    pub(crate) fn fill(&self, services: BTreeMap<&'static str, &'static [u8]>) {
        // A second filling would say the same.
        let _ = self.services.set(services);
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        self.services
            .get()
            .into_iter()
            .flatten()
            .map(|(name, set)| (*name, *set))
    }

    pub(crate) fn has(&self, service: &str) -> bool {
        self.services
            .get()
            .is_some_and(|services| services.contains_key(service))
    }

    /// The server takes no new calls any more.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the server takes no new calls any more.
    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }
}
