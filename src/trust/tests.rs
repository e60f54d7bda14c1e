use super::*;
use crate::{limits, policy::TufRepository};

fn definition(source: TrustRootSource) -> TrustRootDefinition {
    TrustRootDefinition {
        source,
        certificate_timestamps: CertificateTimestampDemand::Required,
        transparency_log: LogDemand::Required,
    }
}

#[test]
fn the_public_root_is_always_there_and_others_only_when_they_are_given() {
    let roots = Arc::new(TrustRoots::public_only());
    assert!(roots.find(&TrustRootName::Public).is_ok());
    let reason = "there is no such ImageTrustRoot".to_owned();
    assert_eq!(
        roots
            .find(&TrustRootName::Named("other".to_owned()))
            .unwrap_err(),
        Absence::Unavailable { reason }
    );
}

#[test]
fn roots_that_do_not_change_by_themselves_cost_a_review_nothing() {
    let roots = Arc::new(TrustRoots::public_only());
    assert!(Arc::ptr_eq(&roots, &roots.current()));
}

#[test]
fn what_is_no_root_of_a_tuf_repository_is_found_out_before_anything_is_fetched() {
    let error = Described::new(definition(TrustRootSource::Tuf(TufRepository {
        mirror: "https://tuf.example/".parse().unwrap(),
        root: "{}".to_owned(),
        target: "trusted_root.json".to_owned(),
    })))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "not the root.json of a TUF repository: malformed metadata: missing `signed`"
    );
}

#[test]
fn what_is_no_trusted_root_is_refused() {
    assert!(Described::new(definition(TrustRootSource::Json("{}".to_owned()))).is_err());
    assert!(Described::new(definition(TrustRootSource::Pem(PemTexts::default()))).is_err());
}

#[test]
fn what_went_wrong_with_a_mirror_is_cut_before_it_is_shown() {
    let error = sigstore_tuf::Error::transport("x".repeat(limits::TUF_ERROR_CHARS + 1));
    let shown = format!("{}…", "x".repeat(limits::TUF_ERROR_CHARS));
    assert_eq!(told(&error), shown);
}
