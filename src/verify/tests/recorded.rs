//! Signatures that others made with the public-good Sigstore.

use super::*;

/// Reads a file of the folder that `ASSAY_VECTORS` names.
fn vector(path: &str) -> Vec<u8> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the vectors lie is the test's own setting"
    )]
    let folder =
        std::env::var("ASSAY_VECTORS").expect("ASSAY_VECTORS names the folder of the vectors");
    std::fs::read(std::path::Path::new(&folder).join(path)).unwrap()
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn the_bundle_cosign_3_wrote_for_a_public_image_is_accepted_for_that_image_only() {
    let content = vector("cosign-v3/kubewarden-controller-v1.34.0.bundle.json");
    let candidate = Candidate {
        layout: Layout::Bundle,
        digest: Digest::of(&content),
        content: content.into(),
        annotations: BTreeMap::new(),
    };
    let root = TrustRoot::public_good().unwrap();
    let against = Against::Certificate { trust_root: &root };
    let signed: Digest = "sha256:c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172"
        .parse()
        .unwrap();
    let verified = verify(&candidate, &signed, against).unwrap();
    let Signer::Certificate(identity) = verified.signer() else {
        panic!("not a certificate")
    };
    assert_eq!(
        identity.oidc_issuer,
        "https://token.actions.githubusercontent.com"
    );
    assert_eq!(
        identity.source_repository_ref.as_deref(),
        Some("refs/tags/v1.34.0")
    );
    assert_eq!(verified.log_index(), Some(1_261_105_807));
    assert_eq!(
        verified.signed_at(),
        Some("2026-04-09T07:23:29Z".parse().unwrap())
    );
    assert_eq!(
        verify(&candidate, &image(), against).unwrap_err(),
        SignatureError::OtherImage {
            presented: signed.to_string()
        }
    );
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn the_public_root_as_published_is_read() {
    let text = String::from_utf8(vector("cosign-v3/trusted_root_public_good.json")).unwrap();
    TrustRoot::from_json(&text).unwrap();
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn every_claim_of_a_real_gitlab_certificate_is_read() {
    let attestation: Value = serde_json::from_slice(&vector(
        "gitlab/gitlab_oidc_project-0.0.3.tar.gz.publish.attestation",
    ))
    .unwrap();
    let der = STANDARD
        .decode(
            attestation["verification_material"]["certificate"]
                .as_str()
                .unwrap(),
        )
        .unwrap();
    let identity = Identity::from_certificate(&der).unwrap();
    let config =
        "https://gitlab.com/facutuesca/gitlab-oidc-project//.gitlab-ci.yml@refs/heads/main";
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        identity,
        Identity {
            oidc_issuer: "https://gitlab.com".to_owned(),
            san: San::Uri(config.to_owned()),
            build_signer_uri: some(config),
            runner_environment: some("gitlab-hosted"),
            source_repository_uri: some("https://gitlab.com/facutuesca/gitlab-oidc-project"),
            source_repository_digest: some("72f7c63b75eb55ea80864962f0e645c93414da34"),
            source_repository_ref: some("refs/heads/main"),
            source_repository_identifier: some("55235664"),
            build_config_uri: some(config),
            build_trigger: some("push"),
            run_invocation_uri: some(
                "https://gitlab.com/facutuesca/gitlab-oidc-project/-/jobs/8415754949"
            ),
            deployment_environment: None,
            token_subject: None,
        }
    );
}

const IN_TWO_GENERATIONS: [(&str, &str, &str, u64); 2] = [
    (
        // Logged as dsse 0.0.1.
        "oci-layouts/slsa-github-generator-v2.1.0",
        "21454caf3a160dfbe6359f0501aa8401c6c0f2c7a8b71380ea21f8c4b48b64fe",
        "sha256:234e2c830c2fb31ac5671789d22adfe44d30c3ee831d01beae5e237841a13122",
        174_304_112,
    ),
    (
        // Logged as intoto 0.0.1, as attestations of 2021 to 2023 are.
        "oci-layouts/slsa-github-generator-v1.4.0",
        "738d456c898daf28d211c2e0b8ecf5dc67b9a1d631c99ef2c4b4669bcb7a0354",
        "sha256:a74d89d8dd863ca5dae4a29e0feede81ddf59197849a80784af5a02ab7786925",
        10_957_770,
    ),
];

/// The one layer of an `.att` manifest in an OCI layout.
fn attached(folder: &str, manifest: &str) -> Candidate {
    let blob = |hex: &str| vector(&format!("{folder}/blobs/sha256/{hex}"));
    let manifest: Value = serde_json::from_slice(&blob(manifest)).unwrap();
    let layer = &manifest["layers"][0];
    let digest: Digest = layer["digest"].as_str().unwrap().parse().unwrap();
    Candidate {
        layout: Layout::LegacyAttestation,
        content: blob(digest.hex()).into(),
        digest,
        annotations: serde_json::from_value(layer["annotations"].clone()).unwrap(),
    }
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn the_attestations_of_two_generations_are_accepted_for_their_images_only() {
    let root = TrustRoot::public_good().unwrap();
    let against = Against::Certificate { trust_root: &root };
    for (folder, manifest, signed, log_index) in IN_TWO_GENERATIONS {
        let candidate = attached(folder, manifest);
        let signed: Digest = signed.parse().unwrap();
        let verified = verify_attestation(&candidate, &signed, against).unwrap();
        let provenance = "https://slsa.dev/provenance/v0.2";
        assert_eq!(verified.predicate_type(), provenance);
        assert_eq!(verified.log_index(), Some(log_index));
        assert_eq!(verified.layout(), Layout::LegacyAttestation);
        assert_eq!(
            verify_attestation(&candidate, &image(), against).unwrap_err(),
            SignatureError::OtherImage {
                presented: signed.to_string()
            }
        );
        assert_eq!(
            verify(&candidate, &signed, against).unwrap_err(),
            SignatureError::PredicateType {
                presented: provenance.to_owned()
            }
        );
    }
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn nothing_of_the_attestations_of_two_generations_can_be_changed() {
    let root = TrustRoot::public_good().unwrap();
    let against = Against::Certificate { trust_root: &root };
    for (folder, manifest, signed, _) in IN_TWO_GENERATIONS {
        let good = attached(folder, manifest);
        let signed: Digest = signed.parse().unwrap();
        let candidates = changed_envelopes(&good)
            .into_iter()
            .chain(changed_annotations(&good));
        for (place, candidate) in candidates {
            assert!(
                verify_attestation(&candidate, &signed, against).is_err(),
                "{folder}: {place} was changed and the attestation still accepted"
            );
        }
    }
}

/// The envelope with one character of each of its texts changed.
fn changed_envelopes(good: &Candidate) -> Vec<(String, Candidate)> {
    ["/payload", "/payloadType", "/signatures/0/sig"]
        .into_iter()
        .flat_map(|place| {
            let text = json_of(good).pointer(place).unwrap().to_string();
            (1..text.len() - 1).step_by(97).map(move |at| (place, at))
        })
        .map(|(place, at)| {
            let candidate = edited(good.clone(), |json| {
                let text = json.pointer_mut(place).unwrap();
                *text = changed_at(text.as_str().unwrap(), at - 1).into();
            });
            (format!("{place} at {at}"), candidate)
        })
        .collect()
}

/// The log entry and the certificate, with one character of each of their texts changed.
fn changed_annotations(good: &Candidate) -> Vec<(String, Candidate)> {
    let with = |name: &str, value: String| {
        let mut candidate = good.clone();
        candidate.annotations.insert(name.to_owned(), value);
        candidate
    };
    let entry = "dev.sigstore.cosign/bundle";
    let json: Value = serde_json::from_str(&good.annotations[entry]).unwrap();
    let mut changed = Vec::new();
    for place in ["/SignedEntryTimestamp", "/Payload/body", "/Payload/logID"] {
        let text = json.pointer(place).unwrap().as_str().unwrap();
        for at in (0..text.len()).step_by(31) {
            let mut edited = json.clone();
            *edited.pointer_mut(place).unwrap() = changed_at(text, at).into();
            changed.push((format!("{place} at {at}"), with(entry, edited.to_string())));
        }
    }
    for place in ["/Payload/integratedTime", "/Payload/logIndex"] {
        let mut edited = json.clone();
        let number = edited.pointer_mut(place).unwrap();
        *number = (number.as_i64().unwrap() + 1).into();
        changed.push((place.to_owned(), with(entry, edited.to_string())));
    }
    let leaf = "dev.sigstore.cosign/certificate";
    let pem = &good.annotations[leaf];
    for at in (30..pem.len() - 30)
        .step_by(13)
        .filter(|at| pem.as_bytes()[*at] != b'\n')
    {
        changed.push((format!("the leaf at {at}"), with(leaf, changed_at(pem, at))));
    }
    changed
}

fn changed_at(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = match bytes[at] {
        b'1' => b'2',
        digit if digit.is_ascii_digit() => b'1',
        b'A' => b'B',
        _ => b'A',
    };
    String::from_utf8(bytes).unwrap()
}

/// The attestation of a file that a GitLab.com job signed, its fields named as in a bundle.
fn gitlab_bundle() -> (Candidate, Digest) {
    let file = "gitlab/gitlab_oidc_project-0.0.3.tar.gz";
    let attestation: Value =
        serde_json::from_slice(&vector(&format!("{file}.publish.attestation"))).unwrap();
    let material = &attestation["verification_material"];
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": material["certificate"] },
            "tlogEntries": material["transparency_entries"],
        },
        "dsseEnvelope": {
            "payloadType": "application/vnd.in-toto+json",
            "payload": attestation["envelope"]["statement"],
            "signatures": [{ "sig": attestation["envelope"]["signature"] }],
        },
    });
    let candidate = Candidate {
        layout: Layout::Bundle,
        digest: Digest::of(bundle.to_string().as_bytes()),
        content: bundle.to_string().into(),
        annotations: BTreeMap::new(),
    };
    (candidate, Digest::of(&vector(file)))
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn what_a_gitlab_job_signed_is_accepted_and_no_field_of_it_can_be_changed() {
    let root = TrustRoot::public_good().unwrap();
    let against = Against::Certificate { trust_root: &root };
    let (candidate, signed) = gitlab_bundle();
    let verified = verify_attestation(&candidate, &signed, against).unwrap();
    assert_eq!(
        verified.predicate_type(),
        "https://docs.pypi.org/attestations/publish/v1"
    );
    assert_eq!(
        verified.signed_at(),
        Some("2024-11-19T17:37:00Z".parse().unwrap())
    );
    for (place, changed) in protected::changes(&candidate) {
        assert!(
            verify_attestation(&changed, &signed, against).is_err(),
            "{place} was changed and the attestation still accepted"
        );
    }
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn an_attestation_of_a_public_image_is_told_from_a_signature() {
    let content = vector("cosign-v3/oci-attestation.sigstore.json");
    let candidate = Candidate {
        layout: Layout::Bundle,
        digest: Digest::of(&content),
        content: content.into(),
        annotations: BTreeMap::new(),
    };
    let root = TrustRoot::public_good().unwrap();
    let result = verify(
        &candidate,
        &image(),
        Against::Certificate { trust_root: &root },
    );
    assert_eq!(
        result.unwrap_err(),
        SignatureError::PredicateType {
            presented: "https://cosign.sigstore.dev/attestation/v1".to_owned()
        }
    );
    let signed: Digest = "sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4"
        .parse()
        .unwrap();
    let against = Against::Certificate { trust_root: &root };
    let verified = verify_attestation(&candidate, &signed, against).unwrap();
    assert_eq!(
        verified.predicate_type(),
        "https://cosign.sigstore.dev/attestation/v1"
    );
    for (place, changed) in protected::changes(&candidate) {
        assert!(
            verify_attestation(&changed, &signed, against).is_err(),
            "{place} was changed and the attestation still accepted"
        );
    }
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn each_step_accepts_the_parts_of_a_bundle_of_the_public_instance() {
    let json: Value = serde_json::from_slice(&vector(
        "cosign-v3/kubewarden-controller-v1.34.0.bundle.json",
    ))
    .unwrap();
    let bytes = |pointer: &str| {
        let text = json.pointer(pointer).and_then(Value::as_str);
        STANDARD.decode(text.unwrap()).unwrap()
    };
    let leaf = bytes("/verificationMaterial/certificate/rawBytes");
    let token = bytes(
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
    );
    let signature = bytes("/dsseEnvelope/signatures/0/sig");
    let root = TrustRoot::public_good().unwrap();
    let time = timestamp::verified_time(&token, &signature, root.timestamp_authorities()).unwrap();
    assert_eq!(time, Some("2026-04-09T07:23:29Z".parse().unwrap()));
    let logged = Timestamp::from_second(1_775_719_409).unwrap();
    let authorities = root.certificate_authorities();
    let times = [time.unwrap(), logged];
    let issuer = chain::verify(&leaf, &[], &times, authorities).unwrap();
    certificate_timestamp::require(&leaf, &issuer, root.certificate_logs()).unwrap();

    let mut expected = 0;
    for index in 0..token.len() {
        let mut mutant = token.clone();
        mutant[index] ^= 1;
        match timestamp::verified_time(&mutant, &signature, root.timestamp_authorities()) {
            Err(_) | Ok(None) => expected += 1,
            found => assert_eq!(found, Ok(time), "byte {index}"),
        }
    }
    assert!(expected > token.len() / 2);
    let over_another = timestamp::verified_time(&token, &leaf, root.timestamp_authorities());
    assert!(over_another.is_err());
}
