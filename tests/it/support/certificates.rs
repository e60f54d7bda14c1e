//! A certificate authority, and a folder that is filled as the kubelet fills a mounted Secret.

use std::{fs, os::unix::fs::symlink, path::Path};

use assay::server::CertificateFiles;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// Issues server certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// Its files are links into `..data`, which is itself a link to the latest version.
pub(crate) struct MountedSecret {
    folder: TempDir,
    version: u32,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for loopback and its key, in PEM.
    pub(crate) fn issue(&self) -> (String, String) {
        self.issue_until(4096)
    }

    /// The same, whose time is over.
    pub(crate) fn issue_expired(&self) -> (String, String) {
        self.issue_until(2025)
    }

    fn issue_until(&self, year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

impl MountedSecret {
    pub(crate) fn new((certificate, key): &(String, String)) -> Self {
        let mut secret = Self {
            folder: tempfile::tempdir().unwrap(),
            version: 0,
        };
        secret.swap(certificate, key);
        for file in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{file}"), secret.path().join(file)).unwrap();
        }
        secret
    }

    pub(crate) fn files(&self) -> CertificateFiles {
        CertificateFiles::new(self.path().join("tls.crt"), self.path().join("tls.key"))
    }

    /// Writes a new version beside the old one, swaps the link and removes the old one.
    pub(crate) fn swap(&mut self, certificate: &str, key: &str) {
        let old = format!("..version_{}", self.version);
        self.version += 1;
        let new = format!("..version_{}", self.version);
        fs::create_dir(self.path().join(&new)).unwrap();
        fs::write(self.path().join(&new).join("tls.crt"), certificate).unwrap();
        fs::write(self.path().join(&new).join("tls.key"), key).unwrap();
        symlink(&new, self.path().join("..data_tmp")).unwrap();
        fs::rename(self.path().join("..data_tmp"), self.path().join("..data")).unwrap();
        let _ = fs::remove_dir_all(self.path().join(old));
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}
