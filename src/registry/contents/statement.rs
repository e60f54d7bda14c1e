//! BuildKit's statements in an index: unsigned, so that they count only by their place in it.
//!
//! Each step is compared: the index names the attestation manifest and the image that it is about, the manifest names
//! the statement, and the statement names the image. Nothing else is read of a statement but its type.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};

use super::{Image, Source, listed_digest};
use crate::{
    image::{BrokenStatement, BuildStatement, Digest, StatementFault},
    limits,
    registry::{
        RegistryError,
        bounded::{List, Texts},
        manifest::{Descriptor, Manifest, Role},
    },
    untrusted::shown,
};

/// The statements of one index, as far as they have been found.
#[derive(Debug, Default)]
pub(super) struct Statements {
    holders: Vec<Holder>,
    layers: Vec<Layer>,
    broken: Vec<BrokenStatement>,
}

/// An attestation manifest.
#[derive(Debug)]
struct Holder {
    digest: Digest,
    size: u64,
    /// The image that it is about, by the index.
    image: Digest,
}

/// A statement that an attestation manifest lists.
#[derive(Debug)]
struct Layer {
    holder: Digest,
    image: Digest,
    digest: Digest,
    size: u64,
    /// Its predicate type, by the manifest.
    listed_type: Option<String>,
}

impl Statements {
    /// Finds the attestation manifests of an index over these images.
    pub(super) fn list(
        &mut self,
        source: &impl Source,
        index: &Manifest,
        images: &[Image],
    ) -> Result<(), RegistryError> {
        let images: BTreeSet<&Digest> = images.iter().map(|image| &image.digest).collect();
        let listed = index.manifests.iter();
        for listed in listed.filter(|one| one.role() == Role::Attestation) {
            let digest = listed_digest(source, listed)?;
            let link = listed.annotation(REFERENCE_DIGEST).unwrap_or_default();
            let image = link.parse::<Digest>().ok();
            match image.filter(|image| images.contains(image)) {
                Some(image) => self.holders.push(Holder {
                    digest,
                    size: listed.size,
                    image,
                }),
                None => self.broken.push(BrokenStatement {
                    manifest: digest,
                    fault: StatementFault::UnknownPlatform {
                        presented: shown_digest(link),
                    },
                }),
            }
        }
        let found = self.holders.len().saturating_add(self.broken.len());
        within(source, "manifests of build statements", found)
    }

    /// The attestation manifests, to be fetched.
    pub(super) fn holders(&self) -> impl Iterator<Item = (Digest, u64)> {
        let holders = self.holders.iter();
        holders.map(|holder| (holder.digest.clone(), holder.size))
    }

    /// Finds the statements in the fetched manifests.
    pub(super) fn find_layers(
        &mut self,
        source: &impl Source,
        manifests: &BTreeMap<Digest, Manifest>,
    ) -> Result<(), RegistryError> {
        for holder in &self.holders {
            let manifest = manifests.get(&holder.digest);
            let Some(manifest) = manifest.filter(|manifest| !manifest.kind.is_index()) else {
                self.broken.push(BrokenStatement {
                    manifest: holder.digest.clone(),
                    fault: malformed("it is listed as a manifest and is none"),
                });
                continue;
            };
            for layer in manifest.layers.iter().filter(|layer| is_wanted(layer)) {
                let limit = limits::STATEMENT_BYTES;
                if layer.size > limit as u64 {
                    return Err(source.limit(format!(
                        "a build statement has {} bytes, at most {limit} are read",
                        layer.size
                    )));
                }
                self.layers.push(Layer {
                    holder: holder.digest.clone(),
                    image: holder.image.clone(),
                    digest: listed_digest(source, layer)?,
                    size: layer.size,
                    listed_type: layer.annotation(PREDICATE_TYPE).map(str::to_owned),
                });
            }
        }
        within(source, "build statements", self.layers.len())
    }

    /// The statements, to be fetched.
    pub(super) fn layers(&self) -> impl Iterator<Item = (Digest, u64)> {
        let layers = self.layers.iter();
        layers.map(|layer| (layer.digest.clone(), layer.size))
    }

    /// The statements that are what they should be, and those that are not.
    pub(super) fn read(
        self,
        blobs: &BTreeMap<Digest, Bytes>,
    ) -> (Vec<BuildStatement>, Vec<BrokenStatement>) {
        let (mut statements, mut broken) = (Vec::new(), self.broken);
        for layer in self.layers {
            let content = blobs.get(&layer.digest).cloned().unwrap_or_default();
            match layer.read(content) {
                Ok(statement) => statements.push(statement),
                Err(fault) => broken.push(BrokenStatement {
                    manifest: layer.holder,
                    fault,
                }),
            }
        }
        (statements, broken)
    }
}

impl Layer {
    fn read(&self, statement: Bytes) -> Result<BuildStatement, StatementFault> {
        // From bytes, the parser would not look at the texts that it skips.
        let text = std::str::from_utf8(&statement).map_err(|_| malformed("it is not UTF-8"))?;
        let wire: Wire =
            serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
        if !STATEMENT_TYPES.contains(&wire.kind.as_str()) {
            let kind = &wire.kind;
            return Err(malformed(&format!("it is a statement of type \"{kind}\"")));
        }
        let listed_type = self.listed_type.as_ref();
        if let Some(listed) = listed_type.filter(|listed| **listed != wire.predicate_type) {
            return Err(StatementFault::OtherType {
                listed: shown(listed, limits::SHOWN_CHARS),
                presented: shown(&wire.predicate_type, limits::SHOWN_CHARS),
            });
        }
        self.compare(wire.about.into_items())?;
        Ok(BuildStatement {
            platform: self.image.clone(),
            predicate_type: wire.predicate_type,
            statement,
        })
    }

    /// By digest alone: names are the builder's. An image with several names stands there several times.
    fn compare(&self, about: Vec<StatementSubject>) -> Result<(), StatementFault> {
        let mut presented = None;
        for entry in about {
            match entry.digest.as_map().get(SHA256) {
                Some(hex) if hex == self.image.hex() => return Ok(()),
                Some(hex) => presented = presented.or_else(|| Some(format!("sha256:{hex}"))),
                None => {}
            }
        }
        Err(match presented {
            Some(digest) => StatementFault::OtherImage {
                presented: shown_digest(&digest),
                expected: self.image.clone(),
            },
            None => malformed("it names no sha256 digest"),
        })
    }
}

/// Whether this is a statement about the image of this digest.
#[cfg(fuzzing)]
pub(super) fn is_statement_about(content: Bytes, image: &Digest) -> bool {
    let layer = Layer {
        holder: image.clone(),
        image: image.clone(),
        digest: image.clone(),
        size: 0,
        listed_type: None,
    };
    layer.read(content).is_ok()
}

/// Whether this layer may say how the image was built. A bill of materials does not, and can be very long.
fn is_wanted(layer: &Descriptor) -> bool {
    let listed_type = layer.annotation(PREDICATE_TYPE);
    layer.media_type == IN_TOTO
        && listed_type.is_none_or(|listed_type| listed_type.starts_with(PROVENANCE))
}

fn within(source: &impl Source, what: &str, found: usize) -> Result<(), RegistryError> {
    let limit = limits::BUILD_STATEMENTS_PER_IMAGE;
    if found <= limit {
        return Ok(());
    }
    Err(source.limit(format!(
        "{found} {what} are listed, at most {limit} are read"
    )))
}

fn malformed(detail: &str) -> StatementFault {
    StatementFault::Malformed {
        detail: shown(detail, limits::SIGNATURE_ERROR_CHARS),
    }
}

/// A digest whole, anything else escaped and cut.
fn shown_digest(text: &str) -> String {
    match text.parse::<Digest>() {
        Ok(digest) => digest.to_string(),
        Err(_) => shown(text, limits::SHOWN_CHARS),
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "subject")]
    about: List<StatementSubject, { limits::SUBJECTS_PER_STATEMENT }>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    // Named so that a second one is refused.
    #[serde(rename = "predicate")]
    _predicate: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: Texts<{ limits::DIGESTS_PER_SUBJECT }>,
}

const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const PROVENANCE: &str = "https://slsa.dev/provenance/";
const SHA256: &str = "sha256";

const STATEMENT_TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
