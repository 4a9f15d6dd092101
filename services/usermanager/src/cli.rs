//! The command line: what can be asked, and what is refused before anything happens.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::limits::MAX_THREADS;
use crate::store::StoreUrl;
use crate::user::{BadUserType, UserType};

/// Keeps users and answers about them over gRPC.
///
/// Exit code: 0 after an answer, also if it says "not found"; 1 after an error; 2 if the command
/// line was not understood.
#[derive(Debug, Parser)]
#[command(name = "usermanager", version, max_term_width = 100)]
pub struct Cli {
    /// Server that the client commands ask
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://localhost:1234"
    )]
    pub server: String,

    /// Root certificates that the client commands believe an https server by, not the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Certificate chain that the client commands show an https server
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Private key of --cert
    #[arg(long, global = true, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Name that the certificate of an https server must have, if not the host of --server
    #[arg(long, global = true, value_name = "NAME")]
    pub server_name: Option<String>,

    /// How the client commands print messages: protobuf text format, or a line of JSON each
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,

    /// How logs are written to the standard error; RUST_LOG chooses which
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// How messages are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Protobuf text format, an empty line after each message
    Text,
    /// Protobuf JSON, a line for each message
    Json,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Text,
    /// A line of JSON
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve UserManager and MultiGreeter until Ctrl-C or SIGTERM
    Serve(Serve),
    /// Add the users of a users.json that are not there yet
    Import(Import),
    /// Write all users as users.json, in the order they were added
    Export(Export),
    /// The client, in the words of the service
    #[command(flatten)]
    Call(Call),
}

/// `usermanager serve`
#[derive(Args, Debug)]
pub struct Serve {
    /// Address to listen on, IPv4 too if it is the IPv6 wildcard. Port 0 takes a free port
    #[arg(long, value_name = "ADDR", default_value = "[::]:1234", value_parser = listen_address)]
    pub listen: String,

    /// Where users are kept: sqlite:PATH, or memory: to forget them at the end
    #[arg(long, value_name = "URL", default_value = "sqlite:users.db")]
    pub db: StoreUrl,

    /// Adds the users of this users.json that are not there yet
    #[arg(long, value_name = "FILE")]
    pub import: Option<PathBuf>,

    /// Serves TLS with this certificate chain; SIGHUP reads it again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Serves only clients with a certificate of these authorities
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub client_ca: Option<PathBuf>,

    /// Threads that serve [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_THREADS)))]
    pub threads: Option<u16>,
}

/// `usermanager import`
#[derive(Args, Debug)]
pub struct Import {
    /// A users.json
    pub file: PathBuf,

    /// Where users are kept: sqlite:PATH
    #[arg(long, value_name = "URL", default_value = "sqlite:users.db", value_parser = lasting_store)]
    pub db: StoreUrl,
}

/// `usermanager export`
#[derive(Args, Debug)]
pub struct Export {
    /// The file to write, whole or not at all; the standard output if none is given
    pub file: Option<PathBuf>,

    /// Where users are kept: sqlite:PATH
    #[arg(long, value_name = "URL", default_value = "sqlite:users.db", value_parser = lasting_store)]
    pub db: StoreUrl,
}

/// A call, named as the service names it.
#[derive(Debug, Subcommand)]
pub enum Call {
    /// Print the user of an id
    #[command(name = "GetUser")]
    GetUser {
        /// The user's id
        #[arg(allow_negative_numbers = true)]
        id: u32,
    },
    /// Add a user and print it
    #[command(name = "AddUser")]
    AddUser {
        /// The user's id
        #[arg(allow_negative_numbers = true)]
        id: u32,
        /// The user's nickname
        nickname: String,
        /// The user's mail address
        #[arg(value_name = "MAIL")]
        mail_address: String,
        /// NONE, NORMAL, ADMINISTRATOR, GUEST, DISABLED or the number of one
        #[arg(value_name = "TYPE", allow_negative_numbers = true)]
        user_type: UserTypeNumber,
    },
    /// Print how many of the ids exist
    #[command(name = "CountAlreadyUsers")]
    CountAlreadyUsers {
        /// Ids of users, repeats included
        #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
        ids: Vec<u32>,
    },
    /// Print the users of a type, in the order they were added
    #[command(name = "GetUsersByType")]
    GetUsersByType {
        /// NONE, NORMAL, ADMINISTRATOR, GUEST, DISABLED or the number of one
        #[arg(value_name = "TYPE", allow_negative_numbers = true)]
        user_type: UserTypeNumber,
    },
    /// Print the users of some ids; an id that does not exist is skipped
    #[command(name = "GetUsersByIds")]
    GetUsersByIds {
        /// Ids of users
        #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
        ids: Vec<u32>,
    },
    /// Print greetings
    #[command(name = "SayHello")]
    SayHello {
        /// Whom to greet
        name: String,
        /// How often; the server chooses if nothing is said
        num_greetings: Option<String>,
    },
    /// Send each line of the standard input and print the replies as they come
    #[command(name = "Chat")]
    Chat,
}

/// A user type as it goes over the wire. Which numbers exist is the server's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserTypeNumber(pub i32);

impl FromStr for UserTypeNumber {
    type Err = BadUserType;

    fn from_str(text: &str) -> Result<Self, BadUserType> {
        match text.parse() {
            Ok(number) => Ok(Self(number)),
            Err(_) => text
                .parse()
                .map(|user_type: UserType| Self(user_type.number())),
        }
    }
}

fn listen_address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err(
            "not an address; allowed: HOST:PORT, such as 127.0.0.1:1234 or [::]:1234".to_owned(),
        ),
    }
}

/// A store that outlives the command.
fn lasting_store(url: &str) -> Result<StoreUrl, String> {
    match url
        .parse()
        .map_err(|error: crate::store::BadStoreUrl| error.to_string())?
    {
        StoreUrl::Memory => Err("memory: is empty and forgets; allowed: sqlite:PATH".to_owned()),
        store @ StoreUrl::Sqlite(_) => Ok(store),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("usermanager").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_has_defaults() {
        let cli = parse("serve").unwrap();
        assert_eq!(cli.server, "http://localhost:1234");
        assert_eq!(
            (cli.output, cli.log_format),
            (OutputFormat::Text, LogFormat::Text)
        );
        let Command::Serve(serve) = cli.command else {
            panic!("not serve")
        };
        assert_eq!(serve.listen, "[::]:1234");
        assert_eq!(serve.db, StoreUrl::Sqlite("users.db".into()));
        assert_eq!((serve.import, serve.threads), (None, None));
    }

    #[test]
    fn good_lines_are_understood() {
        let table = [
            "serve --listen 127.0.0.1:0 --db memory: --import users.json --threads 1",
            "serve --log-format json",
            "serve --tls-cert a.pem --tls-key a.key --client-ca b.pem",
            "GetUser 1 --server https://[::1]:5 --ca a.pem --cert b.pem --key b.key --server-name c",
            "--cert b.pem --key b.key GetUser 1",
            "--log-format json serve",
            "import users.json --db sqlite:a.db",
            "export",
            "export all.json --db sqlite:a.db",
            "GetUser 1",
            "GetUser 1 --server http://[::1]:5 --output json",
            "--server http://[::1]:5 --output json GetUser 0",
            "AddUser 4294967295 Zaru zaru@example.com NORMAL",
            "AddUser 7 Zaru zaru@example.com 9",
            "CountAlreadyUsers 1 1 9",
            "GetUsersByType -1",
            "GetUsersByType GUEST",
            "GetUsersByIds 1 2",
            "SayHello you",
            "SayHello you 3",
            "Chat",
        ];
        for line in table {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn bad_lines_say_what_is_wrong_and_what_is_allowed() {
        let types = "allowed: NONE (0), NORMAL (1), ADMINISTRATOR (2), GUEST (3), DISABLED (4)";
        let table: [(&str, &[&str]); 27] = [
            ("", &["Usage:", "GetUser", "serve"]),
            ("getuser 1", &["unrecognized subcommand 'getuser'"]),
            ("GetUser", &["<ID>"]),
            ("GetUser one", &["'one'", "<ID>"]),
            ("GetUser -1", &["'-1'", "<ID>", "4294967295"]),
            (
                "GetUser 4294967296",
                &["'4294967296'", "<ID>", "4294967295"],
            ),
            ("GetUser 1 2", &["unexpected argument '2'"]),
            ("AddUser 1 a b", &["<TYPE>"]),
            ("AddUser 1 a b BOSS", &["'BOSS'", "<TYPE>", types]),
            ("GetUsersByType normal", &["'normal'", types]),
            ("CountAlreadyUsers", &["<ID>..."]),
            ("GetUsersByIds 1 x", &["'x'"]),
            (
                "GetUser 1 --output xml",
                &["'xml'", "--output", "text, json"],
            ),
            ("serve --log-format xml", &["'xml'", "text, json"]),
            ("serve --threads 0", &["'0'", "--threads", "1..=1024"]),
            ("serve --threads many", &["'many'", "--threads"]),
            ("serve --listen 1234", &["'1234'", "HOST:PORT", "[::]:1234"]),
            (
                "serve --listen :1234",
                &["':1234'", "HOST:PORT", "[::]:1234"],
            ),
            (
                "serve --db users.db",
                &["has no scheme", "allowed: sqlite:PATH, memory:"],
            ),
            (
                "serve --db mysql:u",
                &["scheme `mysql`", "allowed: sqlite:PATH, memory:"],
            ),
            (
                "export --db memory:",
                &["memory: is empty", "allowed: sqlite:PATH"],
            ),
            ("import", &["<FILE>"]),
            ("serve --tls-cert a.pem", &["--tls-key"]),
            ("serve --tls-key a.key", &["--tls-cert"]),
            ("serve --client-ca b.pem", &["--tls-cert"]),
            ("GetUser 1 --cert b.pem", &["--key"]),
            ("GetUser 1 --key b.key", &["--cert"]),
        ];
        for (line, wants) in table {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            for want in wants {
                assert!(
                    error.to_string().contains(want),
                    "{line}: no {want:?} in {error}"
                );
            }
        }
    }
}
