//! What an attack has to do with: its victim, and ways to reach and to look at it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hikyaku::{Channel, Request, Status};

use crate::attack::Trouble;
use crate::attacker::{Attacker, Manner};
use crate::proto::attacks::{Blob, HandlerReport, TargetClient};
use crate::victim::Victim;

/// One victim, and nobody else who attacks it. Cheap to clone, for attacks with many connections.
#[derive(Clone)]
pub(crate) struct Arena {
    pub(crate) victim: Arc<Victim>,
    /// A well-behaved client, connected before the attack: asks what runs.
    inspector: Arc<TargetClient>,
}

impl Arena {
    pub(crate) async fn open(victim: Victim) -> Result<Self, Trouble> {
        let channel = Channel::connect(&format!("http://{}", victim.addr())).await?;
        Ok(Self {
            victim: Arc::new(victim),
            inspector: Arc::new(TargetClient::new(channel)),
        })
    }

    /// Where the victim listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.victim.addr()
    }

    /// A hostile connection that has greeted.
    pub(crate) async fn attacker(&self) -> io::Result<Attacker> {
        Attacker::connect(self.addr()).await
    }

    /// A hostile connection of this manner.
    pub(crate) async fn attacker_with(&self, manner: Manner<'_>) -> io::Result<Attacker> {
        Attacker::connect_with(self.addr(), manner).await
    }

    /// The handlers that run and ran.
    pub(crate) async fn handlers(&self) -> Result<HandlerReport, Status> {
        let request = Request::new(Blob::default()).with_timeout(Duration::from_secs(10));
        Ok(self.inspector.handlers(request).await?.into_message())
    }

    /// Waits until something holds; looks twice a second.
    pub(crate) async fn wait_until(
        &self,
        patience: Duration,
        mut holds: impl FnMut(&Victim) -> bool,
    ) -> bool {
        let look = async {
            while !holds(&self.victim) {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::time::timeout(patience, look).await.is_ok()
    }
}
