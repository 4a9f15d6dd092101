//! The record: a file of names and figures, in as little of TOML as it needs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

/// What figures were made with: versions, by the name of what they are of.
pub(crate) type MadeWith = BTreeMap<String, String>;

/// What has been recorded.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) made_with: MadeWith,
    /// Instructions of a unit, by the scenario's name.
    pub(crate) figures: BTreeMap<String, f64>,
}

const HEADER: &str = "\
# Instructions per call, or per message of a streaming call: see README.md. Written by
#   cargo run --profile instructions -p hikyaku-instructions -- --update
";

impl Record {
    /// Reads the record, if there is one.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Self::parse(&text).map(Some)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut record = Self::default();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let (name, value) = line.split_once(" = ").ok_or(format!("no figure: {line}"))?;
            let name = name.to_owned();
            match value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
            {
                Some(text) => drop(record.made_with.insert(name, text.to_owned())),
                None => {
                    let figure = value.parse().map_err(|_| format!("no number: {line}"))?;
                    record.figures.insert(name, figure);
                }
            }
        }
        Ok(record)
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.to_text())
    }

    fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n[made-with]\n");
        for (name, version) in &self.made_with {
            let _ = writeln!(text, "{name} = \"{version}\"");
        }
        text.push_str("\n[instructions]\n");
        for (name, figure) in &self.figures {
            let _ = writeln!(text, "{name} = {figure:.1}");
        }
        text
    }

    /// What the record was made with and is not now.
    pub(crate) fn differences(&self, now: &MadeWith) -> Vec<String> {
        let changed = now.iter().filter_map(|(name, now)| {
            let before = self.made_with.get(name).map_or("", String::as_str);
            let differs = before != now.as_str();
            differs.then(|| format!("the record was made with {name} {before:?}, this is {now:?}"))
        });
        changed.collect()
    }

    /// Whether its figures can be compared with those of now at all.
    pub(crate) fn is_for(&self, now: &MadeWith) -> bool {
        self.made_with.get("target") == now.get("target")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let made_with = [("compiler", "rustc 1.95.0"), ("target", "x86_64")];
        let figures = [("server-unary-1", 5214.0), ("server-down", 401.5)];
        Record {
            made_with: made_with.map(|(name, of)| (name.into(), of.into())).into(),
            figures: figures.map(|(name, figure)| (name.into(), figure)).into(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Record::parse(&record().to_text()), Ok(record()));
    }

    #[test]
    fn what_is_no_figure_is_named() {
        for (text, want) in [
            ("server-unary-1", "no figure: server-unary-1"),
            ("a = 12x", "no number: a = 12x"),
        ] {
            assert_eq!(Record::parse(text), Err(want.to_owned()));
        }
    }

    #[test]
    fn another_compiler_is_told_and_another_target_is_not_compared() {
        let mut now = record().made_with;
        assert_eq!(record().differences(&now), [""; 0]);
        now.insert("compiler".into(), "rustc 1.96.0".into());
        let told = "the record was made with compiler \"rustc 1.95.0\", this is \"rustc 1.96.0\"";
        assert_eq!(record().differences(&now), [told]);
        assert!(record().is_for(&now));
        now.insert("target".into(), "aarch64".into());
        assert!(!record().is_for(&now));
    }
}
