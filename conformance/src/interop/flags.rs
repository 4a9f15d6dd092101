//! The official command line of interop clients and servers.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser};

use super::cases::Case;

/// The part of the command line that belongs to the official interop cases. Flags are `--flag value`
/// or `--flag=value`; one that is true or false may also stand alone.
#[derive(Debug, Parser)]
pub(super) enum Command {
    /// Serves grpc.testing.TestService until it is killed.
    #[command(name = "interop-server")]
    Server(Server),
    /// Plays one case.
    #[command(name = "interop-client")]
    Client(Client),
    /// Makes an authority and a server's certificate: ca.pem, server1.pem and server1.key.
    #[command(name = "interop-certificates")]
    Certificates {
        /// Where to put them.
        #[arg(long)]
        folder: PathBuf,
    },
}

#[derive(Args, Debug)]
#[command(rename_all = "snake_case")]
pub(super) struct Server {
    /// Where to listen; 0 for any port that is free.
    #[arg(long, default_value_t = 10_000)]
    pub(super) port: u16,
    /// Whom to listen to.
    #[arg(long, default_value = "127.0.0.1")]
    pub(super) host: String,
    /// Whether to speak TLS.
    #[command(flatten)]
    pub(super) tls: UseTls,
    /// The server's certificate and those between it and the authority.
    #[arg(long, requires = "tls_key_file")]
    pub(super) tls_cert_file: Option<PathBuf>,
    /// The key of the server's certificate.
    #[arg(long, requires = "tls_cert_file")]
    pub(super) tls_key_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(rename_all = "snake_case")]
pub(super) struct Client {
    /// Which case to play.
    #[arg(long, value_name = "NAME")]
    pub(super) test_case: Case,
    /// Where the server is.
    #[arg(long, default_value = "localhost")]
    pub(super) server_host: String,
    /// The port of the server.
    #[arg(long, default_value_t = 10_000)]
    pub(super) server_port: u16,
    /// What to call the server in requests, and to ask its certificate for.
    #[arg(long)]
    pub(super) server_host_override: Option<String>,
    /// Whether to speak TLS.
    #[command(flatten)]
    pub(super) tls: UseTls,
    /// Whether to believe the authority of --ca_file; without it, the system's are believed.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true",
        default_value_t = false, value_name = "BOOL", requires_if("true", "ca_file"))]
    pub(super) use_test_ca: bool,
    /// The authority to believe.
    #[arg(long)]
    pub(super) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) soak: Soak,
}

#[derive(Args, Clone, Copy, Debug)]
#[command(rename_all = "snake_case")]
pub(super) struct UseTls {
    /// Whether to speak TLS.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true",
        default_value_t = false, value_name = "BOOL")]
    pub(super) use_tls: bool,
}

/// Of the cases that make many calls.
#[derive(Args, Clone, Debug)]
#[command(rename_all = "snake_case")]
pub(super) struct Soak {
    /// How many calls; of all threads together.
    #[arg(long, default_value_t = 10)]
    pub(super) soak_iterations: usize,
    /// How many of them may fail or be slow.
    #[arg(long, default_value_t = 0)]
    pub(super) soak_max_failures: usize,
    /// How long a call may take before it counts as failed.
    #[arg(long = "soak_per_iteration_max_acceptable_latency_ms", value_name = "MILLIS",
        value_parser = millis, default_value = "1000")]
    pub(super) max_latency: Duration,
    /// How long all of them may take.
    #[arg(long = "soak_overall_timeout_seconds", value_name = "SECONDS",
        value_parser = seconds, default_value = "10")]
    pub(super) overall_timeout: Duration,
    /// How long to wait at least from the beginning of a call to the next.
    #[arg(long = "soak_min_time_ms_between_rpcs", value_name = "MILLIS",
        value_parser = millis, default_value = "0")]
    pub(super) min_interval: Duration,
    /// Bytes of a request's payload.
    #[arg(long, default_value_t = 271_828)]
    pub(super) soak_request_size: usize,
    /// Bytes of a response's payload.
    #[arg(long, default_value_t = 314_159)]
    pub(super) soak_response_size: usize,
    /// How many make calls at the same time.
    #[arg(long, default_value_t = 1)]
    pub(super) soak_num_threads: usize,
    /// How long long_lived_channel waits between its calls.
    #[arg(long = "iteration_interval", value_name = "SECONDS",
        value_parser = seconds, default_value = "10")]
    pub(super) iteration_interval: Duration,
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(flags: &[&str]) -> Result<Client, clap::Error> {
        let args = ["hikyaku-conformance", "interop-client"];
        match Command::try_parse_from(args.iter().chain(flags))? {
            Command::Client(client) => Ok(client),
            Command::Server(_) | Command::Certificates { .. } => panic!("no client"),
        }
    }

    #[test]
    fn flags_and_values_go_together_with_a_space_or_an_equals_sign() {
        for flags in [
            ["--test_case", "empty_unary", "--server_port", "7"].as_slice(),
            &["--test_case=empty_unary", "--server_port=7"],
        ] {
            let client = client(flags).unwrap();
            assert_eq!(client.test_case, Case::EmptyUnary);
            assert_eq!(client.server_port, 7);
        }
    }

    #[test]
    fn what_is_true_or_false_may_stand_alone() {
        let table = [
            (["--use_tls"].as_slice(), true),
            (&["--use_tls=true"], true),
            (&["--use_tls", "true"], true),
            (&["--use_tls=false"], false),
            (&["--use_tls", "false"], false),
            (&[], false),
        ];
        for (flags, want) in table {
            let mut all = vec!["--test_case=empty_unary"];
            all.extend(flags);
            assert_eq!(client(&all).unwrap().tls.use_tls, want, "{flags:?}");
        }
    }

    #[test]
    fn times_have_the_unit_of_their_names() {
        let soak = client(&[
            "--test_case=rpc_soak",
            "--soak_overall_timeout_seconds=3",
            "--soak_per_iteration_max_acceptable_latency_ms=4",
            "--soak_min_time_ms_between_rpcs=5",
            "--iteration_interval=6",
        ]);
        let soak = soak.unwrap().soak;
        assert_eq!(soak.overall_timeout, Duration::from_secs(3));
        assert_eq!(soak.max_latency, Duration::from_millis(4));
        assert_eq!(soak.min_interval, Duration::from_millis(5));
        assert_eq!(soak.iteration_interval, Duration::from_secs(6));
    }

    #[test]
    fn an_unknown_case_ends_with_code_2_and_the_names_of_the_known_ones() {
        let error = client(&["--test_case=large_unry"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        for name in ["large_unary", "special_status_message", "rpc_soak"] {
            assert!(text.contains(name), "{text}");
        }
    }
}
