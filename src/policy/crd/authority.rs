//! Who may sign, on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ref_rules, rule, yes};
use crate::limits::KEYS_PER_AUTHORITY;

/// One way to be accepted: a key or an identity.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = authority_rules()))]
pub struct Authority {
    /// The name, unique in this policy; messages and annotations call the signer by it.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// A public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Several public keys, any of which counts as this one authority: the old and the new one while keys are rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = KEYS_PER_AUTHORITY), extend("x-kubernetes-list-type" = "atomic"))]
    pub keys: Option<Vec<Key>>,
    /// Any keyless identity: the token issuer and the name in the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyless: Option<Keyless>,
    /// Jobs of GitLab CI that sign keyless with their ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<GitLab>,
    /// Workflows of GitHub Actions that sign keyless with their ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<GitHub>,
    /// Whether the signature must be recorded in a transparency log that the trust root knows: Require or Ignore. Keyless
    /// signatures always need it; for keys the default is Ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transparency_log: Option<TransparencyLog>,
    /// The trust root for certificates, logs and timestamps. Without it, or with the name `public`, the public-good
    /// Sigstore root that is built in. For keys whose signatures need no log entry it is used only when it is written
    /// here, and then only for signed timestamps, which say when a signature was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_root_ref: Option<TrustRootRef>,
}

/// A public key in PEM (`PUBLIC KEY`), written here or in an object of Assay's own namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "[has(self.pem), has(self.secretRef), has(self.configMapRef)].filter(x, x).size() == 1",
        "exactly one of pem, secretRef and configMapRef is needed",
    ),
    rule(
        "!has(self.notBefore) || !has(self.notAfter) || self.notBefore <= self.notAfter",
        "notAfter cannot lie before notBefore",
    ),
]))]
pub struct Key {
    /// The key's text, beginning with `-----BEGIN PUBLIC KEY-----`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub pem: Option<String>,
    /// An entry of a Secret in Assay's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<KeyInObject>,
    /// An entry of a ConfigMap in Assay's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<KeyInObject>,
    /// The first moment at which the key may have signed, as in `2026-01-01T00:00:00Z`. A signature is judged by its
    /// verified time; one without by the present time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// The last moment at which the key may have signed, as in `2027-01-01T00:00:00Z`. A signature is judged by its
    /// verified time; one without is refused once this moment has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), extend("format" = "date-time"))]
    pub not_after: Option<String>,
}

/// One entry of a Secret or ConfigMap in Assay's own namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeyInObject {
    /// The name of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The entry under `data`, as in `cosign.pub`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A keyless identity, as the certificate names it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Keyless {
    /// The issuer of the signer's ID token, an exact URL, as in `https://accounts.example`.
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [
        rule("!self.contains('*')", "issuer is an exact URL: wildcards are not allowed"),
        rule("self.matches('^https?://[^/?#]')", "issuer is a URL, as in https://accounts.example"),
    ]))]
    pub issuer: String,
    /// A pattern over the certificate's subject alternative name, a URI or an email address. `*` matches inside one
    /// path segment, `**` across segments; the whole name must match.
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [
        rule("!self.matches('^[*/]+$')", "san made of wildcards alone would accept everybody the issuer knows"),
    ]))]
    pub san: String,
}

/// Which GitLab CI jobs may sign.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitLab {
    /// The GitLab instance's URL. An instance other than those the public-good Sigstore accepts needs a trustRootRef.
    #[serde(default = "gitlab_com")]
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [
        rule("self.matches('^https://[^/?#@]+(/[^?#]*)?$')", "instance is an https URL, as in https://gitlab.com"),
    ]))]
    pub instance: String,
    /// A pattern over the path of the project whose job signed, as in `acme/shop/api` or `acme/shop/*`.
    #[schemars(length(min = 1, max = 512))]
    pub project: String,
    /// The project's numeric id, which survives renames and cannot be taken over with the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), regex(pattern = "^[0-9]+$"))]
    pub project_id: Option<String>,
    /// A pattern over the full ref that the pipeline ran for, as in `refs/tags/v*` or `refs/heads/main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = ref_rules()))]
    pub r#ref: Option<String>,
    /// Whether the ref must be protected. Needs ID tokens whose `sub` carries `ref_protected`, which GitLab adds when
    /// the project's `ci_id_token_sub_claim_components` asks for it; without it the image is refused.
    #[serde(default)]
    pub protected_ref: bool,
    /// The CI configuration file that the pipeline was made from, as in `.gitlab-ci.yml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub config_path: Option<String>,
    /// How the pipeline may have been started, as in `[push, web]`. Empty means any way but merge requests: those are
    /// accepted only when `merge_request_event` (or `external_pull_request_event`) is listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64), regex(pattern = "^[a-z_]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub pipeline_sources: Vec<String>,
    /// Which runners may have run the job: `gitlab-hosted` or `self-hosted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_environment: Option<RunnerEnvironment>,
    /// The deployment environment that the job names, as in `production`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub environment: Option<String>,
    /// Whether the image's repository path must be the signing project's path or lie below it. Digests copy freely
    /// between projects together with their signatures; this keeps them where they were built.
    #[serde(default = "yes")]
    pub image_in_project: bool,
}

/// Which GitHub Actions workflows may sign.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitHub {
    /// A pattern over `owner/repository`, as in `acme/shop` or `acme/*`. The owner is written out.
    #[schemars(length(min = 3, max = 256), extend("x-kubernetes-validations" = [
        rule("self.matches('^[^/*]+/[^/]+$')", "repository is owner/name, and the owner has no wildcard"),
    ]))]
    pub repository: String,
    /// A pattern over the workflow file, as in `.github/workflows/release.yml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub workflow: Option<String>,
    /// A pattern over the full ref that the workflow ran for, as in `refs/tags/v*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = ref_rules()))]
    pub r#ref: Option<String>,
}

/// The name of an `ImageTrustRoot`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TrustRootRef {
    /// The `ImageTrustRoot`'s name, or `public` for the public-good Sigstore root that is built in.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Whether a log entry is required.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "described at the field that holds it")]
pub enum TransparencyLog {
    Require,
    Ignore,
}

/// Whose runners ran a job.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "described at the field that holds it")]
pub enum RunnerEnvironment {
    #[serde(rename = "gitlab-hosted")]
    GitLabHosted,
    SelfHosted,
}

/// GitLab instances whose tokens the public-good Fulcio accepts, as its configuration lists them.
pub const PUBLIC_GITLAB_INSTANCES: [&str; 4] = [
    "https://gitlab.com",
    "https://gitlab.archlinux.org",
    "https://dev.gitlab.org",
    "https://ops.gitlab.net",
];

impl RunnerEnvironment {
    /// The word in the certificate.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitLabHosted => "gitlab-hosted",
            Self::SelfHosted => "self-hosted",
        }
    }
}

fn gitlab_com() -> String {
    "https://gitlab.com".to_owned()
}

fn authority_rules() -> Vec<serde_json::Value> {
    let instances = PUBLIC_GITLAB_INSTANCES.map(|instance| format!("'{instance}', '{instance}/'"));
    vec![
        rule(
            "[has(self.key), has(self.keys), has(self.keyless), has(self.gitlab), has(self.github)].filter(x, x).size() == 1",
            "exactly one of key, keys, keyless, gitlab and github is needed",
        ),
        rule(
            "has(self.key) || has(self.keys) || !has(self.transparencyLog) || self.transparencyLog == 'Require'",
            "transparencyLog: Ignore is possible only with key and keys: keyless signatures need the log's time",
        ),
        rule(
            &format!(
                "!has(self.gitlab) || (has(self.trustRootRef) && self.trustRootRef.name != 'public') || self.gitlab.instance in [{}]",
                instances.join(", ")
            ),
            "this GitLab instance is not known to the public-good Sigstore: trustRootRef must name an ImageTrustRoot",
        ),
    ]
}
