//! Whom the runner has us call: one channel for each server and way to talk to it.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use hikyaku::Channel;
use hikyaku::codec::Format;
use hikyaku::tls::{ClientTls, Identity, Roots};

use super::codings;
use super::suite::{ClientCompatRequest, Codec, Compression, ConformanceServiceClient};

type AnyError = Box<dyn Error + Send + Sync>;

/// The channels that there are, for the next calls to the same server.
#[derive(Default)]
pub(super) struct Targets {
    clients: Mutex<HashMap<Target, ConformanceServiceClient>>,
}

/// What a channel is made of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Target {
    host: String,
    port: u32,
    codec: Codec,
    compression: Compression,
    /// Bytes; 0 for the limit that channels have.
    max_message_len: u32,
    root: Vec<u8>,
    /// Our certificate and its key, if the server wants to see one.
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Targets {
    /// A client of the server that a call is for.
    ///
    /// # Errors
    /// It asks for something that there is not.
    pub(super) fn client(
        &self,
        request: &ClientCompatRequest,
    ) -> Result<ConformanceServiceClient, AnyError> {
        let target = Target::of(request)?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&target) {
            return Ok(client.clone());
        }
        let client = ConformanceServiceClient::new(target.channel()?);
        clients.insert(target, client.clone());
        Ok(client)
    }
}

impl Target {
    fn of(request: &ClientCompatRequest) -> Result<Self, AnyError> {
        let creds = request.client_tls_creds.as_option();
        Ok(Self {
            host: request.host.clone(),
            port: request.port,
            codec: request.codec.as_known().ok_or("what codec is that?")?,
            compression: request
                .compression
                .as_known()
                .ok_or("what compression is that?")?,
            max_message_len: request.message_receive_limit,
            root: request.server_tls_cert.clone(),
            identity: creds.map(|creds| (creds.cert.clone(), creds.key.clone())),
        })
    }

    fn channel(&self) -> Result<Channel, AnyError> {
        let scheme = if self.root.is_empty() {
            "http"
        } else {
            "https"
        };
        let mut builder = Channel::builder(&format!("{scheme}://{}:{}", self.host, self.port));
        if !self.root.is_empty() {
            let mut tls = ClientTls::new().roots(Roots::from_pem(&self.root));
            if let Some((chain, key)) = &self.identity {
                tls = tls.identity(Identity::from_pem(chain, key));
            }
            builder = builder.tls(tls);
        }
        builder = builder.format(match self.codec {
            Codec::Json => Format::Json,
            Codec::Unspecified | Codec::Proto => Format::Protobuf,
        });
        if let Some(coding) = codings::name(self.compression) {
            builder = builder.compress(coding);
        }
        if self.max_message_len > 0 {
            builder = builder.max_message_len(usize::try_from(self.max_message_len)?);
        }
        Ok(builder.lazy()?)
    }
}
