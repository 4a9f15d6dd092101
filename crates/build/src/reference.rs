//! Rust paths of the messages that methods name: through packages, imports and well-known types.

use std::collections::BTreeSet;

use buffa_codegen::CodeGenConfig;
use buffa_codegen::context::CodeGenContext;
use buffa_codegen::generated::descriptor::DescriptorProto;
use buffa_codegen::idents::rust_path_to_tokens;

use crate::generate::Input;

/// Resolves message names exactly as buffa-codegen does for fields.
pub(crate) struct References<'a> {
    context: CodeGenContext<'a>,
    /// Full names, with the leading dot, of the messages that this compilation generates.
    generated: BTreeSet<String>,
}

impl<'a> References<'a> {
    pub(crate) fn new(input: &'a Input, config: &'a CodeGenConfig) -> Self {
        let mut generated = BTreeSet::new();
        for (package, files) in input.packages() {
            let scope = if package.is_empty() {
                String::new()
            } else {
                format!(".{package}")
            };
            for file in files {
                collect(&scope, &file.message_type, &mut generated);
            }
        }
        let context = CodeGenContext::for_generate(&input.files, &input.wanted, config);
        Self { context, generated }
    }

    /// The path of `message` (a full name with a leading dot), seen from the module of `package`.
    ///
    /// `None` if there will be no code for it.
    pub(crate) fn path(&self, message: &str, package: &str) -> Option<String> {
        let path = self.context.rust_type_relative(message, package, 0)?;
        let elsewhere = path.starts_with("::") || path.starts_with("crate::");
        (elsewhere || self.generated.contains(message))
            .then(|| rust_path_to_tokens(&path).to_string())
    }
}

fn collect(scope: &str, messages: &[DescriptorProto], generated: &mut BTreeSet<String>) {
    for message in messages {
        let name = format!("{scope}.{}", message.name.as_deref().unwrap_or_default());
        collect(&name, &message.nested_type, generated);
        generated.insert(name);
    }
}
