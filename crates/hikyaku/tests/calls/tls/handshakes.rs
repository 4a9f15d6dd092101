//! Handshakes that come to nothing: nobody else notices.

use std::sync::Arc;
use std::time::Duration;

use hikyaku::tls::ServerTls;
use hikyaku::{Code, Origin};
use hikyaku_testkit::raw::{Frame, PREFACE, RawPeer};
use hikyaku_testkit::virtual_time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use super::authority::{self, Authority};
use super::{
    SQUARE, assert_serves, builder, raw_tls, raw_tls_over, server, server_tls, serving, trusting,
};
use crate::in_memory::{Calling, Calls, Network};

/// Reads until the other end closes.
async fn rest(io: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = io.read_to_end(&mut bytes).await;
    bytes
}

#[test]
fn a_client_that_does_not_offer_http2_is_refused() {
    virtual_time::run(async {
        let authority = Authority::new();
        let network = serving(server_tls(&authority));
        let wrong = raw_tls(&network, &authority, &[b"http/1.1"]).await;
        let wrong = wrong.unwrap_err().to_string();
        assert!(wrong.contains("NoApplicationProtocol"), "{wrong}");
        let mut none = raw_tls(&network, &authority, &[]).await.unwrap();
        none.write_all(PREFACE).await.unwrap();
        none.write_all(&Frame::settings(&[])).await.unwrap();
        assert_eq!(rest(&mut none).await, b"", "not a byte of HTTP/2");
        let both = raw_tls(&network, &authority, &[b"http/1.1", b"h2"]).await;
        assert_eq!(both.unwrap().get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        assert_serves(&network, trusting(&authority)).await;
    });
}

#[test]
fn a_server_that_does_not_agree_to_http2_is_refused() {
    virtual_time::run(async {
        let authority = Authority::new();
        for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
            let network = Network::new();
            let mut door = network.listen();
            let issued = authority.issue("server.test");
            let key = issued.key.serialize_der().try_into().unwrap();
            let config = rustls::ServerConfig::builder_with_provider(authority::provider())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth();
            let mut config = config.with_single_cert(vec![issued.der()], key).unwrap();
            config.alpn_protocols = protocols;
            let serve = async move {
                let accepted = TlsAcceptor::from(Arc::new(config)).accept(door.next().await);
                if let Ok(mut io) = accepted.await {
                    assert_eq!(rest(&mut io).await, b"", "not a byte of HTTP/2");
                }
            };
            let task = tokio::spawn(serve);
            let connected = builder(&network).tls(trusting(&authority)).connect().await;
            let error = connected.unwrap_err().to_string();
            let want = "the server does not agree to HTTP/2 (ALPN h2) while connecting to";
            assert!(error.contains(want), "{error}");
            task.await.unwrap();
        }
    });
}

#[test]
fn a_client_that_does_not_speak_tls_is_refused() {
    virtual_time::run(async {
        let authority = Authority::new();
        let network = serving(server_tls(&authority));
        let http2 = [PREFACE, &Frame::settings(&[])].concat();
        let mut half_hello = vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
        half_hello.extend([0; 2000]);
        let openings: [&[u8]; 6] = [
            &http2,
            b"GET / HTTP/1.1\r\nhost: server.test\r\n\r\n",
            &[0; 100],
            &[0xff; 100_000],
            &[22, 3, 1, 0xff, 0xff, 1],
            &half_hello,
        ];
        for opening in openings {
            let mut io = network.clone().connect().await.unwrap();
            let _ = io.write_all(opening).await;
            let before = Instant::now();
            let answer = rest(&mut io).await;
            assert!(answer.len() < 100, "an alert at most: {answer:?}");
            assert!(before.elapsed() <= Duration::from_secs(10));
            assert_serves(&network, trusting(&authority)).await;
        }
        let channel = network.channel();
        let status = channel.ask(SQUARE, 1).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    });
}

#[test]
fn a_server_without_tls_is_named_as_that() {
    virtual_time::run(async {
        let network = Network::new();
        network.serve(server());
        let tls = trusting(&Authority::new());
        let channel = builder(&network).tls(tls).lazy().unwrap();
        let status = channel.ask(SQUARE, 1).await.unwrap_err();
        assert_eq!(
            (status.code(), status.origin()),
            (Code::Unavailable, Origin::Transport)
        );
        let want = "the server does not speak TLS at this port";
        assert!(status.message().contains(want), "{status}");
    });
}

#[test]
fn handshake_and_preface_have_one_time_limit() {
    virtual_time::run(async {
        let authority = Authority::new();
        let network = serving(server_tls(&authority));
        let start = Instant::now();
        let mut silent = network.clone().connect().await.unwrap();
        assert_eq!(rest(&mut silent).await, b"");
        assert_eq!(start.elapsed().as_secs(), 10);

        let start = Instant::now();
        let io = network.clone().connect().await.unwrap();
        sleep(Duration::from_secs(6)).await;
        let late = raw_tls_over(io, &authority, &[b"h2"]).await.unwrap();
        let mut peer = RawPeer::new(late);
        let mut last = None;
        while let Some(frame) = peer.read().await {
            last = Some(frame);
        }
        let text = format!("{last:?}");
        assert!(text.contains("no preface and SETTINGS"), "{text}");
        assert_eq!(start.elapsed().as_secs(), 10);
    });
}

#[test]
fn handshakes_beyond_the_limit_wait_for_their_turn() {
    virtual_time::run(async {
        let authority = Authority::new();
        let network = Network::new();
        let one = server().limits(|limits| limits.max_handshakes = 1);
        network.serve(one.tls(server_tls(&authority)));
        let start = Instant::now();
        let mut silent = network.clone().connect().await.unwrap();
        sleep(Duration::from_secs(4)).await;
        assert_serves(&network, trusting(&authority)).await;
        assert_eq!(start.elapsed().as_secs(), 10, "the silent one had the turn");
        assert_eq!(rest(&mut silent).await, b"");
    });
}

#[test]
fn a_handshake_gives_way_to_the_next_connection_and_to_shutdown() {
    virtual_time::run(async {
        let authority = Authority::new();
        let network = Network::new();
        let two = server().limits(|limits| limits.max_connections = 2);
        let mut running = network.serve(two.tls(server_tls(&authority)));
        let start = Instant::now();
        let mut silent = Vec::new();
        for _ in 0..5 {
            silent.push(network.clone().connect().await.unwrap());
            sleep(Duration::from_millis(1)).await;
        }
        assert_serves(&network, trusting(&authority)).await;
        running.stop();
        running.task.await.unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_millis(10));
    });
}

#[test]
fn failed_handshakes_do_not_keep_the_others_waiting() {
    virtual_time::run(async {
        let authority = Authority::new();
        let calls = Calls::four_kinds(&hikyaku_testkit::Live::new());
        let network = Network::new();
        let tls: ServerTls = server_tls(&authority);
        network.serve(hikyaku::Server::new().add(calls).tls(tls));
        let start = Instant::now();
        let mut held = Vec::new();
        for number in 0..200_u8 {
            let mut io = network.clone().connect().await.unwrap();
            if number % 2 == 0 {
                let _ = io.write_all(&[number; 64]).await;
            }
            held.push(io);
        }
        assert_serves(&network, trusting(&authority)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn calls_over_tls_of_either_version_say_https_and_whom_they_mean() {
    virtual_time::run(async {
        let authority = Authority::new();
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let network = Network::new();
            let mut door = network.listen();
            let issued = authority.issue("server.test");
            let key = issued.key.serialize_der().try_into().unwrap();
            let config = rustls::ServerConfig::builder_with_provider(authority::provider())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth();
            let mut config = config.with_single_cert(vec![issued.der()], key).unwrap();
            config.alpn_protocols = vec![b"h2".to_vec()];
            let channel = builder(&network).tls(trusting(&authority)).lazy().unwrap();
            let call = tokio::spawn(async move { channel.ask(SQUARE, 1).await });
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let io = acceptor.accept(door.next().await).await.unwrap();
            let session = io.get_ref().1;
            assert_eq!(session.protocol_version(), Some(version.version));
            assert_eq!(session.server_name(), Some("server.test"));
            assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
            let mut server = RawPeer::server(io, &[]).await;
            let head = server.read_on(1).await;
            assert_eq!(head.field(":scheme"), Some("https"));
            assert_eq!(head.field(":authority"), Some("server.test:1"));
            call.abort();
        }
    });
}

#[test]
fn a_version_below_tls_1_2_is_refused_by_a_server() {
    virtual_time::run(async {
        let authority = Authority::new();
        let network = serving(server_tls(&authority));
        for minor in [1_u8, 2] {
            // The hello of TLS 1.0 or 1.1: version, random, no session, a suite of theirs, no
            // compression, and an algorithm for signatures, which is not what is missing.
            let mut hello = vec![3, minor];
            hello.extend([7; 32]);
            hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
            hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
            let len = u8::try_from(hello.len()).unwrap();
            let mut record = vec![22, 3, 1, 0, len + 4, 1, 0, 0, len];
            record.extend(hello);
            let mut io = network.clone().connect().await.unwrap();
            io.write_all(&record).await.unwrap();
            // A fatal alert: protocol_version.
            let alert = rest(&mut io).await;
            assert_eq!((alert[0], &alert[5..]), (21, &[2, 70][..]), "{alert:?}");
        }
        assert_serves(&network, trusting(&authority)).await;
    });
}
