use std::{path::Path, sync::Arc};

use rcgen::CertifiedKey;
use tempfile::TempDir;

use super::{
    certificate::{CertificateError, CertificateFiles, CurrentCertificate},
    reload::{Look, Reloader},
};
use crate::telemetry::Metrics;

struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Pair {
        certificate: cert.pem(),
        key: signing_key.serialize_pem(),
    }
}

fn write(directory: &Path, certificate: &str, key: &str) {
    std::fs::write(directory.join("tls.crt"), certificate).unwrap();
    std::fs::write(directory.join("tls.key"), key).unwrap();
}

fn files(directory: &Path) -> CertificateFiles {
    CertificateFiles::new(directory.join("tls.crt"), directory.join("tls.key"))
}

async fn load(directory: &Path) -> Result<(Reloader, Arc<CurrentCertificate>), CertificateError> {
    let current = Arc::new(CurrentCertificate::none(Arc::new(Metrics::new())));
    let reloader = Reloader::load(files(directory), Arc::clone(&current)).await?;
    Ok((reloader, current))
}

/// A folder as the kubelet fills it: the files are links into `..data`, itself a link to the latest version.
fn mounted_secret(first: &Pair) -> TempDir {
    let mount = tempfile::tempdir().unwrap();
    swap(mount.path(), 0, &first.certificate, &first.key);
    for file in ["tls.crt", "tls.key"] {
        std::os::unix::fs::symlink(format!("..data/{file}"), mount.path().join(file)).unwrap();
    }
    mount
}

fn swap(mount: &Path, version: u32, certificate: &str, key: &str) {
    let name = format!("..version_{version}");
    std::fs::create_dir(mount.join(&name)).unwrap();
    write(&mount.join(&name), certificate, key);
    std::os::unix::fs::symlink(&name, mount.join("..data_tmp")).unwrap();
    std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
}

#[tokio::test]
async fn every_symlink_swap_is_followed() {
    let mount = mounted_secret(&pair());
    let (mut reloader, current) = load(mount.path()).await.unwrap();
    for version in 1..=5 {
        let next = pair();
        swap(mount.path(), version, &next.certificate, &next.key);
        assert!(matches!(reloader.look().await, Look::Replaced));
        assert!(matches!(reloader.look().await, Look::Same));
        assert_eq!(*current.reloads().borrow(), u64::from(version));
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_leaves_the_old_pair_in_place() {
    let mount = mounted_secret(&pair());
    let (mut reloader, current) = load(mount.path()).await.unwrap();
    swap(mount.path(), 1, &pair().certificate, &pair().key);
    let look = reloader.look().await;
    assert!(
        matches!(&look, Look::Refused(CertificateError::Unusable(_))),
        "{look:?}"
    );
    assert_eq!(*current.reloads().borrow(), 0);
}

#[tokio::test]
async fn a_good_pair_after_a_broken_one_is_used() {
    let mount = mounted_secret(&pair());
    let (mut reloader, current) = load(mount.path()).await.unwrap();
    swap(mount.path(), 1, "not a certificate", "nor a key");
    let look = reloader.look().await;
    assert!(
        matches!(&look, Look::Refused(CertificateError::Pem { .. })),
        "{look:?}"
    );
    let next = pair();
    swap(mount.path(), 2, &next.certificate, &next.key);
    assert!(matches!(reloader.look().await, Look::Replaced));
    assert_eq!(*current.reloads().borrow(), 1);
}

#[tokio::test]
async fn a_missing_file_is_named_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let error = load(directory.path()).await.unwrap_err();
    let path = directory.path().join("tls.crt");
    assert_eq!(
        error.to_string(),
        format!("{} cannot be read", path.display())
    );
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let Pair { certificate, key } = pair();
    let padding = usize::try_from(crate::limits::CERTIFICATE_FILE_BYTES).unwrap();
    let padded = format!("{certificate}{}", " ".repeat(padding));
    write(directory.path(), &padded, &key);
    let error = load(directory.path()).await.unwrap_err();
    assert!(
        matches!(&error, CertificateError::Read { source, .. }
            if source.kind() == std::io::ErrorKind::FileTooLarge),
        "{error:?}"
    );
}
