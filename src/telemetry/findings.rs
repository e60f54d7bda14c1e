//! What `/metrics` tells of what policies made of images.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::{
    bounded::{Bounded, OTHER},
    codes::{CODES, counted},
};
use crate::limits;

/// Denials, warnings and reports by code, and images by policy.
#[derive(Debug)]
pub(super) struct FindingMetrics {
    denials: Family<CodeLabel, Counter>,
    findings: Family<FindingLabels, Counter>,
    policies: Bounded,
    images: Family<PolicyLabels, Counter>,
    used_verified: Family<PolicyLabel, Counter>,
}

/// What became of an image that did not satisfy a policy and was let in all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// Its author was warned.
    Warned,
    /// It was only reported.
    Audited,
}

/// What a policy made of an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyResult {
    /// Satisfied.
    Satisfied,
    /// Not satisfied, which denied the object.
    Denied,
    /// Not satisfied, of which the author was warned.
    Warned,
    /// Not satisfied, which was only reported.
    Reported,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct FindingLabels {
    action: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct PolicyLabels {
    policy: String,
    verdict: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct PolicyLabel {
    policy: String,
}

impl FindingMetrics {
    pub(super) fn count_denial(&self, code: &'static str) {
        let code = counted(code);
        self.denials.get_or_create_owned(&CodeLabel { code }).inc();
    }

    pub(super) fn count_finding(&self, finding: Finding, code: &'static str) {
        let labels = FindingLabels {
            action: finding.label(),
            code: counted(code),
        };
        self.findings.get_or_create_owned(&labels).inc();
    }

    pub(super) fn count_image(&self, policy: &str, result: PolicyResult) {
        let labels = PolicyLabels {
            policy: self.policies.value(policy),
            verdict: result.label(),
        };
        self.images.get_or_create_owned(&labels).inc();
    }

    pub(super) fn count_used_verified(&self, policy: &str) {
        let policy = self.policies.value(policy);
        self.used_verified
            .get_or_create_owned(&PolicyLabel { policy })
            .inc();
    }

    pub(super) fn know_policies(&self, names: &[String]) {
        let change = self.policies.know(names);
        for policy in change.removed {
            let label = PolicyLabel {
                policy: policy.clone(),
            };
            self.used_verified.remove(&label);
            for verdict in RESULTS.map(PolicyResult::label) {
                let policy = policy.clone();
                self.images.remove(&PolicyLabels { policy, verdict });
            }
        }
        for policy in change.added {
            self.begin(&policy);
        }
    }

    fn begin(&self, policy: &str) {
        let label = PolicyLabel {
            policy: policy.to_owned(),
        };
        drop(self.used_verified.get_or_create(&label));
        for verdict in RESULTS.map(PolicyResult::label) {
            let policy = policy.to_owned();
            drop(self.images.get_or_create(&PolicyLabels { policy, verdict }));
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("denials", "Denied images by code", self.denials.clone());
        registry.register(
            "findings",
            "Images that were let in although they did not satisfy a policy, by what its action said and by code",
            self.findings.clone(),
        );
        registry.register(
            "policy_images",
            "Images that a policy matched, by what it made of them",
            self.images.clone(),
        );
        registry.register(
            "used_verified",
            "Images that satisfied a policy only by what was verified before, as a registry did not answer",
            self.used_verified.clone(),
        );
    }
}

impl Default for FindingMetrics {
    fn default() -> Self {
        let metrics = Self {
            denials: Family::default(),
            findings: Family::default(),
            policies: Bounded::new(limits::POLICIES_MEASURED),
            images: Family::default(),
            used_verified: Family::default(),
        };
        for code in CODES {
            drop(metrics.denials.get_or_create(&CodeLabel { code }));
            for action in [Finding::Warned, Finding::Audited].map(Finding::label) {
                drop(
                    metrics
                        .findings
                        .get_or_create(&FindingLabels { action, code }),
                );
            }
        }
        metrics.begin(OTHER);
        metrics
    }
}

impl Finding {
    fn label(self) -> &'static str {
        match self {
            Self::Warned => "Warn",
            Self::Audited => "Audit",
        }
    }
}

impl PolicyResult {
    fn label(self) -> &'static str {
        match self {
            Self::Satisfied => "Satisfied",
            Self::Denied => "Denied",
            Self::Warned => "Warned",
            Self::Reported => "Reported",
        }
    }
}

const RESULTS: [PolicyResult; 4] = [
    PolicyResult::Satisfied,
    PolicyResult::Denied,
    PolicyResult::Warned,
    PolicyResult::Reported,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn values(text: &str, family: &str) -> usize {
        text.lines().filter(|line| line.starts_with(family)).count()
    }

    #[test]
    fn ten_thousand_policies_and_codes_are_no_more_series_than_the_limits() {
        let metrics = Metrics::new();
        let names: Vec<String> = (0..10_000).map(|number| format!("team/{number}")).collect();
        metrics.know_policies(&names);
        for name in &names {
            metrics.count_policy_image(name, PolicyResult::Denied);
            let code: &'static str = Box::leak(name.clone().into_boxed_str());
            metrics.count_finding(Finding::Warned, code);
            metrics.count_finding(Finding::Audited, code);
        }
        let text = metrics.encode();
        let images = values(&text, "assay_policy_images_total");
        assert_eq!(images, (limits::POLICIES_MEASURED + 1) * RESULTS.len());
        assert_eq!(values(&text, "assay_findings_total"), 2 * (CODES.len() + 1));
        let rest = 10_000 - limits::POLICIES_MEASURED;
        let line =
            format!("assay_policy_images_total{{policy=\"other\",verdict=\"Denied\"}} {rest}");
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }

    #[test]
    fn a_policy_that_is_gone_is_no_longer_told() {
        let metrics = Metrics::new();
        metrics.know_policies(&["shop".to_owned()]);
        metrics.count_policy_image("shop", PolicyResult::Satisfied);
        let told = |text: &str| values(text, "assay_policy_images_total{policy=\"shop\"");
        assert_eq!(told(&metrics.encode()), 4);
        metrics.know_policies(&[]);
        assert_eq!(told(&metrics.encode()), 0);
    }
}
