//! The address of a server, as a URL.

use super::error::ConnectError;

/// Where a channel connects to, and what it says of it in each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `:scheme`.
    pub(crate) scheme: &'static str,
    /// `:authority`, as it was given: of the target, or in its place.
    pub(crate) authority: String,
    /// Host and port to connect to.
    pub(crate) addr: String,
    /// The host of `authority` alone, an IPv6 address without its brackets.
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
        if port.is_some_and(is_no_port) {
            return Err(bad(PORT_RULE));
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
            host: without_brackets(host),
        })
    }

    /// The same place under another name, which requests then say and certificates must bear.
    ///
    /// # Errors
    /// [`ConnectError::Authority`], saying what is allowed.
    pub(crate) fn with_authority(self, authority: &str) -> Result<Self, ConnectError> {
        let bad = |what| ConnectError::Authority {
            authority: authority.to_owned(),
            what,
        };
        // RFC 3986 §3.2.2: what a host may consist of. User information is none of HTTP's
        // (RFC 9110 §4.2.4).
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
        if !authority.bytes().all(is_allowed) {
            return Err(bad("only a host and a port are allowed, as in HOST:PORT"));
        }
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return Err(bad("the host is missing; write HOST or HOST:PORT"));
        }
        let is_address = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        if host.contains(['[', ']', ':']) && !is_address {
            return Err(bad(
                "an IPv6 address is written in brackets, as in [::1]:PORT",
            ));
        }
        if port.is_some_and(is_no_port) {
            return Err(bad(PORT_RULE));
        }
        Ok(Self {
            authority: authority.to_owned(),
            #[cfg(feature = "tls")]
            host: without_brackets(host),
            ..self
        })
    }
}

const PORT_RULE: &str = "the port must be a number from 1 to 65535";

fn is_no_port(port: &str) -> bool {
    port.parse::<u16>().map_or(true, |port| port == 0)
}

#[cfg(feature = "tls")]
fn without_brackets(host: &str) -> String {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
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
    #[test]
    fn another_authority_changes_what_is_said_and_not_where_it_goes() {
        for (authority, host) in [
            ("foo.test", "foo.test"),
            ("foo.test:443", "foo.test"),
            ("[::1]", "::1"),
            ("[::1]:9", "::1"),
            ("10.0.0.7:1", "10.0.0.7"),
        ] {
            let got = Target::parse("localhost:1234").unwrap();
            let got = got.with_authority(authority).unwrap();
            assert_eq!(
                (got.authority.as_str(), got.addr.as_str()),
                (authority, "localhost:1234")
            );
            #[cfg(feature = "tls")]
            assert_eq!(got.host, host);
            let _ = host;
        }
    }

    #[test]
    fn a_bad_authority_says_what_is_allowed() {
        let table = [
            ("", "the host is missing"),
            (":80", "the host is missing"),
            ("foo.test:0", "from 1 to 65535"),
            ("foo.test:70000", "from 1 to 65535"),
            ("foo.test:", "from 1 to 65535"),
            ("::1", "in brackets"),
            ("[::1", "in brackets"),
            ("[]", "in brackets"),
            ("a]b", "in brackets"),
            ("http://foo.test", "only a host and a port"),
            ("user@foo.test", "only a host and a port"),
            ("foo.test/path", "only a host and a port"),
            ("foo test", "only a host and a port"),
            ("foo.test\r\nx: y", "only a host and a port"),
            ("f\u{f6}\u{f6}.test", "only a host and a port"),
        ];
        for (authority, want) in table {
            let target = Target::parse("localhost:1234").unwrap();
            let got = target.with_authority(authority).unwrap_err().to_string();
            assert!(
                got.contains(want) && got.contains(&format!("{authority:?}")),
                "{authority:?}: {got}"
            );
        }
    }
}
