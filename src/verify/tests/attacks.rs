//! What somebody may try who controls the registry, owns a certificate of the same authority and may log anything.

use super::*;
use crate::sandbox::sigstore::{Entry, EntryFault, EntryKind, LogName, TimestampToken};

#[test]
fn the_time_of_an_entry_about_another_signature_is_never_told() {
    let earlier = NOW - minutes(60);
    let entry_of = |signing: Signing<'_>| {
        let signing = signing.at(earlier);
        let logged = signing.entry(Entry::of(EntryKind::Dsse001).in_log(LogName::Second));
        entry(&mut json_of(&bundle_of(logged.bundle()))).clone()
    };
    let beside = |good: Candidate, foreign: Value| {
        edited(good, |json| {
            let entries = &mut json["verificationMaterial"]["tlogEntries"];
            entries.as_array_mut().unwrap().push(foreign);
        })
    };
    let foreign = entry_of(WORLD.sigstore.sign_as(&release_job(), &other_image()));
    let keyless = beside(bundle_of(WORLD.keyless().bundle()), foreign);
    let foreign = entry_of(WORLD.sigstore.sign_with(&WORLD.pair, &other_image()));
    let keyed = beside(bundle_of(WORLD.keyed().bundle()), foreign);
    let refusal = log_entry("the entry is about other content");
    assert_eq!(WORLD.by_certificate(&keyless).unwrap_err(), refusal);
    assert_eq!(
        WORLD.by_key(&keyed, LogRequirement::Require).unwrap_err(),
        refusal
    );
}

#[test]
fn an_entry_without_promise_cannot_be_shown_again_under_another_index() {
    let unpromised = Entry::of(EntryKind::Dsse001).fault(EntryFault::NoPromise);
    let good = bundle_of(
        WORLD
            .keyless()
            .timestamp(TimestampToken::new())
            .entry(unpromised)
            .bundle(),
    );
    assert_eq!(
        WORLD.by_certificate(&good).unwrap().log_index(),
        None,
        "nobody has signed its index"
    );
    let again = edited(good, |json| {
        let mut second = entry(json).clone();
        second["logIndex"] = "1".into();
        let entries = &mut json["verificationMaterial"]["tlogEntries"];
        entries.as_array_mut().unwrap().push(second);
    });
    assert_eq!(
        WORLD.by_certificate(&again).unwrap_err(),
        log_entry("the same entry is there twice")
    );
}

#[test]
fn a_claim_whose_fields_have_no_names_is_refused() {
    let legacy = |payload: String| {
        let signed = WORLD.keyed().payload(payload).without_log();
        WORLD.by_key(&legacy_of(signed.legacy()), LogRequirement::Ignore)
    };
    let bundle = |payload: String| {
        let signed = WORLD.keyed().payload(payload).without_log();
        WORLD.by_key(&bundle_of(signed.bundle()), LogRequirement::Ignore)
    };
    let (digest, hex) = (image(), image().hex().to_owned());
    let kind = "cosign container image signature";
    let (kind_v1, sign) = (
        "https://in-toto.io/Statement/v1",
        "https://sigstore.dev/cosign/sign/v1",
    );
    for payload in [
        format!(r#"[[null,["{digest}"],"{kind}"],null]"#),
        format!(r#"{{"critical":[null,{{"docker-manifest-digest":"{digest}"}},"{kind}"]}}"#),
        format!(r#"{{"critical":{{"identity":null,"image":["{digest}"],"type":"{kind}"}}}}"#),
    ] {
        let refusal = invalid("not a simple-signing payload: invalid type: sequence");
        assert_refused(&legacy(payload), &refusal);
    }
    for statement in [
        format!(r#"["{kind_v1}",[{{"digest":{{"sha256":"{hex}"}}}}],"{sign}"]"#),
        format!(
            r#"{{"_type":"{kind_v1}","subject":[[{{"sha256":"{hex}"}},null]],"predicateType":"{sign}"}}"#
        ),
    ] {
        let refusal = invalid("not an in-toto statement: invalid type: sequence");
        assert_refused(&bundle(statement), &refusal);
    }
}

#[test]
fn values_of_annotations_that_are_no_texts_are_passed_over() {
    let digest = image();
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":{{"a":"b","c":[0,[{{}}]],"d":{{"e":"f","e":"g"}},"h":null,"i":true,"j":-1,"k":1,"l":1.5}}}}"#
    );
    let signed = WORLD.keyed().payload(payload).without_log();
    let signature = WORLD
        .by_key(&legacy_of(signed.legacy()), LogRequirement::Ignore)
        .unwrap();
    assert_eq!(
        signature.annotations(),
        &[("a".to_owned(), "b".to_owned())].into()
    );
}

#[test]
fn a_payload_above_the_limit_is_not_parsed() {
    let digest = image();
    let of_size = |bytes| {
        let head = format!(
            r#"{{"critical":{{"identity":null,"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        let payload = format!("{head}{}", " ".repeat(bytes - head.len()));
        let signed = WORLD.keyed().payload(payload).without_log();
        WORLD.by_key(&legacy_of(signed.legacy()), LogRequirement::Ignore)
    };
    assert!(of_size(limits::PAYLOAD_BYTES).is_ok());
    assert_eq!(
        of_size(limits::PAYLOAD_BYTES + 1).unwrap_err(),
        SignatureError::Limit {
            what: "bytes of one payload",
            found: limits::PAYLOAD_BYTES + 1,
            limit: limits::PAYLOAD_BYTES,
        }
    );
}

/// One element of DER.
fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let significant = length.iter().position(|octet| *octet != 0).unwrap_or(3);
    let octets = &length[significant..];
    let mut der = vec![tag];
    if content.len() > 0x7f {
        der.push(0x80 | u8::try_from(octets.len()).unwrap());
    }
    der.extend(octets);
    der.extend(content);
    der
}

/// A SET of attributes in the order that takes longest to sort.
fn set_of(count: usize) -> Vec<u8> {
    let members = (0..u16::try_from(count).unwrap()).rev().map(|number| {
        let value = element(0x04, &[number.to_be_bytes().to_vec()]);
        element(0x30, &[vec![0x06, 0x03, 0x55, 0x04, 0x03], value])
    });
    element(0x31, &members.collect::<Vec<_>>())
}

fn too_many_members(found: usize) -> SignatureError {
    SignatureError::Limit {
        what: "members of one ASN.1 set",
        found,
        limit: limits::MEMBERS_PER_SET,
    }
}

#[test]
fn a_certificate_whose_name_takes_long_to_sort_is_not_parsed() {
    let named = |count| {
        let version = vec![0xa0, 3, 2, 1, 2, 2, 1, 1];
        let algorithm = element(0x30, &[vec![0x06, 0x03, 0x2a, 3, 4]]);
        let name = element(0x30, &[set_of(count)]);
        let certificate = element(0x30, &[element(0x30, &[version, algorithm, name])]);
        let bundle = edited(bundle_of(WORLD.keyless().bundle()), |json| {
            let leaf = &mut json["verificationMaterial"]["certificate"]["rawBytes"];
            *leaf = STANDARD.encode(certificate).into();
        });
        WORLD.by_certificate(&bundle)
    };
    assert_refused(
        &named(limits::MEMBERS_PER_SET),
        &bad_certificate("its key cannot be read"),
    );
    for found in [limits::MEMBERS_PER_SET + 1, 4000] {
        assert_eq!(named(found).unwrap_err(), too_many_members(found));
    }
}

#[test]
fn a_signed_timestamp_that_takes_long_to_sort_is_not_parsed() {
    let token = |count| {
        let signed_data = vec![
            0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
        ];
        let message = element(0x30, &[vec![2, 1, 3], set_of(count)]);
        let content = element(0x30, &[signed_data, element(0xa0, &[message])]);
        let token = element(0x30, &[vec![0x30, 3, 2, 1, 0], content]);
        let bundle = edited(bundle_of(WORLD.keyed().without_log().bundle()), |json| {
            json["verificationMaterial"]["timestampVerificationData"] = serde_json::json!({
                "rfc3161Timestamps": [{ "signedTimestamp": STANDARD.encode(token) }]
            });
        });
        WORLD.by_key(&bundle, LogRequirement::Ignore)
    };
    assert_refused(
        &token(limits::MEMBERS_PER_SET),
        &SignatureError::Timestamp {
            detail: "the signed timestamp cannot be read".to_owned(),
        },
    );
    for found in [limits::MEMBERS_PER_SET + 1, 4000] {
        assert_eq!(token(found).unwrap_err(), too_many_members(found));
    }
}

#[test]
fn a_certificate_above_the_limit_is_not_parsed() {
    let of_size = |bytes| {
        let bundle = edited(bundle_of(WORLD.keyless().bundle()), |json| {
            let leaf = &mut json["verificationMaterial"]["certificate"]["rawBytes"];
            *leaf = STANDARD.encode(vec![0_u8; bytes]).into();
        });
        WORLD.by_certificate(&bundle)
    };
    assert_refused(
        &of_size(limits::CERTIFICATE_BYTES),
        &bad_certificate("its key cannot be read"),
    );
    assert_eq!(
        of_size(limits::CERTIFICATE_BYTES + 1).unwrap_err(),
        SignatureError::Limit {
            what: "bytes of one certificate",
            found: limits::CERTIFICATE_BYTES + 1,
            limit: limits::CERTIFICATE_BYTES,
        }
    );
}
