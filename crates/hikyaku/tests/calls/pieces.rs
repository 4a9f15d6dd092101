//! Answers that are sent in pieces, because parts of them are shared and not copied.

use bytes::{Bytes, BytesMut};
use hikyaku::codec::{Codec, CodecError, Splice};
use hikyaku::server::{Methods, Service};
use hikyaku::{Request, Response};
use hikyaku_testkit::virtual_time;

use crate::in_memory::{Calls, Network, Plain};

#[test]
fn an_answer_in_pieces_is_the_answer() {
    virtual_time::run(async {
        let calls = Calls::new().unary_bytes("/test.Calls/Echo", |request| async move {
            let mut response = Response::new(request.message().clone());
            if request.metadata().get("more").is_some() {
                response.metadata_mut().insert("head", "yes").unwrap();
                response.trailers_mut().insert("end", "yes").unwrap();
            }
            Ok(response)
        });
        let channel = Network::serving(calls).channel();
        let min = Plain::MIN_SPLICED_LEN;
        for len in [0, min - 1, min, 16_384, 16_385, 70_000, 4_000_000] {
            for has_more in [false, true] {
                let message: Bytes = (0..len).map(|at| (at % 251) as u8).collect();
                let mut request = Request::new(message.clone());
                if has_more {
                    request.metadata_mut().insert("more", "please").unwrap();
                }
                let answer = channel.unary::<Plain, Bytes, Bytes>("/test.Calls/Echo", request);
                let answer = answer.await.unwrap();
                assert_eq!(answer.metadata().get("head").is_some(), has_more, "{len}");
                assert_eq!(answer.trailers().get("end").is_some(), has_more, "{len}");
                assert!(answer.into_message() == message, "{len} bytes");
            }
        }
    });
}

/// Puts a part in where there is nothing.
struct Misplacing;

impl Codec<u64> for Misplacing {
    fn encode(message: &u64, out: &mut BytesMut) -> Result<(), CodecError> {
        Plain::encode(message, out)
    }

    fn encode_spliced(
        message: &u64,
        out: &mut BytesMut,
        spliced: &mut Vec<Splice>,
    ) -> Result<(), CodecError> {
        Plain::encode(message, out)?;
        let at = if *message == 0 { 0 } else { out.len() + 1 };
        let bytes = Bytes::from_static(b"part");
        spliced.push(Splice { at, bytes });
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<u64, CodecError> {
        Plain::decode(bytes)
    }
}

struct Numbers;

impl Service for Numbers {
    fn name(&self) -> &'static str {
        "test.Numbers"
    }

    fn register(self, methods: &mut Methods) {
        methods.unary::<Misplacing, u64, u64, _, _>("/test.Numbers/Same", |request| async move {
            Ok(Response::new(request.into_message()))
        });
    }
}

#[test]
fn a_part_that_goes_in_nowhere_is_an_internal_error() {
    virtual_time::run(async {
        let network = Network::new();
        network.serve(hikyaku::Server::new().add(Numbers));
        let channel = network.channel();
        for number in [0, 1] {
            let answer =
                channel.unary::<Plain, u64, u64>("/test.Numbers/Same", Request::new(number));
            let status = answer.await.unwrap_err();
            assert_eq!(status.code(), hikyaku::Code::Internal, "{status}");
            assert!(status.message().contains("a part goes in at"), "{status}");
        }
    });
}
