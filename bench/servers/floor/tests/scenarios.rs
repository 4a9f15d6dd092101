//! The generator against the floor: every scenario, plain and under TLS; and against servers that
//! do not answer as they should.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use generator::load;
use generator::options::Options;
use generator::report::Report;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// A floor server, ended when dropped.
struct Floor {
    child: Child,
    address: String,
}

impl Floor {
    fn start(flags: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_floor-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(flags.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap();
        Self {
            child,
            address: address.to_owned(),
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the generator reports, or why it could not begin.
fn generate(address: &str, flags: &str) -> Result<Report, String> {
    let line = format!("--address {address} --timeout 60 {flags}");
    let args = line.split_whitespace().map(str::to_owned);
    let options = Options::parse(args).unwrap().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut report = None;
    let run = load::run(&options, |made| report = Some(made));
    LocalSet::new().block_on(&runtime, run)?;
    Ok(report.unwrap())
}

/// What both ends are told, what only the generator is, and the calls and messages that come of it.
const ROWS: [(&str, &str, u64, u64); 17] = [
    (
        "--scenario hello",
        "--connections 3 --streams 20 --calls 1000",
        1000,
        1000,
    ),
    (
        "--scenario hello",
        "--streams 20 --calls 300 --rate 100000",
        300,
        300,
    ),
    (
        "--scenario echo --size 0",
        "--streams 3 --calls 100",
        100,
        100,
    ),
    (
        "--scenario echo --size 16384",
        "--connections 2 --streams 100 --calls 1000",
        1000,
        1000,
    ),
    (
        "--scenario echo --size 4194304",
        "--streams 2 --calls 5",
        5,
        5,
    ),
    (
        "--scenario down --size 16 --messages 20000",
        "--streams 2 --calls 5",
        5,
        100_000,
    ),
    (
        "--scenario down --size 100000 --messages 100",
        "--calls 2",
        2,
        200,
    ),
    (
        "--scenario up --size 16 --messages 20000",
        "--streams 2 --calls 5",
        5,
        100_000,
    ),
    ("--scenario up --size 0 --messages 1", "--calls 5", 5, 5),
    (
        "--scenario both --size 16 --messages 20000",
        "--streams 3 --calls 6",
        6,
        120_000,
    ),
    (
        "--scenario both --size 100000 --messages 100",
        "--calls 2",
        2,
        200,
    ),
    (
        "--scenario ping-pong --size 16 --messages 100",
        "--streams 10 --calls 30",
        30,
        3000,
    ),
    (
        "--scenario ping-pong --size 50000 --messages 10",
        "--calls 2",
        2,
        20,
    ),
    (
        "--scenario wait --size 5",
        "--streams 100 --calls 300",
        300,
        300,
    ),
    ("--scenario burn", "--streams 5 --calls 10", 10, 10),
    ("--scenario record", "--streams 10 --calls 100", 100, 100),
    ("--scenario connect", "--connections 2 --calls 20", 20, 20),
];

fn every_row_succeeds(server: &str, client: &str) {
    for (both, only_client, calls, messages) in ROWS {
        let floor = Floor::start(&format!("{both} {server}"));
        let report = generate(&floor.address, &format!("{both} {only_client} {client}"));
        let report = report.unwrap_or_else(|what| panic!("{both}: {what}"));
        assert_eq!(report.complaint(), None, "{both} {only_client}");
        let tally = &report.tally;
        assert_eq!(
            (tally.succeeded, tally.messages),
            (calls, messages),
            "{both}"
        );
    }
}

#[test]
fn every_scenario_succeeds() {
    every_row_succeeds("", "");
}

#[test]
fn every_scenario_succeeds_with_threads() {
    every_row_succeeds("--threads 2", "");
}

#[test]
fn every_scenario_succeeds_under_tls() {
    let (server, client) = identity("scenarios");
    every_row_succeeds(&server, &client);
    let floor = Floor::start(&format!("--scenario echo-raw {server}"));
    let flags = format!("--scenario echo-raw --size 4194304 --calls 3 {client}");
    let report = generate(&floor.address, &flags).unwrap();
    assert_eq!((report.complaint(), report.tally.succeeded), (None, 3));
}

#[test]
fn bytes_are_echoed_without_http() {
    let floor = Floor::start("--scenario echo-raw");
    let flags = "--scenario echo-raw --size 4194304 --calls 5 --connections 2";
    let report = generate(&floor.address, flags).unwrap();
    assert_eq!(
        (report.complaint(), report.tally.bytes),
        (None, 5 * 4_194_304)
    );
}

#[test]
fn an_unexpected_answer_is_a_failure() {
    // What the floor is told, what it is asked, and what is said of it.
    let rows = [
        (
            "--scenario hello",
            "--scenario echo --size 4",
            "not the expected one from byte 0",
        ),
        (
            "--scenario echo --size 4",
            "--scenario echo --size 5",
            "not the expected one",
        ),
        (
            "--scenario down --size 4 --messages 3",
            "--scenario down --size 4 --messages 4",
            "ended after 33 of 44 bytes",
        ),
        (
            "--scenario down --size 4 --messages 5",
            "--scenario down --size 4 --messages 4",
            "not the expected one",
        ),
        (
            "--scenario up --size 4 --messages 5",
            "--scenario up --size 4 --messages 4",
            "not the expected one",
        ),
    ];
    for (server, client, want) in rows {
        let floor = Floor::start(server);
        let report = generate(&floor.address, &format!("{client} --calls 3")).unwrap();
        let complaint = report.complaint().unwrap();
        assert!(
            complaint.starts_with("3 of 3 calls failed; "),
            "{complaint}"
        );
        assert!(complaint.contains(want), "{server}, {client}: {complaint}");
    }
}

#[test]
fn a_server_that_is_none_is_told() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let what = generate(&nobody.to_string(), "--scenario hello --calls 1")
        .err()
        .unwrap();
    assert!(
        what.contains("could not be connected to: the socket failed"),
        "{what}"
    );
    let floor = Floor::start("--scenario echo-raw");
    // Our own preface comes back.
    let what = generate(&floor.address, "--scenario hello --calls 1")
        .err()
        .unwrap();
    assert!(
        what.contains("a frame of 5263945 bytes, 16384 are allowed"),
        "{what}"
    );
}

/// Flags for a server with a certificate of its own, and for a client that trusts it.
fn identity(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let cert = file("cert.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let text = |path: &Path| path.display().to_string();
    let server = format!("--cert {} --key {}", text(&cert), text(&key));
    (server, format!("--ca {}", text(&cert)))
}
