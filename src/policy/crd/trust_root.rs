//! Trust roots on the wire.

#![expect(
    clippy::duplicated_attributes,
    reason = "printer columns of one type repeat it"
)]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KeyInObject, TrustRootStatus, rule};

/// Whose certificates, logs and timestamps count, from exactly one source.
#[derive(
    Clone, CustomResource, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize,
)]
#[kube(
    group = "assay.dev",
    version = "v1alpha1",
    kind = "ImageTrustRoot",
    plural = "imagetrustroots",
    doc = "ImageTrustRoot holds the certificate authorities, transparency logs and timestamp authorities of a private Sigstore, for policies to name in trustRootRef.",
    shortname = "itr",
    category = "assay",
    status = "TrustRootStatus",
    derive = "PartialEq",
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
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expires"),
    printcolumn(
        name = "Authorities",
        type_ = "integer",
        json_path = ".status.authorities",
        priority = 1
    ),
    printcolumn(
        name = "Logs",
        type_ = "integer",
        json_path = ".status.logs",
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
#[schemars(extend("x-kubernetes-validations" = [rule(
    "[has(self.trustedRoot), has(self.configMapRef), has(self.secretRef), has(self.pem), has(self.tuf)].filter(x, x).size() == 1",
    "exactly one of trustedRoot, configMapRef, secretRef, pem and tuf is needed",
)]))]
pub struct ImageTrustRootSpec {
    /// The text of a `trusted_root.json`, as `cosign trusted-root create` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1_000_000))]
    pub trusted_root: Option<String>,
    /// An entry of a ConfigMap in Assay's own namespace that holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<KeyInObject>,
    /// An entry of a Secret in Assay's own namespace that holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<KeyInObject>,
    /// Separate PEM files, for a Sigstore that publishes no `trusted_root.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pem: Option<TrustRootPem>,
    /// A TUF repository that hands out the `trusted_root.json`. It is fetched in the background, and the last good copy
    /// stays in force until its metadata expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuf: Option<TrustRootTuf>,
    /// Accept certificates without a signed certificate timestamp, for a private Fulcio that has no certificate
    /// transparency log. Whoever can make this Fulcio issue a certificate can then do so unseen. What still holds: the
    /// certificate's chain, identity and time, and every signature.
    #[serde(default, skip_serializing_if = "is_off")]
    pub insecure_no_sct: bool,
    /// Ask for no transparency log entry, for a private Sigstore without a log. A signature can then be made unseen, and
    /// a keyless one must carry a signed timestamp of one of the timestamp authorities, because nothing else says when
    /// it was made. What still holds: the certificate's chain, identity and time, and every signature.
    #[serde(default, skip_serializing_if = "is_off")]
    pub insecure_no_transparency_log: bool,
}

/// The PEM files of a private Sigstore. Each item of a list is the text of one file.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TrustRootPem {
    /// The certificate chains of Fulcio (`CERTIFICATE` blocks): each item is one chain, from the issuing certificate to
    /// its root, as Fulcio answers at `/api/v1/rootCert`.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 65536)), extend("x-kubernetes-list-type" = "atomic"))]
    pub certificate_authorities: Vec<String>,
    /// The public keys of Rekor (`PUBLIC KEY` blocks), as Rekor answers at `/api/v1/log/publicKey`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 65536)), extend("x-kubernetes-list-type" = "atomic"))]
    pub transparency_logs: Vec<String>,
    /// The public keys of Fulcio's certificate transparency logs (`PUBLIC KEY` blocks).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 65536)), extend("x-kubernetes-list-type" = "atomic"))]
    pub certificate_logs: Vec<String>,
    /// The certificate chains of timestamp authorities (`CERTIFICATE` blocks): each item is one chain, from the
    /// certificate that signs timestamps to its root, as the authority answers at `/api/v1/timestamp/certchain`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 65536)), extend("x-kubernetes-list-type" = "atomic"))]
    pub timestamp_authorities: Vec<String>,
}

/// A TUF repository, and the root to trust it by.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "has(self.root) != has(self.rootConfigMapRef)",
    "exactly one of root and rootConfigMapRef is needed",
)]))]
pub struct TrustRootTuf {
    /// Where the repository is, as in `https://tuf.example`: the folder of its metadata, with `targets/` below it. Plain
    /// http is possible on the machine itself only.
    #[schemars(length(min = 1, max = 512), extend("x-kubernetes-validations" = [rule(
        "self.matches('^https://[^/?#@]+(/[^?#]*)?$') || self.matches('^http://(localhost|127[.]0[.]0[.]1|[[]::1[]])(:[0-9]+)?(/[^?#]*)?$')",
        "mirror is an https URL, as in https://tuf.example",
    )]))]
    pub mirror: String,
    /// The text of a `root.json` of the repository that is known to be genuine; newer ones are found from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    pub root: Option<String>,
    /// An entry of a ConfigMap in Assay's own namespace that holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_config_map_ref: Option<KeyInObject>,
    /// The target that holds the trusted root.
    #[serde(default = "trusted_root_json")]
    #[schemars(
        length(min = 1, max = 256),
        regex(pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")
    )]
    pub target: String,
}

fn trusted_root_json() -> String {
    "trusted_root.json".to_owned()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out a reference"
)]
fn is_off(switch: &bool) -> bool {
    !switch
}
