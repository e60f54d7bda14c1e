//! In which ways something may be signed so that an authority stands for it.

use jiff::Timestamp;

use crate::{
    decision::{
        cause::JudgedAt,
        evidence::{Method, TimeUse},
    },
    policy::{Authority, AuthorityKind, DatedKey, TrustRootName, Validity},
    verify::LogRequirement,
};

impl Authority {
    /// Every way in which a signature of this authority may be verified.
    pub(in crate::decision) fn methods(&self) -> Vec<Method> {
        self.ways().into_iter().map(|way| way.method).collect()
    }

    pub(super) fn ways(&self) -> Vec<Way<'_>> {
        match &self.kind {
            AuthorityKind::Keys(keys) => keys.iter().map(|key| self.by_key(key)).collect(),
            AuthorityKind::Keyless { .. } | AuthorityKind::GitLab(_) | AuthorityKind::GitHub(_) => {
                let trust_root = self.trust_root_or_public();
                let method = Method::Certificate { trust_root };
                vec![Way { method, key: None }]
            }
        }
    }

    fn by_key<'a>(&self, key: &'a DatedKey) -> Way<'a> {
        let (log, trust_root) = if self.require_log {
            (LogRequirement::Require, Some(self.trust_root_or_public()))
        } else {
            // Naming no root that is not used lets equal keys share one verification.
            (LogRequirement::Ignore, self.trust_root.clone())
        };
        let is_decided_by_a_token =
            !self.require_log && trust_root.is_some() && !key.validity.is_unbounded();
        let time = if is_decided_by_a_token {
            TimeUse::Decides
        } else {
            TimeUse::Informs
        };
        let method = Method::Key {
            key: key.key.clone(),
            log,
            trust_root,
            time,
        };
        Way {
            method,
            key: Some(key),
        }
    }

    pub(super) fn trust_root_or_public(&self) -> TrustRootName {
        self.trust_root.clone().unwrap_or(TrustRootName::Public)
    }
}

/// One of the ways in which a signature can count for an authority.
pub(super) struct Way<'a> {
    pub(super) method: Method,
    /// The key, where it is one.
    pub(super) key: Option<&'a DatedKey>,
}

impl Validity {
    /// Holds the verified time of signing against it, or the present time where there is none.
    pub(super) fn admits(
        self,
        signed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), JudgedAt> {
        match signed_at {
            _ if self.is_unbounded() => Ok(()),
            Some(signed_at) if self.covers(signed_at) => Ok(()),
            Some(signed_at) => Err(JudgedAt::Signing(signed_at)),
            None if self.covers(now) => Ok(()),
            None => Err(JudgedAt::Present(now)),
        }
    }
}

impl Method {
    pub(super) fn is_keyed(&self) -> bool {
        matches!(self, Self::Key { .. })
    }
}
