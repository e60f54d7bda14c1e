//! Policies and trust roots judged before they are stored: the same compilation that puts them in force, with what they
//! refer to as it is now.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Reviewer, Snapshot};
use crate::{
    policy::{
        Findings, KeySource, ObjectEntry, ObjectError, PolicyObject, Problem, TrustRootDefinition,
        TrustRootName, TrustRootObject,
        crd::{ClusterImageTrustPolicySpec, ImageTrustRootSpec},
    },
    trust::{Described, TrustRoots},
};

/// What is to be said about an object before it is stored.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Validation {
    /// What makes no sense whatever else there is; with any of these the object is not to be stored.
    pub refused: Vec<Remark>,
    /// What its author should know.
    pub warned: Vec<Remark>,
}

/// One thing about one field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// Where, as the API server writes it; empty for the object as a whole.
    pub field: String,
    /// What.
    pub text: String,
}

impl Reviewer {
    /// Judges a policy or trust root as it would be put in force. Changes nothing.
    ///
    /// What an object refers to may come after it, as where GitOps applies in any order: that is only warned of.
    ///
    /// # Errors
    /// Only when it cannot be told which object it is.
    pub fn validate(&self, object: &Value) -> Result<Validation, ObjectError> {
        let entries = self.snapshots.entries();
        let keys = Known(entries.as_deref());
        let snapshot = self.snapshots.current();
        let kind = object.get("kind").and_then(Value::as_str);
        if kind == Some(TRUST_ROOT) {
            let object = TrustRootObject::from_json(object)?;
            Ok(self.of_trust_root(&object, keys))
        } else {
            let object = PolicyObject::from_json(object.clone())?;
            Ok(of_policy(&object, keys, snapshot.as_ref()))
        }
    }

    fn of_trust_root(&self, object: &TrustRootObject, keys: Known<'_>) -> Validation {
        let (definition, findings) = object.findings(&keys);
        let mut validation = Validation::of(&findings, keys);
        let Ok(spec) = &object.spec else {
            return validation;
        };
        for (is_on, field, text) in [
            (spec.insecure_no_sct, "spec.insecureNoSct", NO_SCT),
            (
                spec.insecure_no_transparency_log,
                "spec.insecureNoTransparencyLog",
                NO_LOG,
            ),
        ] {
            if is_on {
                validation.warned.push(Remark::new(field, text));
            }
        }
        let Some(definition) = definition else {
            return validation;
        };
        let (field, is_own) = source_of(spec);
        match described(definition) {
            Err(reason) if is_own => validation.refused.push(Remark::new(field, &reason)),
            Err(reason) => validation.warned.push(Remark::new(field, &reason)),
            Ok(Described::Given(root)) => {
                if let Some(end) = root.summary().ends.filter(|end| *end < self.clock.now()) {
                    let text = format!("its last certificate authority ended at {end}");
                    validation.warned.push(Remark::new(field, &text));
                }
            }
            Ok(Described::Tuf(_)) => {}
        }
        validation
    }
}

impl Validation {
    fn of(findings: &Findings, keys: Known<'_>) -> Self {
        // Where nothing is known of what is referred to, nothing of it is missing either.
        let elsewhere = findings
            .elsewhere
            .iter()
            .filter(|problem| keys.0.is_some() || problem.fault.absence().is_none());
        Self {
            refused: findings.own.iter().map(Remark::of).collect(),
            warned: elsewhere.map(Remark::of).collect(),
        }
    }
}

impl Remark {
    fn new(field: &str, text: &str) -> Self {
        Self {
            field: field.to_owned(),
            text: text.to_owned(),
        }
    }

    fn of(problem: &Problem) -> Self {
        let fault = &problem.fault;
        let mut text = fault
            .absence()
            .map_or_else(|| fault.to_string(), str::to_owned);
        if fault.is_unknown_field() {
            // The API server lets through only what the definitions in the cluster have.
            text.push_str("; this version of Assay does not know it");
        }
        Self::new(problem.path.as_str(), &text)
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.text),
            field => write!(f, "{field}: {}", self.text),
        }
    }
}

fn of_policy(object: &PolicyObject, keys: Known<'_>, snapshot: Option<&Snapshot>) -> Validation {
    let mut validation = Validation::of(&object.findings(&keys), keys);
    if let Some(spec) = object.spec() {
        if let Some(snapshot) = snapshot {
            let missing = missing_roots(spec, &snapshot.trust_roots);
            validation.warned.extend(missing);
        }
        validation.warned.extend(leaves_out_everything(spec));
    }
    validation
}

fn missing_roots<'a>(
    spec: &'a ClusterImageTrustPolicySpec,
    roots: &TrustRoots,
) -> impl Iterator<Item = Remark> + use<'a> {
    let there: BTreeSet<&TrustRootName> = roots.iter().map(|(name, _)| name).collect();
    let missing: Vec<_> = spec
        .trust_root_names()
        .filter(|(_, name)| !there.contains(&TrustRootName::Named((*name).to_owned())))
        .collect();
    missing.into_iter().map(|(index, name)| {
        let field = format!("spec.authorities[{index}].trustRootRef.name");
        let text =
            format!("there is no ImageTrustRoot {name:?}; until there is, it admits nothing");
        Remark { field, text }
    })
}

/// Whether what is left out is as much as what is taken in: then the policy asks nothing of anything.
fn leaves_out_everything(spec: &ClusterImageTrustPolicySpec) -> Option<Remark> {
    let left_out = spec.matches.exclude_images.iter();
    let left_out: BTreeSet<&str> = left_out.map(|pattern| pattern.0.as_str()).collect();
    let mut images = spec.matches.images.iter();
    let all = !spec.matches.images.is_empty()
        && (left_out.contains(EVERYTHING)
            || images.all(|pattern| left_out.contains(pattern.0.as_str())));
    all.then(|| {
        Remark::new(
            "spec.match.excludeImages",
            "leaves out every image that images matches, so this policy matches none",
        )
    })
}

/// The field that holds the root, and whether the object holds its text itself.
fn source_of(spec: &ImageTrustRootSpec) -> (&'static str, bool) {
    let tuf = spec.tuf.as_ref();
    if spec.trusted_root.is_some() {
        ("spec.trustedRoot", true)
    } else if spec.pem.is_some() {
        ("spec.pem", true)
    } else if tuf.is_some_and(|tuf| tuf.root.is_some()) {
        ("spec.tuf.root", true)
    } else if tuf.is_some() {
        ("spec.tuf.rootConfigMapRef", false)
    } else if spec.secret_ref.is_some() {
        ("spec.secretRef", false)
    } else {
        ("spec.configMapRef", false)
    }
}

fn described(definition: TrustRootDefinition) -> Result<Described, String> {
    Described::new(definition).map_err(|error| error.to_string())
}

/// What policies refer to, as far as that is known here.
#[derive(Clone, Copy)]
struct Known<'a>(Option<&'a (dyn KeySource + Send + Sync)>);

impl KeySource for Known<'_> {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        match self.0 {
            Some(keys) => keys.text(entry),
            None => Err("nothing is known of it here".to_owned()),
        }
    }
}

const TRUST_ROOT: &str = "ImageTrustRoot";
const EVERYTHING: &str = "**";
const NO_SCT: &str = "whoever can make this Fulcio issue a certificate can do so unseen";
const NO_LOG: &str = "signatures can be made unseen; nothing logs them";
