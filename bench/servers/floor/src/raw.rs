//! Echo of bytes: what the socket, or TLS on it, can do.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of one read at most.
const READ_LEN: usize = 256 * 1024;

/// Echoes until the peer closes.
///
/// # Errors
/// The socket's own.
pub async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut socket: S) -> io::Result<()> {
    let mut buffer = vec![0; READ_LEN];
    loop {
        let len = socket.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        socket.write_all(&buffer[..len]).await?;
        socket.flush().await?;
    }
}
