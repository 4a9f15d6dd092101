//! Leads the absolute paths of generated code through the one crate a user depends on.
//!
//! buffa-codegen writes `::buffa::…`, `::buffa_types::…`, `::buffa_descriptor::…` and `::serde::…`;
//! our own templates write `::hikyaku::…`. All of them become paths below the runtime path, so
//! that a user's `Cargo.toml` names none of those crates. Tokens are rewritten, not text: string
//! literals of a .proto (default values) stay what they are, strings inside attributes
//! (`#[serde(with = "…")]`, links in `#[doc]`) follow.

use std::str::FromStr;

use buffa_codegen::idents::is_rust_keyword;
use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

use crate::error::Error;

/// Where generated code finds the hikyaku crate unless told otherwise.
pub(crate) const DEFAULT_RUNTIME: &str = "::hikyaku";

/// Crates that hikyaku re-exports under their own names.
const REEXPORTED: [&str; 4] = ["buffa", "buffa_types", "buffa_descriptor", "serde"];

/// Rewrites the paths of generated code for one runtime path.
pub(crate) struct Rewriter {
    runtime: String,
    tokens: TokenStream,
}

impl Rewriter {
    /// `runtime` is `::hikyaku`, `crate`, or any other path to the crate.
    ///
    /// # Errors
    /// If `runtime` is not a path.
    pub(crate) fn new(runtime: &str) -> Result<Self, Error> {
        let bad = || {
            Error::option(
                "runtime_path",
                runtime,
                "a path such as `::hikyaku` or `crate`",
            )
        };
        let path: syn::Path = syn::parse_str(runtime).map_err(|_| bad())?;
        if path
            .segments
            .iter()
            .any(|segment| !segment.arguments.is_none())
        {
            return Err(bad());
        }
        let tokens = TokenStream::from_str(runtime).map_err(|_| bad())?;
        Ok(Self {
            runtime: runtime.to_owned(),
            tokens,
        })
    }

    /// All paths in `tokens`, at every depth.
    pub(crate) fn rewrite(&self, tokens: TokenStream) -> TokenStream {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut out = TokenStream::new();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            if let Some(name) = absolute_path(&tokens, index) {
                out.extend(self.tokens.clone());
                // `::hikyaku` is the runtime itself, the others are below it.
                if name != "hikyaku" {
                    out.extend(tokens.iter().skip(index).take(3).cloned());
                }
                index += 3;
                continue;
            }
            match token {
                TokenTree::Group(group) => {
                    let inner = if is_attribute(&tokens, index) {
                        self.attribute(group.stream())
                    } else {
                        self.rewrite(group.stream())
                    };
                    out.extend([grouped(group.delimiter(), inner)]);
                    if is_attribute(&tokens, index) && derives_serde(group) {
                        out.extend(self.serde_crate());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    out.extend([token.clone()]);
                }
            }
            index += 1;
        }
        out
    }

    /// Paths in an attribute hide in string literals too.
    fn attribute(&self, tokens: TokenStream) -> TokenStream {
        let tokens = self.rewrite(tokens).into_iter().map(|token| match token {
            TokenTree::Literal(literal) => TokenTree::Literal(self.literal(&literal)),
            TokenTree::Group(group) => grouped(group.delimiter(), self.attribute(group.stream())),
            TokenTree::Ident(_) | TokenTree::Punct(_) => token,
        });
        tokens.collect()
    }

    fn literal(&self, literal: &Literal) -> Literal {
        let mut text = literal.to_string();
        for name in REEXPORTED {
            let found = format!("::{name}::");
            if text.contains(&found) && !text.contains(&format!("{}{found}", self.runtime)) {
                text = text.replace(&found, &format!("{}{found}", self.runtime));
            }
        }
        Literal::from_str(&text).unwrap_or_else(|_| literal.clone())
    }

    /// Tells serde's derive where serde is, for a crate that does not depend on it.
    fn serde_crate(&self) -> TokenStream {
        let attribute = format!("#[serde(crate = \"{}::serde\")]", self.runtime);
        TokenStream::from_str(&attribute).unwrap_or_default()
    }
}

/// The first segment of the absolute path that starts at `index`, if it is one of ours.
fn absolute_path(tokens: &[TokenTree], index: usize) -> Option<String> {
    let is_colon = |index: usize| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    if !is_colon(index) || !is_colon(index + 1) || continues_a_path(tokens, index) {
        return None;
    }
    let Some(TokenTree::Ident(ident)) = tokens.get(index + 2) else {
        return None;
    };
    let name = ident.to_string();
    (name == "hikyaku" || REEXPORTED.contains(&name.as_str())).then_some(name)
}

/// Whether the `::` at `index` follows a segment (`Foo::buffa`) instead of starting a path.
fn continues_a_path(tokens: &[TokenTree], index: usize) -> bool {
    let before = |count: usize| index.checked_sub(count).and_then(|at| tokens.get(at));
    match before(1) {
        // A lifetime, as in `&'a ::buffa::Message`.
        Some(TokenTree::Ident(_)) if matches!(before(2), Some(TokenTree::Punct(mark)) if mark.as_char() == '\'') => {
            false
        }
        Some(TokenTree::Ident(ident)) => {
            let ident = ident.to_string();
            let segment = matches!(ident.as_str(), "self" | "Self" | "super" | "crate");
            segment || !is_rust_keyword(&ident)
        }
        Some(TokenTree::Punct(_) | TokenTree::Group(_) | TokenTree::Literal(_)) | None => false,
    }
}

/// Whether the group at `index` is the `[…]` of `#[…]` or `#![…]`.
fn is_attribute(tokens: &[TokenTree], index: usize) -> bool {
    let is = |back: usize, mark: char| {
        let token = index
            .checked_sub(back)
            .and_then(|before| tokens.get(before));
        matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
    };
    let brackets = matches!(
        tokens.get(index),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket
    );
    brackets && (is(1, '#') || (is(1, '!') && is(2, '#')))
}

/// `derive(…)` that names a macro of serde.
fn derives_serde(attribute: &Group) -> bool {
    let mut tokens = attribute.stream().into_iter();
    let derive = matches!(tokens.next(), Some(TokenTree::Ident(ident)) if ident == "derive");
    let Some(TokenTree::Group(macros)) = tokens.next() else {
        return false;
    };
    derive
        && macros
            .stream()
            .into_iter()
            .any(|token| matches!(token, TokenTree::Ident(ident) if ident == "serde"))
}

fn grouped(delimiter: Delimiter, tokens: TokenStream) -> TokenTree {
    TokenTree::Group(Group::new(delimiter, tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_go_through_the_runtime() {
        let table = [
            ("::buffa::Message", "::hikyaku::buffa::Message"),
            (
                "fn f() -> ::buffa_types::Any",
                "fn f() -> ::hikyaku::buffa_types::Any",
            ),
            (
                "impl ::buffa::Message for X",
                "impl ::hikyaku::buffa::Message for X",
            ),
            ("m!(::buffa::X)", "m!(::hikyaku::buffa::X)"),
            ("&'a ::buffa::X", "&'a ::hikyaku::buffa::X"),
            ("a::buffa::X", "a::buffa::X"),
            ("super::buffa::X", "super::buffa::X"),
            ("x: ::buffa::X", "x: ::hikyaku::buffa::X"),
            ("Vec<::buffa::X>", "Vec<::hikyaku::buffa::X>"),
            ("::hikyaku::Status", "::hikyaku::Status"),
            ("::core::fmt", "::core::fmt"),
            ("let x = \"::buffa::X\";", "let x = \"::buffa::X\";"),
            (
                "#[doc = \"[`::buffa::X`]\"] x",
                "#[doc = \"[`::hikyaku::buffa::X`]\"] x",
            ),
            (
                "#[derive(::serde::Serialize)] struct X",
                "#[derive(::hikyaku::serde::Serialize)] #[serde(crate = \"::hikyaku::serde\")] struct X",
            ),
            (
                "#[serde(with = \"::buffa::json\")] x",
                "#[serde(with = \"::hikyaku::buffa::json\")] x",
            ),
        ];
        let rewriter = Rewriter::new(DEFAULT_RUNTIME).unwrap();
        for (source, want) in table {
            let have = rewriter.rewrite(source.parse().unwrap()).to_string();
            assert_eq!(
                have,
                want.parse::<TokenStream>().unwrap().to_string(),
                "{source}"
            );
        }
    }

    #[test]
    fn inside_the_crate_itself_paths_start_with_crate() {
        let rewriter = Rewriter::new("crate").unwrap();
        let source = "::hikyaku::Status, ::buffa::Message".parse().unwrap();
        let want: TokenStream = "crate::Status, crate::buffa::Message".parse().unwrap();
        assert_eq!(rewriter.rewrite(source).to_string(), want.to_string());
    }

    #[test]
    fn a_runtime_that_is_no_path_is_refused() {
        for runtime in ["", "1", "a b", "Vec<u8>"] {
            assert!(Rewriter::new(runtime).is_err(), "{runtime:?}");
        }
    }
}
