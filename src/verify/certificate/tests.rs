//! What is read from a certificate's extensions, and what is refused about them.

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    OtherNameValue, SanType,
};

use super::*;

const SAN: &str = "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main";

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A certificate with these names and these extensions of Fulcio's, which may sign.
fn certificate(names: Vec<SanType>, extensions: &[(u64, &[u8])]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.subject_alt_names = names;
    for (number, content) in extensions {
        let oid = [1, 3, 6, 1, 4, 1, 57264, 1, *number];
        let extension = CustomExtension::from_oid_content(&oid, content.to_vec());
        params.custom_extensions.push(extension);
    }
    params
}

fn identity(params: &CertificateParams) -> Result<Identity, SignatureError> {
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Identity::from_certificate(der.der())
}

fn refusal(detail: &str) -> Result<Identity, SignatureError> {
    Err(refused(detail))
}

/// A `UTF8String` in DER.
fn utf8(text: &str) -> Vec<u8> {
    [&[0x0c, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

#[test]
fn an_other_name_is_refused_even_of_fulcios_own_kind() {
    for oid in [vec![1, 3, 6, 1, 4, 1, 57264, 1, 7], vec![1, 2, 3]] {
        let name = SanType::OtherName((oid, OtherNameValue::Utf8String("someone".to_owned())));
        for names in [vec![name.clone()], vec![uri(SAN), name]] {
            let result = identity(&certificate(names, &[(1, b"https://gitlab.com")]));
            let refused = matches!(result, Err(SignatureError::Certificate { .. }));
            assert!(refused, "{result:?}");
        }
    }
}

#[test]
fn no_name_an_empty_name_and_a_name_of_a_host_are_refused() {
    let issuer: &[(u64, &[u8])] = &[(1, b"https://gitlab.com")];
    assert_eq!(
        identity(&certificate(vec![], issuer)),
        refusal("it has no subject alternative name")
    );
    let other = refusal("its subject alternative name is neither a URI nor an email address");
    for name in [
        uri(""),
        SanType::Rfc822Name("".try_into().unwrap()),
        SanType::DnsName("gitlab.com".try_into().unwrap()),
    ] {
        assert_eq!(identity(&certificate(vec![name], issuer)), other);
    }
}

#[test]
fn an_extension_that_is_there_and_is_no_text_refuses_the_certificate() {
    for number in 8..=24 {
        for content in [
            &b"https://gitlab.com"[..],
            b"",
            b"\x0c",
            b"\x0c\x02x",
            b"\x0c\x01xy",
            b"\x0c\x01\xff",
            b"\x0c\x81\x01x",
            b"\x13\x01x",
        ] {
            let params = certificate(
                vec![uri(SAN)],
                &[(1, b"https://gitlab.com"), (number, content)],
            );
            let error = identity(&params).unwrap_err().to_string();
            let begins = format!("certificate: extension .{number} cannot be read");
            assert!(error.starts_with(&begins), "{content:?}: {error}");
        }
    }
    let deprecated = certificate(vec![uri(SAN)], &[(1, b"\xff")]);
    let error = identity(&deprecated).unwrap_err().to_string();
    assert!(
        error.starts_with("certificate: extension .1 cannot be read"),
        "{error}"
    );
}

#[test]
fn the_issuer_is_that_of_extension_8_and_1_only_stands_in() {
    let (ours, theirs) = ("https://gitlab.com", "https://gitlab.com.evil.example");
    let named = |extensions: &[(u64, &[u8])]| {
        identity(&certificate(vec![uri(SAN)], extensions)).map(|identity| identity.oidc_issuer)
    };
    assert_eq!(named(&[(8, &utf8(ours))]), Ok(ours.to_owned()));
    assert_eq!(named(&[(1, ours.as_bytes())]), Ok(ours.to_owned()));
    assert_eq!(
        named(&[(1, ours.as_bytes()), (8, &utf8(ours))]),
        Ok(ours.to_owned())
    );
    let differ = Err(refused(
        "its extensions .1 and .8 name different OIDC issuers",
    ));
    assert_eq!(named(&[(1, theirs.as_bytes()), (8, &utf8(ours))]), differ);
    assert_eq!(named(&[(1, ours.as_bytes()), (8, &utf8(theirs))]), differ);
    assert_eq!(named(&[(1, ours.as_bytes()), (8, &utf8(""))]), differ);
    assert_eq!(named(&[(1, &utf8(ours)), (8, &utf8(ours))]), differ);
    let none = Err(refused("it names no OIDC issuer"));
    for extensions in [&[][..], &[(8, b"\x0c\x00".as_slice())], &[(1, b"")]] {
        assert_eq!(named(extensions), none);
    }
}

#[test]
fn extensions_that_fulcio_has_not_defined_say_nothing() {
    let params = certificate(
        vec![uri(SAN)],
        &[(1, b"https://gitlab.com"), (25, b"junk"), (6, b"\xff")],
    );
    assert!(identity(&params).is_ok());
}

#[test]
fn a_key_that_is_not_for_signing_is_refused() {
    let mut params = certificate(vec![uri(SAN)], &[(1, b"https://gitlab.com")]);
    params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    assert_eq!(identity(&params), refusal("its key is not for signing"));
    params.key_usages = vec![];
    assert_eq!(identity(&params), refusal("it has no key usage"));
}

#[test]
fn a_name_of_another_address_is_not_cut_short() {
    let name = "https://gitlab.com/acme/shop\0.evil.example";
    match identity(&certificate(vec![uri(name)], &[(1, b"https://gitlab.com")])) {
        Ok(identity) => assert_eq!(identity.san, San::Uri(name.to_owned())),
        Err(error) => assert!(matches!(error, SignatureError::Certificate { .. })),
    }
}
