//! Authorities, compiled.

use super::{Compiler, Fault, FieldPath, ObjectEntry};
use crate::{
    key::PublicKey,
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
        let mut compiled: Vec<Authority> = Vec::new();
        for (index, authority) in wire.iter().enumerate() {
            let path = path.index(index);
            self.name(wire.get(..index).unwrap_or_default(), authority, &path);
            let Some(authority) = self.authority(authority, &path) else {
                continue;
            };
            if require > 1 {
                self.distinct(&compiled, &authority, &path);
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

    /// One key listed twice would let one signature count twice.
    fn distinct(&mut self, before: &[Authority], authority: &Authority, path: &FieldPath) {
        let AuthorityKind::Key(key) = &authority.kind else {
            return;
        };
        let twin = before
            .iter()
            .find(|other| matches!(&other.kind, AuthorityKind::Key(other) if other == key));
        if let Some(twin) = twin {
            let expected = "a key that no other authority has";
            let found = format!("that of {:?}", twin.name);
            self.report(&path.field("key"), Fault::expected(expected, found));
        }
    }

    fn authority(&mut self, wire: &crd::Authority, path: &FieldPath) -> Option<Authority> {
        let kinds = [
            ("key", wire.key.is_some()),
            ("keyless", wire.keyless.is_some()),
            ("gitlab", wire.gitlab.is_some()),
            ("github", wire.github.is_some()),
        ];
        let trust_root = self.trust_root(wire, path);
        let chosen = self.exactly_one(path, &kinds)?;
        let require_log = self.require_log(wire, path);
        let path = path.field(chosen);
        let kind = match (&wire.key, &wire.keyless, &wire.gitlab, &wire.github) {
            (Some(key), ..) => AuthorityKind::Key(self.key(key, &path)?),
            (_, Some(keyless), ..) => self.keyless(keyless, &path)?,
            (_, _, Some(gitlab), _) => {
                AuthorityKind::GitLab(Box::new(self.gitlab(gitlab, &trust_root, &path)?))
            }
            (_, _, _, Some(github)) => AuthorityKind::GitHub(Box::new(self.github(github, &path)?)),
            (None, None, None, None) => return None,
        };
        Some(Authority {
            name: wire.name.clone(),
            kind,
            require_log,
            trust_root,
        })
    }

    fn trust_root(&mut self, wire: &crd::Authority, path: &FieldPath) -> TrustRootName {
        let Some(reference) = &wire.trust_root_ref else {
            return TrustRootName::Public;
        };
        let name = path.field("trustRootRef").field("name");
        self.filled(Some(&reference.name), &name);
        if reference.name == PUBLIC_TRUST_ROOT {
            TrustRootName::Public
        } else {
            TrustRootName::Named(reference.name.clone())
        }
    }

    fn require_log(&mut self, wire: &crd::Authority, path: &FieldPath) -> bool {
        match (&wire.key, wire.transparency_log) {
            (Some(_), Some(TransparencyLog::Ignore) | None) => false,
            (_, Some(TransparencyLog::Require)) | (None, None) => true,
            (None, Some(TransparencyLog::Ignore)) => {
                let expected = "Require, since keyless signatures need the log's time";
                self.report(
                    &path.field("transparencyLog"),
                    Fault::expected(expected, "Ignore"),
                );
                true
            }
        }
    }

    fn key(&mut self, wire: &crd::Key, path: &FieldPath) -> Option<PublicKey> {
        let sources = [
            ("pem", wire.pem.is_some()),
            ("secretRef", wire.secret_ref.is_some()),
            ("configMapRef", wire.config_map_ref.is_some()),
        ];
        let path = path.field(self.exactly_one(path, &sources)?);
        let text = match (&wire.pem, &wire.secret_ref, &wire.config_map_ref) {
            (Some(pem), ..) => pem.clone(),
            (_, Some(secret), _) => self.text(&path, &ObjectEntry::secret(secret))?,
            (_, _, Some(config_map)) => self.text(&path, &ObjectEntry::config_map(config_map))?,
            (None, None, None) => return None,
        };
        PublicKey::from_pem(&text)
            .map_err(|error| self.report(&path, Fault::Key(error)))
            .ok()
    }
}
