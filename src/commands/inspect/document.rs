//! The document of `-o json` and `-o yaml`. Its schema is `docs/inspect.schema.json`, and `docs/inspect.md` explains it.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use crate::{
    commands::signature::CertificateReport,
    provenance::{FactName, Shape, Source},
};

/// What is known of an image: what it is, what is attached to it, and what is said about how it was built.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Inspection {
    /// The image as it was asked for.
    pub(super) image: String,
    /// What the image of a folder is taken for: as `--as` says, else as the folder says, which nobody has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known_as: Option<String>,
    /// The digest that it has now: that of the index, where it is one.
    pub(super) digest: String,
    /// The media type of its index or manifest.
    pub(super) media_type: String,
    /// The images in an index, in its order; nothing for a single image.
    pub(super) platforms: Vec<Platform>,
    /// What is attached as a signature, verified ones first.
    pub(super) signatures: Vec<Signature>,
    /// What is attached as an attestation, verified ones first.
    pub(super) attestations: Vec<Attestation>,
    /// What BuildKit has put into the index. These statements have no signature of their own.
    pub(super) build_statements: Vec<BuildStatement>,
    /// What is said about the build by certificates and attestations that are verified, and by what their signatures
    /// cover; by name and then by source, the most trusted first.
    pub(super) facts: Vec<Fact>,
    /// The images that the build used, by the same.
    pub(super) base_images: Vec<BaseImage>,
    /// What the image says about itself when nothing that is verified covers it.
    pub(super) claims: Claims,
    /// Pages about the build, by what is verified. Labels lead to none: they may be the base image's.
    pub(super) links: Links,
    /// What is not as it should be.
    pub(super) warnings: Vec<Warning>,
}

/// The image for one platform.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Platform {
    /// As in `linux/arm64/v8`, by the index's word; empty where it says nothing.
    pub(super) platform: String,
    /// The digest of its manifest.
    pub(super) digest: String,
}

/// Something that is attached as a signature.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Signature {
    /// Where it lies.
    pub(super) attachment: Attachment,
    /// Whether it verifies with the trust root or a key that was given. Whether that signer may sign is not asked.
    pub(super) verified: bool,
    /// Who signed; only what is verified has this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signer: Option<Signer>,
    /// What the signer has added, in the order of the names; only what is verified has this.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<Annotation>,
    /// Why it is not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// Something that is attached as an attestation.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Attestation {
    /// Where it lies.
    pub(super) attachment: Attachment,
    /// Whether it verifies with the trust root or a key that was given. Whether that signer may attest is not asked.
    pub(super) verified: bool,
    /// The type of its predicate; a claim unless it is verified.
    pub(super) predicate_type: String,
    /// Who wrote the provenance in it, as far as its build type tells; only provenance that is verified has this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = Shape::ALL.map(Shape::as_str)))]
    pub(super) shape: Option<&'static str>,
    /// Who signed; only what is verified has this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signer: Option<Signer>,
    /// Why it is not verified, or why no facts are read from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// Where something lies that is attached to the image.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Attachment {
    /// The repository that it lies in, where that is not the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repository: Option<String>,
    /// How it was found.
    pub(super) place: Place,
    /// The media type of its layer.
    pub(super) media_type: String,
    /// The digest of its layer: the payload, envelope or bundle.
    pub(super) digest: String,
    /// The digest of the manifest that it is a layer of.
    pub(super) manifest: String,
}

/// How an attachment was found.
#[derive(Clone, Copy, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Place {
    /// In the manifest tagged `sha256-….sig`.
    SignatureTag,
    /// In the manifest tagged `sha256-….att`.
    AttestationTag,
    /// By the referrers API.
    ReferrersApi,
    /// By the tag `sha256-…`, or in a folder.
    ReferrersTag,
}

/// Who has signed, as it was verified.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Signer {
    /// In the words of messages, as in `gitlab.com/acme/shop ref refs/tags/v1.8.2`.
    pub(super) name: String,
    /// The key; only where there is no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Key>,
    /// The certificate; only where there is no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<CertificateReport>,
    /// The earliest verified time of signing (RFC 3339); null where nothing proves one.
    pub(super) signed_at: Option<String>,
    /// The index of the verified entry in the transparency log; null where there is none.
    pub(super) log_index: Option<u64>,
}

/// A public key.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Key {
    /// The SHA-256 of its SPKI, in hex.
    pub(super) fingerprint: String,
}

/// What a signer has added to a signature.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Annotation {
    /// The name.
    pub(super) name: String,
    /// The value.
    pub(super) value: String,
}

/// One of BuildKit's statements in the index.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct BuildStatement {
    /// The digest of the platform's manifest that it is about.
    pub(super) platform: String,
    /// The type of its predicate.
    pub(super) predicate_type: String,
    /// Who wrote the provenance in it, as far as its build type tells; only provenance has this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = Shape::ALL.map(Shape::as_str)))]
    pub(super) shape: Option<&'static str>,
    /// Whether something that is verified covers it, as it is about the index.
    pub(super) covered: bool,
}

/// One thing that is said about the build, and who says it.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Fact {
    /// What it is about.
    #[schemars(extend("enum" = FactName::ALL.map(FactName::as_str)))]
    pub(super) name: &'static str,
    /// What is said.
    pub(super) value: String,
    /// Where it is said.
    #[schemars(extend("enum" = Source::ALL.map(Source::as_str)))]
    pub(super) source: &'static str,
    /// Where in it: `extension .13`, `predicate.buildDefinition.…`, or the key of an annotation or label.
    pub(super) path: String,
    /// Who has signed it; what the image says about itself has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signer: Option<String>,
}

/// An image that the build used: a base, or one that only helped to build. No format says which is which.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct BaseImage {
    /// As it is written, without what wraps it in a package URL.
    pub(super) name: String,
    /// The repository that the name means, in full; null where it means none that a registry serves.
    pub(super) repository: Option<String>,
    /// What the build used; null where that is not said.
    pub(super) digest: Option<String>,
    /// Where it is said.
    #[schemars(extend("enum" = Source::ALL.map(Source::as_str)))]
    pub(super) source: &'static str,
    /// Where in it.
    pub(super) path: String,
    /// Who has signed it; what the image says about itself has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signer: Option<String>,
}

/// What nobody has verified.
#[derive(Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Claims {
    /// As the facts that are verified.
    pub(super) facts: Vec<Fact>,
    /// As the base images that are verified.
    pub(super) base_images: Vec<BaseImage>,
}

/// Pages about the build.
#[derive(Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Links {
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The pipeline (GitLab) or run (GitHub).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pipeline: Option<String>,
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<String>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Warning {
    /// Of which kind.
    pub(super) kind: WarningKind,
    /// What, for people.
    pub(super) message: String,
}

/// The kinds of warnings.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum WarningKind {
    /// A part of the image, or what is attached to it, could not be read: more may be said than is shown.
    Incomplete,
    /// Nothing that is attached to the image is verified.
    Unverified,
    /// Of an index, only the image of one platform has a signature.
    SignedChildOnly,
    /// Two facts cannot both be true.
    Contradiction,
    /// Something that is said about the build cannot be read.
    Unreadable,
    /// Provenance has a shape that is not known: no facts are read from it.
    UnknownShape,
    /// Facts that only labels state, which may be those of the base image.
    Labels,
}

/// The schema of the document, as it is written into `docs/inspect.schema.json`.
pub(super) fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Inspection>()
}
