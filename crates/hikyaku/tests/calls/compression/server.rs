//! Our server, against a client that writes its frames itself.

use hikyaku::Server;
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{self, Frame, RawPeer};
use hikyaku_testkit::virtual_time;

use super::{codings, mirror};
use crate::in_memory::Network;

/// The methods: ready at once, ready later, streams both ways, a stream of requests.
const PATHS: [&str; 4] = [
    "/test.Calls/Now",
    "/test.Calls/Later",
    "/test.Calls/All",
    "/test.Calls/Sum",
];

/// Messages may have so many bytes.
const MAX: usize = 1000;

/// A server that compresses with `coding` by itself, and who is connected to it.
struct Ends {
    peer: RawPeer<End>,
    stream: u32,
}

impl Ends {
    async fn new(coding: &str) -> Self {
        let network = Network::new();
        let server = Server::new().codings(codings()).compress(coding);
        network.serve(server.max_message_len(MAX).add(mirror()));
        let peer = network.raw_client().await;
        Self { peer, stream: 1 }
    }

    /// Sends one request with these fields and this body, in pieces of so many bytes, and reads the answer.
    async fn ask(
        &mut self,
        path: &str,
        more: &[(&str, &str)],
        body: &[u8],
        piece_len: usize,
    ) -> Answer {
        let stream = self.stream;
        self.stream += 2;
        let block = raw::request(path, more);
        self.peer.send(&Frame::headers(stream, &block, false)).await;
        for piece in body.chunks(piece_len) {
            self.peer.send(&Frame::data(stream, piece, false)).await;
        }
        self.peer.send(&Frame::data(stream, &[], true)).await;
        Answer::of(self.peer.read_stream(stream).await)
    }
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    fields: Vec<(String, String)>,
    data: Vec<u8>,
    status: String,
}

impl Answer {
    fn of(frames: Vec<Frame>) -> Self {
        let mut answer = Self {
            fields: Vec::new(),
            data: Vec::new(),
            status: String::new(),
        };
        for frame in frames {
            match frame {
                Frame::Headers { fields, .. } => answer.fields.extend(fields),
                Frame::Data { data, .. } => answer.data.extend(data),
                _ => {}
            }
        }
        answer.status = answer.all("grpc-status").concat();
        answer
    }

    /// All values of a field, in headers and trailers.
    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(of, _)| of == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// A message with its envelope.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &len[..], message].concat()
}

const RUNS: (&str, &str) = ("grpc-encoding", "runs");

#[test]
fn wire_rule_10_and_11_flagged_messages_are_inflated_and_others_are_not() {
    virtual_time::run(async {
        let mut ends = Ends::new("identity").await;
        // (what comes, what of it the handler has)
        let table: [(&[u8], &[u8]); 6] = [
            (&framed(0, b"abc"), b"plain abc"),
            (&framed(1, b"\x03a"), b"packed aaa"),
            (&framed(1, b"\x01a\x02b"), b"packed abb"),
            (&framed(0, b""), b"plain "),
            (&framed(1, b"\x00a"), b"packed "),
            (&framed(1, b""), b"packed "), // some encoders make nothing of nothing
        ];
        for (body, want) in table {
            for path in &PATHS[..3] {
                for piece_len in [1, 4, 1000] {
                    let answer = ends.ask(path, &[RUNS], body, piece_len).await;
                    assert_eq!(answer.data, framed(0, want), "{path} {body:?}");
                    assert_eq!(answer.status, "0");
                }
            }
        }
        let both = [framed(1, b"\x05a"), framed(0, b"abc")].concat();
        let answer = ends.ask("/test.Calls/Sum", &[RUNS], &both, 3).await;
        assert_eq!(answer.data, framed(0, &1008_u64.to_be_bytes()));
    });
}

#[test]
fn wire_rule_11_a_flagged_message_without_a_coding_is_internal() {
    virtual_time::run(async {
        let mut ends = Ends::new("identity").await;
        let none: &[(&str, &str)] = &[];
        let table = [
            (none, framed(1, b"\x01a"), "13"),
            (&[("grpc-encoding", "identity")], framed(1, b"\x01a"), "13"),
            (&[("grpc-encoding", "identity")], framed(1, b""), "13"),
            (&[("grpc-encoding", "identity")], framed(0, b"a"), "0"),
            (&[RUNS], framed(1, b"\x01a"), "0"),
            (&[RUNS], framed(2, b"\x01a"), "13"),
        ];
        for (more, body, want) in table {
            for path in PATHS {
                let answer = ends.ask(path, more, &body, 1000).await;
                assert_eq!(answer.status, want, "{path} {more:?} {body:?}");
            }
        }
    });
}

#[test]
fn wire_rule_11_a_flagged_message_is_refused_before_the_client_is_done() {
    virtual_time::run(async {
        let mut peer = Ends::new("identity").await.peer;
        for (stream, path) in (1..).step_by(2).zip(PATHS) {
            let block = raw::request(path, &[]);
            peer.send(&Frame::headers(stream, &block, false)).await;
            peer.send(&Frame::data(stream, &framed(1, b"\x01a"), false))
                .await;
            let answer = Answer::of(peer.read_stream(stream).await);
            assert_eq!(answer.status, "13", "{path}");
        }
    });
}

#[test]
fn wire_rule_26_what_a_coding_cannot_inflate_is_internal() {
    virtual_time::run(async {
        let mut ends = Ends::new("identity").await;
        for path in PATHS {
            let answer = ends
                .ask(path, &[RUNS], &framed(1, b"\x01a\x02"), 1000)
                .await;
            assert_eq!(answer.status, "13", "{path}");
            let message = answer.all("grpc-message").concat();
            assert!(message.contains("runs cannot decompress it"), "{message}");
        }
    });
}

#[test]
fn wire_rule_28_nothing_is_compressed_unless_it_is_asked_for() {
    virtual_time::run(async {
        let mut ends = Ends::new("identity").await;
        let more = [RUNS, ("grpc-accept-encoding", "runs,walks")];
        for path in PATHS {
            let answer = ends.ask(path, &more, &framed(1, b"\x01a"), 1000).await;
            assert_eq!((answer.data[0], &*answer.status), (0, "0"), "{path}");
            assert_eq!(answer.all("grpc-encoding"), [""; 0], "{path}");
        }
    });
}

#[test]
fn wire_rule_28_one_message_that_is_to_go_as_it_is_does() {
    virtual_time::run(async {
        let mut ends = Ends::new("runs").await;
        let body = [framed(0, b"aaa"), framed(0, b"secret"), framed(0, b"bbb")].concat();
        let more = [("grpc-accept-encoding", "runs")];
        let answer = ends.ask("/test.Calls/All", &more, &body, 1000).await;
        let want = [
            framed(1, b"\x01p\x01l\x01a\x01i\x01n\x01 \x03a"),
            framed(0, b"plain secret"),
            framed(1, b"\x01p\x01l\x01a\x01i\x01n\x01 \x03b"),
        ];
        assert_eq!(answer.data, want.concat());
        assert_eq!(answer.all("grpc-encoding"), ["runs"]);
    });
}

#[test]
fn wire_rule_29_an_unknown_coding_is_unimplemented_and_the_known_ones_are_told() {
    virtual_time::run(async {
        let mut ends = Ends::new("runs").await;
        for coding in ["gzip", "Runs", "runs,walks", "runs;q=1", ""] {
            for path in PATHS {
                let more = [("grpc-encoding", coding)];
                let answer = ends.ask(path, &more, &framed(1, b"\x01a"), 1000).await;
                assert_eq!(answer.status, "12", "{path} {coding:?}");
                assert_eq!(answer.all("grpc-accept-encoding"), ["runs,walks"], "{path}");
                let message = answer.all("grpc-message").concat();
                assert!(
                    message.ends_with("supported: identity, runs, walks"),
                    "{message}"
                );
            }
        }
    });
}

#[test]
fn wire_rule_30_a_coding_that_is_known_is_taken_and_listed_in_every_answer() {
    virtual_time::run(async {
        let mut ends = Ends::new("identity").await;
        for coding in ["runs", "walks", "identity"] {
            for path in PATHS {
                let more = [("grpc-encoding", coding)];
                let flag = u8::from(coding != "identity");
                let answer = ends.ask(path, &more, &framed(flag, b"\x01a"), 1000).await;
                assert_eq!(answer.status, "0", "{path} {coding}");
                assert_eq!(answer.all("grpc-accept-encoding"), ["runs,walks"]);
            }
        }
        let answer = ends.ask("/no.Such/Method", &[RUNS], &[], 1000).await;
        assert_eq!(answer.all("grpc-accept-encoding"), ["runs,walks"]);
    });
}

#[test]
fn wire_rule_31_an_answer_is_only_compressed_with_what_the_client_takes() {
    virtual_time::run(async {
        let mut ends = Ends::new("walks").await;
        // (what the client takes, what its metadata wishes, what the answer is in)
        let table: [(&[&str], &str, Option<&str>); 16] = [
            (&[], "", None),
            (&[""], "", None),
            (&["identity"], "", None),
            (&["gzip,deflate"], "", None),
            (&["runs"], "", None),
            (&["walks"], "", Some("walks")),
            (&["runs,walks"], "", Some("walks")),
            (&["identity, \twalks ,gzip"], "", Some("walks")),
            (&["gzip", "walks"], "", Some("walks")),
            (&["walks;q=1"], "", None),
            (&["WALKS"], "", None),
            (&["walksruns"], "", None),
            (&["walks"], "runs", None),
            (&["runs"], "runs", Some("runs")),
            (&["runs,walks"], "runs", Some("runs")),
            (&["runs,walks"], "off", None),
        ];
        for (takes, wish, want) in table {
            for path in &PATHS[..3] {
                let mut more: Vec<_> = takes
                    .iter()
                    .map(|it| ("grpc-accept-encoding", *it))
                    .collect();
                if !wish.is_empty() {
                    more.push(("wish", wish));
                }
                // Requests in another coding are another matter.
                more.push(RUNS);
                let answer = ends.ask(path, &more, &framed(1, b"\x01a"), 1000).await;
                assert_eq!(answer.status, "0");
                let found = answer.all("grpc-encoding");
                assert_eq!(found, Vec::from_iter(want), "{path} {takes:?} {wish:?}");
                assert_eq!(answer.data[0], u8::from(want.is_some()), "{path} {takes:?}");
            }
        }
    });
}

#[test]
fn wire_rule_32_the_receive_limit_is_that_of_the_inflated_message_and_of_the_compressed() {
    virtual_time::run(async {
        let mut ends = Ends::new("identity").await;
        let bytes = |len: usize| -> Vec<u8> {
            let runs = std::iter::repeat_n(*b"\xffa", len / 255).flatten();
            runs.chain([u8::try_from(len % 255).unwrap(), b'a'])
                .collect()
        };
        let empty_runs = |len: usize| b"\0a".repeat(len / 2);
        let table = [
            ("at the limit", bytes(MAX), "0"),
            ("one over it", bytes(MAX + 1), "8"),
            ("far over it", bytes(MAX * 20), "8"),
            ("as long compressed, and empty", empty_runs(MAX), "0"),
            ("longer compressed, and empty", empty_runs(MAX + 2), "8"),
        ];
        for (what, message, want) in table {
            for path in PATHS {
                let answer = ends.ask(path, &[RUNS], &framed(1, &message), 1000).await;
                assert_eq!(answer.status, want, "{path}: {what}");
            }
        }
    });
}

#[test]
fn failures_are_not_said_to_be_compressed() {
    virtual_time::run(async {
        let mut ends = Ends::new("runs").await;
        let takes = ("grpc-accept-encoding", "runs,walks");
        for path in ["/test.Calls/Now", "/test.Calls/Later"] {
            let more = [takes, ("wish", "no-such-coding")];
            let answer = ends.ask(path, &more, &framed(0, b"a"), 1000).await;
            assert_eq!(answer.status, "13");
            assert_eq!(answer.all("grpc-encoding"), [""; 0], "{path}");
        }
    });
}
