//! What counts while a registry does not answer, on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule;

/// What counts while the registry cannot be asked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "described at the field that holds it")]
pub enum WhenRegistryUnavailable {
    #[default]
    Deny,
    UseVerified,
}

pub(super) fn use_verified_for_rules() -> Vec<serde_json::Value> {
    vec![
        rule(
            "self.matches('^([0-9]+[hms])+$')",
            "useVerifiedFor is in hours, minutes and seconds, as in 24h",
        ),
        rule(
            "self.matches('[1-9]')",
            "useVerifiedFor must be more than nothing",
        ),
        // What is no duration is told of by the first rule, and would be an error here.
        rule(
            "!self.matches('^([0-9]+[hms])+$') || duration(self) <= duration('168h')",
            "useVerifiedFor is at most 168h",
        ),
    ]
}
