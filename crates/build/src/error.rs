//! What can go wrong between a .proto and a Rust file, told so that it can be fixed from the text.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why nothing was generated.
///
/// `Debug` prints the same text as `Display`, because that is what cargo shows when the `main` of
/// a build script returns an error.
pub struct Error {
    kind: Kind,
}

enum Kind {
    /// A .proto is wrong: the rendered diagnostics, each with file, line and column.
    Proto(String),
    /// A file or folder could not be read or written.
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// An option has a value it cannot have.
    Option {
        name: String,
        value: String,
        expected: String,
    },
    /// Two things would get the same name in Rust.
    Names(String),
    /// The type of a field or method has no Rust code.
    MissingType {
        file: String,
        user: String,
        proto: String,
    },
    /// A descriptor set or a plugin request is not what it should be.
    Descriptors(String),
    /// buffa-codegen refused, or its output could not be read back.
    Generate(String),
}

impl Error {
    pub(crate) fn proto(diagnostics: String) -> Self {
        Self {
            kind: Kind::Proto(diagnostics),
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            kind: Kind::Io {
                action,
                path: path.to_owned(),
                source,
            },
        }
    }

    pub(crate) fn option(name: &str, value: &str, expected: &str) -> Self {
        let (name, value, expected) = (name.to_owned(), value.to_owned(), expected.to_owned());
        Self {
            kind: Kind::Option {
                name,
                value,
                expected,
            },
        }
    }

    pub(crate) fn names(clash: String) -> Self {
        Self {
            kind: Kind::Names(clash),
        }
    }

    pub(crate) fn missing_type(file: &str, user: &str, proto: &str) -> Self {
        let proto = proto.strip_prefix('.').unwrap_or(proto).to_owned();
        Self {
            kind: Kind::MissingType {
                file: file.to_owned(),
                user: user.to_owned(),
                proto,
            },
        }
    }

    pub(crate) fn descriptors(what: String) -> Self {
        Self {
            kind: Kind::Descriptors(what),
        }
    }

    pub(crate) fn generate(what: String) -> Self {
        Self {
            kind: Kind::Generate(what),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Proto(text)
            | Kind::Names(text)
            | Kind::Descriptors(text)
            | Kind::Generate(text) => f.write_str(text),
            Kind::Io {
                action,
                path,
                source,
            } => {
                write!(f, "cannot {action} {}: {source}", path.display())
            }
            Kind::Option {
                name,
                value,
                expected,
            } => {
                write!(f, "option {name}: expected {expected}, but found {value:?}")
            }
            Kind::MissingType { file, user, proto } => write!(
                f,
                "{file}: {user} uses {proto}, which is not generated; give the file that \
                 defines {proto} to the compiler too, or map it to existing Rust code \
                 with extern_path"
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Io { source, .. } => Some(source),
            Kind::Proto(_)
            | Kind::Option { .. }
            | Kind::Names(_)
            | Kind::MissingType { .. }
            | Kind::Descriptors(_)
            | Kind::Generate(_) => None,
        }
    }
}
