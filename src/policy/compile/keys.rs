//! Public keys, compiled.

use jiff::Timestamp;

use super::{Compiler, Fault, FieldPath, ObjectEntry};
use crate::{
    key::PublicKey,
    limits::KEYS_PER_AUTHORITY,
    policy::{Authority, AuthorityKind, DatedKey, Validity, crd},
};

impl Compiler<'_> {
    /// All of these keys, or none if one of them is not usable.
    pub(super) fn keys(&mut self, wire: &[crd::Key], path: &FieldPath) -> Option<Vec<DatedKey>> {
        if !(1..=KEYS_PER_AUTHORITY).contains(&wire.len()) {
            let expected = format!("1 to {KEYS_PER_AUTHORITY} keys");
            self.report(path, Fault::expected(expected, wire.len()));
            return None;
        }
        let mut compiled: Vec<Option<DatedKey>> = Vec::new();
        for (index, key) in wire.iter().enumerate() {
            let path = path.index(index);
            let key = self.key(key, &path);
            let twin = key.as_ref().and_then(|key| position(&compiled, key));
            if let Some(twin) = twin {
                let expected = "a key that is not in the list already";
                self.report(
                    &path,
                    Fault::expected(expected, format!("that of [{twin}]")),
                );
            }
            compiled.push(key);
        }
        compiled.into_iter().collect()
    }

    pub(super) fn key(&mut self, wire: &crd::Key, path: &FieldPath) -> Option<DatedKey> {
        let key = self.public_key(wire, path);
        let validity = self.validity(wire, path);
        Some(DatedKey {
            key: key?,
            validity: validity?,
        })
    }

    fn public_key(&mut self, wire: &crd::Key, path: &FieldPath) -> Option<PublicKey> {
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

    fn validity(&mut self, wire: &crd::Key, path: &FieldPath) -> Option<Validity> {
        let not_before = self.time(wire.not_before.as_deref(), &path.field("notBefore"));
        let path = path.field("notAfter");
        let not_after = self.time(wire.not_after.as_deref(), &path);
        let validity = Validity {
            not_before: not_before?,
            not_after: not_after?,
        };
        if let (Some(start), Some(end)) = (validity.not_before, validity.not_after)
            && end < start
        {
            let expected = format!("a time that is not before notBefore, {start}");
            self.report(&path, Fault::expected(expected, end));
            return None;
        }
        Some(validity)
    }

    /// Outer none: a problem was reported. Inner none: there is no such field.
    #[expect(clippy::option_option, reason = "absent and refused are two things")]
    fn time(&mut self, text: Option<&str>, path: &FieldPath) -> Option<Option<Timestamp>> {
        let Some(text) = text else {
            return Some(None);
        };
        // RFC 3339 and no more: the parser also reads other forms of ISO 8601.
        let is_plain = text.len() >= RFC_3339_BYTES && !text.contains([' ', '[', ',']);
        if let Some(time) = text.parse().ok().filter(|_| is_plain) {
            return Some(Some(time));
        }
        let expected = "a time with its zone, such as 2027-01-01T00:00:00Z";
        self.report(path, Fault::expected_text(expected, text));
        None
    }

    /// One key under two authorities would let its one holder stand for both.
    pub(super) fn distinct(
        &mut self,
        before: &[Authority],
        wire: &crd::Authority,
        authority: &Authority,
        path: &FieldPath,
    ) {
        let is_list = wire.keys.is_some();
        let path = path.field(if is_list { "keys" } else { "key" });
        for (index, key) in authority.keys().iter().enumerate() {
            let has_key = |other: &&Authority| other.keys().iter().any(|it| it.key == key.key);
            if let Some(twin) = before.iter().find(has_key) {
                let path = if is_list {
                    path.index(index)
                } else {
                    path.clone()
                };
                let expected = "a key that no other authority has";
                let found = format!("that of {:?}", twin.name);
                self.report(&path, Fault::expected(expected, found));
            }
        }
    }
}

impl Authority {
    /// The keys that it accepts; none where it accepts certificates.
    fn keys(&self) -> &[DatedKey] {
        match &self.kind {
            AuthorityKind::Keys(keys) => keys,
            AuthorityKind::Keyless { .. } | AuthorityKind::GitLab(_) | AuthorityKind::GitHub(_) => {
                &[]
            }
        }
    }
}

fn position(compiled: &[Option<DatedKey>], key: &DatedKey) -> Option<usize> {
    compiled
        .iter()
        .position(|other| other.as_ref().is_some_and(|other| other.key == key.key))
}

/// The length of `2027-01-01T00:00:00Z`, the shortest form.
const RFC_3339_BYTES: usize = 20;
