//! The reflection service.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::index::Index;
use super::v1::__buffa::oneof::server_reflection_request::MessageRequest;
use super::v1::__buffa::oneof::server_reflection_response::MessageResponse;
use super::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
use super::{generated_v1, generated_v1alpha};
use crate::codec::Protobuf;
use crate::server::catalog::Catalog;
use crate::server::{Methods, Replies, Requests, Service};
use crate::{Code, Status};

/// Describes the server it is added to; made by [`service`].
#[derive(Debug)]
pub struct Reflection {
    _private: (),
}

/// The reflection service, to be added to a [`Server`](crate::Server).
///
/// # Example
/// ```
/// let server = hikyaku::Server::new().add(hikyaku::reflection::service());
/// ```
#[must_use]
pub fn service() -> Reflection {
    Reflection { _private: () }
}

const V1: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const V1_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

impl Service for Reflection {
    fn name(&self) -> &'static str {
        "grpc.reflection.v1.ServerReflection"
    }

    fn register(self, methods: &mut Methods) {
        let about = Arc::new(About {
            catalog: Arc::clone(methods.catalog()),
            index: OnceLock::new(),
        });
        for path in [V1, V1_ALPHA] {
            let about = Arc::clone(&about);
            methods.bidi_streaming::<Protobuf, _, _, _, _>(path, move |requests, replies| {
                answer_all(Arc::clone(&about), requests, replies)
            });
        }
    }
}

/// What is told of the server; worked out when somebody asks.
struct About {
    catalog: Arc<Catalog>,
    index: OnceLock<Index>,
}

impl About {
    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let own = [
                (
                    "grpc.reflection.v1.ServerReflection",
                    generated_v1::FILE_DESCRIPTOR_SET,
                ),
                (
                    "grpc.reflection.v1alpha.ServerReflection",
                    generated_v1alpha::FILE_DESCRIPTOR_SET,
                ),
            ];
            Index::new(self.catalog.services().chain(own))
        })
    }
}

async fn answer_all(
    about: Arc<About>,
    mut requests: Requests<ServerReflectionRequest>,
    mut replies: Replies<ServerReflectionResponse>,
) -> Result<(), Status> {
    let mut sent = HashSet::new();
    while let Some(request) = requests.next().await? {
        replies
            .send(answer(about.index(), request, &mut sent))
            .await?;
    }
    Ok(())
}

fn answer(
    index: &Index,
    request: ServerReflectionRequest,
    sent: &mut HashSet<usize>,
) -> ServerReflectionResponse {
    let mut files = |file: Option<usize>, what: &str| match file {
        Some(file) => MessageResponse::from(FileDescriptorResponse {
            file_descriptor_proto: index.with_imports(file, sent),
            ..Default::default()
        }),
        None => error(Code::NotFound, format!("{what} is not known here")),
    };
    let response = match &request.message_request {
        Some(MessageRequest::FileByFilename(name)) => {
            files(index.file_by_name(name), &format!("file {name:?}"))
        }
        Some(MessageRequest::FileContainingSymbol(symbol)) => {
            files(index.file_by_symbol(symbol), &format!("symbol {symbol:?}"))
        }
        Some(MessageRequest::FileContainingExtension(extension)) => {
            let (extended, number) = (&extension.containing_type, extension.extension_number);
            let file = index.file_by_extension(extended, number);
            files(file, &format!("extension {number} of {extended:?}"))
        }
        Some(MessageRequest::AllExtensionNumbersOfType(name)) => extension_numbers(index, name),
        Some(MessageRequest::ListServices(_)) => list_services(index),
        None => error(Code::InvalidArgument, "the request asks nothing".to_owned()),
    };
    ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: request.into(),
        message_response: Some(response),
        ..Default::default()
    }
}

fn extension_numbers(index: &Index, name: &str) -> MessageResponse {
    match index.extension_numbers(name) {
        Some(extension_number) => MessageResponse::from(ExtensionNumberResponse {
            base_type_name: name.to_owned(),
            extension_number,
            ..Default::default()
        }),
        None => error(
            Code::NotFound,
            format!("message type {name:?} is not known here"),
        ),
    }
}

fn list_services(index: &Index) -> MessageResponse {
    let service = index
        .services()
        .map(|name| ServiceResponse {
            name: name.to_owned(),
            ..Default::default()
        })
        .collect();
    MessageResponse::from(ListServiceResponse {
        service,
        ..Default::default()
    })
}

/// An answer that says no; the stream goes on.
fn error(code: Code, error_message: String) -> MessageResponse {
    MessageResponse::from(ErrorResponse {
        error_code: i32::from(code as u8),
        error_message,
        ..Default::default()
    })
}
