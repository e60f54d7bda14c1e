//! Authorities, compiled.

use super::{Compiler, Fault, FieldPath};
use crate::{
    limits::AUTHORITIES_PER_POLICY,
    policy::{
        Authority, AuthorityKind, TrustRootName,
        crd::{self, PUBLIC_TRUST_ROOT, TransparencyLog},
    },
};

impl Compiler<'_> {
    pub(super) fn authorities(&mut self, wire: &[crd::Authority], require: u32) -> Vec<Authority> {
        let path = FieldPath::new("spec").field("authorities");
        if wire.is_empty() {
            self.report(&path, Fault::expected("at least one authority", "none"));
        }
        self.at_most(AUTHORITIES_PER_POLICY, wire.len(), &path);
        let mut compiled: Vec<Authority> = Vec::new();
        for (index, written) in wire.iter().enumerate().take(AUTHORITIES_PER_POLICY) {
            let path = path.index(index);
            self.name(wire.get(..index).unwrap_or_default(), written, &path);
            let Some(authority) = self.authority(written, &path) else {
                continue;
            };
            if require > 1 {
                self.distinct(&compiled, written, &authority, &path);
            }
            compiled.push(authority);
        }
        compiled
    }

    fn name(&mut self, before: &[crd::Authority], wire: &crd::Authority, path: &FieldPath) {
        let path = path.field("name");
        let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_word = (1..=63).contains(&wire.name.len())
            && wire
                .name
                .chars()
                .all(|c| is_end(c) || matches!(c, '-' | '.'))
            && wire.name.starts_with(is_end)
            && wire.name.ends_with(is_end);
        if !is_word {
            let expected = "up to 63 of a-z, 0-9, - and .";
            self.report(&path, Fault::expected_text(expected, &wire.name));
        }
        if before.iter().any(|other| other.name == wire.name) {
            let expected = "a name that no other authority has";
            self.report(&path, Fault::expected_text(expected, &wire.name));
        }
    }

    fn authority(&mut self, wire: &crd::Authority, path: &FieldPath) -> Option<Authority> {
        let kinds = [
            ("key", wire.key.is_some()),
            ("keys", wire.keys.is_some()),
            ("keyless", wire.keyless.is_some()),
            ("gitlab", wire.gitlab.is_some()),
            ("github", wire.github.is_some()),
        ];
        let trust_root = self.trust_root(wire, path);
        let root = trust_root.as_ref().unwrap_or(&TrustRootName::Public);
        let chosen = self.exactly_one(path, &kinds)?;
        let require_log = self.require_log(wire, path);
        let path = path.field(chosen);
        let kind = match (&wire.keyless, &wire.gitlab, &wire.github) {
            (Some(keyless), ..) => self.keyless(keyless, &path)?,
            (_, Some(gitlab), _) => {
                AuthorityKind::GitLab(Box::new(self.gitlab(gitlab, root, &path)?))
            }
            (_, _, Some(github)) => AuthorityKind::GitHub(Box::new(self.github(github, &path)?)),
            (None, None, None) => AuthorityKind::Keys(match (&wire.key, &wire.keys) {
                (Some(key), _) => vec![self.key(key, &path)?],
                (None, Some(keys)) => self.keys(keys, &path)?,
                (None, None) => return None,
            }),
        };
        Some(Authority {
            name: wire.name.clone(),
            kind,
            require_log,
            trust_root,
        })
    }

    fn trust_root(&mut self, wire: &crd::Authority, path: &FieldPath) -> Option<TrustRootName> {
        let reference = wire.trust_root_ref.as_ref()?;
        let name = path.field("trustRootRef").field("name");
        self.filled(Some(&reference.name), &name);
        Some(if reference.name == PUBLIC_TRUST_ROOT {
            TrustRootName::Public
        } else {
            TrustRootName::Named(reference.name.clone())
        })
    }

    fn require_log(&mut self, wire: &crd::Authority, path: &FieldPath) -> bool {
        let is_keyed = wire.key.is_some() || wire.keys.is_some();
        match wire.transparency_log {
            Some(TransparencyLog::Ignore) | None if is_keyed => false,
            Some(TransparencyLog::Require) | None => true,
            Some(TransparencyLog::Ignore) => {
                let expected = "Require, since keyless signatures need the log's time";
                self.report(
                    &path.field("transparencyLog"),
                    Fault::expected(expected, "Ignore"),
                );
                true
            }
        }
    }
}
