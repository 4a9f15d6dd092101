//! The server of the official cases.

use std::error::Error;
use std::process;

use hikyaku::Server;
use hikyaku::tls::{Identity, ServerTls};

use super::flags;
use super::proto::TestServiceServer;
use super::service::Tester;

/// Longer than the requests of any case; `very_large_request` has 10 MiB.
const MAX_MESSAGE_LEN: usize = 16 * 1024 * 1024;

/// Serves until it is killed.
///
/// # Errors
/// There is no such address, or the certificates cannot be used.
pub(super) async fn serve(flags: &flags::Server) -> Result<(), Box<dyn Error>> {
    let mut server = Server::new().max_message_len(MAX_MESSAGE_LEN);
    if flags.tls.use_tls {
        let (Some(certificate), Some(key)) = (&flags.tls_cert_file, &flags.tls_key_file) else {
            return Err("--use_tls needs --tls_cert_file and --tls_key_file; \
                 interop-certificates makes some"
                .into());
        };
        let identity = Identity::from_files(certificate, key);
        server = server.tls(ServerTls::builder(identity).load()?);
    }
    let listener = hikyaku::server::bind(&format!("{}:{}", flags.host, flags.port)).await?;
    let address = listener.local_addr()?;
    println!("listening on {address}");
    let tester = Tester::new(format!("hikyaku {} at {address}", process::id()));
    server
        .add(TestServiceServer::new(tester))
        .serve_listener(listener)
        .await?;
    Ok(())
}
