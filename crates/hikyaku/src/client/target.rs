//! The address of a server, as a URL.

use super::error::ConnectError;

/// Where a channel connects to, and what it says of it in each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `:scheme`.
    pub(crate) scheme: &'static str,
    /// `:authority`, as it was given.
    pub(crate) authority: String,
    /// Host and port to connect to.
    pub(crate) addr: String,
    /// The host alone, an IPv6 address without its brackets.
    #[cfg(feature = "tls")]
    pub(crate) host: String,
}

/// The port of `http` URLs.
const HTTP_PORT: &str = "80";
/// The port of `https` URLs.
const HTTPS_PORT: &str = "443";

impl Target {
    /// Reads `http://HOST[:PORT][/]`, the same with `https`, or `HOST:PORT`.
    ///
    /// # Errors
    /// [`ConnectError::Target`], saying what is allowed.
    pub(crate) fn parse(target: &str) -> Result<Self, ConnectError> {
        let bad = |what| ConnectError::Target {
            target: target.to_owned(),
            what,
        };
        let (scheme, default_port, authority) = match target.split_once("://") {
            None => ("http", HTTP_PORT, target),
            Some(("http", rest)) => ("http", HTTP_PORT, rest),
            Some(("https", rest)) => ("https", HTTPS_PORT, rest),
            Some(_) => {
                return Err(bad(
                    "the scheme must be http or https, as in http://HOST:PORT",
                ));
            }
        };
        if scheme == "https" && cfg!(not(feature = "tls")) {
            return Err(bad("https needs the cargo feature `tls` of hikyaku"));
        }
        let authority = match target.contains("://") {
            true => authority.strip_suffix('/').unwrap_or(authority),
            false => authority,
        };
        if authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(bad(
                "only a host and a port are allowed, as in http://HOST:PORT",
            ));
        }
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return Err(bad("the host is missing; write http://HOST:PORT"));
        }
        if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            return Err(bad("the port must be a number from 1 to 65535"));
        }
        let addr = match port {
            Some(_) => authority.to_owned(),
            None => format!("{host}:{default_port}"),
        };
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            addr,
            #[cfg(feature = "tls")]
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
        })
    }
}

/// Splits `host:port`; an IPv6 host is in brackets, and stays in them.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let table = [
            ("http://localhost:1234", "localhost:1234", "localhost:1234"),
            ("http://localhost:1234/", "localhost:1234", "localhost:1234"),
            ("localhost:1234", "localhost:1234", "localhost:1234"),
            ("http://example.com", "example.com", "example.com:80"),
            ("http://[::1]:50051", "[::1]:50051", "[::1]:50051"),
            ("http://[::1]", "[::1]", "[::1]:80"),
            ("127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1"),
            #[cfg(feature = "tls")]
            ("https://example.com/", "example.com", "example.com:443"),
            #[cfg(feature = "tls")]
            ("https://[::1]:1", "[::1]:1", "[::1]:1"),
        ];
        for (target, authority, addr) in table {
            let got = Target::parse(target).unwrap();
            assert_eq!(
                (got.authority.as_str(), got.addr.as_str()),
                (authority, addr),
                "{target}"
            );
        }
    }

    #[test]
    fn bad_addresses_say_what_is_allowed() {
        let table = [
            ("", "the host is missing"),
            ("http://", "the host is missing"),
            ("http://:80", "the host is missing"),
            ("ftp://localhost", "the scheme must be http"),
            #[cfg(not(feature = "tls"))]
            ("https://localhost", "needs the cargo feature `tls`"),
            ("http://localhost:0", "from 1 to 65535"),
            ("http://localhost:70000", "from 1 to 65535"),
            ("http://localhost:http", "from 1 to 65535"),
            ("http://user@localhost:1", "only a host and a port"),
            ("http://localhost:1/path", "only a host and a port"),
        ];
        for (target, want) in table {
            let got = Target::parse(target).unwrap_err().to_string();
            assert!(
                got.contains(want) && got.contains(target),
                "{target:?}: {got}"
            );
        }
    }
}
