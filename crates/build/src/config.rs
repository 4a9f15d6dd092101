//! What to compile, what to generate from it and where to put it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::embed;
use crate::error::Error;
use crate::generate::{self, Input};
use crate::paths::DEFAULT_RUNTIME;
use crate::source::{self, Sources};

/// A compilation with options; [`compile`](crate::compile) is the one without.
///
/// ```no_run
/// fn main() -> hikyaku_build::Result {
///     hikyaku_build::Config::new()
///         .include("proto")
///         .files(["proto/users/v1/users.proto", "proto/billing/v1/billing.proto"])
///         .text(true)
///         .compile()
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    sources: Sources,
    out_dir: Option<PathBuf>,
    pub(crate) options: Options,
}

/// What is generated; the plugin sets the same by parameters.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) server: bool,
    pub(crate) client: bool,
    pub(crate) blocking: bool,
    pub(crate) json: bool,
    pub(crate) text: bool,
    pub(crate) views: bool,
    pub(crate) view_requests: Vec<String>,
    pub(crate) bytes: Vec<String>,
    pub(crate) extern_paths: Vec<(String, String)>,
    pub(crate) runtime_path: String,
    pub(crate) include_file: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server: true,
            client: true,
            blocking: true,
            json: false,
            text: false,
            views: false,
            view_requests: Vec::new(),
            bytes: Vec::new(),
            extern_paths: Vec::new(),
            runtime_path: DEFAULT_RUNTIME.to_owned(),
            include_file: "hikyaku".to_owned(),
        }
    }
}

impl Options {
    /// Whether messages get views: asked for, or needed by a method.
    pub(crate) fn wants_views(&self) -> bool {
        self.views || !self.view_requests.is_empty()
    }
}

impl Config {
    /// Servers, clients and blocking clients for all services; messages without JSON, text format
    /// and views.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder that imports are looked up in, in the order of the calls.
    ///
    /// Without any, the folders of the compiled files are searched.
    #[must_use]
    pub fn include(mut self, folder: impl Into<PathBuf>) -> Self {
        self.sources.includes.push(folder.into());
        self
    }

    /// Adds a .proto to compile. What it imports becomes Rust code too, except well-known types,
    /// which come with hikyaku.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.sources.files.push(file.into());
        self
    }

    /// Adds several .proto files.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.sources.files.extend(files.into_iter().map(Into::into));
        self
    }

    /// Adds a `FileDescriptorSet` made by another compiler: the way in for editions.
    ///
    /// `protoc --include_imports --include_source_info --descriptor_set_out=PATH …` and
    /// `buf build --as-file-descriptor-set -o PATH` make one. Without source info, the comments of
    /// the .proto are lost.
    #[must_use]
    pub fn descriptor_set(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.descriptor_sets.push(path.into());
        self
    }

    /// Writes into this folder instead of cargo's `OUT_DIR`, for code that is checked in.
    ///
    /// The descriptor set is then part of the Rust file, which needs nothing beside it.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Names the generated file, without `.rs`; `hikyaku` unless set.
    ///
    /// For a build script that compiles more than once:
    /// `hikyaku::include_proto!("name")` includes it.
    #[must_use]
    pub fn include_file(mut self, name: impl Into<String>) -> Self {
        self.options.include_file = name.into();
        self
    }

    /// Whether services get a trait and a server; on unless turned off.
    #[must_use]
    pub fn server(mut self, yes: bool) -> Self {
        self.options.server = yes;
        self
    }

    /// Whether services get an asynchronous client; on unless turned off.
    #[must_use]
    pub fn client(mut self, yes: bool) -> Self {
        self.options.client = yes;
        self
    }

    /// Whether services get a blocking client; on unless turned off.
    #[must_use]
    pub fn blocking(mut self, yes: bool) -> Self {
        self.options.blocking = yes;
        self
    }

    /// Whether messages implement serde's `Serialize` and `Deserialize` as protobuf's JSON, and
    /// services answer in JSON whom asks so (`application/grpc+json`); off unless turned on.
    ///
    /// The using crate turns the feature `json` of hikyaku on; serde is found through hikyaku, so
    /// it need not be a dependency.
    #[must_use]
    pub fn json(mut self, yes: bool) -> Self {
        self.options.json = yes;
        self
    }

    /// Whether messages can be read and written in the text format; off unless turned on.
    ///
    /// The using crate turns the feature `text` of hikyaku on.
    #[must_use]
    pub fn text(mut self, yes: bool) -> Self {
        self.options.text = yes;
        self
    }

    /// Whether each message gets a view that borrows from the encoded bytes; off unless turned on.
    ///
    /// If a message of `google/protobuf/descriptor.proto` is among them, as a field or as a request,
    /// the using crate turns the feature `views` of hikyaku on.
    #[must_use]
    pub fn views(mut self, yes: bool) -> Self {
        self.options.views = yes;
        self
    }

    /// Hands the requests of the methods below `path` to their handlers as views, which read strings
    /// and bytes where the socket was read into instead of copying them.
    ///
    /// `path` is a package, service or method as in `.users.v1.UserManager.GetUser`; `.` is all. The
    /// trait's methods take a `Request<View<UserRequest>>` or a `Requests<View<UserRequest>>` then, in
    /// place of a `Request<UserRequest>` or a `Requests<UserRequest>`; clients and replies stay as they
    /// are. `hikyaku::View` tells how it is read, what is never copied and what still is. Turns
    /// [`Config::views`] on; messages of an [`extern_path`](Config::extern_path) must have views, too.
    ///
    /// ```no_run
    /// fn main() -> hikyaku_build::Result {
    ///     hikyaku_build::Config::new()
    ///         .file("proto/users.proto")
    ///         .view_requests(".users.v1.UserManager.Import")
    ///         .compile()
    /// }
    /// ```
    ///
    /// A handler can move a view into a task of its own, and keep it over an `await`:
    ///
    /// ```ignore
    /// async fn import(
    ///     &self,
    ///     mut requests: Requests<View<User>>,
    /// ) -> Result<Response<ImportReply>, Status> {
    ///     let mut reply = ImportReply::default();
    ///     while let Some(user) = requests.next().await? {
    ///         reply.count += u64::from(self.store.insert(user.id(), user.name(), user.photo()).await?);
    ///     }
    ///     Ok(reply.into())
    /// }
    /// ```
    #[must_use]
    pub fn view_requests(mut self, path: impl Into<String>) -> Self {
        self.options.view_requests.push(path.into());
        self
    }

    /// Makes `bytes` fields below `path` reference-counted `Bytes` instead of `Vec<u8>`.
    ///
    /// `path` is a package, message or field as in `.users.v1.User.photo`; `.` is all.
    #[must_use]
    pub fn bytes(mut self, path: impl Into<String>) -> Self {
        self.options.bytes.push(path.into());
        self
    }

    /// Uses existing Rust code for a package or message instead of generating it:
    /// `extern_path(".users.v1", "::users_proto::users::v1")`.
    #[must_use]
    pub fn extern_path(mut self, proto: impl Into<String>, rust: impl Into<String>) -> Self {
        self.options.extern_paths.push((proto.into(), rust.into()));
        self
    }

    /// Where generated code finds hikyaku, for crates that re-export it; `::hikyaku` unless set.
    #[must_use]
    pub fn runtime_path(mut self, path: impl Into<String>) -> Self {
        self.options.runtime_path = path.into();
        self
    }

    /// Compiles and writes, and tells cargo which files to watch.
    ///
    /// # Errors
    /// - a .proto is wrong: file, line, column and what was expected
    /// - a file cannot be found, read or written
    /// - two things would get the same Rust name
    /// - [`Config::view_requests`] names no method
    pub fn compile(self) -> Result {
        let (folder, embedding) = match &self.out_dir {
            Some(folder) => (folder.clone(), Embedding::Inline),
            None => (out_dir()?, Embedding::File),
        };
        let read = source::read(&self.sources)?;
        let input = Input::all(read.files, &self.options);
        let name = file_stem(&self.options.include_file)?;
        let set = input.descriptor_set();
        let expression = match embedding {
            Embedding::Inline => embed::literal(&set),
            Embedding::File => format!("include_bytes!({:?})", format!("{name}.bin")),
        };
        let code = generate::generate(&input, &self.options, &expression)?;
        fs::create_dir_all(&folder)
            .map_err(|error| Error::io("create the folder", &folder, error))?;
        if embedding == Embedding::File {
            write(&folder.join(format!("{name}.bin")), &set)?;
        }
        write(&folder.join(format!("{name}.rs")), code.as_bytes())?;
        // Only a build script has this, and only for a build script the lines mean something.
        if env::var_os("OUT_DIR").is_some() {
            tell_cargo(&read.watched);
        }
        Ok(())
    }
}

/// How the descriptor set gets into the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Embedding {
    /// As a literal in the Rust file.
    Inline,
    /// As a file beside it.
    File,
}

fn out_dir() -> Result<PathBuf> {
    env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| {
        Error::option(
            "out_dir",
            "",
            "a folder, because cargo's OUT_DIR is only set in a build.rs",
        )
    })
}

/// Checks that the name is one of a file, not of a path.
pub(crate) fn file_stem(name: &str) -> Result<&str> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        let expected = "a file name without .rs, of letters, digits, `_`, `-` and `.`";
        return Err(Error::option("include_file", name, expected));
    }
    Ok(name)
}

/// Leaves a file alone that has this content already, so that its time does not change.
fn write(path: &Path, content: &[u8]) -> Result {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::write(path, content).map_err(|error| Error::io("write", path, error))
}

#[expect(clippy::print_stdout, reason = "the way a build script talks to cargo")]
fn tell_cargo(watched: &[PathBuf]) {
    for path in watched {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}
