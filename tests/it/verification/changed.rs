//! Every protected field of every form that is accepted, changed one at a time.

use assay::sandbox::sigstore::mutations;

use super::{
    Asked, WORLD,
    accepted::{FORMS, Form, Proof},
};

/// Changes that are accepted although a signature of this kind was asked for; none must be.
fn still_accepted(form: &Form, proof: Proof, asked: Asked) -> Vec<String> {
    let signed = form.sign(proof, asked);
    if WORLD.judge(Ok(signed.clone()), asked) != "accepted" {
        return Vec::new();
    }
    let changed = mutations(&signed);
    assert!(changed.len() >= 10, "{}: {}", form.name, changed.len());
    changed
        .into_iter()
        .filter(|(place, _)| asked.looks_at(place))
        .filter(|(_, changed)| WORLD.judge(Ok(changed.clone()), asked) == "accepted")
        .map(|(place, _)| format!("{} with {}: {place}", form.name, proof.name()))
        .collect()
}

impl Asked {
    /// Whether the place counts at all: what a log says is not read where no log is asked for.
    fn looks_at(self, place: &str) -> bool {
        match self {
            Self::Certificate | Self::LoggedKey => true,
            Self::Key => {
                !place.contains("tlogEntries")
                    && !place.contains("annotation dev.sigstore.cosign/bundle")
            }
        }
    }
}

fn all_still_accepted(asked: Asked, proofs: &[Proof]) -> Vec<String> {
    let pairs = FORMS
        .iter()
        .flat_map(|form| proofs.iter().map(move |&proof| (form, proof)));
    pairs
        .filter(|(form, proof)| form.has_room_for(*proof))
        .flat_map(|(form, proof)| still_accepted(form, proof, asked))
        .collect()
}

// With a time of each kind alone: of two good times one may be spoilt and the other is enough.
#[test]
fn no_field_of_a_keyless_signature_can_be_changed() {
    let accepted = all_still_accepted(
        Asked::Certificate,
        &[Proof::RekorV1, Proof::RekorV2AndTimestamp],
    );
    assert_eq!(accepted, Vec::<String>::new());
}

#[test]
fn no_field_of_a_logged_signature_by_a_key_can_be_changed() {
    let accepted = all_still_accepted(Asked::LoggedKey, &[Proof::RekorV1, Proof::RekorV2]);
    assert_eq!(accepted, Vec::<String>::new());
}

#[test]
fn no_field_of_a_signature_by_a_key_can_be_changed_but_what_a_log_says() {
    let accepted = all_still_accepted(Asked::Key, &[Proof::Nothing, Proof::RekorV1]);
    assert_eq!(accepted, Vec::<String>::new());
}
