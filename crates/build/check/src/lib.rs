//! Compiles everything hikyaku-build generates, with the lints a strict crate would deny.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    missing_copy_implementations,
    unused_qualifications,
    unused_results,
    unused_lifetimes,
    single_use_lifetimes,
    elided_lifetimes_in_paths,
    trivial_casts,
    trivial_numeric_casts,
    variant_size_differences,
    let_underscore_drop,
    unsafe_code,
    rustdoc::all,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason
)]

/// The defaults.
pub mod proto {
    hikyaku::include_proto!();
}

/// With the text format, and `Bytes` for bytes.
pub mod text {
    hikyaku::include_proto!("text");
}

/// With views.
pub mod views {
    hikyaku::include_proto!("views");
}

/// With views as requests, and JSON.
pub mod view_requests {
    hikyaku::include_proto!("view_requests");
}

/// With JSON.
pub mod json {
    hikyaku::include_proto!("json");
}

/// Without services.
pub mod messages {
    hikyaku::include_proto!("messages");
}

/// Without clients.
pub mod servers {
    hikyaku::include_proto!("servers");
}

#[cfg(test)]
mod tests {
    use hikyaku::server::{Replies, Requests, Service};
    use hikyaku::{Request, Response, Status};

    use super::proto::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};
    use super::{json, proto, text, views};

    /// Written as a user would: plain `async fn`.
    struct Polite;

    impl Greeter for Polite {
        async fn say_hello(
            &self,
            _request: Request<HelloRequest>,
        ) -> Result<Response<HelloReply>, Status> {
            Ok(HelloReply::default().into())
        }

        async fn say_many_hellos(
            &self,
            _request: Request<HelloRequest>,
            _replies: Replies<HelloReply>,
        ) -> Result<(), Status> {
            Ok(())
        }

        async fn greet_all(
            &self,
            _requests: Requests<HelloRequest>,
        ) -> Result<Response<HelloReply>, Status> {
            Ok(HelloReply::default().into())
        }

        async fn chat(
            &self,
            _requests: Requests<HelloRequest>,
            _replies: Replies<HelloReply>,
        ) -> Result<(), Status> {
            Ok(())
        }
    }

    #[test]
    fn a_server_knows_its_name_and_its_descriptors() {
        let server = GreeterServer::new(Polite);
        assert_eq!(server.name(), "helloworld.Greeter");
        assert_eq!(server.descriptor_set(), proto::FILE_DESCRIPTOR_SET);
        assert_eq!(
            proto::helloworld::FILE_DESCRIPTOR_SET,
            proto::FILE_DESCRIPTOR_SET
        );
    }

    #[test]
    fn messages_survive_a_round_trip() {
        use hikyaku::buffa::Message as _;
        let user = proto::User {
            id: 7,
            nickname: "Ada".to_owned(),
            ..proto::User::default()
        };
        let bytes = user.encode_to_vec();
        assert_eq!(
            proto::User::decode_from_slice(&bytes).expect("our own bytes"),
            user
        );
    }

    const fn has_json<T: hikyaku::serde::Serialize>(_: &T) {}

    #[test]
    fn options_change_the_types() {
        let outer = text::nested::outer::Outer::default();
        assert_eq!(outer.camel_case, "");
        let _: fn(&views::UserView<'_>) -> u32 = |view| view.id;
        has_json(&json::wellknown::Event::default());
    }
}
