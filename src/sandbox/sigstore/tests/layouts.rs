//! What the older layouts say, field by field.

use serde_json::Value;

use super::*;

fn claims() -> Claims {
    Claims::gitlab("acme/shop/api", "refs/heads/main")
}

fn image() -> Digest {
    Digest::of(b"the image")
}

fn json_of(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// The body of the entry in the annotation.
fn logged(signed: &Attachment) -> Value {
    let annotation = json_of(signed.annotations["dev.sigstore.cosign/bundle"].as_bytes());
    json_of(&decoded(&annotation["Payload"]["body"]))
}

#[test]
fn a_legacy_attestation_is_laid_out_as_cosign_did() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signed = sigstore
        .sign_as(&claims(), &image())
        .predicate_type("https://slsa.dev/provenance/v0.2")
        .predicate(json!({ "builder": { "id": "b" } }))
        .statement_type("https://in-toto.io/Statement/v0.1")
        .also_about(json!({ "name": "other", "digest": { "sha256": "00" } }))
        .timestamp(TimestampToken::new())
        .legacy_attestation()
        .unwrap();
    assert_eq!(signed.media_type, "application/vnd.dsse.envelope.v1+json");
    assert_eq!(
        signed.annotations.keys().collect::<Vec<_>>(),
        [
            "dev.cosignproject.cosign/signature",
            "dev.sigstore.cosign/bundle",
            "dev.sigstore.cosign/certificate",
            "dev.sigstore.cosign/chain",
            "dev.sigstore.cosign/rfc3161timestamp",
            "predicateType",
        ]
    );
    assert_eq!(signed.annotations["dev.cosignproject.cosign/signature"], "");
    let envelope = json_of(&signed.content);
    assert_eq!(
        json_of(&decoded(&envelope["payload"])),
        json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "subject": [
                { "digest": { "sha256": image().hex() } },
                { "name": "other", "digest": { "sha256": "00" } },
            ],
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "predicate": { "builder": { "id": "b" } },
        })
    );
}

#[test]
fn the_oldest_intoto_entry_has_the_hash_of_the_blob_and_no_signature() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signed = sigstore.sign_as(&claims(), &image()).legacy_attestation();
    let signed = signed.unwrap();
    let payload = decoded(&json_of(&signed.content)["payload"]);
    let certificate = &signed.annotations["dev.sigstore.cosign/certificate"];
    assert_eq!(
        logged(&signed),
        json!({
            "apiVersion": "0.0.1",
            "kind": "intoto",
            "spec": {
                "content": {
                    "hash": { "algorithm": "sha256", "value": Digest::of(&signed.content).hex() },
                    "payloadHash": { "algorithm": "sha256", "value": Digest::of(&payload).hex() },
                },
                "publicKey": STANDARD.encode(certificate),
            },
        })
    );
}

#[test]
fn the_newer_intoto_entry_has_the_signature_in_base64_twice() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signed = sigstore
        .sign_as(&claims(), &image())
        .entry(Entry::of(EntryKind::Intoto002))
        .legacy_attestation()
        .unwrap();
    let signature = json_of(&signed.content)["signatures"][0]["sig"].clone();
    let logged = logged(&signed);
    let entry = &logged["spec"]["content"]["envelope"]["signatures"][0];
    assert_eq!(
        decoded(&entry["sig"]),
        signature.as_str().unwrap().as_bytes()
    );
}

#[test]
fn an_entry_of_the_second_generation_has_no_time_and_no_promise() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signed = sigstore
        .sign_as(&claims(), &image())
        .entry(Entry::of(EntryKind::HashedRekord002))
        .bundle()
        .unwrap();
    let bundle = json_of(&signed.content);
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    assert_eq!(
        entry.as_object().unwrap().keys().collect::<Vec<_>>(),
        [
            "canonicalizedBody",
            "inclusionProof",
            "kindVersion",
            "logId",
            "logIndex",
        ]
    );
    let checkpoint = entry["inclusionProof"]["checkpoint"]["envelope"].as_str();
    assert!(checkpoint.unwrap().starts_with("log-1.rekor.assay.test\n"));
}

#[test]
fn several_entries_and_timestamps_stand_beside_one_signature() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let signed = sigstore
        .sign_as(&claims(), &image())
        .entry(Entry::of(EntryKind::Dsse001))
        .entry(Entry::of(EntryKind::Dsse001).in_log(LogName::Second))
        .entry(Entry::of(EntryKind::HashedRekord002).in_log(LogName::Unknown))
        .timestamp(TimestampToken::new())
        .timestamp(TimestampToken::new().by(AuthorityName::Second))
        .bundle()
        .unwrap();
    let bundle = json_of(&signed.content);
    let material = &bundle["verificationMaterial"];
    let logs: std::collections::BTreeSet<_> = material["tlogEntries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["logId"]["keyId"].as_str().unwrap())
        .collect();
    assert_eq!(logs.len(), 3);
    let timestamps = &material["timestampVerificationData"]["rfc3161Timestamps"];
    assert_eq!(timestamps.as_array().unwrap().len(), 2);
}

#[test]
fn the_parts_of_a_trust_root_can_be_taken_away_and_written_as_pem() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let bare = sigstore.trusted_root_json_without(&[
        RootPart::CertificateLogs,
        RootPart::TransparencyLogs,
        RootPart::TimestampAuthorities,
    ]);
    let bare = json_of(bare.as_bytes());
    let counts = [
        "certificateAuthorities",
        "tlogs",
        "ctlogs",
        "timestampAuthorities",
    ]
    .map(|part| bare[part].as_array().unwrap().len());
    assert_eq!(counts, [1, 0, 0, 0]);
    let texts = sigstore.pem_texts();
    let certificates = |texts: &[String]| -> Vec<usize> {
        texts
            .iter()
            .map(|text| text.matches("BEGIN CERTIFICATE").count())
            .collect()
    };
    assert_eq!(certificates(&texts.certificate_authorities), [2]);
    assert_eq!(certificates(&texts.timestamp_authorities), [3, 3]);
    assert_eq!(texts.certificate_logs.len(), 1);
    assert_eq!(texts.transparency_logs.len(), 4);
}

#[test]
fn a_token_says_fractions_of_a_second_only_where_there_are_some() {
    let sigstore = PrivateSigstore::new(NOW).unwrap();
    let said = |at: Timestamp| {
        let token = sigstore.timestamp(&TimestampToken::new(), b"signed", at);
        let text = String::from_utf8_lossy(&token.unwrap()).into_owned();
        let start = text.find("20260102").unwrap();
        let end = text[start..].find('Z').unwrap();
        text[start..=start + end].to_owned()
    };
    assert_eq!(said(NOW), "20260102030405Z");
    let later = NOW + jiff::SignedDuration::from_millis(120);
    assert_eq!(said(later), "20260102030405.12Z");
}
