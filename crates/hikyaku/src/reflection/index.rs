//! Which file declares what, over the descriptor sets of all services.

use std::collections::{BTreeSet, HashMap, HashSet};

use buffa::Message;
use buffa_descriptor::generated::descriptor::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};

/// The files of a server's services, each once, and what they declare.
#[derive(Debug, Default)]
pub(crate) struct Index {
    services: BTreeSet<String>,
    files: Vec<File>,
    by_name: HashMap<String, usize>,
    by_symbol: HashMap<String, usize>,
    /// From the extended message and the number of the extension.
    by_extension: HashMap<(String, i32), usize>,
}

#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    imports: Vec<String>,
}

impl Index {
    /// Reads the descriptor sets of these services. A set that cannot be read is left out; its
    /// service is listed all the same.
    pub(crate) fn new<'a>(services: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut index = Self::default();
        for (name, set) in services {
            index.services.insert(name.to_owned());
            match FileDescriptorSet::decode_from_slice(set) {
                Ok(set) => set.file.iter().for_each(|file| index.add_file(file)),
                Err(error) => {
                    tracing::warn!(service = name, %error, "cannot read a descriptor set");
                }
            }
        }
        index
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(String::as_str)
    }

    pub(crate) fn file_by_name(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The file that declares a service, method, message, field, enum, value or extension.
    pub(crate) fn file_by_symbol(&self, symbol: &str) -> Option<usize> {
        self.by_symbol.get(symbol.trim_start_matches('.')).copied()
    }

    pub(crate) fn file_by_extension(&self, extended: &str, number: i32) -> Option<usize> {
        self.by_extension
            .get(&(extended.trim_start_matches('.').to_owned(), number))
            .copied()
    }

    /// The numbers of all extensions of a message type; `None` if there is no such type.
    pub(crate) fn extension_numbers(&self, extended: &str) -> Option<Vec<i32>> {
        let extended = extended.trim_start_matches('.');
        self.by_symbol.get(extended)?;
        let mut numbers: Vec<_> = self
            .by_extension
            .keys()
            .filter(|(name, _)| name == extended)
            .map(|(_, number)| *number)
            .collect();
        numbers.sort_unstable();
        Some(numbers)
    }

    /// A file and all it imports, as far as `sent` does not name them yet; puts them in.
    pub(crate) fn with_imports(&self, file: usize, sent: &mut HashSet<usize>) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let mut todo = vec![file];
        let mut seen = HashSet::from([file]);
        while let Some(number) = todo.pop() {
            let Some(file) = self.files.get(number) else {
                continue;
            };
            // The file asked for is always in the answer: what else was sent, the client may have
            // thrown away.
            if sent.insert(number) || found.is_empty() {
                found.push(file.bytes.clone());
            }
            let imports = file
                .imports
                .iter()
                .filter_map(|import| self.file_by_name(import));
            todo.extend(imports.filter(|import| seen.insert(*import)));
        }
        found
    }

    fn add_file(&mut self, file: &FileDescriptorProto) {
        let name = file.name.clone().unwrap_or_default();
        if self.by_name.contains_key(&name) {
            return;
        }
        let number = self.files.len();
        self.by_name.insert(name, number);
        self.files.push(File {
            bytes: file.encode_to_vec(),
            imports: file.dependency.clone(),
        });
        let package = file.package.as_deref().unwrap_or_default();
        let mut symbols = Symbols {
            index: self,
            file: number,
        };
        file.message_type
            .iter()
            .for_each(|message| symbols.add_message(package, message));
        file.enum_type
            .iter()
            .for_each(|one| symbols.add_enum(package, one));
        file.service
            .iter()
            .for_each(|service| symbols.add_service(package, service));
        file.extension
            .iter()
            .for_each(|extension| symbols.add_extension(package, extension));
    }
}

/// Enters the names a file declares.
struct Symbols<'a> {
    index: &'a mut Index,
    file: usize,
}

impl Symbols<'_> {
    fn add(&mut self, scope: &str, name: Option<&String>) -> String {
        let name = name.map(String::as_str).unwrap_or_default();
        let full = if scope.is_empty() {
            name.to_owned()
        } else {
            format!("{scope}.{name}")
        };
        self.index
            .by_symbol
            .entry(full.clone())
            .or_insert(self.file);
        full
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let full = self.add(scope, message.name.as_ref());
        for field in &message.field {
            self.add(&full, field.name.as_ref());
        }
        for oneof in &message.oneof_decl {
            self.add(&full, oneof.name.as_ref());
        }
        message
            .nested_type
            .iter()
            .for_each(|nested| self.add_message(&full, nested));
        message
            .enum_type
            .iter()
            .for_each(|one| self.add_enum(&full, one));
        message
            .extension
            .iter()
            .for_each(|extension| self.add_extension(&full, extension));
    }

    fn add_enum(&mut self, scope: &str, one: &EnumDescriptorProto) {
        self.add(scope, one.name.as_ref());
        for value in &one.value {
            // As in C++, values are siblings of their enum, not children.
            self.add(scope, value.name.as_ref());
        }
    }

    fn add_service(&mut self, scope: &str, service: &ServiceDescriptorProto) {
        let full = self.add(scope, service.name.as_ref());
        for method in &service.method {
            self.add(&full, method.name.as_ref());
        }
    }

    fn add_extension(&mut self, scope: &str, extension: &FieldDescriptorProto) {
        self.add(scope, extension.name.as_ref());
        let extended = extension.extendee.as_deref().unwrap_or_default();
        let key = (
            extended.trim_start_matches('.').to_owned(),
            extension.number.unwrap_or(0),
        );
        self.index.by_extension.entry(key).or_insert(self.file);
    }
}
