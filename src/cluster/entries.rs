//! The Secrets and ConfigMaps of Assay's own namespace, which policies and trust roots refer to.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{copies, mirror::Mirror};
use crate::policy::{KeySource, ObjectEntry};

/// The Secrets and ConfigMaps of Assay's own namespace.
pub(super) struct Entries<'a> {
    own_namespace: &'a str,
    secrets: &'a Mirror,
    config_maps: &'a Mirror,
}

/// The same as they were at one moment.
pub(super) struct EntriesAtOnce {
    own_namespace: String,
    secrets: Mirror,
    config_maps: Mirror,
}

impl KeySource for Entries<'_> {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        match entry {
            ObjectEntry::Secret { name, key } => {
                let text = self.entry("Secret", self.secrets, name, key)?;
                let bytes = STANDARD.decode(text).unwrap_or_default();
                String::from_utf8(bytes)
                    .map_err(|_| format!("entry {key:?} of Secret {name:?} is not text"))
            }
            ObjectEntry::ConfigMap { name, key } => self
                .entry("ConfigMap", self.config_maps, name, key)
                .map(str::to_owned),
        }
    }
}

impl<'a> Entries<'a> {
    /// Those of these, which are of this namespace alone.
    pub(super) fn new(
        own_namespace: &'a str,
        secrets: &'a Mirror,
        config_maps: &'a Mirror,
    ) -> Self {
        Self {
            own_namespace,
            secrets,
            config_maps,
        }
    }

    /// The copy of a trust root from TUF that some replica kept; not verified.
    pub(super) fn kept_copy(&self, name: &str) -> Option<String> {
        let secret = copies::secret_name(name);
        let text = self.entry("Secret", self.secrets, &secret, copies::ENTRY);
        String::from_utf8(STANDARD.decode(text.ok()?).ok()?).ok()
    }

    fn entry(
        &self,
        kind: &str,
        mirror: &'a Mirror,
        name: &str,
        key: &str,
    ) -> Result<&'a str, String> {
        let place = (Some(self.own_namespace.to_owned()), name.to_owned());
        mirror
            .objects()
            .get(&place)
            .ok_or_else(|| {
                format!(
                    "there is no {kind} {name:?} in namespace {:?}",
                    self.own_namespace
                )
            })?
            .get("data")
            .and_then(|data| data.get(key)?.as_str())
            .ok_or_else(|| format!("{kind} {name:?} has no entry {key:?}"))
    }
}

impl EntriesAtOnce {
    /// A copy of those of these.
    pub(super) fn new(own_namespace: &str, secrets: &Mirror, config_maps: &Mirror) -> Self {
        Self {
            own_namespace: own_namespace.to_owned(),
            secrets: secrets.clone(),
            config_maps: config_maps.clone(),
        }
    }
}

impl KeySource for EntriesAtOnce {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        Entries::new(&self.own_namespace, &self.secrets, &self.config_maps).text(entry)
    }
}
