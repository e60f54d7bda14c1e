//! What must be true of an image beside its signatures, on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ImagePattern, rule};
use crate::limits::{
    CONDITION_BYTES, CONDITION_MESSAGE_CHARS, CONDITIONS_PER_LIST, ENTRIES_PER_RULE,
    TAG_PATTERN_CHARS, TAG_PATTERNS_PER_POLICY,
};

/// Which tags are let in.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tags {
    /// Regular expressions, any of which must match the whole tag, as in `v\d+\.\d+\.\d+`; anchors are not needed. An
    /// image without tag and digest has the tag `latest`; one that is named by digest alone is let in.
    #[schemars(
        length(min = 1, max = TAG_PATTERNS_PER_POLICY),
        inner(length(min = 1, max = TAG_PATTERN_CHARS)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub allow: Vec<String>,
}

/// What a signed provenance must say.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provenance {
    /// The names of the authorities that may attest. Without it each of the policy's authorities may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub authorities: Option<Vec<String>>,
    /// A pattern over the URL of the repository that the image was built from, as in `https://gitlab.com/acme/shop/api` or
    /// `https://gitlab.com/acme/**`. A `.git` or slash at the end makes no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [
        rule(
            "self.matches('^https://[^/?#@*]+/[^?#]+$')",
            "sourceRepository is an https URL whose host has no wildcard, as in https://gitlab.com/acme/shop/api",
        ),
    ]))]
    pub source_repository: Option<String>,
    /// Patterns over the full ref that was built, as in `refs/tags/v*` or `refs/heads/main`; any of them must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = ENTRIES_PER_RULE), extend("x-kubernetes-list-type" = "set"))]
    pub refs: Option<Vec<RefPattern>>,
    /// What the image's tag must name, any of these: `Ref`, the branch or tag that was built (image tag `v1.8.2` and
    /// `refs/tags/v1.8.2`), or `Commit`, the commit in full or abbreviated (image tag `a1b2c3d`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub tag_matches: Option<Vec<TagMatch>>,
    /// Patterns over the URL of the runner that built the image, as in `https://gitlab.com/acme/shop/api/-/runners/1234`; any of
    /// them must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = ENTRIES_PER_RULE), extend("x-kubernetes-list-type" = "set"))]
    pub runners: Option<Vec<RunnerPattern>>,
    /// How the pipeline may have been started, as in `[push, web]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = ENTRIES_PER_RULE), inner(length(min = 1, max = 64), regex(pattern = "^[a-z_]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub pipeline_sources: Option<Vec<String>>,
    /// Patterns over the registry host and path of base images, as in `registry.gitlab.com/acme/base/**`. Every base image
    /// must be named by digest and match any of them, and one must be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = ENTRIES_PER_RULE), extend("x-kubernetes-list-type" = "set"))]
    pub base_images: Option<Vec<ImagePattern>>,
    /// How long ago the build may have been, in hours, minutes and seconds, as in `2160h` (90 days) or `1h30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-validations" = [
        rule(
            "self.matches('^([0-9]+[hms])+$')",
            "maxAge is in hours, minutes and seconds, as in 2160h",
        ),
        rule("self.matches('[1-9]')", "maxAge must be more than nothing"),
    ]))]
    pub max_age: Option<String>,
}

/// A pattern over full refs. `*` matches inside one path segment, `**` across segments; the whole ref must match.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = super::ref_rules()))]
pub struct RefPattern(#[schemars(length(min = 1, max = 512))] pub String);

/// A pattern over the URLs of runners. `*` matches inside one path segment, `**` across segments; the whole URL must match.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.matches('^https?://[^/?#@*]+/[^?#]+$')",
        "a runner is a URL whose host has no wildcard, as in https://gitlab.com/acme/shop/api/-/runners/1234",
    ),
]))]
pub struct RunnerPattern(#[schemars(length(min = 1, max = 512))] pub String);

/// What the tag of an image must name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "described at the field that holds it")]
pub enum TagMatch {
    Ref,
    Commit,
}

/// A signed statement that must be there.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Attestation {
    /// What kind of statement, as in `https://slsa.dev/provenance/v1` or `https://cyclonedx.org/bom`: this text and no other.
    #[schemars(length(min = 1, max = 512))]
    pub predicate_type: String,
    /// What the statement must say: expressions in CEL that must all be true of one and the same statement, which is
    /// `attestation`. The variables of the policy's own `conditions` can be used too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = CONDITIONS_PER_LIST), extend("x-kubernetes-list-type" = "atomic"))]
    pub conditions: Vec<PolicyCondition>,
}

/// Something that must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyCondition {
    /// An expression in CEL that must be true, as in `provenance.commit == image.annotations["org.opencontainers.image.revision"]`.
    /// One without a value, because what it speaks of is not there, refuses the image too.
    #[schemars(length(min = 1, max = CONDITION_BYTES))]
    pub expression: String,
    /// What a denial says when it is not true, as in `the SBOM is empty`. Without it the denial shows the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = CONDITION_MESSAGE_CHARS))]
    pub message: Option<String>,
}
