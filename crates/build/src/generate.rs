//! From descriptors to one Rust file: messages by buffa-codegen, services by us, one module tree.

use std::collections::{BTreeMap, BTreeSet};

use buffa_codegen::generated::descriptor::FileDescriptorProto;
use buffa_codegen::{BytesRepr, CodeGenConfig, CodeGenWarning, GeneratedFile};

use crate::config::Options;
use crate::error::Error;
use crate::names;
use crate::paths::Rewriter;
use crate::reference::References;
use crate::service;
use crate::tree::{self, Module};

/// Descriptors, imports included and before what imports them, and which of them become code.
pub(crate) struct Input {
    pub(crate) files: Vec<FileDescriptorProto>,
    pub(crate) wanted: Vec<String>,
}

impl Input {
    /// Everything in `files` becomes code, except what Rust code exists for already.
    pub(crate) fn all(files: Vec<FileDescriptorProto>, options: &Options) -> Self {
        let wanted = files
            .iter()
            .filter(|file| !has_code(file, options))
            .filter_map(|file| file.name.clone())
            .collect();
        Self { files, wanted }
    }

    /// The files that become code, by package.
    pub(crate) fn packages(&self) -> BTreeMap<&str, Vec<&FileDescriptorProto>> {
        let wanted: BTreeSet<&str> = self.wanted.iter().map(String::as_str).collect();
        let mut packages: BTreeMap<&str, Vec<&FileDescriptorProto>> = BTreeMap::new();
        for file in &self.files {
            if wanted.contains(file.name.as_deref().unwrap_or_default()) {
                let package = file.package.as_deref().unwrap_or_default();
                packages.entry(package).or_default().push(file);
            }
        }
        packages
    }

    /// The encoded `FileDescriptorSet` to embed: without comments and positions, which are most
    /// of the bytes and of no use at run time.
    pub(crate) fn descriptor_set(&self) -> Vec<u8> {
        buffa_codegen::encode_descriptor_set(&self.files, &[])
    }
}

/// Whether the types of `file` come with buffa, or from where the user said.
fn has_code(file: &FileDescriptorProto, options: &Options) -> bool {
    let name = file.name.as_deref().unwrap_or_default();
    let package = file.package.as_deref().unwrap_or_default();
    let mapped = options.extern_paths.iter().any(|(proto, _)| {
        let proto = proto.trim_start_matches('.');
        let rest = package.strip_prefix(proto);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    name.starts_with("google/protobuf/") || mapped
}

/// Generates the file. `set` is the Rust expression that the descriptor set is embedded with.
///
/// # Errors
/// If names clash, a type is missing or the descriptors are not what a compiler produces.
pub(crate) fn generate(input: &Input, options: &Options, set: &str) -> Result<String, Error> {
    let rewriter = Rewriter::new(&options.runtime_path)?;
    let config = codegen_config(options);
    let mut tree = Module::default();
    for file in messages(input, &config)? {
        tree.add(
            &file.package,
            rewriter.rewrite(tree::tokens(&file.content)?),
        );
    }
    service::check_view_requests(input, &options.view_requests)?;
    let references = References::new(input, &config);
    for (package, files) in input.packages() {
        let services = service::generate(&files, &references, options)?;
        tree.add(package, rewriter.rewrite(tree::tokens(&services)?));
    }
    tree.into_file(&wrapper_name(&options.include_file), set)
}

/// A name for the module around everything: two includes in one place must not meet.
fn wrapper_name(include_file: &str) -> String {
    let letters = include_file.chars();
    let name: String = letters
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    format!("__{name}")
}

fn codegen_config(options: &Options) -> CodeGenConfig {
    let mut config = CodeGenConfig::default();
    config.generate_views = options.wants_views();
    config.generate_json = options.json;
    config.generate_text = options.text;
    config.file_per_package = true;
    // `userName` of a .proto is `user_name` in Rust; wire, JSON and text keep the .proto's name.
    config.idiomatic_field_names = true;
    config.extern_paths = options.extern_paths.clone();
    let bytes = options.bytes.iter();
    config.bytes_fields = bytes.map(|path| (path.clone(), BytesRepr::Bytes)).collect();
    config
}

/// One file for each package: messages, enums and extensions.
fn messages(input: &Input, config: &CodeGenConfig) -> Result<Vec<GeneratedFile>, Error> {
    for file in input.packages().into_values().flatten() {
        names::check_types(file)?;
    }
    let (files, warnings) =
        buffa_codegen::generate_with_diagnostics(&input.files, &input.wanted, config)
            .map_err(|error| Error::generate(error.to_string()))?;
    for warning in warnings {
        if let CodeGenWarning::ExcludedPackageFieldRef {
            file_name,
            message_name,
            field_name,
            type_fqn,
            ..
        } = warning
        {
            let dot = if message_name.is_empty() { "" } else { "." };
            let user = format!("{message_name}{dot}{field_name}");
            return Err(Error::missing_type(&file_name, &user, &type_fqn));
        }
    }
    Ok(files)
}
