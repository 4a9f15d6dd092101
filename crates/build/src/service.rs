//! One service of a .proto, resolved: Rust names, type paths and documentation, ready to be written.

use std::collections::BTreeMap;

use buffa_codegen::generated::descriptor::{
    FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};

use crate::comments::{Comments, doc_attributes};
use crate::config::Options;
use crate::error::Error;
use crate::generate::Input;
use crate::names::{self, Taken};
use crate::reference::References;
use crate::{blocking, client, server};

/// What the writers of server and clients need to know.
pub(crate) struct Service {
    /// The Rust trait, `UserManager`.
    pub(crate) name: String,
    /// The name on the wire, `users.v1.UserManager`.
    pub(crate) full_name: String,
    /// `#[doc]` and `#[deprecated]`, for the trait.
    pub(crate) docs: String,
    /// `#[deprecated]` or nothing, for what stands beside the trait.
    pub(crate) deprecated: &'static str,
    /// A generic parameter that is no type of the package.
    pub(crate) generic: String,
    /// The codec's path.
    pub(crate) codec: &'static str,
    pub(crate) methods: Vec<Method>,
}

/// One rpc.
pub(crate) struct Method {
    /// The Rust method, `get_user`.
    pub(crate) name: String,
    /// `/users.v1.UserManager/GetUser`
    pub(crate) path: String,
    /// `#[doc]` and `#[deprecated]`.
    pub(crate) docs: String,
    /// Path of the request's type, seen from the module of the package.
    pub(crate) request: String,
    /// The type in which a handler gets a request: that one, or a view of it.
    pub(crate) received: String,
    /// Path of the reply's type.
    pub(crate) reply: String,
    pub(crate) kind: Kind,
}

/// Which of the two sides sends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    BidiStreaming,
}

impl Kind {
    /// The method of `Methods`, `Channel` and `blocking::Channel` that carries such a call.
    pub(crate) fn call(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ServerStreaming => "server_streaming",
            Self::ClientStreaming => "client_streaming",
            Self::BidiStreaming => "bidi_streaming",
        }
    }
}

/// Writes all services of one package: traits, servers and clients as Rust source.
///
/// # Errors
/// If two names clash or the type of a method is not part of the compilation.
pub(crate) fn generate(
    files: &[&FileDescriptorProto],
    references: &References<'_>,
    options: &Options,
) -> Result<String, Error> {
    let mut taken = Taken::of_package(files, options.wants_views());
    let mut source = String::new();
    for file in files {
        let comments = Comments::of_file(file);
        for (index, descriptor) in file.service.iter().enumerate() {
            claim(&mut taken, descriptor, options)?;
            let generic = taken.free_generic();
            let mut service =
                Service::resolve(file, index, descriptor, &comments, references, generic)?;
            if options.json {
                service.codec = "::hikyaku::codec::ProtobufJson";
            }
            for method in &mut service.methods {
                method.receive_views(&options.view_requests);
            }
            if options.server {
                source.push_str(&server::generate(&service));
            }
            if options.client {
                source.push_str(&client::generate(&service));
            }
            if options.blocking {
                source.push_str(&blocking::generate(&service));
            }
        }
    }
    Ok(source)
}

/// Reserves the Rust types a service brings, so that a clash is our error and not rustc's.
fn claim(
    taken: &mut Taken,
    descriptor: &ServiceDescriptorProto,
    options: &Options,
) -> Result<(), Error> {
    let proto_name = descriptor.name.as_deref().unwrap_or_default();
    let name = names::service_name(proto_name);
    let owner = format!("service {proto_name}");
    let parts = [
        (options.server, ""),
        (options.server, "Server"),
        (options.client, "Client"),
        (options.blocking, "BlockingClient"),
    ];
    for (wanted, suffix) in parts {
        if wanted {
            taken.claim(&format!("{name}{suffix}"), &owner)?;
        }
    }
    Ok(())
}

impl Service {
    fn resolve(
        file: &FileDescriptorProto,
        index: usize,
        descriptor: &ServiceDescriptorProto,
        comments: &Comments<'_>,
        references: &References<'_>,
        generic: String,
    ) -> Result<Self, Error> {
        let proto_name = descriptor.name.as_deref().unwrap_or_default();
        let full_name = match file.package.as_deref().unwrap_or_default() {
            "" => proto_name.to_owned(),
            package => format!("{package}.{proto_name}"),
        };
        let deprecated = deprecated(descriptor.options.as_option().and_then(|o| o.deprecated));
        let comment = comments
            .service(index)
            .unwrap_or_else(|| format!("The service `{full_name}`, for a server to implement."));
        let mut service = Self {
            name: names::service_name(proto_name),
            docs: format!("{}{deprecated}", doc_attributes(&comment)),
            full_name,
            deprecated,
            generic,
            codec: "::hikyaku::codec::Protobuf",
            methods: Vec::with_capacity(descriptor.method.len()),
        };
        let mut rpcs: BTreeMap<String, &str> = BTreeMap::new();
        for (position, method) in descriptor.method.iter().enumerate() {
            let rpc = method.name.as_deref().unwrap_or_default();
            let comment = comments.method(index, position);
            let method = Method::resolve(file, &service.full_name, method, comment, references)?;
            if let Some(other) = rpcs.insert(method.name.clone(), rpc) {
                return Err(Error::names(format!(
                    "service {}: rpc {other} and rpc {rpc} both become the Rust method `{}`; \
                     rename one of the two",
                    service.full_name, method.name
                )));
            }
            service.methods.push(method);
        }
        Ok(service)
    }
}

impl Method {
    fn resolve(
        file: &FileDescriptorProto,
        service: &str,
        descriptor: &MethodDescriptorProto,
        comment: Option<String>,
        references: &References<'_>,
    ) -> Result<Self, Error> {
        let rpc = descriptor.name.as_deref().unwrap_or_default();
        let package = file.package.as_deref().unwrap_or_default();
        let type_path = |proto: Option<&str>| {
            let proto = proto.unwrap_or_default();
            references.path(proto, package).ok_or_else(|| {
                let file = file.name.as_deref().unwrap_or_default();
                Error::missing_type(file, &format!("{service}.{rpc}"), proto)
            })
        };
        let client_streams = descriptor.client_streaming.unwrap_or_default();
        let server_streams = descriptor.server_streaming.unwrap_or_default();
        let comment = comment.unwrap_or_else(|| format!("The method `{rpc}` of `{service}`."));
        let deprecated = deprecated(descriptor.options.as_option().and_then(|o| o.deprecated));
        let request = type_path(descriptor.input_type.as_deref())?;
        Ok(Self {
            name: names::method_name(rpc),
            path: format!("/{service}/{rpc}"),
            docs: format!("{}{deprecated}", doc_attributes(&comment)),
            received: request.clone(),
            request,
            reply: type_path(descriptor.output_type.as_deref())?,
            kind: match (client_streams, server_streams) {
                (false, false) => Kind::Unary,
                (false, true) => Kind::ServerStreaming,
                (true, false) => Kind::ClientStreaming,
                (true, true) => Kind::BidiStreaming,
            },
        })
    }

    /// Makes a view of what the handler gets, if one of `paths` says so.
    fn receive_views(&mut self, paths: &[String]) {
        if paths.iter().any(|path| names_method(path, &self.path)) {
            self.received = format!("::hikyaku::View<{}>", self.request);
        }
    }
}

/// Refuses paths for views that no method is below: a wrong one would go unseen.
///
/// # Errors
/// Names the first of them. `.` is all methods, even of none.
pub(crate) fn check_view_requests(input: &Input, paths: &[String]) -> Result<(), Error> {
    let mut methods = Vec::new();
    for (package, files) in input.packages() {
        for service in files.iter().flat_map(|file| &file.service) {
            let name = service.name.as_deref().unwrap_or_default();
            for method in &service.method {
                let rpc = method.name.as_deref().unwrap_or_default();
                methods.push(format!("{package}.{name}/{rpc}"));
            }
        }
    }
    let names_any = |path: &str| methods.iter().any(|method| names_method(path, method));
    match paths.iter().find(|path| *path != "." && !names_any(path)) {
        None => Ok(()),
        Some(path) => Err(Error::option(
            "view_requests",
            path,
            "a package, service or method of the compiled files, as in \
             `.users.v1.UserManager.GetUser`, or `.` for all",
        )),
    }
}

/// Whether `path` is the package, the service or the name of `method` (`/users.v1.Users/Get`).
fn names_method(path: &str, method: &str) -> bool {
    let parts = |name: &str| -> Vec<String> {
        let parts = name.split(['.', '/']).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    parts(method).starts_with(&parts(path))
}

fn deprecated(option: Option<bool>) -> &'static str {
    if option.unwrap_or_default() {
        "#[deprecated]\n"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_methods_below_it() {
        let method = "/users.v1.UserManager/GetUser";
        let table = [
            (".", true),
            (".users", true),
            (".users.v1", true),
            (".users.v1.UserManager", true),
            (".users.v1.UserManager.GetUser", true),
            ("users.v1.UserManager/GetUser", true),
            (".users.v1.UserManager.GetUsers", false),
            (".users.v1.User", false),
            (".v1", false),
            (".users.v1.UserManager.GetUser.id", false),
        ];
        for (path, want) in table {
            assert_eq!(names_method(path, method), want, "{path}");
        }
    }
}
