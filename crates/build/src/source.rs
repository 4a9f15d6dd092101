//! Reads descriptors: from .proto files with protox, or from sets that another compiler made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use buffa_codegen::generated::descriptor::{FileDescriptorProto, FileDescriptorSet};

use crate::Result;
use crate::diagnostic;
use crate::error::Error;

/// Where the descriptors come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) includes: Vec<PathBuf>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) descriptor_sets: Vec<PathBuf>,
}

/// What was read.
pub(crate) struct Read {
    /// Every file once, imports before what imports them.
    pub(crate) files: Vec<FileDescriptorProto>,
    /// Files whose change means another compilation.
    pub(crate) watched: Vec<PathBuf>,
}

/// Reads everything that `sources` names.
///
/// # Errors
/// If a .proto is wrong, a file is missing, or two sources disagree about a file.
pub(crate) fn read(sources: &Sources) -> Result<Read> {
    if sources.files.is_empty() && sources.descriptor_sets.is_empty() {
        return Err(Error::option(
            "files",
            "",
            "at least one .proto or descriptor set",
        ));
    }
    let mut read = Read {
        files: Vec::new(),
        watched: Vec::new(),
    };
    for path in &sources.descriptor_sets {
        let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
        merge(
            &mut read.files,
            decode(&path.display().to_string(), &bytes)?,
        )?;
        read.watched.push(path.clone());
    }
    if !sources.files.is_empty() {
        let (files, watched) = compile(sources)?;
        merge(&mut read.files, files)?;
        read.watched.extend(watched);
    }
    check_imports(&read.files)?;
    Ok(read)
}

/// Compiles the .proto files of `sources`; also says which files on disk were read.
fn compile(sources: &Sources) -> Result<(Vec<FileDescriptorProto>, Vec<PathBuf>)> {
    let includes = match sources.includes.as_slice() {
        [] => folders_of(&sources.files),
        includes => includes.to_vec(),
    };
    let explain = |error: &protox::Error, file: &Path| diagnostic::explain(error, file, &includes);
    let first = sources
        .files
        .first()
        .map_or(Path::new(""), PathBuf::as_path);
    let mut compiler = protox::Compiler::new(&includes).map_err(|error| explain(&error, first))?;
    compiler.include_imports(true).include_source_info(true);
    for file in &sources.files {
        compiler
            .open_file(file)
            .map_err(|error| explain(&error, file))?;
    }
    let watched = compiler
        .files()
        .filter_map(|file| file.path().map(Path::to_owned))
        .collect();
    let files = decode("the compiled files", &compiler.encode_file_descriptor_set())?;
    Ok((files, watched))
}

/// The folders of `files`, without those below another: `proto` for `proto/a.proto` and
/// `proto/b/c.proto`, so that the first can import `b/c.proto`.
fn folders_of(files: &[PathBuf]) -> Vec<PathBuf> {
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    let below_another = |folder: &Path| {
        folders
            .iter()
            .any(|other| *other != folder && is_below(folder, other))
    };
    let roots = folders.iter().filter(|folder| !below_another(folder));
    roots
        .map(|folder| match folder.as_os_str().is_empty() {
            // The parent of a bare file name.
            true => PathBuf::from("."),
            false => folder.to_path_buf(),
        })
        .collect()
}

/// Whether a folder lies inside another. `../..` begins with `..`, but does not lie in it.
fn is_below(folder: &Path, other: &Path) -> bool {
    let is_down = |part| matches!(part, Component::Normal(_));
    folder
        .strip_prefix(other)
        .is_ok_and(|rest| rest.components().all(is_down))
}

fn decode(subject: &str, bytes: &[u8]) -> Result<Vec<FileDescriptorProto>> {
    let options = buffa_codegen::tooling_decode_options().map_err(Error::descriptors)?;
    let set: FileDescriptorSet = options.decode_from_slice(bytes).map_err(|error| {
        let limit = options.element_memory_limit();
        let reason = buffa_codegen::decode_failure("FileDescriptorSet", &error, limit);
        Error::descriptors(format!("{subject}: {reason}"))
    })?;
    if set.file.is_empty() {
        return Err(Error::descriptors(format!(
            "{subject}: no files in it; expected a FileDescriptorSet made by protoc \
             (--descriptor_set_out, --include_imports) or buf build"
        )));
    }
    Ok(set.file)
}

/// Adds what is not there yet; two sets may bring the same import, but not two versions of it.
fn merge(files: &mut Vec<FileDescriptorProto>, more: Vec<FileDescriptorProto>) -> Result {
    for file in more {
        match files.iter().find(|present| present.name == file.name) {
            None => files.push(file),
            Some(present) if same_schema(present, &file) => {}
            Some(_) => {
                let name = file.name.as_deref().unwrap_or_default();
                return Err(Error::descriptors(format!(
                    "{name} comes from two sources with different content; compile it once"
                )));
            }
        }
    }
    Ok(())
}

/// Whether two descriptors differ in comments and positions only.
fn same_schema(one: &FileDescriptorProto, other: &FileDescriptorProto) -> bool {
    // Well-known files differ between compilers, and none of them becomes code.
    let known = one
        .name
        .as_deref()
        .is_some_and(|name| name.starts_with("google/protobuf/"));
    let bare = |file: &FileDescriptorProto| {
        let mut file = file.clone();
        file.source_code_info = Default::default();
        file
    };
    known || bare(one) == bare(other)
}

/// A set without its imports is of no use, and the errors that would follow say nothing.
fn check_imports(files: &[FileDescriptorProto]) -> Result {
    let known: BTreeMap<&str, ()> = files
        .iter()
        .filter_map(|file| Some((file.name.as_deref()?, ())))
        .collect();
    for file in files {
        let absent = file
            .dependency
            .iter()
            .find(|import| !known.contains_key(import.as_str()));
        if let Some(import) = absent {
            let name = file.name.as_deref().unwrap_or_default();
            return Err(Error::descriptors(format!(
                "{name} imports {import}, which is not in the descriptor set; \
                 make the set with its imports (protoc --include_imports, buf build)"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_files_are_their_roots() {
        let table: [(&[&str], &[&str]); 5] = [
            (&["../a.proto", "../../x/b.proto"], &["..", "../../x"]),
            (&["a.proto"], &["."]),
            (&["proto/a.proto", "proto/b.proto"], &["proto"]),
            (&["proto/a.proto", "proto/b/c.proto"], &["proto"]),
            (&["x/a.proto", "y/b.proto"], &["x", "y"]),
        ];
        for (files, want) in table {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            let want: Vec<PathBuf> = want.iter().map(PathBuf::from).collect();
            assert_eq!(folders_of(&files), want, "{files:?}");
        }
    }
}
