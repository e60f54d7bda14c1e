//! What images must satisfy: the wire types of the custom resources, and their compiled form.

mod compile;
pub mod crd;
mod findings;
mod mode;
mod object;
mod selector;
mod set;
mod tag;

pub use compile::{
    CertificateTimestampDemand, CompileError, Fault, FieldPath, KeySource, LogDemand, ObjectEntry,
    PemTexts, Problem, Remedy, TrustRootDefinition, TrustRootSource, TufRepository,
};
pub use findings::Findings;
pub use mode::{ClusterModes, LabelEffect, LabelNote, Lowering, Meaning, ModeLabel, Modes};
pub use object::{ObjectError, PolicyObject, TrustRootObject};
pub use selector::Selector;
pub use tag::{TagPattern, TagPatternError};

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    condition::Condition,
    image::{Pattern, Repository, RepositoryPattern},
    key::PublicKey,
};

/// Which policy object this is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PolicyId {
    /// The namespace of an `ImageTrustPolicy`, none for a `ClusterImageTrustPolicy`.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

/// What happens to an image that does not satisfy a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the variants are the API's words")]
pub enum Action {
    Deny,
    Warn,
    Audit,
}

/// What happens to an image that no policy matches; from lax to strict.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the variants are the API's words")]
pub enum DefaultAction {
    #[default]
    Allow,
    Warn,
    Deny,
}

/// Where and to which images a policy applies.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The policy.
    pub id: PolicyId,
    /// Any of these matches; empty matches every image (only in a broken policy whose own patterns cannot be read).
    pub images: Vec<RepositoryPattern>,
    /// None of these may match.
    pub exclude_images: Vec<RepositoryPattern>,
    /// Over the namespace's labels.
    pub namespace_selector: Selector,
    /// Over the Pod's (or Pod template's) labels.
    pub object_selector: Selector,
    /// What a failure means.
    pub action: Action,
}

/// One compiled policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it applies.
    pub scope: Scope,
    /// Names the content (everything that can change a verdict), for cache keys and logs.
    pub content: String,
    /// Whether Pods are pinned.
    pub pin: bool,
    /// Whether workload templates are pinned too.
    pub pin_workloads: bool,
    /// Where signatures live when not beside the image.
    pub signature_repository: Option<Repository>,
    /// Who may sign.
    pub authorities: Vec<Authority>,
    /// How many distinct authorities must have signed; 0 only where there are `attestations`.
    pub require: usize,
    /// Which tags are let in, if that is asked.
    pub tags: Option<TagDemand>,
    /// What a signed provenance must say, if one is asked for.
    pub provenance: Option<ProvenanceDemand>,
    /// The statements about the image that must be there, each by one of the authorities.
    pub attestations: Vec<AttestationDemand>,
    /// What must hold beside, of all that was found.
    pub conditions: Vec<ConditionDemand>,
    /// What counts while a registry does not answer.
    pub outage: RegistryOutage,
    /// Appended to a denial.
    pub help: Option<String>,
}

/// What counts while a registry does not answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RegistryOutage {
    /// Nothing: what cannot be judged is refused.
    #[default]
    Deny,
    /// What satisfied the policy before.
    UseVerified {
        /// At most so long ago.
        within: SignedDuration,
    },
}

impl RegistryOutage {
    /// For how long what satisfied the policy counts; none where it does not.
    pub fn verified_for(self) -> Option<SignedDuration> {
        match self {
            Self::Deny => None,
            Self::UseVerified { within } => Some(within),
        }
    }
}

/// Which tags are let in. A reference without a tag is not asked.
#[derive(Clone, Debug)]
pub struct TagDemand {
    /// Any of these matches the whole tag; never empty.
    pub allow: Vec<TagPattern>,
}

/// What a signed provenance must say: all of this, in one attestation.
#[derive(Clone, Debug)]
pub struct ProvenanceDemand {
    /// Who may attest, as indices of the policy's authorities; never empty.
    pub authorities: Vec<usize>,
    /// Over the URL of the source repository.
    pub source_repository: Option<Pattern>,
    /// Any of these matches the full ref; empty asks for none.
    pub refs: Vec<Pattern>,
    /// What the image's tag must name, any of these; empty asks for nothing.
    pub tag_matches: Vec<TagMatch>,
    /// Any of these matches the runner's URL; empty asks for none.
    pub runners: Vec<Pattern>,
    /// The accepted pipeline sources; empty asks for none.
    pub pipeline_sources: Vec<String>,
    /// Each base image must be named by digest and match any of these; empty asks for nothing.
    pub base_images: Vec<RepositoryPattern>,
    /// How long ago the build may have been.
    pub max_age: Option<SignedDuration>,
}

/// What the tag of an image must name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TagMatch {
    /// The branch or tag that it was built from.
    Ref,
    /// The commit that it was built from, in full or abbreviated.
    Commit,
}

/// A statement that must be there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttestationDemand {
    /// Of exactly this type.
    pub predicate_type: String,
    /// What it must say: all of this, in one attestation.
    pub conditions: Vec<ConditionDemand>,
}

/// Something that must hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConditionDemand {
    /// What.
    pub condition: Condition,
    /// What a denial says when it does not hold; without it the expression is shown.
    pub message: Option<String>,
}

/// One way to be accepted.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The name, unique in its policy.
    pub name: String,
    /// What is accepted.
    pub kind: AuthorityKind,
    /// Whether a log entry is required (keyless: always, but for a trust root that does without).
    pub require_log: bool,
    /// The trust root for certificates, logs and timestamps, if one is named.
    pub trust_root: Option<TrustRootName>,
}

/// A key and when it may have signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DatedKey {
    /// The key.
    pub key: PublicKey,
    /// When it may have signed.
    pub validity: Validity,
}

/// A span of time, both ends included; an end that is not given is open.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Option<Timestamp>,
    /// The last moment.
    pub not_after: Option<Timestamp>,
}

/// The name of a trust root.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TrustRootName {
    /// The public-good Sigstore instance, built in (`trustRootRef: {name: public}` or none).
    Public,
    /// An `ImageTrustRoot` object.
    Named(String),
}

/// What an authority accepts.
#[derive(Clone, Debug)]
pub enum AuthorityKind {
    /// A signature by any of these keys; never empty.
    Keys(Vec<DatedKey>),
    /// A certificate with this issuer and a SAN that matches.
    Keyless {
        /// The OIDC issuer: this text and no other.
        oidc_issuer: String,
        /// The subject alternative name, matched whole.
        san: Pattern,
    },
    /// A certificate issued to a GitLab CI job.
    GitLab(Box<GitLabJob>),
    /// A certificate issued to a GitHub Actions job.
    GitHub(Box<GitHubJob>),
}

/// Which GitLab CI jobs may sign.
#[derive(Clone, Debug)]
pub struct GitLabJob {
    /// The instance's URL without a trailing slash, as in `https://gitlab.com`; the OIDC issuer, exact.
    pub instance: String,
    /// Over the full project path.
    pub project: Pattern,
    /// The project's id, which survives renames.
    pub project_id: Option<String>,
    /// Over the full ref, as in `refs/tags/v*`.
    pub ref_pattern: Option<Pattern>,
    /// Whether the token subject must say `ref_protected:true`.
    pub protected_ref: bool,
    /// The CI configuration file.
    pub config_path: Option<String>,
    /// Accepted pipeline sources; empty accepts all but `merge_request_event` (and `external_pull_request_event`).
    pub pipeline_sources: Vec<String>,
    /// `gitlab-hosted` or `self-hosted`.
    pub runner_environment: Option<String>,
    /// The deployment environment.
    pub environment: Option<String>,
    /// Whether the image's repository path must be the signing project's path or below it.
    pub image_in_project: bool,
}

/// Which GitHub Actions jobs may sign.
#[derive(Clone, Debug)]
pub struct GitHubJob {
    /// Over `owner/repository`.
    pub repository: Pattern,
    /// The workflow file, as in `.github/workflows/release.yml`.
    pub workflow: Option<Pattern>,
    /// Over the full ref.
    pub ref_pattern: Option<Pattern>,
}

/// The state of one policy object.
#[derive(Clone, Debug)]
pub enum PolicyState {
    /// Compiled from its latest form.
    Ready(Arc<Policy>),
    /// The latest form does not compile; the last good one stays in force.
    Stale {
        /// The last good form.
        last_good: Arc<Policy>,
        /// Why the latest does not compile.
        reason: String,
        /// The same, field by field.
        error: CompileError,
    },
    /// It never compiled: every image it may cover is refused.
    Broken {
        /// What it may cover.
        scope: Arc<Scope>,
        /// Why it does not compile.
        reason: String,
        /// The same, field by field.
        error: CompileError,
    },
}

/// All policies, compiled: one immutable snapshot.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    policies: BTreeMap<PolicyId, PolicyState>,
}

/// Where a review takes place.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The namespace's labels.
    pub namespace_labels: BTreeMap<String, String>,
    /// The Pod's or Pod template's labels.
    pub object_labels: BTreeMap<String, String>,
}

/// One policy's demand on one image.
#[derive(Clone, Debug)]
pub enum Demand {
    /// Must be satisfied.
    Satisfy(Arc<Policy>),
    /// Cannot be satisfied, because the policy never compiled.
    Broken {
        /// What it covers.
        scope: Arc<Scope>,
        /// Why it does not compile.
        reason: String,
    },
}

impl Demand {
    /// Where it comes from, and which images it covers.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Satisfy(policy) => &policy.scope,
            Self::Broken { scope, .. } => scope,
        }
    }
}

impl Validity {
    /// Whether there is no end to it on either side.
    pub fn is_unbounded(self) -> bool {
        self == Self::default()
    }

    /// Whether this moment lies in it.
    pub fn covers(self, moment: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= moment)
            && self.not_after.is_none_or(|end| moment <= end)
    }
}

impl std::fmt::Display for TrustRootName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str(crd::PUBLIC_TRUST_ROOT),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl std::fmt::Display for PolicyId {
    /// `shop-production`, or `team/shop` for a namespaced one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            None => f.write_str(&self.name),
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
        }
    }
}
