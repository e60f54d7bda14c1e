//! A good signature with one thing wrong, for each thing that can be.

use assay::sandbox::sigstore::{
    AuthorityName, CertificateFault, CertificateTimestamp, Entry, EntryFault, EntryKind, Signing,
    TimestampToken, TokenFault,
};
use jiff::ToSpan as _;

use super::{Asked, NOW, WORLD, assert_documented, pipeline, table};

type Change = (&'static str, fn(Signing<'_>) -> Signing<'_>);

/// What is wrong with the certificate, its timestamp, its identity or the statement.
const CERTIFICATE: [Change; 13] = [
    ("the certificate has no certificate timestamp", |it| {
        it.certificate_timestamp(CertificateTimestamp::Missing)
    }),
    ("its certificate timestamp is another certificate's", |it| {
        it.certificate_timestamp(CertificateTimestamp::OfAnother)
    }),
    ("its certificate timestamp is of an unknown log", |it| {
        it.certificate_timestamp(CertificateTimestamp::OfUnknownLog)
    }),
    ("its certificate timestamp is for another issuer", |it| {
        it.certificate_timestamp(CertificateTimestamp::OfAnotherIssuer)
    }),
    ("it is for servers, not for signing code", |it| {
        it.certificate_fault(CertificateFault::WrongPurpose)
    }),
    ("it does not say what it is for", |it| {
        it.certificate_fault(CertificateFault::NoPurpose)
    }),
    ("its key may not sign", |it| {
        it.certificate_fault(CertificateFault::NoDigitalSignature)
    }),
    ("it has a critical extension that nobody knows", |it| {
        it.certificate_fault(CertificateFault::UnknownCriticalExtension)
    }),
    ("it is an authority's", |it| {
        it.certificate_fault(CertificateFault::IsAuthority)
    }),
    ("another authority of the same name issued it", |it| {
        it.certificate_fault(CertificateFault::ForeignIssuer)
    }),
    ("it had expired when the signature was logged", |it| {
        it.logged_at(NOW + 11.minutes())
    }),
    ("the statement is of no known type", |it| {
        it.statement_type("https://example.com/Statement/v1")
    }),
    ("the envelope holds something else than a statement", |it| {
        it.payload_type("application/json")
    }),
];

const ENTRY: [(&str, EntryFault); 12] = [
    ("another signature", EntryFault::OfAnotherSignature),
    ("another key", EntryFault::OfAnotherKey),
    ("another content", EntryFault::OfAnotherContent),
    ("a promise by another key", EntryFault::PromiseOfAnotherKey),
    ("another entry's promise", EntryFault::PromiseOfAnotherEntry),
    ("a time that was not promised", EntryFault::TimeNotPromised),
    ("no promise", EntryFault::NoPromise),
    ("no inclusion proof", EntryFault::NoProof),
    ("another leaf's proof", EntryFault::ProofOfAnotherLeaf),
    ("no checkpoint", EntryFault::NoCheckpoint),
    (
        "a checkpoint by another key",
        EntryFault::CheckpointOfAnotherKey,
    ),
    (
        "a checkpoint of another tree",
        EntryFault::CheckpointOfAnotherTree,
    ),
];

const TOKEN: [(&str, TokenFault); 8] = [
    ("was rejected", TokenFault::Rejected),
    (
        "has a signature over something else",
        TokenFault::WrongSignature,
    ),
    (
        "names another content's hash",
        TokenFault::WrongMessageDigest,
    ),
    (
        "names another type of content",
        TokenFault::WrongContentType,
    ),
    ("has no signed attributes", TokenFault::NoSignedAttributes),
    ("has two signers", TokenFault::TwoSigners),
    ("holds something else", TokenFault::NotATimestamp),
    ("is followed by an octet", TokenFault::Trailing),
];

#[test]
fn one_thing_wrong_with_a_certificate_is_refused_as_documented() {
    let rows = CERTIFICATE.iter().map(|(what, change)| {
        let signing = change(WORLD.sigstore.sign_as(&pipeline(), &WORLD.image));
        let refused = WORLD.judge(signing.bundle(), Asked::Certificate);
        vec![(*what).to_owned(), refused]
    });
    assert_documented(
        "wrong certificate",
        &table(&["certificate or statement", "verdict"], rows),
    );
}

#[test]
fn one_thing_wrong_with_a_log_entry_is_refused_as_documented() {
    let rows = ENTRY.iter().map(|&(what, fault)| {
        let keyed = |kind| {
            let signing = WORLD.sigstore.sign_with(&WORLD.key, &WORLD.image);
            let entry = Entry::of(kind).fault(fault);
            WORLD.judge(signing.entry(entry).bundle(), Asked::LoggedKey)
        };
        let keyless = WORLD.sigstore.sign_as(&pipeline(), &WORLD.image);
        let entry = Entry::of(EntryKind::Dsse001).fault(fault);
        vec![
            what.to_owned(),
            WORLD.judge(keyless.entry(entry).bundle(), Asked::Certificate),
            keyed(EntryKind::Dsse001),
            if of_rekor_v2(fault) {
                keyed(EntryKind::HashedRekord002)
            } else {
                "–".to_owned()
            },
        ]
    });
    let heads = [
        "the log entry has",
        "certificate, Rekor v1",
        "key, Rekor v1",
        "key, Rekor v2",
    ];
    assert_documented("wrong entry", &table(&heads, rows));
}

/// Whether an entry of the second generation has the thing at all.
fn of_rekor_v2(fault: EntryFault) -> bool {
    !matches!(
        fault,
        EntryFault::PromiseOfAnotherKey
            | EntryFault::PromiseOfAnotherEntry
            | EntryFault::TimeNotPromised
            | EntryFault::NoPromise
    )
}

#[test]
fn one_thing_wrong_with_a_signed_timestamp_is_refused_as_documented() {
    let judge = |token: TimestampToken| {
        let signing = WORLD.sigstore.sign_as(&pipeline(), &WORLD.image);
        let entry = Entry::of(EntryKind::HashedRekord002);
        let signed = signing.entry(entry).timestamp(token).bundle();
        WORLD.judge(signed, Asked::Certificate)
    };
    let faults = TOKEN
        .iter()
        .map(|&(what, fault)| (what, TimestampToken::new().fault(fault)));
    let by = |authority| TimestampToken::new().by(authority);
    let others = [
        (
            "is over another signature",
            TimestampToken::new().imprinting(*b"another"),
        ),
        (
            "is of an authority that the trust root does not know",
            by(AuthorityName::Unknown),
        ),
        (
            "is of an impostor of a known authority",
            by(AuthorityName::Impostor),
        ),
        (
            "says a time when the certificate had expired",
            TimestampToken::new().at(NOW + 11.minutes()),
        ),
        (
            "says a time before the certificate was issued",
            TimestampToken::new().at(NOW - 1.second()),
        ),
    ];
    let rows = faults
        .chain(others)
        .map(|(what, token)| vec![what.to_owned(), judge(token)]);
    assert_documented(
        "wrong timestamp",
        &table(&["the signed timestamp", "verdict"], rows),
    );
}
