//! Comments of a .proto as doc comments that rustdoc neither compiles nor misreads.

use std::collections::BTreeMap;

use buffa_codegen::generated::descriptor::FileDescriptorProto;

/// The comments of one file by the path of what they stand at (`descriptor.proto`, `Location`).
pub(crate) struct Comments<'a> {
    by_path: BTreeMap<&'a [i32], (&'a str, &'a str)>,
}

impl<'a> Comments<'a> {
    /// Empty for a descriptor set that was made without source info.
    pub(crate) fn of_file(file: &'a FileDescriptorProto) -> Self {
        let locations = file
            .source_code_info
            .as_option()
            .map(|info| info.location.as_slice());
        let by_path = locations
            .unwrap_or_default()
            .iter()
            .map(|location| {
                let leading = location.leading_comments.as_deref().unwrap_or_default();
                let trailing = location.trailing_comments.as_deref().unwrap_or_default();
                (location.path.as_slice(), (leading, trailing))
            })
            .filter(|(_, comments)| *comments != ("", ""))
            .collect();
        Self { by_path }
    }

    /// Comment of the service with this index in its file.
    pub(crate) fn service(&self, index: usize) -> Option<String> {
        self.at(&[FILE_SERVICE, position(index)?])
    }

    /// Comment of a method, by the positions of its service and of itself.
    pub(crate) fn method(&self, service: usize, index: usize) -> Option<String> {
        self.at(&[
            FILE_SERVICE,
            position(service)?,
            SERVICE_METHOD,
            position(index)?,
        ])
    }

    fn at(&self, path: &[i32]) -> Option<String> {
        let (leading, trailing) = self.by_path.get(path)?;
        let gap = if leading.is_empty() || trailing.is_empty() {
            ""
        } else {
            "\n"
        };
        Some(format!("{leading}{gap}{trailing}"))
    }
}

/// `FileDescriptorProto.service`.
const FILE_SERVICE: i32 = 6;
/// `ServiceDescriptorProto.method`.
const SERVICE_METHOD: i32 = 2;

fn position(index: usize) -> Option<i32> {
    i32::try_from(index).ok()
}

/// `#[doc = "…"]` attributes for `comment`, one for each line.
pub(crate) fn doc_attributes(comment: &str) -> String {
    doc_lines(comment)
        .iter()
        .map(|line| match line.as_str() {
            "" => String::from("#[doc = \"\"]\n"),
            line => format!("#[doc = {:?}]\n", format!(" {line}")),
        })
        .collect()
}

/// The comment as Markdown lines with one meaning: prose stays prose, code stays untested code.
fn doc_lines(comment: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // The run of backticks or tildes that closes the block we are in.
    let mut fence: Option<String> = None;
    let mut indented = false;
    // The space after `//`, if the author puts one.
    let margin = comment
        .lines()
        .all(|line| line.is_empty() || line.starts_with(' '));
    for line in comment.lines() {
        let line = line
            .get(usize::from(margin)..)
            .unwrap_or_default()
            .trim_end();
        if let Some(close) = &fence {
            let closes = line.trim() == close;
            lines.push(line.to_owned());
            if closes {
                fence = None;
            }
            continue;
        }
        let is_code = line.starts_with("    ") || line.starts_with('\t');
        if indented && !is_code && !line.is_empty() {
            close_block(&mut lines, "```");
            indented = false;
        }
        if let Some((open, language)) = opening_fence(line) {
            lines.push(format!("{open}{language}"));
            fence = Some(open);
        } else if is_code && (indented || lines.last().is_none_or(String::is_empty)) {
            if !indented {
                lines.push("```text".to_owned());
                indented = true;
            }
            lines.push(
                line.strip_prefix("    ")
                    .unwrap_or(line.trim_start())
                    .to_owned(),
            );
        } else if indented {
            lines.push(String::new());
        } else {
            lines.push(prose(line));
        }
    }
    if let Some(close) = fence {
        close_block(&mut lines, &close);
    } else if indented {
        close_block(&mut lines, "```");
    }
    let first = lines
        .iter()
        .position(|line| !line.is_empty())
        .unwrap_or(lines.len());
    lines.drain(..first);
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Ends a code block before the empty lines that only separate it from what follows.
fn close_block(lines: &mut Vec<String>, close: &str) {
    let code = lines
        .iter()
        .rposition(|line| !line.is_empty())
        .map_or(0, |last| last + 1);
    lines.insert(code, close.to_owned());
}

/// A line that opens a fenced block: the run that will close it, and a language rustdoc will not run.
fn opening_fence(line: &str) -> Option<(String, &'static str)> {
    let line = line.trim_start();
    let mark = line
        .chars()
        .next()
        .filter(|first| matches!(first, '`' | '~'))?;
    let run: String = line.chars().take_while(|letter| *letter == mark).collect();
    let info = line.get(run.len()..)?.trim();
    if run.len() < 3 || info.contains('`') {
        return None;
    }
    let language = UNTESTED
        .into_iter()
        .find(|language| *language == info)
        .unwrap_or("text");
    Some((run, language))
}

/// Languages that keep their name: rustdoc highlights or ignores them, and compiles none.
const UNTESTED: [&str; 12] = [
    "proto", "protobuf", "json", "yaml", "toml", "sh", "bash", "console", "python", "go", "sql",
    "xml",
];

/// One line of prose in which nothing turns into a link, a tag or an unfinished code span.
fn prose(line: &str) -> String {
    let line = line.trim_start();
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        let starts_word = out.is_empty() || out.ends_with([' ', '"', '\'']);
        let taken = match letter {
            '`' => code_span(rest),
            '[' => link(rest),
            '<' => autolink(rest),
            'h' if starts_word => url(rest),
            _ => None,
        };
        match taken {
            Some(taken) if letter == 'h' => {
                out.push_str(&format!("<{taken}>"));
                rest = rest.get(taken.len()..).unwrap_or_default();
            }
            Some(taken) => {
                out.push_str(taken);
                rest = rest.get(taken.len()..).unwrap_or_default();
            }
            None => {
                if matches!(letter, '`' | '[' | ']' | '<') {
                    out.push('\\');
                }
                out.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

/// `` `code` `` whose closing run is on the same line.
fn code_span(text: &str) -> Option<&str> {
    let run = text.len() - text.trim_start_matches('`').len();
    let ticks = text.get(..run)?;
    let close = text.get(run..)?.find(ticks)?;
    text.get(..run + close + run)
}

/// `[words](address)`.
fn link(text: &str) -> Option<&str> {
    let words = text.find("](")?;
    if text.get(1..words)?.contains(['[', ']', '`']) {
        return None;
    }
    let address = text.get(words..)?.find(')')?;
    text.get(..words + address + 1)
}

/// `<https://…>`.
fn autolink(text: &str) -> Option<&str> {
    url(text.get(1..)?)?;
    let close = text.find('>')?;
    let taken = text.get(..=close)?;
    (!taken.contains(' ')).then_some(taken)
}

/// `https://…` up to the end of the word, without the punctuation of the sentence.
fn url(text: &str) -> Option<&str> {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return None;
    }
    let end = text
        .find([' ', '\t', '<', '>', '"', '`'])
        .unwrap_or(text.len());
    Some(
        text.get(..end)?
            .trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_has_no_accidental_markup() {
        let table = [
            ("Plain words.", "Plain words."),
            ("a [User] by id", "a \\[User\\] by id"),
            (
                "see [docs](https://x.y/z) for it",
                "see [docs](https://x.y/z) for it",
            ),
            ("a Map<K, V>", "a Map\\<K, V>"),
            ("`Map<K, V>` and [x]", "`Map<K, V>` and \\[x\\]"),
            ("one ` tick", "one \\` tick"),
            ("go to https://x.y/z.", "go to <https://x.y/z>."),
            ("go to <https://x.y/z>.", "go to <https://x.y/z>."),
            ("(users[0])", "(users\\[0\\])"),
        ];
        for (comment, want) in table {
            assert_eq!(doc_lines(comment), [want], "{comment}");
        }
    }

    #[test]
    fn code_is_never_a_doc_test() {
        let table: [(&str, &[&str]); 7] = [
            (
                " Say:\n\n     let x = 1;\n\n Done.",
                &["Say:", "", "```text", "let x = 1;", "```", "", "Done."],
            ),
            ("\n     a\n\n     b\n", &["```text", "a", "", "b", "```"]),
            ("words\n      continued", &["words", "continued"]),
            ("```\nfn x\n```", &["```text", "fn x", "```"]),
            ("```rust\nx\n```\nafter", &["```text", "x", "```", "after"]),
            ("```json\n{\"a\": [1]}", &["```json", "{\"a\": [1]}", "```"]),
            ("~~~\n```\n~~~", &["~~~text", "```", "~~~"]),
        ];
        for (comment, want) in table {
            assert_eq!(doc_lines(comment), want, "{comment:?}");
        }
    }

    #[test]
    fn every_line_is_an_attribute() {
        let attributes = doc_attributes(" Says \"hi\".\n\n Twice.\n");
        assert_eq!(
            attributes,
            "#[doc = \" Says \\\"hi\\\".\"]\n#[doc = \"\"]\n#[doc = \" Twice.\"]\n"
        );
    }
}
