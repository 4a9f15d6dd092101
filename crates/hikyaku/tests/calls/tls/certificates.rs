//! Who believes whom.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hikyaku::client::ConnectError;
use hikyaku::tls::{Certificate, ClientTls, Roots, ServerTls};
use hikyaku::{Code, Origin, Server, Status};
use hikyaku_testkit::link::Weather;
use hikyaku_testkit::{Live, Random, virtual_time};
use rcgen::date_time_ymd;

use super::authority::Authority;
use super::{SQUARE, assert_serves, builder, server, server_tls, serving, trusting};
use crate::in_memory::{Calling, Calls, Network, collect};

#[test]
fn calls_of_all_kinds_go_through_tls_in_any_weather() {
    for max_chunk_len in [1, 9, 1500, usize::MAX] {
        virtual_time::run(async move {
            let weather = Weather {
                latency: Duration::from_millis(20),
                capacity: 4096,
                max_chunk_len,
                ..Weather::fine()
            };
            let network = Network::with_weather(weather, Random::new(0));
            let authority = Authority::new();
            network.serve(server().tls(server_tls(&authority)));
            let channel = builder(&network).tls(trusting(&authority)).lazy().unwrap();
            for path in [SQUARE, "/test.Calls/Later"] {
                assert_eq!(channel.ask(path, 9).await.unwrap().into_message(), 81);
            }
            let (counted, end) = collect(channel.list("/test.Calls/Count", 300).await).await;
            assert!(end.is_ok() && counted.into_iter().eq(1..=300));
            let mut sum = channel.tell("/test.Calls/Sum", ()).await;
            for number in 1..=100 {
                sum.send(number).await.unwrap();
            }
            assert_eq!(sum.finish().await.unwrap().into_message(), 5050);
            let (mut sender, mut sums) = channel.talk("/test.Calls/Sums", ()).await;
            sender.send(3).await.unwrap();
            assert_eq!(sums.next().await.unwrap(), Some(3));
        });
    }
}

#[test]
fn a_server_that_is_not_believed_is_named_with_the_reason() {
    virtual_time::run(async {
        let (ours, other) = (Authority::new(), Authority::new());
        let table = [
            (
                other.issue("server.test"),
                "is of an authority that we do not know",
            ),
            (
                ours.issue_with("server.test", |p| p.not_after = date_time_ymd(2001, 1, 1)),
                "certificate has expired",
            ),
            (
                ours.issue_with("server.test", |p| p.not_before = date_time_ymd(3001, 1, 1)),
                "certificate is not valid yet",
            ),
            (ours.issue("elsewhere.test"), "certificate has another name"),
        ];
        for (issued, want) in table {
            let network = serving(ServerTls::builder(issued.identity()).load().unwrap());
            let error = builder(&network)
                .tls(trusting(&ours))
                .connect()
                .await
                .unwrap_err();
            let text = error.to_string();
            assert!(text.contains(want), "{want}: {text}");
            assert!(
                text.ends_with("while connecting to server.test:1"),
                "{text}"
            );
            assert!(is_by_rustls(&error), "{error:?}");
            let status = Status::from(error);
            assert_eq!(
                (status.code(), status.origin()),
                (Code::Unavailable, Origin::Transport)
            );
        }
    });
}

/// Whether the cause can be found as a value.
fn is_by_rustls(error: &ConnectError) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An I/O error passes over what it carries, and goes on with the cause of that.
        next = error.source();
    }
    false
}

#[test]
fn another_name_can_be_asked_for() {
    virtual_time::run(async {
        let authority = Authority::new();
        let issued = authority.issue("elsewhere.test");
        let network = serving(ServerTls::builder(issued.identity()).load().unwrap());
        let tls = trusting(&authority).server_name("elsewhere.test");
        assert_serves(&network, tls).await;
    });
}

#[test]
fn the_authority_is_the_name_asked_for_unless_another_is() {
    virtual_time::run(async {
        let authority = Authority::new();
        let issued = authority.issue("elsewhere.test");
        let network = serving(ServerTls::builder(issued.identity()).load().unwrap());
        let tls = || trusting(&authority);
        let table = [
            (Some("elsewhere.test"), tls(), true),
            (Some("elsewhere.test:443"), tls(), true),
            (None, tls(), false),
            (Some("third.test"), tls(), false),
            (
                Some("third.test"),
                tls().server_name("elsewhere.test"),
                true,
            ),
            (
                Some("elsewhere.test"),
                tls().server_name("third.test"),
                false,
            ),
        ];
        for (name, tls, believed) in table {
            let mut builder = builder(&network).tls(tls.clone());
            if let Some(name) = name {
                builder = builder.authority(name);
            }
            let connected = builder.connect().await;
            assert_eq!(connected.is_ok(), believed, "{name:?} {tls:?}");
        }
    });
}

/// A server that notes what certificates it sees, and wants some.
fn noting(tls: ServerTls) -> (Network, Arc<Mutex<Vec<Vec<Certificate>>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let calls = Calls::new().unary(SQUARE, move |request| {
        let shown = request.peer_certificates().to_vec();
        notes.lock().unwrap().push(shown);
        async move { Ok((request.message() * request.message()).into()) }
    });
    let network = Network::new();
    network.serve(Server::new().add(calls).tls(tls));
    (network, seen)
}

#[test]
fn a_handler_sees_the_certificates_of_its_client() {
    virtual_time::run(async {
        let (authority, of_clients) = (Authority::new(), Authority::new());
        let roots = || Roots::from_pem(of_clients.pem());
        let me = of_clients.issue("me.test");
        let known = || trusting(&authority).identity(me.identity());
        let issued = authority.issue("server.test");
        let asking = ServerTls::builder(issued.identity()).ask_for_client_certificates(roots());
        let (network, seen) = noting(asking.load().unwrap());
        assert_serves(&network, trusting(&authority)).await;
        assert_serves(&network, known()).await;
        let requiring = ServerTls::builder(issued.identity()).require_client_certificates(roots());
        let (network, seen_by_second) = noting(requiring.load().unwrap());
        assert_serves(&network, known()).await;
        let ders = |seen: &Mutex<Vec<Vec<Certificate>>>| -> Vec<Vec<Vec<u8>>> {
            let der = |certificate: &Certificate| certificate.as_der().to_vec();
            let seen = seen.lock().unwrap();
            let calls = seen.iter().map(|call| call.iter().map(der).collect());
            calls.collect()
        };
        assert_eq!(ders(&seen), [vec![], vec![me.der().to_vec()]]);
        assert_eq!(ders(&seen_by_second), [vec![me.der().to_vec()]]);
    });
}

#[test]
fn a_client_without_a_good_certificate_is_refused_and_learns_why() {
    virtual_time::run(async {
        let (authority, other) = (Authority::new(), Authority::new());
        let issued = authority.issue("server.test");
        let network = serving(
            ServerTls::builder(issued.identity())
                .require_client_certificates(Roots::from_pem(authority.pem()))
                .load()
                .unwrap(),
        );
        let expired = authority.issue_with("me", |p| p.not_after = date_time_ymd(2001, 1, 1));
        let table: [(ClientTls, &str); 3] = [
            (
                trusting(&authority),
                "the server wants a client certificate",
            ),
            (
                trusting(&authority).identity(other.issue("me").identity()),
                "does not know the authority of our client certificate",
            ),
            (
                trusting(&authority).identity(expired.identity()),
                "our client certificate has expired",
            ),
        ];
        for (tls, want) in table {
            let error = builder(&network).tls(tls.clone()).connect().await;
            let text = error.unwrap_err().to_string();
            assert!(text.contains(want), "{want}: {text}");
            let channel = builder(&network).tls(tls).lazy().unwrap();
            let status = channel.ask(SQUARE, 1).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            assert!(status.message().contains(want), "{want}: {status}");
        }
        let good = trusting(&authority).identity(authority.issue("me").identity());
        assert_serves(&network, good).await;
    });
}

#[test]
fn the_names_of_ip_addresses_are_checked_too() {
    virtual_time::run(async {
        let authority = Authority::new();
        let issued = authority.issue("127.0.0.1");
        let network = Network::new();
        let tls = ServerTls::builder(issued.identity()).load().unwrap();
        network.serve(Server::new().add(Calls::four_kinds(&Live::new())).tls(tls));
        for (target, want) in [("https://127.0.0.1:1", true), ("https://[::1]:1", false)] {
            let network = network.clone();
            let connected = hikyaku::Channel::builder(target)
                .transport(move || network.clone().connect())
                .tls(trusting(&authority))
                .connect()
                .await;
            assert_eq!(connected.is_ok(), want, "{target}: {connected:?}");
        }
    });
}
