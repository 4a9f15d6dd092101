//! Copies the table and the chart of a run into the documentation.

use std::fs;

use crate::Result;
use crate::peers::manifest_folder;

/// What stands before and after the table.
const BEGIN: &str = "<!-- begin: written by `cargo run --release -- --record` -->";
const END: &str = "<!-- end -->";

/// Replaces the table in `docs/performance.md`, the figures of every scenario in
/// `docs/performance-figures.md`, and `docs/performance.svg`.
///
/// # Errors
/// The page has no place for the table, or a file cannot be written.
pub fn record(table: &str, figures: &str, chart: &str) -> Result<()> {
    let docs = manifest_folder().join("../docs");
    let page = docs.join("performance.md");
    let text = fs::read_to_string(&page)?;
    let text = replaced(&text, table).ok_or_else(|| {
        format!(
            "{}: no place for the table between {BEGIN} and {END}",
            page.display()
        )
    })?;
    fs::write(&page, text)?;
    fs::write(docs.join("performance-figures.md"), figures)?;
    fs::write(docs.join("performance.svg"), chart)?;
    eprintln!("recorded: docs/performance.md, docs/performance-figures.md, docs/performance.svg");
    Ok(())
}

/// The page with another table in it.
fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    // The page has the levels of headings above these for itself.
    let table = table.trim().replace("\n#", "\n##");
    Some(format!("{before}{BEGIN}\n\n{table}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn the_table_takes_the_place_of_the_last_one() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let want = format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n");
        assert_eq!(replaced(&page, "new\n"), Some(want));
        assert_eq!(replaced("no place", "new"), None);
    }
}
