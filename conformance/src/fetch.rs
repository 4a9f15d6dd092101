//! A client over the HTTP/2 core: one `GET`, and then it lets the server say what it will.

use std::error::Error;
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use hikyaku_http2::{Body, Config, Connection, ErrorCode, Event, Field};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the server may be silent before the client leaves.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fetches an `http` URL, prints its status and what ended the connection.
///
/// # Errors
/// The URL is none, the server cannot be reached or breaks the connection off.
pub(crate) async fn fetch(url: &str) -> Result<(), Box<dyn Error>> {
    let (authority, path) = split(url).ok_or("the URL is not http://HOST[:PORT][/PATH]")?;
    let address = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let mut connection = Connection::client(Config::default());
    let request = [
        Field::indexed(b":method", b"GET"),
        Field::indexed(b":scheme", b"http"),
        Field::indexed(b":authority", authority.as_bytes()),
        Field::literal(b":path", path.as_bytes()),
    ];
    connection.open_stream(request, Body::Last)?;
    Ok(drive(&mut socket, &mut connection).await?)
}

async fn drive(socket: &mut TcpStream, connection: &mut Connection) -> io::Result<()> {
    let mut input = BytesMut::new();
    loop {
        while let Some(event) = connection.poll_event() {
            on_event(event, connection);
        }
        connection.poll_transmit();
        write_output(socket, connection).await?;
        if connection.is_drained() {
            return socket.shutdown().await;
        }
        match timeout(PATIENCE, socket.read_buf(&mut input)).await {
            Ok(Ok(0)) => connection.handle_eof(),
            Ok(read) => {
                read?;
                connection.handle_bytes(&mut input, Instant::now());
            }
            Err(_silence) => connection.close(ErrorCode::NO_ERROR, "the server is silent"),
        }
    }
}

fn on_event(event: Event, connection: &mut Connection) {
    match event {
        Event::Headers { headers, .. } => {
            println!("status {}", headers.status().unwrap_or_default());
        }
        Event::Data { id, data, .. } => {
            println!("{} bytes", data.len());
            connection.release_data(id, data.len());
        }
        Event::Reset { code, by, .. } => println!("reset: {code} ({by:?})"),
        Event::GoAway { code, .. } => println!("server goes away: {code}"),
        Event::Closed { error: Some(error) } => println!("closed: {error}"),
        Event::Closed { error: None } => println!("closed"),
        Event::Trailers { .. }
        | Event::Unprocessed { .. }
        | Event::SendRoom { .. }
        | Event::PingAck { .. }
        | Event::StreamRoom
        | _ => {}
    }
}

async fn write_output(socket: &mut TcpStream, connection: &mut Connection) -> io::Result<()> {
    while connection.output_len() > 0 {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = connection.output(&mut slices);
        let len = socket
            .write_vectored(slices.get(..count).unwrap_or_default())
            .await?;
        if len == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        connection.advance_output(len);
        connection.poll_transmit();
    }
    Ok(())
}

/// Authority and path of an `http` URL.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let start = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(start);
    let path = if path.is_empty() { "/" } else { path };
    (!authority.is_empty()).then_some((authority, path))
}
