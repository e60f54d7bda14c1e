//! Watched objects, compiled into what reviews are judged by.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::{
    copies,
    mirror::Mirror,
    root_status::trust_root_report,
    status::{Report, Wanted},
};
use crate::{
    policy::{
        ClusterModes, KeySource, ObjectEntry, PolicyId, PolicyObject, PolicySet, PolicyState,
        TrustRootDefinition, TrustRootName, TrustRootObject,
    },
    review::Snapshot,
    trust::{Described, TrustRoots, TufRoots},
};

/// The watched objects that a snapshot is made of.
pub(super) struct Objects<'a> {
    pub(super) cluster_policies: &'a Mirror,
    pub(super) policies: &'a Mirror,
    pub(super) trust_roots: &'a Mirror,
    /// Of Assay's own namespace.
    pub(super) secrets: &'a Mirror,
    /// Of Assay's own namespace.
    pub(super) config_maps: &'a Mirror,
}

/// Compiles, and remembers what the next time needs: the last good policies, and the roots already parsed.
pub(super) struct Assembler {
    own_namespace: String,
    modes: ClusterModes,
    built_in: TrustRoots,
    policies: Arc<PolicySet>,
    parsed: BTreeMap<String, ParsedRoot>,
    tuf_roots: TufRoots,
}

/// A trust root and what it was parsed from.
struct ParsedRoot {
    definition: TrustRootDefinition,
    described: Result<Described, String>,
}

impl Assembler {
    /// With no policies yet.
    pub(super) fn new(own_namespace: String, modes: ClusterModes, tuf_roots: TufRoots) -> Self {
        Self {
            own_namespace,
            modes,
            built_in: TrustRoots::public_only(),
            policies: Arc::default(),
            parsed: BTreeMap::new(),
            tuf_roots,
        }
    }

    /// Told when a trust root from TUF may have another state than at the last assembly.
    pub(super) fn roots_changed(&self) -> Arc<Notify> {
        self.tuf_roots.changed()
    }

    /// The snapshot that these objects make, and what the status of each is to say.
    pub(super) fn assemble(&mut self, objects: &Objects<'_>) -> (Snapshot, Vec<Report>) {
        let own_namespace = self.own_namespace.clone();
        let entries = Entries {
            own_namespace: &own_namespace,
            objects,
        };
        let mut reports = Vec::new();
        let trust_roots = self.trust_roots(objects.trust_roots, &entries, &mut reports);
        let read: Vec<PolicyObject> = [objects.cluster_policies, objects.policies]
            .into_iter()
            .flat_map(|mirror| mirror.objects().values())
            .filter_map(read_policy)
            .collect();
        self.policies = Arc::new(self.policies.update(&read, &entries));
        reports.extend(
            self.policies
                .iter()
                .filter_map(|(id, state)| policy_report(objects, id, state)),
        );
        let snapshot = Snapshot {
            policies: Arc::clone(&self.policies),
            trust_roots: Arc::new(trust_roots),
            modes: self.modes,
        };
        (snapshot, reports)
    }

    fn trust_roots(
        &mut self,
        mirror: &Mirror,
        entries: &Entries<'_>,
        reports: &mut Vec<Report>,
    ) -> TrustRoots {
        let (mut roots, mut from_tuf) = (self.built_in.clone(), BTreeMap::new());
        self.parsed
            .retain(|name, _| mirror.objects().contains_key(&(None, name.clone())));
        for (_, name) in mirror.objects().keys() {
            let object = mirror.objects().get(&(None, name.clone()));
            let root = match object.map(|object| self.trust_root(name, object, entries)) {
                Some(Ok(Described::Tuf(definition))) => {
                    from_tuf.insert(name.clone(), definition);
                    continue;
                }
                Some(Ok(Described::Given(root))) => Ok(root),
                Some(Err(reason)) => Err(reason),
                None => continue,
            };
            roots = roots.with(TrustRootName::Named(name.clone()), root);
        }
        let kept = |name: &str| entries.kept_copy(name);
        let roots = self.tuf_roots.follow(&from_tuf, kept, roots);
        for (name, state) in roots.iter() {
            reports.extend(trust_root_report(mirror, name, state));
        }
        roots
    }

    /// A root is parsed again only when its text has changed.
    fn trust_root(
        &mut self,
        name: &str,
        object: &Value,
        entries: &Entries<'_>,
    ) -> Result<Described, String> {
        let definition = TrustRootObject::from_json(object)
            .map_err(|error| error.to_string())?
            .definition(entries)
            .map_err(|error| error.to_string())?;
        if let Some(parsed) = self.parsed.get(name)
            && parsed.definition == definition
        {
            return parsed.described.clone();
        }
        let described = Described::new(definition.clone()).map_err(|error| error.to_string());
        let parsed = ParsedRoot {
            definition,
            described: described.clone(),
        };
        self.parsed.insert(name.to_owned(), parsed);
        described
    }
}

fn read_policy(object: &Value) -> Option<PolicyObject> {
    PolicyObject::from_json(object.clone())
        .inspect_err(|error| {
            // The API server lets no object be without a name, and the watch has filled in the kind.
            tracing::error!(%error, "a policy object without an identity is left out");
        })
        .ok()
}

fn policy_report(objects: &Objects<'_>, id: &PolicyId, state: &PolicyState) -> Option<Report> {
    let mirror = match id.namespace {
        None => objects.cluster_policies,
        Some(_) => objects.policies,
    };
    let key = (id.namespace.clone(), id.name.clone());
    let object = mirror.objects().get(&key)?;
    let (reason, message) = match state {
        PolicyState::Ready(_) => ("Compiled", "in force".to_owned()),
        PolicyState::Stale { reason, .. } => (
            "LastGoodInForce",
            format!("{reason}; the last good form stays in force"),
        ),
        PolicyState::Broken { reason, .. } => (
            "NotCompiled",
            format!("{reason}; every image that it may cover is refused"),
        ),
    };
    Some(Report {
        resource: mirror.resource().clone(),
        key,
        seen: seen_status(object),
        wanted: Wanted {
            generation: generation(object),
            ready: matches!(state, PolicyState::Ready(_)),
            reason,
            message,
            fields: Map::new(),
        },
    })
}

pub(super) fn seen_status(object: &Value) -> Value {
    object.get("status").cloned().unwrap_or_default()
}

pub(super) fn generation(object: &Value) -> Option<i64> {
    object.pointer("/metadata/generation")?.as_i64()
}

/// The Secrets and ConfigMaps of Assay's own namespace.
struct Entries<'a> {
    own_namespace: &'a str,
    objects: &'a Objects<'a>,
}

impl KeySource for Entries<'_> {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        match entry {
            ObjectEntry::Secret { name, key } => {
                let text = self.entry("Secret", self.objects.secrets, name, key)?;
                let bytes = STANDARD.decode(text).unwrap_or_default();
                String::from_utf8(bytes)
                    .map_err(|_| format!("entry {key:?} of Secret {name:?} is not text"))
            }
            ObjectEntry::ConfigMap { name, key } => self
                .entry("ConfigMap", self.objects.config_maps, name, key)
                .map(str::to_owned),
        }
    }
}

impl<'a> Entries<'a> {
    /// The copy of a trust root from TUF that some replica kept; not verified.
    fn kept_copy(&self, name: &str) -> Option<String> {
        let secret = copies::secret_name(name);
        let text = self.entry("Secret", self.objects.secrets, &secret, copies::ENTRY);
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
