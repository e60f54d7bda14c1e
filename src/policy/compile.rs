//! From the wire to the compiled form: whole objects, every problem at once.

mod attestation;
mod authority;
mod condition;
mod duration;
mod identity;
mod keys;
mod outage;
mod problem;
mod provenance;
mod tags;
mod trust_root;

pub use problem::{CompileError, Fault, FieldPath, Problem, Remedy};
pub use trust_root::{
    CertificateTimestampDemand, LogDemand, PemTexts, TrustRootDefinition, TrustRootSource,
    TufRepository,
};

use super::{
    Action, Policy, PolicyId, Scope, Selector,
    crd::{self, ClusterImageTrustPolicySpec, KeyInObject},
};
use crate::{
    image::{Digest, Repository, RepositoryPattern},
    limits::PROBLEMS_PER_OBJECT,
};

/// An entry of a Secret or ConfigMap in Assay's own namespace.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ObjectEntry {
    Secret { name: String, key: String },
    ConfigMap { name: String, key: String },
}

/// Holds the texts that policies and trust roots refer to.
pub trait KeySource {
    /// The text of this entry, or why it cannot be had.
    fn text(&self, entry: &ObjectEntry) -> Result<String, String>;
}

impl Policy {
    /// Compiles a whole policy. A namespaced one is compiled from its cluster-wide form; its namespace is in `id`.
    ///
    /// # Errors
    /// Every problem of the object, in the order of its fields.
    pub fn compile(
        id: PolicyId,
        spec: &ClusterImageTrustPolicySpec,
        keys: &dyn KeySource,
    ) -> Result<Self, CompileError> {
        let mut compiler = Compiler::new(keys);
        let scope = compiler.scope(id, spec);
        let signature_repository = compiler.signature_repository(spec);
        let authorities = compiler.authorities(&spec.authorities, spec.require);
        let require = compiler.require(spec);
        let tags = compiler.tags(spec.tags.as_ref());
        let provenance = compiler.provenance(spec);
        let attestations = compiler.attestations(spec);
        let conditions = compiler.policy_conditions(spec);
        let outage = compiler.outage(spec);
        let content = compiler.content(spec);
        compiler.finish(Self {
            scope,
            content,
            pin: spec.pin,
            pin_workloads: spec.pin_workloads,
            signature_repository,
            authorities,
            require,
            tags,
            provenance,
            attestations,
            conditions,
            outage,
            help: (!spec.help.is_empty()).then(|| spec.help.clone()),
        })
    }
}

impl ClusterImageTrustPolicySpec {
    /// The entries of Secrets and ConfigMaps that this policy's keys come from.
    pub fn entries(&self) -> impl Iterator<Item = ObjectEntry> {
        self.authorities
            .iter()
            .flat_map(|authority| authority.key.iter().chain(authority.keys.iter().flatten()))
            .flat_map(|key| {
                let secret = key.secret_ref.as_ref().map(ObjectEntry::secret);
                secret
                    .into_iter()
                    .chain(key.config_map_ref.as_ref().map(ObjectEntry::config_map))
            })
    }

    /// The `ImageTrustRoot` objects that this policy names.
    pub fn trust_root_names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.authorities
            .iter()
            .enumerate()
            .filter_map(|(index, authority)| Some((index, authority.trust_root_ref.as_ref()?)))
            .map(|(index, reference)| (index, reference.name.as_str()))
            .filter(|(_, name)| *name != crd::PUBLIC_TRUST_ROOT)
    }
}

impl ObjectEntry {
    /// An entry of a Secret.
    pub fn secret(wire: &KeyInObject) -> Self {
        Self::Secret {
            name: wire.name.clone(),
            key: wire.key.clone(),
        }
    }

    /// An entry of a ConfigMap.
    pub fn config_map(wire: &KeyInObject) -> Self {
        Self::ConfigMap {
            name: wire.name.clone(),
            key: wire.key.clone(),
        }
    }
}

impl std::fmt::Display for ObjectEntry {
    /// As messages name it: `key "cosign.pub" of Secret "release-keys"`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name, key) = match self {
            Self::Secret { name, key } => ("Secret", name, key),
            Self::ConfigMap { name, key } => ("ConfigMap", name, key),
        };
        write!(f, "key {key:?} of {kind} {name:?}")
    }
}

impl From<crd::Action> for Action {
    fn from(wire: crd::Action) -> Self {
        match wire {
            crd::Action::Deny => Self::Deny,
            crd::Action::Warn => Self::Warn,
            crd::Action::Audit => Self::Audit,
        }
    }
}

/// One compilation: the problems found so far, and the key texts that were looked up.
pub(super) struct Compiler<'a> {
    keys: &'a dyn KeySource,
    problems: Vec<Problem>,
    resolved: Vec<String>,
}

impl<'a> Compiler<'a> {
    fn new(keys: &'a dyn KeySource) -> Self {
        Self {
            keys,
            problems: Vec::new(),
            resolved: Vec::new(),
        }
    }

    fn report(&mut self, path: &FieldPath, fault: Fault) {
        if self.problems.len() < PROBLEMS_PER_OBJECT {
            self.problems.push(path.problem(fault));
        }
    }

    /// What was compiled, unless there was a problem anywhere.
    fn finish<T>(self, whole: T) -> Result<T, CompileError> {
        if self.problems.is_empty() {
            Ok(whole)
        } else {
            Err(CompileError::new(self.problems))
        }
    }

    fn scope(&mut self, id: PolicyId, spec: &ClusterImageTrustPolicySpec) -> Scope {
        let path = FieldPath::new("spec").field("match");
        if spec.matches.images.is_empty() {
            self.report(
                &path.field("images"),
                Fault::expected("at least one pattern", "none"),
            );
        }
        Scope {
            id,
            images: self.patterns(&spec.matches.images, &path.field("images")),
            exclude_images: self
                .patterns(&spec.matches.exclude_images, &path.field("excludeImages")),
            namespace_selector: self.selector(
                &spec.matches.namespace_selector,
                &path.field("namespaceSelector"),
            ),
            object_selector: self
                .selector(&spec.matches.object_selector, &path.field("objectSelector")),
            action: spec.action.into(),
        }
    }

    fn patterns(&mut self, wire: &[crd::ImagePattern], path: &FieldPath) -> Vec<RepositoryPattern> {
        wire.iter()
            .enumerate()
            .filter_map(|(index, pattern)| self.repository_pattern(&pattern.0, &path.index(index)))
            .collect()
    }

    fn repository_pattern(&mut self, text: &str, path: &FieldPath) -> Option<RepositoryPattern> {
        text.parse()
            .map_err(|error| self.report(path, Fault::Pattern(error)))
            .ok()
    }

    fn selector(&mut self, wire: &crd::LabelSelector, path: &FieldPath) -> Selector {
        Selector::compile(wire, path)
            .map_err(|problems| self.problems.extend(problems))
            .unwrap_or_default()
    }

    fn signature_repository(&mut self, spec: &ClusterImageTrustPolicySpec) -> Option<Repository> {
        let text = &spec.signature_repository;
        if text.is_empty() {
            return None;
        }
        let path = FieldPath::new("spec").field("signatureRepository");
        text.parse::<Repository>()
            .map_err(|error| self.report(&path, Fault::Repository(error)))
            .ok()
    }

    fn require(&mut self, spec: &ClusterImageTrustPolicySpec) -> usize {
        let require = usize::try_from(spec.require).unwrap_or(usize::MAX);
        let authorities = spec.authorities.len();
        // What asks for nothing would let everything in.
        let least = usize::from(spec.provenance.is_none() && spec.attestations.is_empty());
        if authorities > 0 && !(least..=authorities).contains(&require) {
            self.report(
                &FieldPath::new("spec").field("require"),
                match require {
                    0 => Fault::expected(
                        "at least 1 where neither provenance nor attestations are asked for",
                        0,
                    ),
                    _ => Fault::expected(
                        format!("{least} to {authorities}, the number of authorities"),
                        spec.require,
                    ),
                },
            );
        }
        require
    }

    /// Exactly one of these fields must be present; which.
    fn exactly_one(
        &mut self,
        path: &FieldPath,
        fields: &[(&'static str, bool)],
    ) -> Option<&'static str> {
        let present: Vec<&'static str> = fields
            .iter()
            .filter(|(_, is_present)| *is_present)
            .map(|(name, _)| *name)
            .collect();
        if let [chosen] = present.as_slice() {
            return Some(chosen);
        }
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let found = match present.as_slice() {
            [] => "none of them".to_owned(),
            several => several.join(" and "),
        };
        self.report(
            path,
            Fault::expected(format!("exactly one of {}", names.join(", ")), found),
        );
        None
    }

    /// No more of something than this.
    fn at_most(&mut self, limit: usize, found: usize, path: &FieldPath) {
        if found > limit {
            let expected = format!("at most {limit}");
            self.report(path, Fault::expected(expected, found));
        }
    }

    /// A text of one to this many characters.
    fn is_text_of_at_most(&mut self, limit: usize, text: &str, path: &FieldPath) -> bool {
        let found = text.chars().count();
        if found > limit {
            let expected = format!("at most {limit} characters");
            self.report(path, Fault::expected(expected, found));
        }
        self.filled(Some(text), path);
        (1..=limit).contains(&found)
    }

    /// The text of a referenced entry, remembered as part of the policy's content.
    fn text(&mut self, path: &FieldPath, entry: &ObjectEntry) -> Option<String> {
        match self.keys.text(entry) {
            Ok(text) => {
                self.resolved.push(text.clone());
                Some(text)
            }
            Err(reason) => {
                let entry = entry.to_string();
                self.report(path, Fault::Unavailable { entry, reason });
                None
            }
        }
    }

    /// SHA-256 over the policy as its author wrote it, defaults filled in, and the keys it refers to.
    fn content(&mut self, spec: &ClusterImageTrustPolicySpec) -> String {
        // Struct fields and map entries have a fixed order, so equal policies have equal bytes. What cannot be written,
        // which none of these types is, must not pass for another policy: caches and the memory go by this.
        let bytes = serde_json::to_vec(&(spec, &self.resolved)).unwrap_or_else(|error| {
            let detail = error.to_string();
            self.report(&FieldPath::new("spec"), Fault::Shape { detail });
            Vec::new()
        });
        Digest::of(&bytes).hex().to_owned()
    }
}

#[cfg(test)]
mod tests;
