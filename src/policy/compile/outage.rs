//! What counts while a registry does not answer, compiled.

use super::{Compiler, Fault, FieldPath, duration};
use crate::{
    limits::{LONGEST_USE_OF_VERIFIED, USE_OF_VERIFIED},
    policy::{
        RegistryOutage,
        crd::{ClusterImageTrustPolicySpec, WhenRegistryUnavailable},
    },
};

impl Compiler<'_> {
    pub(super) fn outage(&mut self, spec: &ClusterImageTrustPolicySpec) -> RegistryOutage {
        let path = FieldPath::new("spec").field("useVerifiedFor");
        let written = spec.use_verified_for.as_deref();
        match (spec.when_registry_unavailable, written) {
            (WhenRegistryUnavailable::Deny, None) => RegistryOutage::Deny,
            (WhenRegistryUnavailable::Deny, Some(_)) => {
                let expected = "whenRegistryUnavailable: UseVerified beside it";
                self.report(&path, Fault::expected(expected, "Deny"));
                RegistryOutage::Deny
            }
            (WhenRegistryUnavailable::UseVerified, None) => RegistryOutage::UseVerified {
                within: USE_OF_VERIFIED,
            },
            (WhenRegistryUnavailable::UseVerified, Some(text)) => self.use_of_verified(text, &path),
        }
    }

    fn use_of_verified(&mut self, text: &str, path: &FieldPath) -> RegistryOutage {
        match duration::parse(text) {
            Some(within) if within.is_positive() && within <= LONGEST_USE_OF_VERIFIED => {
                RegistryOutage::UseVerified { within }
            }
            Some(_) | None => {
                let expected =
                    "a duration in hours, minutes and seconds of at most 168h, as in 24h";
                self.report(path, Fault::expected_text(expected, text));
                RegistryOutage::Deny
            }
        }
    }
}
