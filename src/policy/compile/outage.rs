//! What counts while a registry does not answer, compiled.

use jiff::SignedDuration;

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
            (WhenRegistryUnavailable::UseVerified, None) => {
                used_within(SignedDuration::try_from(USE_OF_VERIFIED).ok())
            }
            (WhenRegistryUnavailable::UseVerified, Some(text)) => {
                used_within(self.use_of_verified(text, &path))
            }
        }
    }

    fn use_of_verified(&mut self, text: &str, path: &FieldPath) -> Option<SignedDuration> {
        let longest = SignedDuration::try_from(LONGEST_USE_OF_VERIFIED).unwrap_or_default();
        let within = duration::parse(text).filter(|it| it.is_positive() && *it <= longest);
        if within.is_none() {
            let expected = "a duration in hours, minutes and seconds of at most 168h, as in 24h";
            self.report(path, Fault::expected_text(expected, text));
        }
        within
    }
}

fn used_within(within: Option<SignedDuration>) -> RegistryOutage {
    within.map_or(RegistryOutage::Deny, |within| RegistryOutage::UseVerified {
        within,
    })
}
