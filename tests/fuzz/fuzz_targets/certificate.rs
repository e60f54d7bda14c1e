//! Certificates, as if their chain were good: the identity that is read is the one that another parser reads.

#![no_main]

use assay::verify::{Identity, San, fuzzing::identity};
use libfuzzer_sys::fuzz_target;
use x509_parser::{extensions::GeneralName, prelude::*};

fuzz_target!(|data: &[u8]| {
    let Ok(found) = identity(data) else {
        return;
    };
    assert_eq!(identity(data), Ok(found.clone()));
    // The other parser is stricter in places that are of no account here.
    let Ok((rest, other)) = X509Certificate::from_der(data) else {
        return;
    };
    assert!(rest.is_empty(), "bytes after the certificate");
    if let Ok(Some(names)) = other.subject_alternative_name() {
        let names = &names.value.general_names;
        assert_eq!(names.len(), 1);
        match (&found.san, &names[0]) {
            (San::Uri(ours), GeneralName::URI(theirs)) => assert_eq!(ours, theirs),
            (San::Email(ours), GeneralName::RFC822Name(theirs)) => assert_eq!(ours, theirs),
            (ours, theirs) => panic!("{ours:?} is {theirs:?} to another parser"),
        }
    }
    says_what_is_written(&found, &other);
});

/// Each claim stands in the certificate once, as a DER `UTF8String`; the OIDC issuer may be bare.
fn says_what_is_written(found: &Identity, other: &X509Certificate<'_>) {
    let claims = [
        (9, &found.build_signer_uri),
        (11, &found.runner_environment),
        (12, &found.source_repository_uri),
        (13, &found.source_repository_digest),
        (14, &found.source_repository_ref),
        (15, &found.source_repository_identifier),
        (18, &found.build_config_uri),
        (20, &found.build_trigger),
        (21, &found.run_invocation_uri),
        (23, &found.deployment_environment),
        (24, &found.token_subject),
    ];
    for (number, claim) in claims {
        let written = extensions(other, number);
        match claim {
            Some(claim) => {
                assert_eq!(written.len(), 1, ".{number}");
                assert!(written[0].ends_with(claim.as_bytes()), ".{number}");
            }
            None => assert!(written.is_empty(), ".{number}"),
        }
    }
    let current = extensions(other, 8);
    let deprecated = extensions(other, 1);
    assert!(current.len() <= 1 && deprecated.len() <= 1);
    let issuer = current
        .first()
        .or(deprecated.first())
        .expect("an OIDC issuer");
    assert!(issuer.ends_with(found.oidc_issuer.as_bytes()));
    assert!(!found.oidc_issuer.is_empty());
    if let (Some(current), Some(deprecated)) = (current.first(), deprecated.first()) {
        assert!(current.ends_with(deprecated));
    }
}

fn extensions<'a>(certificate: &'a X509Certificate<'_>, number: u32) -> Vec<&'a [u8]> {
    let name = format!("1.3.6.1.4.1.57264.1.{number}");
    certificate
        .extensions()
        .iter()
        .filter(|extension| extension.oid.to_id_string() == name)
        .map(|extension| extension.value)
        .collect()
}
