//! The published bypasses of verifiers and admission controllers, each under its id, tried on us.
//!
//! A comment says what went wrong elsewhere, in a sentence. Ids are those of the advisories; where there is none,
//! the name of the program and its issue stand for it.

mod admission;
mod attestations;
mod limits;
mod signatures;

use assay::sandbox::sigstore::{Attachment, Claims};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::world::{PROJECT, World, authority};

/// The ref that [`World::demand_pipeline`] accepts here, and one under it.
const REFS: &str = "refs/tags/v*";
const TAG: &str = "refs/tags/v1.8.2";

/// Who signs in these tests unless they say otherwise.
fn pipeline() -> Claims {
    Claims::gitlab(PROJECT, TAG)
}

impl World {
    /// Demands a signature by [`World::key`] that the sandbox's log has recorded.
    fn demand_logged_key(&self) {
        let mut logged = authority("key", &self.key);
        logged["transparencyLog"] = json!("Require");
        logged["trustRootRef"] = json!({"name": "sandbox"});
        self.demand(json!({"authorities": [logged]}));
    }
}

/// The same bundle with its JSON edited.
fn edited(mut signed: Attachment, edit: impl FnOnce(&mut Value)) -> Attachment {
    let mut json: Value = serde_json::from_slice(&signed.content).unwrap();
    edit(&mut json);
    signed.content = Bytes::from(json.to_string());
    signed
}

/// The one log entry of a bundle.
fn log_entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// The same older signature with another value of this annotation.
fn annotated(mut signed: Attachment, name: &str, value: &str) -> Attachment {
    let old = signed.annotations.insert(name.to_owned(), value.to_owned());
    assert!(old.is_some(), "{name} was not there");
    signed
}

const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
