//! Tokens that OpenSSL made (tests/vectors/timestamps), and what is refused about them.

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfos};
use der::{Any, asn1::SetOfVec};
use serde_json::{Value, json};

use super::*;
use crate::verify::{CertificateTimestamps, Switches, Transparency, TrustRoot};

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/timestamps/", $name))
    };
}

const ROOT: &[u8] = vector!("root.pem");
const LEAF: &[u8] = vector!("p256.pem");
const TOKEN: &[u8] = vector!("p256.tsr");
const IMPRINTED: &[u8] = b"the signature";
const TIME: &str = "2026-11-21T12:31:22Z";
/// When the other three tokens were made.
const LATER: &str = "2026-11-21T12:31:23Z";

/// A trust root of one timestamp authority with this chain.
fn root(chain: &[&[u8]]) -> TrustRoot {
    rooted(&[authority(chain, "2020-01-01T00:00:00Z", None)]).unwrap()
}

fn authority(chain: &[&[u8]], start: &str, end: Option<&str>) -> Value {
    let certificates: Vec<Value> = chain
        .iter()
        .map(|pem| {
            let pem = std::str::from_utf8(pem).unwrap();
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            json!({ "rawBytes": body })
        })
        .collect();
    json!({
        "uri": "https://timestamp.assay.test",
        "certChain": { "certificates": certificates },
        "validFor": match end {
            Some(end) => json!({ "start": start, "end": end }),
            None => json!({ "start": start }),
        },
    })
}

fn rooted(authorities: &[Value]) -> Result<TrustRoot, crate::verify::TrustRootError> {
    let json = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot.v0.2+json",
        "timestampAuthorities": authorities,
    });
    let switches = Switches {
        certificate_timestamps: CertificateTimestamps::InsecureNone,
        transparency: Transparency::InsecureNone,
    };
    TrustRoot::from_json_with(&json.to_string(), switches)
}

fn verified(token: &[u8], root: &TrustRoot) -> Result<Option<Timestamp>, SignatureError> {
    verified_time(token, IMPRINTED, root.timestamp_authorities())
}

fn at(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn refusal(detail: &str) -> Result<Option<Timestamp>, SignatureError> {
    Err(refused(detail.to_owned()))
}

/// The token with its message changed, not signed again.
fn edited(token: &[u8], edit: impl FnOnce(&mut SignedData)) -> Vec<u8> {
    let mut response = Vec::<Any>::from_der(token).unwrap();
    let mut envelope: ContentInfo = response[1].decode_as().unwrap();
    let mut message: SignedData = envelope.content.decode_as().unwrap();
    edit(&mut message);
    envelope.content = Any::encode_from(&message).unwrap();
    response[1] = Any::encode_from(&envelope).unwrap();
    response.to_der().unwrap()
}

#[test]
fn a_token_by_every_kind_of_key_gives_its_time() {
    let tokens: [(&[u8], &[u8], &str); 5] = [
        (LEAF, TOKEN, TIME),
        (LEAF, vector!("bare.tsr"), TIME),
        (vector!("p384.pem"), vector!("p384.tsr"), LATER),
        (vector!("p521.pem"), vector!("p521.tsr"), LATER),
        (vector!("rsa.pem"), vector!("rsa.tsr"), LATER),
    ];
    for (index, (leaf, token, time)) in tokens.into_iter().enumerate() {
        let result = verified(token, &root(&[leaf, ROOT]));
        assert_eq!(result, Ok(at(time)), "token {index}");
    }
}

#[test]
fn a_fraction_of_a_second_is_kept() {
    assert_eq!(
        verified(vector!("fraction.tsr"), &root(&[LEAF, ROOT])),
        Ok(at("2026-11-21T12:31:22.899309Z"))
    );
}

#[test]
fn the_certificate_comes_with_the_token_where_the_root_names_only_the_anchor() {
    let anchor = root(&[ROOT]);
    assert_eq!(verified(TOKEN, &anchor), Ok(at(TIME)));
    assert_eq!(verified(vector!("rsa.tsr"), &anchor), Ok(at(LATER)));
    assert_eq!(verified(vector!("bare.tsr"), &anchor), Ok(None));
}

#[test]
fn a_token_of_nobody_that_is_known_counts_for_nothing() {
    let other_leaf = root(&[vector!("p384.pem"), ROOT]);
    assert_eq!(verified(TOKEN, &other_leaf), Ok(None));
    let public = TrustRoot::public_good().unwrap();
    assert_eq!(verified(TOKEN, &public), Ok(None));
    assert_eq!(verified_time(TOKEN, IMPRINTED, &[]), Ok(None));
    assert_eq!(verified_time(TOKEN, b"other content", &[]), Ok(None));
}

#[test]
fn a_token_over_other_content_is_refused() {
    let root = root(&[LEAF, ROOT]);
    assert_eq!(
        verified_time(TOKEN, b"another signature", root.timestamp_authorities()),
        refusal("the signed timestamp is over other content")
    );
}

#[test]
fn a_token_outside_of_its_authoritys_window_is_refused_and_both_ends_are_inside() {
    let outside = refusal(
        "the signed timestamp of 2026-11-21T12:31:22Z lies outside of its authority's time",
    );
    let windows = [
        ("2026-11-21T12:31:23Z", None, &outside),
        (
            "2026-11-21T12:31:00Z",
            Some("2026-11-21T12:31:21.999Z"),
            &outside,
        ),
        (
            "2026-11-21T12:31:22Z",
            Some("2026-11-21T12:31:22Z"),
            &Ok(at(TIME)),
        ),
    ];
    for (start, end, expected) in windows {
        let root = rooted(&[authority(&[LEAF, ROOT], start, end)]).unwrap();
        assert_eq!(&verified(TOKEN, &root), expected, "{start} {end:?}");
    }
    let whole_second = authority(&[LEAF, ROOT], "2026-11-21T12:31:00Z", Some(TIME));
    assert!(verified(vector!("fraction.tsr"), &rooted(&[whole_second]).unwrap()).is_err());
}

#[test]
fn an_authority_that_is_listed_for_two_stretches_of_time_is_believed_in_both() {
    let earlier = authority(
        &[LEAF, ROOT],
        "2020-01-01T00:00:00Z",
        Some("2045-01-01T00:00:00Z"),
    );
    let later = authority(&[LEAF, ROOT], "2030-01-01T00:00:00Z", None);
    for authorities in [[earlier.clone(), later.clone()], [later, earlier]] {
        assert_eq!(
            verified(TOKEN, &rooted(&authorities).unwrap()),
            Ok(at(TIME))
        );
    }
}

#[test]
fn a_token_that_was_not_granted_is_refused() {
    let status = TOKEN
        .windows(3)
        .position(|bytes| bytes == [2, 1, 0])
        .unwrap();
    let mut rejected = TOKEN.to_vec();
    rejected[status + 2] = 2;
    assert_eq!(
        verified(&rejected, &root(&[LEAF, ROOT])),
        refusal("the signed timestamp was not granted")
    );
    rejected[status + 2] = 1;
    assert_eq!(verified(&rejected, &root(&[LEAF, ROOT])), Ok(at(TIME)));
}

#[test]
fn a_message_with_two_signers_none_or_no_signed_attributes_is_refused() {
    let root = root(&[LEAF, ROOT]);
    let signers = |count: usize| {
        edited(TOKEN, |message| {
            let one = message.signer_infos.0.as_slice()[0].clone();
            let mut other = one.clone();
            other.unsigned_attrs = one.signed_attrs.clone();
            let signers: Vec<_> = [one, other].into_iter().take(count).collect();
            message.signer_infos = SignerInfos(SetOfVec::try_from(signers).unwrap());
        })
    };
    assert_eq!(verified(&signers(1), &root), Ok(at(TIME)));
    for count in [0, 2] {
        let detail = format!("the signed timestamp has {count} signers, expected one");
        assert_eq!(verified(&signers(count), &root), refusal(&detail));
    }
    let bald = edited(TOKEN, |message| {
        let mut one = message.signer_infos.0.as_slice()[0].clone();
        one.signed_attrs = None;
        message.signer_infos = SignerInfos(SetOfVec::try_from(vec![one]).unwrap());
    });
    assert_eq!(
        verified(&bald, &root),
        refusal("the signed timestamp has no signed attributes")
    );
}

#[test]
fn attributes_that_are_missing_twice_there_or_of_other_content_are_refused() {
    let root = root(&[LEAF, ROOT]);
    let with = |edit: &dyn Fn(&mut Vec<x509_cert::attr::Attribute>)| {
        let token = edited(TOKEN, |message| {
            let mut one = message.signer_infos.0.as_slice()[0].clone();
            let mut attributes = one.signed_attrs.unwrap().into_vec();
            edit(&mut attributes);
            one.signed_attrs = Some(SetOfVec::try_from(attributes).unwrap());
            message.signer_infos = SignerInfos(SetOfVec::try_from(vec![one]).unwrap());
        });
        verified(&token, &root)
    };
    let position = |attributes: &[x509_cert::attr::Attribute], oid: &str| {
        let found = |attribute: &x509_cert::attr::Attribute| attribute.oid.to_string() == oid;
        attributes.iter().position(found).unwrap()
    };
    for (oid, detail) in [
        (
            "1.2.840.113549.1.9.3",
            "the signed timestamp has no signed content type",
        ),
        (
            "1.2.840.113549.1.9.4",
            "the signed timestamp has no signed message digest",
        ),
        // The attribute that names the certificate may be missing; what is signed may not change.
        (
            "1.2.840.113549.1.9.16.2.47",
            "the signature of the signed timestamp does not verify",
        ),
    ] {
        let result = with(&|attributes| {
            let index = position(attributes, oid);
            attributes.remove(index);
        });
        assert_eq!(result, refusal(detail), "{oid}");
    }
    let twice = with(&|attributes| {
        let mut other = attributes[position(attributes, "1.2.840.113549.1.9.4")].clone();
        let value = Any::new(der::Tag::OctetString, vec![0; 32]).unwrap();
        other.values = SetOfVec::try_from(vec![value]).unwrap();
        attributes.push(other);
    });
    assert_eq!(
        twice,
        refusal("a signed attribute of the signed timestamp is not single")
    );
}

#[test]
fn more_certificates_than_a_chain_can_have_are_refused() {
    let crowded = edited(TOKEN, |message| {
        let certificates = (0..=limits::CERTIFICATES_PER_CHAIN)
            .map(|_| {
                let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
                let certificate = x509_cert::Certificate::from_der(made.cert.der()).unwrap();
                cms::cert::CertificateChoices::Certificate(certificate)
            })
            .collect::<Vec<_>>();
        let set = SetOfVec::try_from(certificates).unwrap();
        message.certificates = Some(cms::signed_data::CertificateSet(set));
    });
    assert_eq!(
        verified(&crowded, &root(&[LEAF, ROOT])),
        Err(SignatureError::Limit {
            what: "certificates of one signed timestamp",
            found: limits::CERTIFICATES_PER_CHAIN + 1,
            limit: limits::CERTIFICATES_PER_CHAIN
        })
    );
}

#[test]
fn no_byte_of_a_token_can_be_changed_to_another_time() {
    for (root, token) in [
        (root(&[LEAF, ROOT]), TOKEN),
        (root(&[ROOT]), TOKEN),
        (root(&[LEAF, ROOT]), vector!("fraction.tsr")),
    ] {
        let time = verified(token, &root).unwrap();
        let mut unchanged = 0;
        for index in 0..token.len() {
            for bits in [0x01, 0x80] {
                let mut mutant = token.to_vec();
                mutant[index] ^= bits;
                match verified(&mutant, &root) {
                    Err(_) | Ok(None) => {}
                    // In a part that nobody signed: status text, embedded certificates, versions.
                    found => {
                        assert_eq!(found, Ok(time), "byte {index}");
                        unchanged += 1;
                    }
                }
            }
        }
        assert!(unchanged < token.len(), "{unchanged} mutants count");
        for length in 0..token.len() {
            assert!(verified(&token[..length], &root).is_err(), "{length} bytes");
        }
        assert!(verified(&[token, &[0]].concat(), &root).is_err());
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    for junk in [
        &b""[..],
        b"junk",
        &[0x30, 0x00],
        &[0x30, 0x80, 0x00, 0x00],
        &[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00],
    ] {
        let result = verified_time(junk, b"content", &[]);
        assert!(
            matches!(result, Err(SignatureError::Timestamp { .. })),
            "{junk:?}: {result:?}"
        );
    }
}

#[test]
fn a_token_above_the_limit_is_not_parsed() {
    assert_eq!(
        verified_time(&vec![0; limits::TIMESTAMP_BYTES + 1], b"content", &[]),
        Err(SignatureError::Limit {
            what: "bytes of one signed timestamp",
            found: limits::TIMESTAMP_BYTES + 1,
            limit: limits::TIMESTAMP_BYTES
        })
    );
}
