//! The binary as people run it: a server, its client, its files, its exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The command with a clean environment, in a folder of the test's own.
fn usermanager(folder: &Folder, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usermanager"));
    command
        .args(line.split_whitespace())
        .current_dir(&folder.0)
        .env_remove("RUST_LOG");
    command
}

/// Runs a command to its end: exit code, standard output, standard error.
fn run(folder: &Folder, line: &str) -> (i32, String, String) {
    ended(
        usermanager(folder, line)
            .stdin(Stdio::null())
            .output()
            .unwrap(),
    )
}

fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A folder for one test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("command-{}-{count}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// A running server, ended with its test.
struct Server<'a> {
    folder: &'a Folder,
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl<'a> Server<'a> {
    fn start(folder: &'a Folder, options: &str) -> Self {
        let line = format!("serve --listen 127.0.0.1:0 {options}");
        let mut child = usermanager(folder, &line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let address = first.trim_end().strip_prefix("listening on ");
        let address = address
            .unwrap_or_else(|| panic!("no address in {first:?}"))
            .to_owned();
        Self {
            folder,
            child,
            stdout,
            address,
        }
    }

    fn run(&self, line: &str) -> (i32, String, String) {
        run(
            self.folder,
            &format!("--server http://{} {line}", self.address),
        )
    }

    /// Runs a call that must succeed.
    fn ask(&self, line: &str) -> String {
        let (code, stdout, stderr) = self.run(line);
        assert_eq!((code, stderr.as_str()), (0, ""), "{line}");
        stdout
    }

    /// Sends a signal by its name and waits for the end: exit code, rest of the output, logs.
    fn end(mut self, signal: &str) -> (i32, String, String) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &process])
            .status()
            .unwrap();
        assert!(sent.success());
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (
            self.child.wait().unwrap().code().unwrap_or(-1),
            stdout,
            stderr,
        )
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A certificate of `localhost` that is its own authority, as `NAME.pem` and `NAME.key`.
fn certify(folder: &Folder, name: &str) {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    folder.write(&format!("{name}.pem"), &issued.cert.pem());
    folder.write(&format!("{name}.key"), &issued.signing_key.serialize_pem());
}

#[test]
fn tls_in_both_directions_is_a_matter_of_files() {
    let folder = Folder::new();
    folder.write("users.json", &seed());
    certify(&folder, "server");
    certify(&folder, "client");
    let server = Server::start(
        &folder,
        "--db memory: --import users.json --threads 1 --tls-cert server.pem --tls-key server.key \
         --client-ca client.pem",
    );
    let ask = |options: &str| {
        let url = format!("--server https://{}", server.address);
        run(&folder, &format!("{url} GetUser 1 {options}"))
    };
    let me = "--cert client.pem --key client.key";
    let (code, stdout, stderr) = ask(&format!("--ca server.pem --server-name localhost {me}"));
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, ADMIN, ""));
    let table = [
        (
            "--ca server.pem --server-name localhost",
            "wants a client certificate",
        ),
        (&format!("--ca server.pem {me}"), "has another name"),
        (
            &format!("--ca client.pem --server-name localhost {me}"),
            "of an authority that we do not know",
        ),
        ("--ca gone.pem", "gone.pem: cannot be read"),
    ];
    for (options, want) in table {
        let (code, stdout, stderr) = ask(options);
        assert_eq!((code, stdout.as_str()), (1, ""), "{options}");
        assert!(stderr.contains(want), "{options}: {stderr}");
    }
    let (code, _, stderr) = run(&folder, "serve --tls-cert server.key --tls-key server.key");
    assert_eq!(code, 1);
    assert!(
        stderr.contains("server.key: there is no certificate in it"),
        "{stderr}"
    );
}

const ADMIN: &str = "user {\n  id: 1\n  nickname: \"admin\"\n  mail_address: \"admin@example.com\"\n  \
                     user_type: ADMINISTRATOR\n}\n\n";

const ZARU: &str = "user {\n  id: 5\n  nickname: \"Zaru\"\n  mail_address: \"zaru@example.com\"\n  \
                    user_type: NORMAL\n}\n\n";

fn seed() -> String {
    include_str!("../users.json").to_owned()
}

#[test]
fn the_client_prints_what_the_seeds_client_printed() {
    let folder = Folder::new();
    folder.write("users.json", &seed());
    let server = Server::start(&folder, "--db memory: --import users.json --threads 1");
    let new = "user {\n  id: 7\n  nickname: \"hi\"\n  mail_address: \"hi@example.com\"\n  user_type: GUEST\n}\n\n";
    let taken = "error: true\nmessage: \"already exist\"\n\n";
    let table = [
        ("GetUser 1", ADMIN),
        ("GetUser 7", "error: true\nmessage: \"not found\"\n\n"),
        ("AddUser 7 hi hi@example.com GUEST", new),
        ("AddUser 7 ho ho@example.com 1", taken),
        ("GetUser 7", new),
        ("CountAlreadyUsers 1 1 8", "user_cnt: 2\n\n"),
        ("CountAlreadyUsers 8", "\n"),
        ("GetUsersByIds 5 99 1", &format!("{ZARU}{ADMIN}")),
        ("GetUsersByIds 99", ""),
        ("GetUsersByType ADMINISTRATOR", ADMIN),
        ("GetUsersByType 2", ADMIN),
        ("GetUsersByType NONE", ""),
        (
            "SayHello you 2",
            "message: \"Hello you!\"\n\nmessage: \"Hello you!\"\n\n",
        ),
        (
            "GetUser 7 --output json",
            "{\"user\":{\"id\":7,\"nickname\":\"hi\",\"mailAddress\":\"hi@example.com\",\"userType\":\"GUEST\"}}\n",
        ),
        ("CountAlreadyUsers 8 --output json", "{}\n"),
    ];
    for (line, want) in table {
        assert_eq!(server.ask(line), want, "{line}");
    }
    let (code, stdout, stderr) = server.end("TERM");
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
}

#[test]
fn a_chat_prints_the_replies_to_every_line() {
    let folder = Folder::new();
    let server = Server::start(&folder, "--db memory:");
    let mut chat = usermanager(&folder, "Chat --output json")
        .args(["--server", &format!("http://{}", server.address)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = chat.stdin.take().unwrap();
    let mut stdout = BufReader::new(chat.stdout.take().unwrap());
    for id in 1..=3 {
        // The replies come before the next line goes out.
        writeln!(stdin, "line {id}").unwrap();
        for want in ["Thank!!!", "good day!!!"] {
            let mut reply = String::new();
            stdout.read_line(&mut reply).unwrap();
            assert_eq!(reply, format!("{{\"id\":{id},\"message\":\"{want}\"}}\n"));
        }
    }
    drop(stdin);
    let (code, _, prompts) = ended(chat.wait_with_output().unwrap());
    assert_eq!(code, 0);
    assert!(prompts.contains("Input message >"), "{prompts}");
}

#[test]
fn errors_of_a_call_are_exit_code_1_with_code_and_message() {
    let folder = Folder::new();
    let server = Server::start(&folder, "--db memory:");
    let table = [
        (
            "GetUser 0",
            "error: INVALID_ARGUMENT: id 0 is not allowed; allowed: 1 to 4294967295\n",
        ),
        (
            "GetUsersByType 5",
            "error: INVALID_ARGUMENT: user type 5 is unknown; allowed: NONE (0), ",
        ),
        (
            "AddUser 1 a b -1",
            "error: INVALID_ARGUMENT: user type -1 is unknown; allowed: NONE (0), ",
        ),
        (
            "CountAlreadyUsers 1 0",
            "error: INVALID_ARGUMENT: id 0 is not allowed",
        ),
        (
            "GetUsersByIds 1 0",
            "error: INVALID_ARGUMENT: id 0 is not allowed",
        ),
        (
            "SayHello you often",
            "error: INVALID_ARGUMENT: num_greetings `often` is not allowed",
        ),
    ];
    for (line, want) in table {
        let (code, stdout, stderr) = server.run(line);
        assert_eq!((code, stdout.as_str()), (1, ""), "{line}");
        assert!(stderr.starts_with(want), "{line}: {stderr}");
    }
    let unreachable = format!("--server http://{} GetUser 1", server.address);
    server.end("INT");
    let (code, stdout, stderr) = run(&folder, &unreachable);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.starts_with("error: UNAVAILABLE: "), "{stderr}");
}

#[test]
fn an_answered_write_survives_a_kill() {
    let folder = Folder::new();
    folder.write("users.json", &seed());
    let server = Server::start(&folder, "--import users.json");
    server.ask("AddUser 7 hi hi@example.com GUEST");
    server.end("KILL");

    // Importing once more adds nobody and changes nobody.
    let server = Server::start(&folder, "--import users.json");
    assert_eq!(server.ask("GetUser 1"), ADMIN);
    assert!(server.ask("GetUser 7").contains("hi@example.com"));
    let (code, _, stderr) = server.end("TERM");
    assert_eq!(code, 0, "{stderr}");
    let mut files: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["users.db", "users.json"]);
}

#[test]
fn import_and_export_are_each_others_reverse() {
    let folder = Folder::new();
    folder.write("in.json", &seed());
    let silent = |line: &str, want: &str| {
        let (code, stdout, stderr) = run(&folder, line);
        assert_eq!(
            (code, stdout.as_str(), stderr.as_str()),
            (0, want, ""),
            "{line}"
        );
    };
    silent("import in.json", "added 6, already there 0\n");
    silent("import in.json", "added 0, already there 6\n");
    silent("export", &seed());
    folder.write("out.json", "old");
    silent("export out.json", "");
    assert_eq!(folder.read("out.json"), seed());

    // One bad user, and nobody is added.
    folder.write(
        "bad.json",
        r#"{"8": {"id": 8}, "9": {"id": 9, "user_type": "BOSS"}}"#,
    );
    let (code, _, stderr) = run(&folder, "import bad.json");
    assert_eq!(code, 1);
    assert!(
        stderr.starts_with("error: bad.json: key `9`, field `user_type`: "),
        "{stderr}"
    );
    silent("export", &seed());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 4);
}

#[test]
fn what_cannot_work_is_said_with_the_right_exit_code() {
    let folder = Folder::new();
    folder.write("text.db", "not a database");
    folder.write("bad.json", r#"{"1": {"id": 2}}"#);
    let server = Server::start(&folder, "--db memory:");
    let in_use = format!("serve --db memory: --listen {}", server.address);
    let table: [(&str, i32, &[&str]); 14] = [
        ("", 2, &["Usage"]),
        ("getuser 1", 2, &["getuser"]),
        ("GetUser x", 2, &["'x'"]),
        ("AddUser 1 a b BOSS", 2, &["BOSS", "ADMINISTRATOR (2)"]),
        (
            "GetUser 1 --server nonsense://x",
            2,
            &["--server: bad server address", "nonsense://x"],
        ),
        (
            "serve --db mysql:u",
            2,
            &["mysql", "allowed: sqlite:PATH, memory:"],
        ),
        ("import bad.json --db memory:", 2, &["memory:"]),
        (
            "serve --db sqlite:text.db",
            1,
            &["text.db", "not an SQLite database"],
        ),
        (
            "serve --db sqlite:no/users.db",
            1,
            &["there is no directory `no`"],
        ),
        (
            "serve --db sqlite:new.db --import bad.json",
            1,
            &["bad.json", "key `1`, field `id`"],
        ),
        (
            "serve --db sqlite:new.db --import none.json",
            1,
            &["none.json"],
        ),
        (
            "export --db sqlite:new.db",
            1,
            &["new.db", "there is no such file"],
        ),
        (
            "export no/out.json --db sqlite:text.db",
            1,
            &["not an SQLite database"],
        ),
        (&in_use, 1, &[&server.address]),
    ];
    for (line, want, texts) in table {
        let (code, stdout, stderr) = run(&folder, line);
        assert_eq!((code, stdout.as_str()), (want, ""), "{line}: {stderr}");
        for text in texts {
            assert!(stderr.contains(text), "{line}: no {text:?} in {stderr}");
        }
    }
    assert_eq!(folder.read("text.db"), "not a database");
    assert!(!folder.0.join("new.db").exists());
}

#[test]
fn logs_are_structured_and_rust_log_is_checked() {
    let folder = Folder::new();
    let server = Server::start(&folder, "--db memory: --log-format json");
    let (code, _, logs) = server.end("TERM");
    assert_eq!(code, 0);
    let messages: Vec<_> = logs
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["fields"]["message"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(messages.contains(&"serving".to_owned()), "{messages:?}");
    assert!(messages.contains(&"ended".to_owned()), "{messages:?}");

    let loud = usermanager(&folder, "export")
        .env("RUST_LOG", "usermanager=loud")
        .output()
        .unwrap();
    let (code, _, stderr) = ended(loud);
    assert_eq!(code, 2);
    assert!(
        stderr.starts_with("error: RUST_LOG `usermanager=loud`: "),
        "{stderr}"
    );
}
