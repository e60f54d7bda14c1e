//! OpenSSL accepts a timestamp of ours.

use std::process::Command;

use super::*;

#[test]
#[ignore = "needs the program openssl"]
fn openssl_verifies_a_timestamp() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let texts = sigstore.pem_texts();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("data"), b"signed").unwrap();
    for (authority, chain) in [AuthorityName::First, AuthorityName::Second]
        .into_iter()
        .zip(texts.timestamp_authorities)
    {
        std::fs::write(path("chain.pem"), chain).unwrap();
        for hash in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let token = TimestampToken::new().by(authority).hash(hash);
            let at = NOW + jiff::SignedDuration::from_millis(120);
            let response = sigstore.timestamp(&token, b"signed", at).unwrap();
            std::fs::write(path("response"), response).unwrap();
            let output = Command::new("openssl")
                .args(["ts", "-verify", "-in"])
                .arg(path("response"))
                .arg("-data")
                .arg(path("data"))
                .arg("-CAfile")
                .arg(path("chain.pem"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{authority:?} {hash:?} {output:?}");
        }
    }
}
