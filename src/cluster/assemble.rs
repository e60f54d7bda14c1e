//! Watched objects, compiled into what reviews are judged by.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tokio::sync::Notify;

use super::{
    entries::{Entries, EntriesAtOnce},
    mirror::{ByKey, Key, Mirror, same_content},
    policy_status::policy_report,
    root_status::trust_root_report,
    status::Report,
};
use crate::{
    policy::{
        ClusterModes, KeySource, ObjectEntry, PolicyId, PolicyObject, PolicySet,
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
    compiled: BTreeMap<PolicyId, CompiledFrom>,
    /// How many policies were compiled so far.
    compilations: u64,
    trust_roots: Arc<TrustRoots>,
    parsed: BTreeMap<String, ParsedRoot>,
    tuf_roots: TufRoots,
}

/// What a policy was compiled from.
struct CompiledFrom {
    object: Arc<Value>,
    texts: Vec<(ObjectEntry, Result<String, String>)>,
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
            compiled: BTreeMap::new(),
            compilations: 0,
            trust_roots: Arc::new(TrustRoots::public_only()),
            parsed: BTreeMap::new(),
            tuf_roots,
        }
    }

    /// Told when a trust root from TUF may have another state than at the last assembly.
    pub(super) fn roots_changed(&self) -> Arc<Notify> {
        self.tuf_roots.changed()
    }

    /// The snapshot that these objects make.
    pub(super) fn assemble(&mut self, objects: &Objects<'_>) -> Snapshot {
        let own_namespace = self.own_namespace.clone();
        let entries = Entries::new(&own_namespace, objects.secrets, objects.config_maps);
        self.trust_roots = Arc::new(self.trust_roots(objects.trust_roots, &entries));
        self.policies = Arc::new(self.policies(objects, &entries));
        Snapshot {
            policies: Arc::clone(&self.policies),
            trust_roots: Arc::clone(&self.trust_roots),
            modes: self.modes,
        }
    }

    /// What policies refer to, for whoever judges them before they are stored.
    pub(super) fn entries(&self, objects: &Objects<'_>) -> EntriesAtOnce {
        EntriesAtOnce::new(&self.own_namespace, objects.secrets, objects.config_maps)
    }

    /// What the status of each object is to say, by the last assembly.
    pub(super) fn reports(&self, objects: &Objects<'_>) -> Vec<Report> {
        let roots = self
            .trust_roots
            .iter()
            .filter_map(|(name, state)| trust_root_report(objects.trust_roots, name, state));
        let policies = self.policies.iter().filter_map(|(id, state)| {
            let mirror = match id.namespace {
                None => objects.cluster_policies,
                Some(_) => objects.policies,
            };
            policy_report(mirror, id, state, &self.trust_roots)
        });
        roots.chain(policies).collect()
    }

    /// How many policies were compiled so far.
    #[cfg(test)]
    pub(super) fn compilations(&self) -> u64 {
        self.compilations
    }

    /// A policy is compiled again only when it has changed, or an entry that it refers to.
    fn policies(&mut self, objects: &Objects<'_>, entries: &Entries<'_>) -> PolicySet {
        let mut before = std::mem::take(&mut self.compiled);
        let mut unchanged = Vec::new();
        let mut changed = Vec::new();
        for (key, object) in every(objects) {
            let id = PolicyId {
                namespace: key.0.clone(),
                name: key.1.clone(),
            };
            match before.remove(&id) {
                Some(known) if known.still_holds(object, entries) => {
                    let object = Arc::clone(object);
                    self.compiled
                        .insert(id.clone(), CompiledFrom { object, ..known });
                    unchanged.push(id);
                }
                Some(_) | None => {
                    let Some(policy) = read_policy(object) else {
                        continue;
                    };
                    self.compiled
                        .insert(id, CompiledFrom::new(object, &policy, entries));
                    changed.push(policy);
                }
            }
        }
        self.compilations += u64::try_from(changed.len()).unwrap_or(u64::MAX);
        self.policies.update_changed(&changed, &unchanged, entries)
    }

    fn trust_roots(&mut self, mirror: &Mirror, entries: &Entries<'_>) -> TrustRoots {
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
        self.tuf_roots.follow(&from_tuf, kept, roots)
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

impl CompiledFrom {
    fn new(object: &Arc<Value>, policy: &PolicyObject, entries: &Entries<'_>) -> Self {
        let texts = policy.entries().map(|entry| {
            let text = entries.text(&entry);
            (entry, text)
        });
        Self {
            object: Arc::clone(object),
            texts: texts.collect(),
        }
    }

    fn still_holds(&self, object: &Arc<Value>, entries: &Entries<'_>) -> bool {
        (Arc::ptr_eq(&self.object, object) || same_content(&self.object, object))
            && self
                .texts
                .iter()
                .all(|(entry, text)| entries.text(entry) == *text)
    }
}

fn every<'a>(objects: &Objects<'a>) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
    let both: [&'a ByKey; 2] = [
        objects.cluster_policies.objects(),
        objects.policies.objects(),
    ];
    both.into_iter().flatten()
}

fn read_policy(object: &Value) -> Option<PolicyObject> {
    PolicyObject::from_json(object.clone())
        .inspect_err(|error| {
            // The API server lets no object be without a name, and the watch has filled in the kind.
            tracing::error!(%error, "a policy object without an identity is left out");
        })
        .ok()
}

pub(super) fn seen_status(object: &Value) -> Value {
    object.get("status").cloned().unwrap_or_default()
}

pub(super) fn generation(object: &Value) -> Option<i64> {
    object.pointer("/metadata/generation")?.as_i64()
}
