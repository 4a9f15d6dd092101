//! Certificates with the names of the official ones, made anew for every run.

use std::error::Error;
use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// What a server's certificate is for. Clients call any server `foo.test.google.fr` by
/// `--server_host_override`.
const NAMES: [&str; 4] = [
    "*.test.google.fr",
    "waterzooi.test.google.be",
    "*.test.youtube.com",
    "*.test.google.com",
];

/// Writes `ca.pem`, `server1.pem` and `server1.key` into a folder that is there.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "interop authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let authority = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);

    let names: Vec<String> = NAMES.into_iter().map(str::to_owned).collect();
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(names)?.signed_by(&key, &issuer)?;

    fs::write(folder.join("ca.pem"), authority.pem())?;
    fs::write(folder.join("server1.pem"), server.pem())?;
    fs::write(folder.join("server1.key"), key.serialize_pem())?;
    Ok(())
}
