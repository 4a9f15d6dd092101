//! What a server serves, for the services that describe it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The names of all services with their encoded descriptor sets; known once the server serves.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    services: OnceLock<BTreeMap<&'static str, &'static [u8]>>,
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
}
