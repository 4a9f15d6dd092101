//! What is wrong before any connection is made, and certificates that change.

use std::fs;
use std::path::{Path, PathBuf};

use hikyaku::tls::{Identity, Roots, ServerTls};
use hikyaku::{Channel, Code, Origin, Status};
use hikyaku_testkit::virtual_time;

use super::authority::Authority;
use super::{Issued, assert_serves, builder, serving, trusting};

/// A folder for one test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("tls-{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn keep(&self, issued: &Issued) -> Identity {
        Identity::from_files(
            self.write("cert.pem", &issued.certificate.pem()),
            self.write("key.pem", &issued.key.serialize_pem()),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn bad_certificates_and_keys_are_named_with_what_is_wrong() {
    let folder = Folder::new("bad");
    let authority = Authority::new();
    let issued = authority.issue("server.test");
    let cert = folder.write("cert.pem", &issued.certificate.pem());
    let key = folder.write("key.pem", &issued.key.serialize_pem());
    let other_key = authority.issue("server.test").key.serialize_pem();
    let other_key = folder.write("other.pem", &other_key);
    let empty = folder.write("empty.pem", "");
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let broken = folder.write("broken.pem", broken);
    let gone = folder.0.join("gone.pem");
    let table = [
        (&gone, &key, "gone.pem: cannot be read: No such file"),
        (&cert, &gone, "gone.pem: cannot be read: No such file"),
        (&empty, &key, "empty.pem: there is no certificate in it"),
        (&key, &key, "key.pem: there is no certificate in it"),
        (&broken, &key, "broken.pem: a certificate in it is broken"),
        (&cert, &cert, "cert.pem: there is no private key in it"),
        (&cert, &other_key, "other.pem: the key is not that of"),
    ];
    for (cert, key, want) in table {
        let identity = Identity::from_files(cert, key);
        let error = ServerTls::builder(identity).load().unwrap_err();
        assert!(error.to_string().contains(want), "{want}: {error}");
    }
    let with_roots = ServerTls::builder(Identity::from_files(&cert, &key))
        .require_client_certificates(Roots::from_file(&empty));
    let error = with_roots.load().unwrap_err().to_string();
    assert!(
        error.contains("empty.pem: there is no certificate"),
        "{error}"
    );
}

#[test]
fn a_channel_without_usable_certificates_is_not_made() {
    virtual_time::run(async {
        let authority = Authority::new();
        let table = [
            (
                trusting(&authority).roots(Roots::from_pem("nothing")),
                "the root certificates: there is no certificate in it",
            ),
            (
                trusting(&authority).identity(Identity::from_pem("x", "y")),
                "the certificate chain: there is no certificate in it",
            ),
            (
                trusting(&authority).server_name("no name"),
                "\"no name\" is neither a DNS name nor an IP address",
            ),
        ];
        for (tls, want) in table {
            let error = Channel::builder("https://server.test").tls(tls).lazy();
            let status = Status::from(error.unwrap_err());
            assert_eq!(
                (status.code(), status.origin()),
                (Code::Internal, Origin::Local)
            );
            assert!(status.message().contains(want), "{want}: {status}");
        }
    });
}

#[test]
fn options_for_tls_are_not_forgotten_on_a_plain_channel() {
    virtual_time::run(async {
        let tls = trusting(&Authority::new());
        let error = Channel::builder("http://server.test:1").tls(tls).lazy();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("the scheme is not https"), "{error}");
    });
}

#[test]
fn certificates_are_reloaded_for_the_connections_to_come() {
    virtual_time::run(async {
        let folder = Folder::new("reload");
        let (old, new) = (Authority::new(), Authority::new());
        let identity = folder.keep(&old.issue("server.test"));
        let tls = ServerTls::builder(identity).load().unwrap();
        let network = serving(tls.clone());
        let (believes_old, believes_new) = (trusting(&old), trusting(&new));
        assert_serves(&network, believes_old.clone()).await;
        let open = builder(&network).tls(believes_old.clone());
        let open = open.connect().await.unwrap();

        folder.keep(&new.issue("server.test"));
        assert_serves(&network, believes_old.clone()).await;
        tls.reload().unwrap();
        assert_serves(&network, believes_new.clone()).await;
        let refused = builder(&network).tls(believes_old.clone()).connect().await;
        assert!(refused.is_err());
        use crate::in_memory::Calling;
        let answer = open.ask(super::SQUARE, 3).await.unwrap();
        assert_eq!(answer.into_message(), 9, "open connections go on");

        folder.write("key.pem", "half a fi");
        let error = tls.reload().unwrap_err().to_string();
        assert!(error.contains("key.pem"), "{error}");
        assert_serves(&network, believes_new).await;

        let back = old.issue("server.test").identity();
        tls.replace_identity(back).unwrap();
        assert_serves(&network, believes_old).await;
    });
}
