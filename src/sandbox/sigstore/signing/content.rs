//! What is signed when nothing else is said.

use serde_json::{Value, json};

use super::Signing;

impl Signing<'_> {
    pub(super) fn predicate_type_or_default(&self) -> &str {
        self.predicate_type.as_deref().unwrap_or(SIGN_PREDICATE)
    }

    /// The in-toto statement about the image.
    pub(super) fn statement(&self) -> Vec<u8> {
        let mut own = json!({ "digest": { "sha256": self.image.hex() } });
        if let (false, Some(fields)) = (self.annotations.is_empty(), own.as_object_mut()) {
            fields.insert("annotations".to_owned(), json!(self.annotations));
        }
        let mut subjects = vec![own];
        subjects.extend(self.subjects.iter().cloned());
        json!({
            "_type": self.statement_type,
            "subject": subjects,
            "predicateType": self.predicate_type_or_default(),
            "predicate": self.predicate,
        })
        .to_string()
        .into_bytes()
    }

    /// The simple-signing payload about the image.
    pub(super) fn simple_signing(&self) -> Vec<u8> {
        let optional = if self.annotations.is_empty() {
            Value::Null
        } else {
            json!(self.annotations)
        };
        json!({
            "critical": {
                "identity": { "docker-reference": "registry.assay.test/signed" },
                "image": { "docker-manifest-digest": self.image.as_str() },
                "type": self.critical_type,
            },
            "optional": optional,
        })
        .to_string()
        .into_bytes()
    }
}

const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
