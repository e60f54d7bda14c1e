//! What the controller reports about policies and trust roots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of a policy.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The generation of the policy that the conditions speak of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Which form of the policy is in force: Latest, LastGood (the latest one does not compile), or Nothing (it never
    /// compiled, and every image that it may cover is refused).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<InForce>,
    /// How many images this policy has judged, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageCounts>,
    /// Ready says whether the latest form is in force with all that it needs, and if not why. Compiled says whether every
    /// field is understood, KeysLoaded whether every key and trust root that it names could be had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Which form of a policy is in force.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "described at the field that holds it")]
pub enum InForce {
    Latest,
    LastGood,
    Nothing,
}

/// Images of admission reviews, dry runs left out. An image that is asked about twice, as in a Deployment and then in its
/// Pods, counts twice.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageCounts {
    /// Images that the policy matched.
    pub matched: i64,
    /// Those of them that it refused.
    pub denied: i64,
    /// Those that it let in with a warning (action Warn).
    pub warned: i64,
    /// Those that it let in and only recorded (action Audit).
    pub reported: i64,
    /// Since when they are counted. Take `status.images` away to begin anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub since: Option<String>,
}

/// What became of a trust root.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TrustRootStatus {
    /// The generation of the trust root that the conditions speak of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Names the content: equal versions verify alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many certificate authorities it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<i32>,
    /// How many transparency logs it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<i32>,
    /// How many certificate transparency logs it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_logs: Option<i32>,
    /// How many timestamp authorities it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_authorities: Option<i32>,
    /// When the last of its certificate authorities ends: nothing new can be signed under it from then on, and what
    /// was signed before stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub authorities_end: Option<String>,
    /// When a trust root from TUF can no longer be used unless it is refreshed: the earliest end of its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub expires: Option<String>,
    /// When a trust root from TUF was last found to be current.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_refreshed: Option<String>,
    /// The condition Ready says whether policies can use it, and if not why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One condition, as Kubernetes writes them.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about: Ready, Compiled or KeysLoaded.
    #[schemars(length(min = 1, max = 63))]
    pub r#type: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// One word for machines: Compiled, LastGoodInForce, NotCompiled, UnknownField, InvalidField, Loaded, KeyUnavailable,
    /// TrustRootUnavailable, TrustRootExpired; for trust roots Loaded, RefreshFailed, NotFetched, NotLoaded, Expired.
    #[schemars(length(min = 1, max = 128))]
    pub reason: String,
    /// What is wrong and where, for people.
    #[schemars(length(max = 4096))]
    pub message: String,
    /// When the status last changed.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// The generation that this condition speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the variants are Kubernetes' words")]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}
