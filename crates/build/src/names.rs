//! Rust names for the names of a .proto: snake case, keywords, and what a service must not clash with.

use std::collections::BTreeMap;

use buffa_codegen::generated::descriptor::{DescriptorProto, FileDescriptorProto};
use buffa_codegen::idents::{escape_mod_ident, is_rust_keyword, to_upper_camel_case};

use crate::error::Error;

/// The Rust method for an rpc: `GetHTTPInfo` -> `get_http_info`, `Type` -> `r#type`, `Self` -> `self_`.
///
/// One name serves the trait and both clients, so what a client already has is taken everywhere.
pub(crate) fn method_name(rpc: &str) -> String {
    let snake = snake_case(rpc);
    match snake.as_str() {
        name if TAKEN_BY_CLIENTS.contains(&name) => format!("{name}_"),
        name => escape_mod_ident(name),
    }
}

/// The Rust trait for a service: unchanged when it is `UpperCamelCase` already, made so when not.
pub(crate) fn service_name(service: &str) -> String {
    let camel =
        service.starts_with(|first: char| first.is_ascii_uppercase()) && !service.contains('_');
    let name = if camel {
        service.to_owned()
    } else {
        to_upper_camel_case(service)
    };
    // `Self` is the one keyword in upper camel case.
    escape_mod_ident(&name)
}

/// A method of its own name on a client would hide these.
const TAKEN_BY_CLIENTS: [&str; 2] = ["new", "clone"];

/// Words begin at `_`, at an upper-case letter after a lower-case one or a digit, and at the last
/// capital of a run (`HTTPInfo` is `http_info`).
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let after = letters.get(index + 1);
        let starts_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Everything one package declares at its root in the type namespace: Rust name -> what it is.
#[derive(Default)]
pub(crate) struct Taken(BTreeMap<String, String>);

impl Taken {
    /// Collects messages and enums of `package` from all its files.
    pub(crate) fn of_package(files: &[&FileDescriptorProto], views: bool) -> Self {
        let mut taken = Self::default();
        for file in files {
            for message in &file.message_type {
                let name = message.name.as_deref().unwrap_or_default();
                taken.0.insert(name.to_owned(), format!("message {name}"));
                if views {
                    for view in [format!("{name}View"), format!("{name}OwnedView")] {
                        taken.0.insert(view, format!("a view of message {name}"));
                    }
                }
            }
            for enumeration in &file.enum_type {
                let name = enumeration.name.as_deref().unwrap_or_default();
                taken.0.insert(name.to_owned(), format!("enum {name}"));
            }
        }
        taken
    }

    /// Claims one Rust name for `owner`.
    ///
    /// # Errors
    /// If something else of the package has it.
    pub(crate) fn claim(&mut self, name: &str, owner: &str) -> Result<(), Error> {
        match self.0.insert(name.to_owned(), owner.to_owned()) {
            None => Ok(()),
            Some(other) => Err(Error::names(format!(
                "{owner} would generate the Rust type `{name}`, which {other} has already; \
                 rename one of the two, or turn the part that is not needed off \
                 (server, client, blocking)"
            ))),
        }
    }

    /// A generic parameter that no type of the package hides.
    pub(crate) fn free_generic(&self) -> String {
        let mut name = String::from("T");
        while self.0.contains_key(&name) {
            name.push('_');
        }
        name
    }
}

/// Refuses messages and enums named by a keyword: buffa-codegen writes their names as they are.
///
/// # Errors
/// Names the file and the first such type, at any depth.
pub(crate) fn check_types(file: &FileDescriptorProto) -> Result<(), Error> {
    let names = file.enum_type.iter().map(|enumeration| &enumeration.name);
    let names = names.chain(file.message_type.iter().flat_map(names_within));
    for name in names.filter_map(Option::as_deref) {
        if is_rust_keyword(name) {
            return Err(Error::names(format!(
                "{}: type {name} has the name of a Rust keyword; rename it",
                file.name.as_deref().unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// Names of a message, its enums and its nested messages.
fn names_within(message: &DescriptorProto) -> Vec<&Option<String>> {
    let enums = message
        .enum_type
        .iter()
        .map(|enumeration| &enumeration.name);
    let nested = message.nested_type.iter().flat_map(names_within);
    std::iter::once(&message.name)
        .chain(enums)
        .chain(nested)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_names_become_snake_case_and_never_a_keyword() {
        let table = [
            ("GetUser", "get_user"),
            ("getUser", "get_user"),
            ("Get_User", "get_user"),
            ("GetHTTPInfo", "get_http_info"),
            ("GetV2Users", "get_v2_users"),
            ("HTTP", "http"),
            ("A", "a"),
            ("Type", "r#type"),
            ("Async", "r#async"),
            ("Gen", "r#gen"),
            ("Self", "self_"),
            ("Super", "super_"),
            ("Crate", "crate_"),
            ("New", "new_"),
            ("Clone", "clone_"),
        ];
        for (rpc, want) in table {
            assert_eq!(method_name(rpc), want, "{rpc}");
        }
    }

    #[test]
    fn service_names_stay_when_they_are_rust_already() {
        let table = [
            ("UserManager", "UserManager"),
            ("HTTPService", "HTTPService"),
            ("user_manager", "UserManager"),
            ("userManager", "UserManager"),
            ("Self", "Self_"),
        ];
        for (service, want) in table {
            assert_eq!(service_name(service), want, "{service}");
        }
    }

    #[test]
    fn a_name_can_be_claimed_once() {
        let mut taken = Taken::default();
        assert_eq!(taken.free_generic(), "T");
        taken.claim("T", "message T").unwrap();
        assert_eq!(taken.free_generic(), "T_");
        let error = taken.claim("T", "service T").unwrap_err().to_string();
        assert!(
            error.contains("service T") && error.contains("message T"),
            "{error}"
        );
    }
}
