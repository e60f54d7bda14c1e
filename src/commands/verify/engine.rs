//! The reviewer of `assay verify`: policies from a directory or from flags, credentials from a docker config.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{
    roots,
    targets::{Origin, Target},
};
use crate::{
    app::Reading,
    commands::{
        CommandError, FileError, files,
        folder::{FolderImage, Naming},
    },
    config::{Authority, Source, VerifyArgs},
    limits,
    policy::{KeySource, ObjectEntry, PolicyObject, PolicySet, TrustRootName, crd},
    registry::{Holder, Keyring},
    review::Reviewer,
    standalone::{self, FixedKeyring, Loaded, Standalone},
    trust::TrustRoots,
    verify::TrustRoot,
};

/// There are no Secrets and ConfigMaps where there is no cluster.
struct NoEntries;

/// Who judges which target: images in folders are judged by what their folder holds, and all others by what
/// registries answer. No client is made where there are no others.
pub(super) struct Reviewers {
    of_targets: Vec<Option<Arc<Reviewer>>>,
}

impl Reviewers {
    /// Builds the reviewers that the flags describe, for targets in these namespaces.
    pub(super) async fn assemble(
        args: &VerifyArgs,
        targets: &[Target],
        namespaces: impl Iterator<Item = String>,
    ) -> Result<Self, CommandError> {
        let labels: BTreeMap<String, String> = args.namespace_labels.iter().cloned().collect();
        let settings = standalone::Settings {
            modes: args.modes(),
            namespaces: namespaces.map(|name| (name, labels.clone())).collect(),
            ..standalone::Settings::default()
        };
        let named = standalone(load(args, Naming::Known).await?, &settings);
        let nameless = if targets.iter().any(is_nameless) {
            standalone(load(args, Naming::Placeholder).await?, &settings)
        } else {
            Arc::clone(&named)
        };
        let in_registry = |target: &Target| matches!(target.origin, Origin::Registry);
        let by_registry = if targets.iter().any(in_registry) {
            Some(Arc::new(by_registries(args, Arc::clone(&named))?))
        } else {
            None
        };
        let of_targets = targets.iter().map(|target| match &target.origin {
            Origin::Registry => by_registry.clone(),
            Origin::Folder(folder) => {
                let rules = match folder.naming {
                    Naming::Known => &named,
                    Naming::Placeholder => &nameless,
                };
                Some(Arc::new(by_folder(folder, Arc::clone(rules))))
            }
            Origin::Unreadable(_) => None,
        });
        Ok(Self {
            of_targets: of_targets.collect(),
        })
    }

    /// One for each target, in their order; none for what cannot be read.
    pub(super) fn of_targets(&self) -> impl Iterator<Item = Option<&Reviewer>> {
        self.of_targets.iter().map(Option::as_deref)
    }
}

fn is_nameless(target: &Target) -> bool {
    match &target.origin {
        Origin::Folder(folder) => folder.naming == Naming::Placeholder,
        Origin::Registry | Origin::Unreadable(_) => false,
    }
}

fn by_folder(folder: &FolderImage, rules: Arc<Standalone>) -> Reviewer {
    let layout = Arc::clone(&folder.layout);
    let nobodys = FixedKeyring::new(Keyring::default(), Holder::Person);
    Reviewer::new(layout, rules, Arc::new(nobodys))
}

fn by_registries(args: &VerifyArgs, rules: Arc<Standalone>) -> Result<Reviewer, CommandError> {
    let reading =
        Reading::for_people(&args.registry, &TaskTracker::new()).map_err(CommandError::usage)?;
    // The credentials of whoever runs the command: a pipeline has no Pod whose secrets it could use.
    let keyring = Arc::new(FixedKeyring::new(reading.keyring, Holder::Person));
    Ok(Reviewer::new(reading.registry, rules, keyring))
}

fn standalone(loaded: Loaded, settings: &standalone::Settings) -> Arc<Standalone> {
    Arc::new(Standalone::new(loaded, settings.clone()))
}

async fn load(args: &VerifyArgs, naming: Naming) -> Result<Loaded, CommandError> {
    match args.source() {
        Some(Source::Directory(directory)) => {
            let loaded = standalone::load(&directory).map_err(CommandError::usage)?;
            Ok(roots::with_fetched(loaded, args).await)
        }
        Some(Source::Flags {
            authority,
            trust_root,
            attestations,
        }) => from_flags(&authority, trust_root.as_deref(), &attestations, naming),
        None => Err(CommandError::usage("nothing says what to judge by")),
    }
}

fn from_flags(
    authority: &Authority,
    trust_root: Option<&Path>,
    attestations: &[String],
    naming: Naming,
) -> Result<Loaded, CommandError> {
    let mut authority = authority_spec(authority, naming)?;
    let mut trust_roots = TrustRoots::public_only();
    if let Some(file) = trust_root {
        let text = files::read(file, limits::TRUST_FILE_BYTES).map_err(CommandError::usage)?;
        let root = TrustRoot::from_json(&text).map_err(|error| FileError::unusable(file, error))?;
        let name = TrustRootName::Named(NAME.to_owned());
        trust_roots = trust_roots.with(name, Ok(Arc::new(root)));
        authority.insert("trustRootRef".to_owned(), json!({ "name": NAME }));
    }
    Ok(Loaded {
        policies: Arc::new(policy_set(&Value::Object(authority), attestations)?),
        trust_roots: Arc::new(trust_roots),
        from_tuf: BTreeMap::new(),
        namespaces: BTreeMap::new(),
    })
}

/// The flags as the authority of a policy, so that they are judged, and refused, by the same rules.
fn authority_spec(
    authority: &Authority,
    naming: Naming,
) -> Result<serde_json::Map<String, Value>, CommandError> {
    let (name, kind, spec) = match authority {
        Authority::Key(file) => {
            let pem = files::read(file, limits::TRUST_FILE_BYTES).map_err(CommandError::usage)?;
            ("key", "key", json!({ "pem": pem }))
        }
        Authority::GitLab {
            project,
            instance,
            ref_pattern,
        } => {
            // Where an image without a name will lie cannot be asked.
            let in_project = naming == Naming::Known;
            let mut spec = json!({ "project": project, "imageInProject": in_project });
            insert(&mut spec, "instance", instance.as_deref());
            insert(&mut spec, "ref", ref_pattern.as_deref());
            ("gitlab-project", "gitlab", spec)
        }
        Authority::Certificate { san, oidc_issuer } => {
            let spec = json!({ "san": san, "issuer": oidc_issuer });
            ("certificate-identity", "keyless", spec)
        }
    };
    let entries = [("name".to_owned(), json!(name)), (kind.to_owned(), spec)];
    Ok(entries.into_iter().collect())
}

fn insert(spec: &mut Value, field: &str, value: Option<&str>) {
    if let (Some(map), Some(value)) = (spec.as_object_mut(), value) {
        map.insert(field.to_owned(), json!(value));
    }
}

fn policy_set(authority: &Value, attestations: &[String]) -> Result<PolicySet, CommandError> {
    let attestations: Vec<Value> = attestations
        .iter()
        .map(|it| json!({ "predicateType": it }))
        .collect();
    let spec = json!({
        "match": { "images": ["**"] },
        "authorities": [authority],
        "require": u32::from(attestations.is_empty()),
        "attestations": attestations,
    });
    let object = PolicyObject::from_json(json!({
        "apiVersion": format!("{}/{}", crd::GROUP, crd::VERSION),
        "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": NAME },
        "spec": spec,
    }))
    .map_err(CommandError::usage)?;
    object.compile(&NoEntries).map_err(CommandError::usage)?;
    Ok(PolicySet::default().update([&object], &NoEntries))
}

impl KeySource for NoEntries {
    fn text(&self, _entry: &ObjectEntry) -> Result<String, String> {
        Err("there is no cluster to read it from".to_owned())
    }
}

/// How messages call the policy, and the trust root, that flags describe.
const NAME: &str = "command-line";
