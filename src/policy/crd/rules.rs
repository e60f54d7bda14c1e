//! What the API server refuses by itself, in CEL.

/// One rule with what is said when it does not hold.
pub(super) fn rule(rule: &str, message: &str) -> serde_json::Value {
    serde_json::json!({ "rule": rule, "message": message })
}

pub(super) fn demand_rules() -> Vec<serde_json::Value> {
    vec![
        rule(
            "self.require <= size(self.authorities)",
            "require cannot be more than the number of authorities",
        ),
        rule(
            "self.require > 0 || has(self.provenance) || has(self.attestations)",
            "require can be 0 only beside provenance or attestations",
        ),
        rule(
            "!has(self.provenance) || !has(self.provenance.authorities) || \
             self.provenance.authorities.all(name, self.authorities.exists(authority, authority.name == name))",
            "provenance.authorities can name only authorities of this policy",
        ),
        rule(
            "!has(self.useVerifiedFor) || self.whenRegistryUnavailable == 'UseVerified'",
            "useVerifiedFor belongs beside whenRegistryUnavailable: UseVerified",
        ),
    ]
}

pub(super) fn ref_rules() -> Vec<serde_json::Value> {
    vec![rule(
        "self.startsWith('refs/')",
        "ref is a full ref, as in refs/heads/main or refs/tags/v*",
    )]
}

pub(super) fn image_pattern_rules() -> Vec<serde_json::Value> {
    vec![
        rule(
            "!self.contains('@')",
            "an image pattern names repositories: leave the digest out",
        ),
        rule(
            "!self.matches('/[^/]*:[^/]*$')",
            "an image pattern names repositories: leave the tag out",
        ),
        rule(
            "self.matches('^[^/]+/.+$') || self == '**'",
            "an image pattern begins with the registry host, as in docker.io/library/nginx",
        ),
    ]
}
