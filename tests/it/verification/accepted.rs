//! Every form against every proof, every kind of key, and instances without logs.

use assay::{
    sandbox::sigstore::{
        Attachment, BundleVersion, Entry, EntryKind, HashAlgorithm, KeyKind, RootPart, RsaPadding,
        SandboxError, Signing, SigningKeyPair, TimestampToken,
    },
    verify::{CertificateTimestamps, Switches, Transparency, TrustRoot},
};

use super::{Asked, WORLD, assert_documented, pipeline, table};

/// A form in which a signature or attestation is stored, and the entry that Rekor v1 makes for it.
pub(super) struct Form {
    pub(super) name: &'static str,
    entry: EntryKind,
    store: fn(Signing<'_>) -> Result<Attachment, SandboxError>,
    /// Whether a log entry of the second generation has room in it.
    holds_proofs: bool,
}

pub(super) const FORMS: [Form; 11] = [
    Form {
        name: "legacy signature, `hashedrekord` 0.0.1",
        entry: EntryKind::HashedRekord001,
        store: |signing| signing.legacy(),
        holds_proofs: false,
    },
    Form {
        name: "legacy attestation, `intoto` 0.0.1",
        entry: EntryKind::Intoto001,
        store: |signing| signing.legacy_attestation(),
        holds_proofs: false,
    },
    Form {
        name: "legacy attestation, `intoto` 0.0.2",
        entry: EntryKind::Intoto002,
        store: |signing| signing.legacy_attestation(),
        holds_proofs: false,
    },
    Form {
        name: "legacy attestation, `dsse` 0.0.1",
        entry: EntryKind::Dsse001,
        store: |signing| signing.legacy_attestation(),
        holds_proofs: false,
    },
    Form {
        name: "bundle v0.3, `dsse` 0.0.1",
        entry: EntryKind::Dsse001,
        store: |signing| signing.bundle(),
        holds_proofs: true,
    },
    Form {
        name: "bundle v0.3, `intoto` 0.0.2",
        entry: EntryKind::Intoto002,
        store: |signing| signing.bundle(),
        holds_proofs: true,
    },
    Form {
        name: "bundle v0.3, `hashedrekord` 0.0.1",
        entry: EntryKind::HashedRekord001,
        store: |signing| signing.bundle(),
        holds_proofs: true,
    },
    Form {
        name: "bundle v0.2, `dsse` 0.0.1",
        entry: EntryKind::Dsse001,
        store: |signing| signing.version(BundleVersion::V02).bundle(),
        holds_proofs: true,
    },
    Form {
        name: "bundle v0.1, `dsse` 0.0.1",
        entry: EntryKind::Dsse001,
        store: |signing| signing.version(BundleVersion::V01).bundle(),
        holds_proofs: true,
    },
    Form {
        name: "bundle v0.3, attestation, `dsse` 0.0.1",
        entry: EntryKind::Dsse001,
        store: |signing| {
            signing
                .predicate_type("https://slsa.dev/provenance/v1")
                .bundle()
        },
        holds_proofs: true,
    },
    Form {
        name: "bundle v0.3, bare signature, `hashedrekord` 0.0.1",
        entry: EntryKind::HashedRekord001,
        store: |signing| signing.message_signature(),
        holds_proofs: true,
    },
];

/// What a signature brings along.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    RekorV1,
    RekorV1AndTimestamp,
    RekorV2,
    RekorV2AndTimestamp,
    Timestamp,
    Nothing,
}

impl Form {
    /// Signs in this form, with this proof.
    pub(super) fn sign(&self, proof: Proof, asked: Asked) -> Attachment {
        let signing = match asked {
            Asked::Certificate => WORLD.sigstore.sign_as(&pipeline(), &WORLD.image),
            Asked::LoggedKey | Asked::Key => WORLD.sigstore.sign_with(&WORLD.key, &WORLD.image),
        };
        (self.store)(proof.add_to(signing, self)).unwrap()
    }

    pub(super) fn has_room_for(&self, proof: Proof) -> bool {
        self.holds_proofs || !matches!(proof, Proof::RekorV2 | Proof::RekorV2AndTimestamp)
    }
}

const PROOFS: [Proof; 6] = [
    Proof::RekorV1,
    Proof::RekorV1AndTimestamp,
    Proof::RekorV2,
    Proof::RekorV2AndTimestamp,
    Proof::Timestamp,
    Proof::Nothing,
];

impl Proof {
    /// As the head of its column says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RekorV1 => "Rekor v1",
            Self::RekorV1AndTimestamp => "Rekor v1, timestamp",
            Self::RekorV2 => "Rekor v2",
            Self::RekorV2AndTimestamp => "Rekor v2, timestamp",
            Self::Timestamp => "timestamp",
            Self::Nothing => "nothing",
        }
    }

    fn add_to<'a>(self, signing: Signing<'a>, form: &Form) -> Signing<'a> {
        let stamped = |signing: Signing<'a>| signing.timestamp(TimestampToken::new());
        let logged = |kind| Entry::of(kind);
        match self {
            Self::RekorV1 => signing.entry(logged(form.entry)),
            Self::RekorV1AndTimestamp => stamped(signing.entry(logged(form.entry))),
            Self::RekorV2 => signing.entry(logged(EntryKind::HashedRekord002)),
            Self::RekorV2AndTimestamp => stamped(signing.entry(logged(EntryKind::HashedRekord002))),
            Self::Timestamp => stamped(signing.without_log()),
            Self::Nothing => signing.without_log(),
        }
    }
}

fn forms(asked: Asked) -> String {
    let cell = |form: &Form, proof: Proof| {
        if form.has_room_for(proof) {
            WORLD.judge(Ok(form.sign(proof, asked)), asked)
        } else {
            "–".to_owned()
        }
    };
    let rows = FORMS.iter().map(|form| {
        let cells = PROOFS.iter().map(|&proof| cell(form, proof));
        std::iter::once(form.name.to_owned()).chain(cells).collect()
    });
    let mut heads = vec!["stored as"];
    heads.extend(PROOFS.map(Proof::name));
    table(&heads, rows)
}

#[test]
fn every_form_with_a_certificate_is_judged_as_documented() {
    assert_documented("certificate", &forms(Asked::Certificate));
}

#[test]
fn every_form_with_a_key_and_a_log_required_is_judged_as_documented() {
    assert_documented("key, transparencyLog: Require", &forms(Asked::LoggedKey));
}

#[test]
fn every_form_with_a_key_and_the_log_ignored_is_judged_as_documented() {
    assert_documented("key, transparencyLog: Ignore", &forms(Asked::Key));
}

/// The kinds of key, with every hash and padding that some cosign uses with them.
fn key_pairs() -> Vec<(&'static str, SigningKeyPair)> {
    let of = |kind| SigningKeyPair::generate_of(kind).unwrap();
    let p384 = || of(KeyKind::P384);
    let p521 = || of(KeyKind::P521);
    let rsa = || of(KeyKind::Rsa);
    vec![
        ("ECDSA P-256, SHA-256", of(KeyKind::P256)),
        (
            "ECDSA P-384, SHA-384",
            p384().with_hash(HashAlgorithm::Sha384),
        ),
        (
            "ECDSA P-384, SHA-256",
            p384().with_hash(HashAlgorithm::Sha256),
        ),
        (
            "ECDSA P-521, SHA-512",
            p521().with_hash(HashAlgorithm::Sha512),
        ),
        (
            "ECDSA P-521, SHA-256",
            p521().with_hash(HashAlgorithm::Sha256),
        ),
        ("Ed25519", of(KeyKind::Ed25519)),
        ("RSA 2048, PKCS #1 v1.5, SHA-256", rsa()),
        (
            "RSA 2048, PSS, SHA-256",
            rsa().with_padding(RsaPadding::Pss),
        ),
        ("RSA 3072, PKCS #1 v1.5, SHA-256", of(KeyKind::Rsa3072)),
        ("RSA 4096, PKCS #1 v1.5, SHA-256", of(KeyKind::Rsa4096)),
    ]
}

#[test]
fn every_kind_of_key_is_judged_as_documented() {
    let rows = key_pairs().into_iter().map(|(name, key)| {
        let sign = || WORLD.sigstore.sign_with(&key, &WORLD.image);
        let judge = |signed, asked| WORLD.judge_by(signed, asked, &key, &WORLD.root);
        let v2 = || sign().entry(Entry::of(EntryKind::HashedRekord002));
        vec![
            name.to_owned(),
            judge(sign().without_log().legacy(), Asked::Key),
            judge(sign().without_log().bundle(), Asked::Key),
            judge(sign().legacy(), Asked::LoggedKey),
            judge(sign().bundle(), Asked::LoggedKey),
            judge(v2().bundle(), Asked::LoggedKey),
        ]
    });
    let heads = [
        "key",
        "legacy, log ignored",
        "bundle, log ignored",
        "legacy, Rekor v1",
        "bundle, Rekor v1",
        "bundle, Rekor v2",
    ];
    assert_documented("keys", &table(&heads, rows));
}

#[test]
fn instances_without_logs_are_judged_as_documented() {
    let root = |without: &[RootPart], switches| {
        let json = WORLD.sigstore.trusted_root_json_without(without);
        TrustRoot::from_json_with(&json, switches).unwrap()
    };
    let no_sct = Switches {
        certificate_timestamps: CertificateTimestamps::InsecureNone,
        ..Switches::default()
    };
    let no_log = Switches {
        transparency: Transparency::InsecureNone,
        ..Switches::default()
    };
    let roots = [
        ("none", root(&[], Switches::default())),
        (
            "`insecureNoSct`",
            root(&[RootPart::CertificateLogs], no_sct),
        ),
        (
            "`insecureNoTransparencyLog`",
            root(&[RootPart::TransparencyLogs], no_log),
        ),
    ];
    let rows = roots.iter().map(|(name, root)| {
        let sign = || WORLD.sigstore.sign_as(&pipeline(), &WORLD.image);
        let judge = |signing: Signing<'_>| {
            WORLD.judge_by(signing.bundle(), Asked::Certificate, &WORLD.key, root)
        };
        let without_sct = || {
            sign().certificate_timestamp(assay::sandbox::sigstore::CertificateTimestamp::Missing)
        };
        vec![
            (*name).to_owned(),
            judge(without_sct()),
            judge(sign().without_log().timestamp(TimestampToken::new())),
            judge(sign().without_log()),
        ]
    });
    let heads = [
        "switch of the trust root",
        "no SCT",
        "no log entry, timestamp",
        "no log entry, no timestamp",
    ];
    assert_documented("switches", &table(&heads, rows));
}
