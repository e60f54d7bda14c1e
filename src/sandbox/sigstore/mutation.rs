//! Every protected field of a good signature, changed one at a time.

mod checkpoint;
mod token;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Attachment, x509};

/// Fields that no signature covers and that decide nothing, with the reason. They stand in no mutation.
pub const UNSIGNED: [(&str, &str); 7] = [
    (
        "/verificationMaterial/publicKey/hint",
        "names the key for those who hold several; the signature is tried with the policy's key",
    ),
    (
        "/x509CertificateChain/certificates/1",
        "only helps to build the path, which ends in the trust root",
    ),
    (
        "/x509CertificateChain/certificates/2",
        "the root of the signer's own choice, which nobody reads",
    ),
    (
        "annotation dev.sigstore.cosign/chain",
        "only helps to build the path, which ends in the trust root",
    ),
    (
        "annotation predicateType",
        "a hint; the predicate type that counts is in the signed statement",
    ),
    (
        "annotation org.opencontainers.image.created",
        "when the manifest was pushed, as whoever pushed it says",
    ),
    (
        "annotation dev.sigstore.bundle.",
        "hints of the manifest; what counts is in the bundle",
    ),
];

/// The good signature with one protected field changed, once for each field and kind of change, with what
/// was changed: a JSON pointer, `#` before a pointer into the document that a base64 text holds.
///
/// Log entries and timestamps are among them: they are protected only from those who ask for them. Two
/// things of a timestamp are not, as nothing signs them: the certificates in it and the list of its hashes.
pub fn mutations(good: &Attachment) -> Vec<(String, Attachment)> {
    let mut mutated: Vec<_> = content_changes(good)
        .into_iter()
        .map(|(place, content)| {
            let attachment = Attachment {
                content: content.into(),
                ..good.clone()
            };
            (place, attachment)
        })
        .collect();
    for (name, text) in &good.annotations {
        for (place, changed) in annotation_changes(name, text) {
            let mut attachment = good.clone();
            attachment.annotations.insert(name.clone(), changed);
            mutated.push((place, attachment));
        }
    }
    mutated.retain(|(place, _)| {
        !UNSIGNED
            .iter()
            .any(|(unsigned, _)| place.contains(unsigned))
    });
    mutated
}

/// A place, and the whole with that place changed.
type Changes<T> = Vec<(String, T)>;

fn content_changes(good: &Attachment) -> Changes<Vec<u8>> {
    let Ok(json) = serde_json::from_slice::<Value>(&good.content) else {
        return flipped(&good.content);
    };
    changes("", &json)
        .into_iter()
        .map(|(place, changed)| (place, changed.to_string().into_bytes()))
        .collect()
}

fn annotation_changes(name: &str, text: &str) -> Changes<String> {
    let place = format!("annotation {name}");
    if let Ok(json @ Value::Object(_)) = serde_json::from_str(text) {
        let inner = changes("", &json).into_iter();
        return inner
            .map(|(pointer, changed)| (format!("{place} {pointer}"), changed.to_string()))
            .collect();
    }
    if let Ok(certificate) = sigstore_types::DerCertificate::from_pem(text) {
        return flipped(certificate.as_bytes())
            .into_iter()
            .map(|(octet, der)| (format!("{place}{octet}"), x509::pem(&der)))
            .collect();
    }
    text_changes(&place, text)
}

fn changes(place: &str, value: &Value) -> Changes<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, field)| {
                let place = format!("{place}/{name}");
                changes(&place, field).into_iter().map(|(place, changed)| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), changed);
                    (place, Value::Object(fields))
                })
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| {
                let place = format!("{place}/{index}");
                changes(&place, item)
                    .into_iter()
                    .map(move |(place, changed)| {
                        let mut items = items.clone();
                        if let Some(item) = items.get_mut(index) {
                            *item = changed;
                        }
                        (place, Value::Array(items))
                    })
            })
            .collect(),
        Value::String(text) => text_changes(place, text)
            .into_iter()
            .map(|(place, changed)| (place, Value::String(changed)))
            .collect(),
        Value::Number(number) => {
            let more = number.as_i64().unwrap_or_default() + 1;
            vec![(format!("{place}: one more"), json!(more))]
        }
        Value::Bool(flag) => vec![(format!("{place}: negated"), json!(!flag))],
        Value::Null => vec![(format!("{place}: no longer null"), json!({ "a": "b" }))],
    }
}

fn text_changes(place: &str, text: &str) -> Changes<String> {
    if place.ends_with("/checkpoint/envelope") {
        return checkpoint::changes(place, text);
    }
    if let Ok(number) = text.parse::<u64>() {
        return vec![(format!("{place}: one more"), (number + 1).to_string())];
    }
    let Some(bytes) = STANDARD.decode(text).ok().filter(|bytes| bytes.len() > 8) else {
        return replaced(place, text);
    };
    let is_token =
        place.ends_with("/signedTimestamp") || place.ends_with("/SignedRFC3161Timestamp");
    let mut found = if is_token {
        token::changes(&bytes)
    } else {
        flipped(&bytes)
    };
    if let Ok(json @ Value::Object(_)) = serde_json::from_slice(&bytes) {
        let inner = changes("", &json).into_iter();
        found.extend(
            inner.map(|(pointer, changed)| {
                (format!("#{pointer}"), changed.to_string().into_bytes())
            }),
        );
    }
    found
        .into_iter()
        .map(|(inner, changed)| (format!("{place}{inner}"), STANDARD.encode(changed)))
        .collect()
}

/// The first character as another one, and one more at the end.
fn replaced(place: &str, text: &str) -> Changes<String> {
    let mut characters = text.chars();
    let first = match characters.next() {
        None => return Vec::new(),
        Some('a') => 'b',
        Some(_) => 'a',
    };
    vec![
        (
            format!("{place}: another first character"),
            format!("{first}{}", characters.as_str()),
        ),
        (format!("{place}: one more character"), format!("{text}a")),
    ]
}

/// The lowest bit of the first, the middle and the last octet.
fn flipped(bytes: &[u8]) -> Changes<Vec<u8>> {
    let mut places = vec![0, bytes.len() / 2, bytes.len().saturating_sub(1)];
    places.dedup();
    flipped_at(bytes, places)
}

fn flipped_at(bytes: &[u8], places: impl IntoIterator<Item = usize>) -> Changes<Vec<u8>> {
    places
        .into_iter()
        .map(|place| {
            let mut changed = bytes.to_vec();
            if let Some(octet) = changed.get_mut(place) {
                *octet ^= 1;
            }
            (format!(": a bit of octet {place}"), changed)
        })
        .collect()
}
