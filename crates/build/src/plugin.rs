//! `protoc-gen-hikyaku`: a request of protoc or buf in, a response out.

use buffa::Message as _;
use buffa_codegen::generated::compiler::code_generator_response::{Feature, File};
use buffa_codegen::generated::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use buffa_codegen::generated::descriptor::Edition;

use crate::config::{self, Options};
use crate::embed;
use crate::error::Error;
use crate::generate::{self, Input};
use crate::{Config, Result};

/// Answers an encoded `CodeGeneratorRequest` with an encoded `CodeGeneratorResponse`.
///
/// What the .proto or the parameters have wrong is in the response, as the protocol wants it; the
/// compiler prints it.
///
/// # Errors
/// If `request` is not a `CodeGeneratorRequest`.
pub fn run(request: &[u8]) -> Result<Vec<u8>> {
    let request = buffa_codegen::decode_request(request).map_err(Error::descriptors)?;
    let mut response = CodeGeneratorResponse {
        supported_features: Some(FEATURES),
        minimum_edition: Some(Edition::EDITION_PROTO2 as i32),
        maximum_edition: Some(Edition::EDITION_2024 as i32),
        ..Default::default()
    };
    match generate(request) {
        Ok(file) => response.file.push(file),
        Err(error) => response.error = Some(error.to_string()),
    }
    Ok(response.encode_to_vec())
}

/// proto3 `optional` and editions.
const FEATURES: u64 =
    Feature::FEATURE_PROTO3_OPTIONAL as u64 | Feature::FEATURE_SUPPORTS_EDITIONS as u64;

fn generate(request: CodeGeneratorRequest) -> Result<File> {
    let options = options(request.parameter.as_deref().unwrap_or_default())?;
    let name = config::file_stem(&options.include_file)?;
    let input = Input {
        files: request.proto_file,
        wanted: request.file_to_generate,
    };
    let set = embed::literal(&input.descriptor_set());
    let content = generate::generate(&input, &options, &set)?;
    Ok(File {
        name: Some(format!("{name}.rs")),
        content: Some(content),
        ..Default::default()
    })
}

/// Reads `json=true,server=false,…`; a name alone means true.
fn options(parameters: &str) -> Result<Options> {
    let mut config = Config::new();
    for parameter in parameters
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, "true"));
        config = match name {
            "server" => config.server(switch(name, value)?),
            "client" => config.client(switch(name, value)?),
            "blocking" => config.blocking(switch(name, value)?),
            "json" => config.json(switch(name, value)?),
            "text" => config.text(switch(name, value)?),
            "views" => config.views(switch(name, value)?),
            "view_requests" => config.view_requests(value),
            "bytes" => config.bytes(value),
            "runtime_path" => config.runtime_path(value),
            "file" => config.include_file(value.strip_suffix(".rs").unwrap_or(value)),
            "extern_path" => {
                let expected = "extern_path=.package=::rust::path";
                let mapping = value.split_once('=');
                let (proto, rust) = mapping.ok_or_else(|| Error::option(name, value, expected))?;
                config.extern_path(proto, rust)
            }
            _ => {
                return Err(Error::option(
                    "hikyaku_opt",
                    name,
                    &format!("one of {PARAMETERS}"),
                ));
            }
        };
    }
    Ok(config.options)
}

/// What the plugin can be told.
pub const PARAMETERS: &str = "server, client, blocking, json, text, views, view_requests, \
                              bytes, runtime_path, extern_path, file";

fn switch(name: &str, value: &str) -> Result<bool> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::option(name, value, "true or false")),
    }
}
