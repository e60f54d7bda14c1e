//! The custom resources as they stand in the API (`assay.dev/v1alpha1`).
//!
//! The doc comment of a field is what `kubectl explain` shows, so it speaks to the author of a policy.
//! Unknown fields and enum values are errors here as they are in the API server.

#![expect(
    clippy::duplicated_attributes,
    reason = "printer columns of one type repeat it"
)]

mod authority;
mod definition;
mod demand;
mod outage;
mod rules;
mod selector;
mod status;
mod trust_root;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use outage::use_verified_for_rules;
use rules::{demand_rules, image_pattern_rules, ref_rules, rule};

use crate::limits::{ATTESTATIONS_PER_POLICY, AUTHORITIES_PER_POLICY, CONDITIONS_PER_LIST};

pub use authority::{
    Authority, GitHub, GitLab, Key, KeyInObject, Keyless, PUBLIC_GITLAB_INSTANCES,
    RunnerEnvironment, TransparencyLog, TrustRootRef,
};
pub use definition::definitions;
pub use demand::{
    Attestation, PolicyCondition, Provenance, RefPattern, RunnerPattern, TagMatch, Tags,
};
pub use outage::WhenRegistryUnavailable;
pub use selector::{LabelSelector, Operator, Requirement};
pub use status::{Condition, ConditionStatus, ImageCounts, InForce, PolicyStatus, TrustRootStatus};
pub use trust_root::{ImageTrustRoot, ImageTrustRootSpec, TrustRootPem, TrustRootTuf};

/// The API group of all kinds.
pub const GROUP: &str = "assay.dev";

/// The one served version.
pub const VERSION: &str = "v1alpha1";

/// The trust root name that always means the public-good Sigstore root that is built in.
pub const PUBLIC_TRUST_ROOT: &str = "public";

/// What must be true of the images that match.
#[derive(Clone, CustomResource, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "assay.dev",
    version = "v1alpha1",
    kind = "ClusterImageTrustPolicy",
    plural = "clusterimagetrustpolicies",
    doc = "ClusterImageTrustPolicy says who must have signed the images that run in the namespaces it selects. An image is admitted when every policy that matches it is satisfied.",
    shortname = "citp",
    category = "assay",
    status = "PolicyStatus",
    derive = "PartialEq",
    printcolumn(name = "Action", type_ = "string", json_path = ".spec.action"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Matched",
        type_ = "integer",
        json_path = ".status.images.matched"
    ),
    printcolumn(
        name = "Denied",
        type_ = "integer",
        json_path = ".status.images.denied"
    ),
    printcolumn(
        name = "Images",
        type_ = "string",
        json_path = ".spec.match.images",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = demand_rules()))]
pub struct ClusterImageTrustPolicySpec {
    /// Which images, in which namespaces and Pods.
    #[serde(rename = "match")]
    pub matches: ClusterMatch,
    /// What happens to an image that does not satisfy this policy: Deny refuses the Pod or workload, Warn admits
    /// it with a warning to the client, Audit admits it and only records the finding.
    #[serde(default)]
    pub action: Action,
    /// Whether admitted Pods are pinned: `repo:tag` becomes `repo:tag@sha256:…` with the digest that was verified.
    #[serde(default = "yes")]
    pub pin: bool,
    /// Whether the Pod templates of Deployments, Jobs and other workloads are pinned too. Off by default, so that
    /// GitOps tools see no drift: templates are checked but not changed.
    #[serde(default)]
    pub pin_workloads: bool,
    /// The repository that holds the signatures, as in `registry.example/mirror/signatures`, when they do not lie
    /// beside the image. Empty means beside the image.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub signature_repository: String,
    /// Who may sign. Authorities are alternatives: any `require` of them suffice.
    #[schemars(length(min = 1, max = AUTHORITIES_PER_POLICY), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub authorities: Vec<Authority>,
    /// How many different authorities must have signed. Several signatures by one authority count once. 0 asks for no
    /// signature beside `provenance` or `attestations`, and is allowed only where there is one of them.
    #[serde(default = "one")]
    #[schemars(range(max = 32))]
    pub require: u32,
    /// Which tags are let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// A signed SLSA provenance (v0.2 or v1) that must be there, and all that it must say. Where the certificate of
    /// its signer states the same fact, the two must agree. `{}` asks for any provenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Signed statements about the image that must be there too, each by any of the authorities: an SBOM, a scan, a review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = ATTESTATIONS_PER_POLICY), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["predicateType"]))]
    pub attestations: Vec<Attestation>,
    /// Expressions in CEL that must be true beside all else, over `image`, `signatures`, `provenance`, `attestations`, `pod`
    /// and `namespace`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = CONDITIONS_PER_LIST), extend("x-kubernetes-list-type" = "atomic"))]
    pub conditions: Vec<PolicyCondition>,
    /// What counts while the registry cannot be asked, because it is unavailable, does not answer in time or limits the rate:
    /// Deny refuses what cannot be judged, `UseVerified` lets images in by what was verified before, if this very policy accepted
    /// them by it. References by digest only; said in a warning, an Event and a metric.
    #[serde(default)]
    pub when_registry_unavailable: WhenRegistryUnavailable,
    /// For how long what was verified may be used so, since it was verified last, in hours, minutes and seconds, as in `24h`,
    /// which it is unless set; at most `168h`. What the registry had said then may be ten minutes older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-validations" = use_verified_for_rules()))]
    pub use_verified_for: Option<String>,
    /// A sentence or address appended to every denial by this policy, as in `Release guide: https://wiki.example/release`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub help: String,
}

/// What must be true of the images that match, in one namespace.
#[derive(Clone, CustomResource, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "assay.dev",
    version = "v1alpha1",
    kind = "ImageTrustPolicy",
    plural = "imagetrustpolicies",
    doc = "ImageTrustPolicy says who must have signed the images that run in its own namespace. It can only add demands to those of the cluster's policies.",
    namespaced,
    shortname = "itp",
    category = "assay",
    status = "PolicyStatus",
    derive = "PartialEq",
    printcolumn(name = "Action", type_ = "string", json_path = ".spec.action"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Matched",
        type_ = "integer",
        json_path = ".status.images.matched"
    ),
    printcolumn(
        name = "Denied",
        type_ = "integer",
        json_path = ".status.images.denied"
    ),
    printcolumn(
        name = "Images",
        type_ = "string",
        json_path = ".spec.match.images",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = demand_rules()))]
pub struct ImageTrustPolicySpec {
    /// Which images, in which Pods of this namespace.
    #[serde(rename = "match")]
    pub matches: NamespacedMatch,
    /// What happens to an image that does not satisfy this policy: Deny refuses the Pod or workload, Warn admits
    /// it with a warning to the client, Audit admits it and only records the finding.
    #[serde(default)]
    pub action: Action,
    /// Whether admitted Pods are pinned: `repo:tag` becomes `repo:tag@sha256:…` with the digest that was verified.
    #[serde(default = "yes")]
    pub pin: bool,
    /// Whether the Pod templates of Deployments, Jobs and other workloads are pinned too. Off by default, so that
    /// GitOps tools see no drift: templates are checked but not changed.
    #[serde(default)]
    pub pin_workloads: bool,
    /// The repository that holds the signatures, as in `registry.example/mirror/signatures`, when they do not lie
    /// beside the image. Empty means beside the image.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub signature_repository: String,
    /// Who may sign. Authorities are alternatives: any `require` of them suffice.
    #[schemars(length(min = 1, max = AUTHORITIES_PER_POLICY), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub authorities: Vec<Authority>,
    /// How many different authorities must have signed. Several signatures by one authority count once. 0 asks for no
    /// signature beside `provenance` or `attestations`, and is allowed only where there is one of them.
    #[serde(default = "one")]
    #[schemars(range(max = 32))]
    pub require: u32,
    /// Which tags are let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// A signed SLSA provenance (v0.2 or v1) that must be there, and all that it must say. Where the certificate of
    /// its signer states the same fact, the two must agree. `{}` asks for any provenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Signed statements about the image that must be there too, each by any of the authorities: an SBOM, a scan, a review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = ATTESTATIONS_PER_POLICY), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["predicateType"]))]
    pub attestations: Vec<Attestation>,
    /// Expressions in CEL that must be true beside all else, over `image`, `signatures`, `provenance`, `attestations`, `pod`
    /// and `namespace`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = CONDITIONS_PER_LIST), extend("x-kubernetes-list-type" = "atomic"))]
    pub conditions: Vec<PolicyCondition>,
    /// What counts while the registry cannot be asked, because it is unavailable, does not answer in time or limits the rate:
    /// Deny refuses what cannot be judged, `UseVerified` lets images in by what was verified before, if this very policy accepted
    /// them by it. References by digest only; said in a warning, an Event and a metric.
    #[serde(default)]
    pub when_registry_unavailable: WhenRegistryUnavailable,
    /// For how long what was verified may be used so, since it was verified last, in hours, minutes and seconds, as in `24h`,
    /// which it is unless set; at most `168h`. What the registry had said then may be ten minutes older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-validations" = use_verified_for_rules()))]
    pub use_verified_for: Option<String>,
    /// A sentence or address appended to every denial by this policy, as in `Release guide: https://wiki.example/release`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub help: String,
}

/// Which images a cluster policy covers, and where.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterMatch {
    /// Patterns over the image's registry host and path, as in `registry.gitlab.com/acme/shop/**`. `*` matches inside one
    /// path segment, `**` across segments; the whole repository must match. Short names are written in full, as in
    /// `docker.io/library/nginx`; tags and digests do not belong here.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub images: Vec<ImagePattern>,
    /// Images that this policy leaves out although `images` matches them; the same patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub exclude_images: Vec<ImagePattern>,
    /// Which namespaces, by their labels. Empty means all.
    #[serde(default, skip_serializing_if = "LabelSelector::is_empty")]
    pub namespace_selector: LabelSelector,
    /// Which Pods, by their labels (for a workload: the labels of its Pod template). Empty means all. Whoever may
    /// label a Pod decides about this, so it is no safety boundary.
    #[serde(default, skip_serializing_if = "LabelSelector::is_empty")]
    pub object_selector: LabelSelector,
}

/// Which images a namespaced policy covers.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NamespacedMatch {
    /// Patterns over the image's registry host and path, as in `registry.gitlab.com/acme/shop/**`. `*` matches inside one
    /// path segment, `**` across segments; the whole repository must match. Short names are written in full, as in
    /// `docker.io/library/nginx`; tags and digests do not belong here.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub images: Vec<ImagePattern>,
    /// Images that this policy leaves out although `images` matches them; the same patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub exclude_images: Vec<ImagePattern>,
    /// Which Pods, by their labels (for a workload: the labels of its Pod template). Empty means all. Whoever may
    /// label a Pod decides about this, so it is no safety boundary.
    #[serde(default, skip_serializing_if = "LabelSelector::is_empty")]
    pub object_selector: LabelSelector,
}

/// A pattern over the registry host and path, without tag or digest.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = image_pattern_rules()))]
pub struct ImagePattern(#[schemars(length(min = 1, max = 512))] pub String);

/// What happens to an image that does not satisfy a policy.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "described at the field that holds it")]
pub enum Action {
    #[default]
    Deny,
    Warn,
    Audit,
}

impl From<ImageTrustPolicySpec> for ClusterImageTrustPolicySpec {
    /// The same demands with a namespace selector that selects all: the policy's own namespace is part of its id.
    fn from(spec: ImageTrustPolicySpec) -> Self {
        Self {
            matches: ClusterMatch {
                images: spec.matches.images,
                exclude_images: spec.matches.exclude_images,
                namespace_selector: LabelSelector::default(),
                object_selector: spec.matches.object_selector,
            },
            action: spec.action,
            pin: spec.pin,
            pin_workloads: spec.pin_workloads,
            signature_repository: spec.signature_repository,
            authorities: spec.authorities,
            require: spec.require,
            tags: spec.tags,
            provenance: spec.provenance,
            attestations: spec.attestations,
            conditions: spec.conditions,
            when_registry_unavailable: spec.when_registry_unavailable,
            use_verified_for: spec.use_verified_for,
            help: spec.help,
        }
    }
}

const fn yes() -> bool {
    true
}

const fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests;
