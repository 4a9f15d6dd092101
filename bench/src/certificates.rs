//! An authority and a server's certificate, made anew for every run.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::Result;

/// The files that servers and loads are given.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Writes `ca.pem`, `server.pem` and `server.key` into a folder of their own.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn make() -> Result<Self> {
        let name = format!("hikyaku-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        write(&folder)?;
        Ok(Self { folder })
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // A left-over folder among the temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn write(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "bench authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let authority = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);

    let key = KeyPair::generate()?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = CertificateParams::new(names)?.signed_by(&key, &issuer)?;

    fs::write(folder.join("ca.pem"), authority.pem())?;
    fs::write(folder.join("server.pem"), server.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(())
}
