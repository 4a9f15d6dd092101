//! What a server tells of itself, in both versions of reflection.

use buffa::Message;
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use hikyaku::client::{Sender, Streaming};
use hikyaku::codec::Protobuf;
use hikyaku::reflection::v1::__buffa::oneof::server_reflection_request::MessageRequest;
use hikyaku::reflection::v1::__buffa::oneof::server_reflection_response::MessageResponse;
use hikyaku::reflection::v1::{
    ExtensionRequest, ServerReflectionRequest, ServerReflectionResponse,
};
use hikyaku::server::{Methods, Service};
use hikyaku::{Channel, Request, Server};
use hikyaku_testkit::virtual_time;

use crate::in_memory::{Calls, Network};

/// Both versions: their messages are the same on the wire.
const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// A service that describes itself, and has no methods.
struct Described(Vec<u8>);

impl Service for Described {
    fn name(&self) -> &'static str {
        "shop.Shop"
    }

    fn descriptor_set(&self) -> &'static [u8] {
        self.0.clone().leak()
    }

    fn register(self, _: &mut Methods) {}
}

fn file(name: &str, package: &str, imports: &[&str]) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        dependency: imports.iter().map(|import| (*import).to_owned()).collect(),
        ..Default::default()
    }
}

fn message(name: &str, fields: &[&str]) -> DescriptorProto {
    let field = |name: &&str| FieldDescriptorProto {
        name: Some((*name).to_owned()),
        ..Default::default()
    };
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields.iter().map(field).collect(),
        ..Default::default()
    }
}

/// An extension of `base.Base`.
fn extension(name: &str, number: i32) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        extendee: Some(".base.Base".to_owned()),
        ..Default::default()
    }
}

/// `shop.proto` imports `middle.proto`, and both import `base.proto`.
fn files() -> [FileDescriptorProto; 3] {
    let mut base = file("base.proto", "base", &[]);
    base.message_type = vec![message("Base", &[])];
    let mut middle = file("middle.proto", "middle", &["base.proto"]);
    middle.message_type = vec![message("Middle", &["of"])];
    middle.extension = vec![extension("late", 150)];
    let mut shop = file("shop.proto", "shop", &["middle.proto", "base.proto"]);
    let mut item = message("Item", &["price"]);
    item.nested_type = vec![message("Part", &[])];
    item.extension = vec![extension("early", 101)];
    let kind = EnumDescriptorProto {
        name: Some("Kind".to_owned()),
        value: vec![EnumValueDescriptorProto {
            name: Some("NEW".to_owned()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let get = MethodDescriptorProto {
        name: Some("Get".to_owned()),
        ..Default::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Shop".to_owned()),
        method: vec![get],
        ..Default::default()
    };
    (shop.message_type, shop.enum_type, shop.service) = (vec![item], vec![kind], vec![service]);
    [base, middle, shop]
}

fn described() -> Described {
    let set = FileDescriptorSet {
        file: files().into(),
        ..Default::default()
    };
    Described(set.encode_to_vec())
}

fn serving(service: Described) -> Channel {
    let network = Network::new();
    let bare = Calls::named("bare.Calls");
    let server = Server::new().add(service).add(bare);
    network.serve(server.add(hikyaku::reflection::service()));
    network.channel()
}

/// A stream of questions and answers.
struct Asking(
    Sender<ServerReflectionRequest>,
    Streaming<ServerReflectionResponse>,
);

impl Asking {
    async fn new(channel: &Channel, path: &'static str) -> Self {
        let opened = channel.bidi_streaming::<Protobuf, _, _>(path, Request::new(()));
        let (questions, answers) = opened.await.unwrap();
        Self(questions, answers)
    }

    /// Asks, checks that the question comes back with its answer, and gives the answer back.
    async fn ask(&mut self, question: MessageRequest) -> MessageResponse {
        let request = ServerReflectionRequest {
            host: "shop.test".to_owned(),
            message_request: Some(question),
            ..Default::default()
        };
        self.0.send(request.clone()).await.unwrap();
        let answer = self.1.next().await.unwrap().unwrap();
        assert_eq!(answer.valid_host, "shop.test");
        assert_eq!(answer.original_request.as_option(), Some(&request));
        answer.message_response.unwrap()
    }

    /// The files of an answer.
    async fn files(&mut self, question: MessageRequest) -> Vec<Vec<u8>> {
        match self.ask(question.clone()).await {
            MessageResponse::FileDescriptorResponse(answer) => answer.file_descriptor_proto,
            other => panic!("{question:?}: {other:?}"),
        }
    }

    /// Their names.
    async fn names(&mut self, question: MessageRequest) -> Vec<String> {
        let name = |bytes: Vec<u8>| FileDescriptorProto::decode_from_slice(&bytes).unwrap().name;
        let files = self.files(question).await.into_iter();
        files.map(|bytes| name(bytes).unwrap()).collect()
    }
}

fn by_name(name: &str) -> MessageRequest {
    MessageRequest::FileByFilename(name.to_owned())
}

fn by_symbol(symbol: &str) -> MessageRequest {
    MessageRequest::FileContainingSymbol(symbol.to_owned())
}

fn by_extension(of: &str, number: i32) -> MessageRequest {
    MessageRequest::from(ExtensionRequest {
        containing_type: of.to_owned(),
        extension_number: number,
        ..Default::default()
    })
}

fn numbers_of(name: &str) -> MessageRequest {
    MessageRequest::AllExtensionNumbersOfType(name.to_owned())
}

#[test]
fn both_versions_list_all_services_those_without_a_description_too() {
    virtual_time::run(async {
        let channel = serving(described());
        for path in PATHS {
            let mut asking = Asking::new(&channel, path).await;
            let question = MessageRequest::ListServices(String::new());
            let MessageResponse::ListServicesResponse(list) = asking.ask(question).await else {
                panic!("that is no list of services");
            };
            let names: Vec<_> = list.service.iter().map(|service| &*service.name).collect();
            let want = [
                "bare.Calls",
                "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
                "shop.Shop",
            ];
            assert_eq!(names, want);
        }
    });
}

#[test]
fn a_file_comes_with_its_imports_but_those_that_this_stream_has_sent() {
    virtual_time::run(async {
        let channel = serving(described());
        for path in PATHS {
            // Each stream begins anew.
            for _ in 0..2 {
                let mut asking = Asking::new(&channel, path).await;
                assert_eq!(asking.names(by_name("base.proto")).await, ["base.proto"]);
                let mut names = asking.names(by_symbol("shop.Shop")).await;
                assert_eq!(names[0], "shop.proto");
                names.sort_unstable();
                assert_eq!(names, ["middle.proto", "shop.proto"]);
                // What is asked for by name comes, sent or not.
                assert_eq!(asking.names(by_name("shop.proto")).await, ["shop.proto"]);
            }
        }
    });
}

#[test]
fn a_symbol_of_any_kind_leads_to_its_file() {
    let table = [
        ("shop.Shop", "shop.proto"),
        ("shop.Shop.Get", "shop.proto"),
        ("shop.Item", "shop.proto"),
        (".shop.Item", "shop.proto"),
        ("shop.Item.price", "shop.proto"),
        ("shop.Item.Part", "shop.proto"),
        ("shop.Item.early", "shop.proto"),
        ("shop.Kind", "shop.proto"),
        ("shop.NEW", "shop.proto"),
        ("base.Base", "base.proto"),
        ("middle.Middle.of", "middle.proto"),
        ("middle.late", "middle.proto"),
        (
            "grpc.reflection.v1.ServerReflection",
            "grpc/reflection/v1/reflection.proto",
        ),
        (
            "grpc.reflection.v1alpha.ServerReflection",
            "grpc/reflection/v1alpha/reflection.proto",
        ),
    ];
    virtual_time::run(async {
        let channel = serving(described());
        for path in PATHS {
            for (symbol, want) in table {
                let mut asking = Asking::new(&channel, path).await;
                let names = asking.names(by_symbol(symbol)).await;
                assert_eq!(names[0], want, "{symbol}");
            }
        }
    });
}

#[test]
fn extensions_are_found_by_their_type_and_number() {
    virtual_time::run(async {
        let channel = serving(described());
        for path in PATHS {
            let mut asking = Asking::new(&channel, path).await;
            let early = asking.names(by_extension("base.Base", 101)).await;
            assert_eq!(early[0], "shop.proto");
            let late = asking.names(by_extension("base.Base", 150)).await;
            assert_eq!(late, ["middle.proto"]);
            for (name, want) in [("base.Base", &[101, 150][..]), ("shop.Item", &[])] {
                match asking.ask(numbers_of(name)).await {
                    MessageResponse::AllExtensionNumbersResponse(numbers) => {
                        assert_eq!(numbers.base_type_name, name);
                        assert_eq!(numbers.extension_number, want);
                    }
                    other => panic!("{name}: {other:?}"),
                }
            }
        }
    });
}

#[test]
fn what_is_not_known_is_an_answer_with_code_5_and_the_stream_goes_on() {
    virtual_time::run(async {
        let channel = serving(described());
        for path in PATHS {
            let mut asking = Asking::new(&channel, path).await;
            let unknown = [
                by_name("no.proto"),
                by_symbol("shop.Nothing"),
                by_symbol(""),
                by_extension("base.Base", 102),
                by_extension("no.Type", 101),
                numbers_of("no.Type"),
            ];
            for question in unknown {
                match asking.ask(question.clone()).await {
                    MessageResponse::ErrorResponse(error) => {
                        assert_eq!(error.error_code, 5, "{question:?}");
                        assert!(error.error_message.ends_with("is not known here"));
                    }
                    other => panic!("{question:?}: {other:?}"),
                }
            }
            assert_eq!(asking.names(by_symbol("base.Base")).await, ["base.proto"]);
            let Asking(questions, mut answers) = asking;
            questions.finish();
            assert_eq!(answers.next().await.unwrap(), None);
        }
    });
}

#[test]
fn descriptors_come_with_what_only_their_owner_understands() {
    virtual_time::run(async {
        // A file with an option that is an extension of its own, and a field that no version of
        // descriptor.proto has yet.
        let mut bytes = file("odd.proto", "odd", &[]).encode_to_vec();
        bytes.extend(b"\x42\x0a\x8a\xb5\x18\x06secret");
        bytes.extend(b"\xfa\x3f\x06future");
        let mut set = vec![0x0a, u8::try_from(bytes.len()).unwrap()];
        set.extend(&bytes);
        let channel = serving(Described(set));
        let mut asking = Asking::new(&channel, PATHS[0]).await;
        let files = asking.files(by_name("odd.proto")).await;
        for part in [&b"\x8a\xb5\x18\x06secret"[..], b"\xfa\x3f\x06future"] {
            let is_there = files[0].windows(part.len()).any(|window| window == part);
            assert!(is_there, "{}", files[0].escape_ascii());
        }
    });
}
