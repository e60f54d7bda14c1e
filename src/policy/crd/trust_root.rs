//! Trust roots on the wire.

#![expect(
    clippy::duplicated_attributes,
    reason = "printer columns of one type repeat it"
)]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KeyInObject, TrustRootStatus, rule};

/// Where the trusted root's text is.
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
        name = "Authorities",
        type_ = "integer",
        json_path = ".status.authorities"
    ),
    printcolumn(name = "Logs", type_ = "integer", json_path = ".status.logs"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "[has(self.trustedRoot), has(self.configMapRef), has(self.secretRef)].filter(x, x).size() == 1",
    "exactly one of trustedRoot, configMapRef and secretRef is needed",
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
}
