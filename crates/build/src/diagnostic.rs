//! Renders what is wrong with a .proto: file, line and column first, then the line itself.
//!
//! ```text
//! proto/user.proto:4:3: name 'Usr' is not defined
//!   |
//! 4 |   Usr user = 1;
//!   |   ^^^ found here
//! ```

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, SourceCode};

use crate::error::Error;

/// Turns a failure of protox into our error. `file` is what was being compiled.
pub(crate) fn explain(error: &protox::Error, file: &Path, includes: &[PathBuf]) -> Error {
    let on_disk = |name: &str| on_disk(name, includes);
    let failed = error.file().map_or_else(|| file.to_owned(), on_disk);
    if error.is_parse()
        && let Some(text) = fs::read_to_string(&failed).ok()
        && let Some(edition) = edition(&text)
    {
        return Error::proto(edition.render(&failed));
    }
    if error.is_file_not_found() && error.labels().is_none() && !file.is_file() {
        return Error::proto(format!(
            "{}: file not found{}",
            file.display(),
            searched(includes)
        ));
    }
    let mut text = render(error, error.source_code(), &failed);
    if let Some(related) = error.related() {
        for other in related {
            text.push_str("\n\n");
            text.push_str(&render(other, error.source_code(), &failed));
        }
    }
    if error.is_file_not_found() {
        text.push_str(&searched(includes));
    } else if error.is_io() {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let _ = write!(text, ": {}", cause.unwrap_or_default());
    }
    Error::proto(text)
}

/// The path to show and to read: the first include folder that has the file.
fn on_disk(name: &str, includes: &[PathBuf]) -> PathBuf {
    let paths = includes
        .iter()
        .map(|include| match include.strip_prefix(".") {
            Ok(rest) => rest.join(name),
            Err(_) => include.join(name),
        });
    paths
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

fn searched(includes: &[PathBuf]) -> String {
    let mut text = String::from("\n  searched in:");
    for include in includes {
        let _ = write!(text, "\n    {}", include.display());
    }
    text.push_str("\n  help: Config::include(folder) adds a folder to search in");
    text
}

/// One diagnostic, or its message alone if it points nowhere.
fn render(error: &dyn Diagnostic, source: Option<&dyn SourceCode>, file: &Path) -> String {
    let mut labels: Vec<LabeledSpan> = error.labels().into_iter().flatten().collect();
    labels.sort_by_key(LabeledSpan::offset);
    let mut text = String::new();
    for (index, label) in labels.iter().enumerate() {
        let Some(spot) = source.and_then(|source| Spot::of(label, source)) else {
            continue;
        };
        if index == 0 {
            text.push_str(&spot.head(file, error));
        }
        text.push_str(&spot.render(label.label().unwrap_or_default()));
    }
    if text.is_empty() {
        text = match Spot::unlabelled(&error.to_string(), file) {
            Some(spot) => spot.head(file, error) + &spot.render(""),
            None => format!("{}: {error}", file.display()),
        };
    }
    if let Some(help) = error.help() {
        let _ = write!(text, "\n  help: {help}");
    }
    text
}

/// A stretch of one line of a file.
struct Spot {
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    /// In characters.
    len: usize,
    /// The whole line.
    text: String,
}

impl Spot {
    fn of(label: &LabeledSpan, source: &dyn SourceCode) -> Option<Self> {
        // With a line of context, the contents begin where a line begins.
        let contents = source.read_span(label.inner(), 1, 1).ok()?;
        let start = label.offset().checked_sub(contents.span().offset())?;
        let spot = Self::at(contents.data(), start, label.len())?;
        Some(Self {
            line: contents.line() + spot.line,
            ..spot
        })
    }

    /// The stretch of `len` bytes at `start`, as far as it is on one line.
    fn at(text: &[u8], start: usize, len: usize) -> Option<Self> {
        let before = text.get(..start)?;
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line_len = text.get(start..)?.iter().position(|byte| *byte == b'\n');
        let line_end = line_len.map_or(text.len(), |len| start + len);
        let marked_end = line_end.min(start + len);
        let chars = |range: &[u8]| {
            String::from_utf8_lossy(range)
                .trim_end_matches('\r')
                .to_owned()
        };
        Some(Self {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: chars(text.get(line_start..start)?).chars().count() + 1,
            len: chars(text.get(start..marked_end)?).chars().count().max(1),
            text: chars(text.get(line_start..line_end)?)
                .trim_end()
                .replace('\t', " "),
        })
    }

    /// Where a diagnostic without a position belongs: the first bad byte, or the end.
    fn unlabelled(message: &str, file: &Path) -> Option<Self> {
        let text = fs::read(file).ok()?;
        match std::str::from_utf8(&text) {
            Err(error) => Self::at(&text, error.valid_up_to(), 1),
            Ok(_) if message.ends_with("end of file") => {
                Self::at(&text, text.trim_ascii_end().len(), 1)
            }
            Ok(_) => None,
        }
    }

    /// `file:line:column: what`, which editors and terminals can jump to.
    fn head(&self, file: &Path, what: &dyn fmt::Display) -> String {
        format!("{}:{}:{}: {what}", file.display(), self.line, self.column)
    }

    /// The line with a mark below what is meant.
    fn render(&self, note: &str) -> String {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let indent = " ".repeat(self.column - 1);
        let marks = "^".repeat(self.len);
        let below = format!("{indent}{marks} {note}");
        let (text, below) = (&self.text, below.trim_end());
        format!("\n{gutter} |\n{number} | {text}\n{gutter} | {below}")
    }
}

/// `edition = "2023";` where a syntax was expected.
struct Edition {
    spot: Spot,
    value: String,
}

impl Edition {
    fn render(&self, file: &Path) -> String {
        let what = format!(
            "expected `syntax = \"proto2\"` or `syntax = \"proto3\"`, but found edition {}",
            self.value
        );
        format!(
            "{head}{mark}\n  help: editions are read from a descriptor set that protoc or buf \
             made:\n    protoc --include_imports --include_source_info \
             --descriptor_set_out=set.bin {file}\n    buf build --as-file-descriptor-set -o \
             set.bin\n  then: hikyaku_build::Config::new().descriptor_set(\"set.bin\").compile()",
            head = self.spot.head(file, &what),
            mark = self.spot.render("editions are not compiled from source"),
            file = file.display(),
        )
    }
}

/// Finds an edition declaration: the first statement of a file, after comments.
fn edition(text: &str) -> Option<Edition> {
    let mut rest = text;
    let statement = loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n')?.1;
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
        } else {
            break rest;
        }
    };
    let value = statement
        .strip_prefix("edition")?
        .trim_start()
        .strip_prefix('=')?;
    let value = value
        .trim_start()
        .split([';', '\n'])
        .next()?
        .trim()
        .to_owned();
    let spot = Spot::at(
        text.as_bytes(),
        text.len() - statement.len(),
        "edition".len(),
    )?;
    Some(Edition { spot, value })
}
