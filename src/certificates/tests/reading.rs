//! What is read back from the entries of a Secret.

use super::*;

/// An authority and a certificate of it.
fn made() -> (SigningAuthority, ServingCertificate) {
    let wanted = wanted();
    let signer = SigningAuthority::make(&wanted, start()).unwrap();
    let serving = signer.issue(&wanted, start()).unwrap();
    (signer, serving)
}

fn kept(signer: &SigningAuthority, serving: &ServingCertificate) -> Entries {
    entries(&[
        &Entries::of_authority(signer, &Bundle::default()),
        &Entries::of_serving(serving),
    ])
}

fn replaced(kept: &Entries, name: &str, content: &[u8]) -> Entries {
    let changed = Entries::new([(name.to_owned(), content.to_vec())].into());
    entries(&[kept, &changed])
}

fn content(kept: &Entries, name: &str) -> Vec<u8> {
    let mut all = kept.iter();
    all.find(|(found, _)| *found == name).unwrap().1.to_vec()
}

#[test]
fn what_was_made_is_read_back() {
    let (signer, serving) = made();
    let material = Material::read(&kept(&signer, &serving));
    let read = material.signer.unwrap();
    assert_eq!(read.certificate(), signer.certificate());
    assert_eq!(read.key_pem(), signer.key_pem());
    let read = material.serving.unwrap();
    assert_eq!(*read, serving);
    assert_eq!(read.names(), wanted().names.all());
    assert_eq!(read.validity(), serving.validity());
    assert!(read.is_issued_by(signer.certificate()));
    let hour = Duration::from_hours(1);
    assert_eq!(read.validity().start(), start() - hour);
    assert_eq!(read.validity().end(), after(90 * 24));
    let authority = signer.certificate().validity();
    assert_eq!(
        (authority.start(), authority.end()),
        (start() - hour, after(365 * 24))
    );
}

#[test]
fn a_certificate_lives_no_longer_than_its_authority() {
    let (signer, _) = made();
    let serving = signer.issue(&wanted(), after(300 * 24)).unwrap();
    assert_eq!(serving.validity().end(), after(365 * 24));
}

#[test]
fn an_empty_secret_means_nothing() {
    let material = Material::read(&Entries::default());
    assert_eq!(material.bundle, Bundle::default());
    assert!(material.signer.is_none());
    assert!(material.serving.is_none());
}

#[test]
fn garbage_in_one_entry_leaves_the_others() {
    let (signer, serving) = made();
    let whole = kept(&signer, &serving);
    let readable = |name: &str, content: &[u8]| {
        let material = Material::read(&replaced(&whole, name, content));
        (
            material.bundle.iter().count(),
            material.signer.is_some(),
            material.serving.is_some(),
        )
    };
    for garbage in [
        &b""[..],
        b"garbage",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
        &[0xff; 64],
    ] {
        assert_eq!(readable(CA_CRT, garbage), (0, false, true));
        assert_eq!(readable(CA_KEY, garbage), (1, false, true));
        assert_eq!(readable(TLS_CRT, garbage), (1, true, false));
        assert_eq!(readable(TLS_KEY, garbage), (1, true, false));
    }
}

#[test]
fn every_cut_of_every_entry_is_read_without_harm() {
    let (signer, serving) = made();
    let whole = kept(&signer, &serving);
    for name in [CA_CRT, CA_KEY, TLS_CRT, TLS_KEY] {
        let content = content(&whole, name);
        for length in (0..content.len() - 1).step_by(7) {
            let material = Material::read(&replaced(&whole, name, &content[..length]));
            let is_whole = material.signer.is_some() && material.serving.is_some();
            assert!(!is_whole, "{name} cut at {length}");
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_none() {
    let (signer, serving) = made();
    let (other_signer, other_serving) = made();
    let whole = kept(&signer, &serving);
    let material = Material::read(&replaced(
        &whole,
        TLS_KEY,
        other_serving.key_pem().as_bytes(),
    ));
    assert!(material.serving.is_none());
    let other_key = other_signer.key_pem();
    let material = Material::read(&replaced(&whole, CA_KEY, other_key.as_bytes()));
    assert!(material.signer.is_none());
}

#[test]
fn an_authority_of_the_same_name_has_not_issued_it() {
    let (signer, serving) = made();
    let (other, _) = made();
    assert!(!serving.is_issued_by(other.certificate()));
    let both = Bundle::default()
        .with(other.certificate().clone())
        .with(signer.certificate().clone());
    assert!(serving.is_issued_by_any(&both));
}

#[test]
fn a_serving_certificate_is_no_authority() {
    let (_, serving) = made();
    let bundle = Bundle::read(serving.certificate_pem().as_bytes());
    assert_eq!(bundle, Bundle::default());
}

#[test]
fn a_bundle_reads_back_as_it_was_written_up_to_its_limit() {
    let authorities: Vec<_> = (0..=limits::CA_BUNDLE_AUTHORITIES)
        .map(|_| made().0.certificate().clone())
        .collect();
    let pem: String = authorities.iter().map(TrustedAuthority::pem).collect();
    let bundle = Bundle::read(pem.as_bytes());
    let expected = &authorities[..limits::CA_BUNDLE_AUTHORITIES];
    let read: Vec<_> = bundle.iter().cloned().collect();
    assert_eq!(read, expected);
    assert_eq!(Bundle::read(bundle.pem().as_bytes()), bundle);
}

#[test]
fn a_bundle_beyond_the_limit_is_cut() {
    let (signer, _) = made();
    let padding = "\n".repeat(limits::CA_BUNDLE_BYTES);
    let pem = format!("{padding}{}", signer.certificate().pem());
    assert_eq!(Bundle::read(pem.as_bytes()), Bundle::default());
}

#[test]
fn a_key_or_a_certificate_beyond_the_limit_is_not_read() {
    let (_, serving) = made();
    let padding = " ".repeat(usize::try_from(limits::CERTIFICATE_FILE_BYTES).unwrap());
    let certificate = serving.certificate_pem();
    let long = format!("{certificate}{padding}");
    assert_eq!(
        ServingCertificate::read(long.as_bytes(), serving.key_pem().as_bytes()),
        None
    );
    let long = format!("{}{padding}", serving.key_pem());
    assert_eq!(
        ServingCertificate::read(certificate.as_bytes(), long.as_bytes()),
        None
    );
}

#[test]
fn further_names_and_addresses_are_read_back() {
    let further = ["127.0.0.1", "::1", "webhook.example"].map(str::to_owned);
    let wanted = Wanted {
        names: ServiceNames::new("assay", "assay-system", &further).unwrap(),
        ..wanted()
    };
    let signer = SigningAuthority::make(&wanted, start()).unwrap();
    let serving = signer.issue(&wanted, start()).unwrap();
    assert_eq!(serving.names(), wanted.names.all());
}
