//! A TUF repository that distributes one target: the trust root.

mod metadata;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::metadata::Signed;
use super::{KeyKind, SandboxError, SigningKeyPair};

/// A repository as it stands, with the keys of all its roles. Every change takes effect with the next
/// [`TufRepository::files`].
#[derive(Debug)]
pub struct TufRepository {
    target: Vec<u8>,
    /// The keys of the root role, one generation after the other.
    root_keys: Vec<SigningKeyPair>,
    /// One key per other role.
    keys: Vec<(TufRole, SigningKeyPair)>,
    versions: BTreeMap<TufRole, u64>,
    expiry: BTreeMap<TufRole, Timestamp>,
    fault: Option<TufFault>,
}

/// The top-level roles of TUF.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TufRole {
    /// Names the keys of all roles.
    Root,
    /// Pins the snapshot.
    Timestamp,
    /// Pins the targets.
    Snapshot,
    /// Pins the target files.
    Targets,
}

/// The one thing that is wrong with a repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TufFault {
    /// The signature of this role's metadata is over something else.
    WrongSignature(TufRole),
    /// A key that the root does not name signed this role's metadata. For the root: the newest one is
    /// signed by its own key only, and not by the one before.
    WrongKey(TufRole),
    /// This role's metadata is not there. For the root: the newest one.
    Missing(TufRole),
    /// The hash of this role's metadata is not the one pinned. Only targets and snapshot are pinned.
    WrongPin(TufRole),
    /// This role's metadata says that it is of another role.
    WrongType(TufRole),
    /// This role's metadata is followed by as many spaces.
    Padded(TufRole, usize),
    /// The target file has another content of the same length.
    WrongTarget,
    /// The target file is longer than pinned.
    LongTarget,
    /// The target file is not there.
    MissingTarget,
    /// The targets do not name the target.
    UnnamedTarget,
}

impl TufRepository {
    /// A repository with `trusted_root.json` as its target: version 1 of everything, valid for a year
    /// from `now`.
    pub fn new(trusted_root: impl Into<Vec<u8>>, now: Timestamp) -> Result<Self, SandboxError> {
        let year = jiff::SignedDuration::from_hours(365 * 24);
        let keys = OTHER_ROLES
            .into_iter()
            .map(|role| {
                // Both kinds of key that such repositories use.
                let kind = if role == TufRole::Timestamp {
                    KeyKind::Ed25519
                } else {
                    KeyKind::P256
                };
                Ok((role, SigningKeyPair::generate_of(kind)?))
            })
            .collect::<Result<_, SandboxError>>()?;
        Ok(Self {
            target: trusted_root.into(),
            root_keys: vec![SigningKeyPair::generate()?],
            keys,
            versions: ALL_ROLES.into_iter().map(|role| (role, 1)).collect(),
            expiry: ALL_ROLES
                .into_iter()
                .map(|role| (role, now + year))
                .collect(),
            fault: None,
        })
    }

    /// The first root, which clients are given beforehand.
    pub fn first_root(&self) -> Result<Vec<u8>, SandboxError> {
        Ok(self.root(1)?.encode(None))
    }

    /// Distributes this target instead, in new versions of all but the root.
    pub fn publish(&mut self, trusted_root: impl Into<Vec<u8>>) {
        self.target = trusted_root.into();
        for role in OTHER_ROLES {
            self.bump(role);
        }
    }

    /// Publishes a new version of the root, with a new key of the root role, which both keys sign.
    ///
    /// # Errors
    ///
    /// When a key cannot be made.
    pub fn rotate_root(&mut self) -> Result<(), SandboxError> {
        self.root_keys.push(SigningKeyPair::generate()?);
        self.bump(TufRole::Root);
        Ok(())
    }

    /// Sets when this role's metadata expires.
    pub fn set_expiry(&mut self, role: TufRole, at: Timestamp) {
        self.expiry.insert(role, at);
    }

    /// Puts one thing wrong, or nothing.
    pub fn set_fault(&mut self, fault: Option<TufFault>) {
        self.fault = fault;
    }

    /// Every file of the repository by its path: metadata at the top, target files below `targets/`.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, SandboxError> {
        let mut files = BTreeMap::new();
        let newest = self.root_keys.len() as u64;
        for version in 1..=newest {
            let fault = self.fault.filter(|_| version == newest);
            let root = self.root(version)?.encode(fault);
            if fault != Some(TufFault::Missing(TufRole::Root)) {
                files.insert(format!("{version}.root.json"), root);
            }
        }
        let targets = self.sign(TufRole::Targets, "targets", self.target_json())?;
        let snapshot_meta = self.pinned(TufRole::Targets, &targets);
        let snapshot = self.sign(TufRole::Snapshot, "meta", snapshot_meta)?;
        let timestamp_meta = self.pinned(TufRole::Snapshot, &snapshot);
        let timestamp = self.sign(TufRole::Timestamp, "meta", timestamp_meta)?;
        let version = |role| self.versions.get(&role).copied().unwrap_or_default();
        for (role, path, content) in [
            (
                TufRole::Targets,
                format!("{}.targets.json", version(TufRole::Targets)),
                targets,
            ),
            (
                TufRole::Snapshot,
                format!("{}.snapshot.json", version(TufRole::Snapshot)),
                snapshot,
            ),
            (TufRole::Timestamp, "timestamp.json".to_owned(), timestamp),
        ] {
            if self.fault != Some(TufFault::Missing(role)) {
                files.insert(path, content);
            }
        }
        if self.fault != Some(TufFault::MissingTarget) {
            let hash = metadata::sha256_hex(&self.target);
            let path = format!("targets/{hash}.{TARGET}");
            files.insert(path, self.served_target());
        }
        Ok(files)
    }

    fn bump(&mut self, role: TufRole) {
        let version = self.versions.entry(role).or_default();
        *version += 1;
    }

    fn served_target(&self) -> Vec<u8> {
        let mut target = self.target.clone();
        if let (Some(TufFault::WrongTarget), Some(first)) = (self.fault, target.first_mut()) {
            *first ^= 1;
        }
        if self.fault == Some(TufFault::LongTarget) {
            target.push(b' ');
        }
        target
    }

    fn target_json(&self) -> Value {
        if self.fault == Some(TufFault::UnnamedTarget) {
            return json!({});
        }
        json!({ TARGET: {
            "length": self.target.len(),
            "hashes": { "sha256": metadata::sha256_hex(&self.target) },
        }})
    }

    /// The `meta` that pins this metadata.
    fn pinned(&self, role: TufRole, content: &[u8]) -> Value {
        let mut hash = metadata::sha256_hex(content);
        if self.fault == Some(TufFault::WrongPin(role)) {
            hash = metadata::sha256_hex(b"another");
        }
        json!({ format!("{}.json", role.name()): {
            "version": self.versions.get(&role),
            "length": content.len(),
            "hashes": { "sha256": hash },
        }})
    }

    fn sign(&self, role: TufRole, field: &str, content: Value) -> Result<Vec<u8>, SandboxError> {
        let key = self
            .keys
            .iter()
            .find_map(|(of, key)| (*of == role).then_some(key))
            .ok_or(SandboxError::Unwritable {
                what: "the metadata of a role without a key",
            })?;
        let mut signed = self.common(role);
        if let Some(fields) = signed.as_object_mut() {
            fields.insert("version".to_owned(), json!(self.versions.get(&role)));
            fields.insert(field.to_owned(), content);
        }
        Ok(Signed::new(role, signed, &[key], self.fault)?.encode(self.fault))
    }

    /// The root of this version: keys of all roles, signed by its own key and the one before.
    fn root(&self, version: u64) -> Result<Signed, SandboxError> {
        let newest = version == self.root_keys.len() as u64;
        let own = usize::try_from(version).unwrap_or_default().max(1) - 1;
        let signers: Vec<_> = self
            .root_keys
            .iter()
            .take(own + 1)
            .skip(own.max(1) - 1)
            .collect();
        let own_key = signers.last().copied();
        let mut keys = serde_json::Map::new();
        let mut roles = serde_json::Map::new();
        let others = self.keys.iter().map(|(role, key)| (*role, key));
        for (role, key) in others.chain(own_key.map(|key| (TufRole::Root, key))) {
            let id = metadata::key_id(key)?;
            keys.insert(id.clone(), metadata::key_json(key));
            let role_keys = json!({ "keyids": [id], "threshold": 1 });
            roles.insert(role.name().to_owned(), role_keys);
        }
        let mut signed = self.common(TufRole::Root);
        if let Some(fields) = signed.as_object_mut() {
            let said = self
                .versions
                .get(&TufRole::Root)
                .copied()
                .filter(|_| newest);
            fields.insert("version".to_owned(), json!(said.unwrap_or(version)));
            fields.insert("consistent_snapshot".to_owned(), json!(true));
            fields.insert("keys".to_owned(), Value::Object(keys));
            fields.insert("roles".to_owned(), Value::Object(roles));
        }
        let fault = self.fault.filter(|_| newest && version > 1);
        let signers = match (fault, own_key) {
            (Some(TufFault::WrongKey(TufRole::Root)), Some(own)) => vec![own],
            _ => signers,
        };
        Signed::new(TufRole::Root, signed, &signers, fault)
    }

    fn common(&self, role: TufRole) -> Value {
        let named = if self.fault == Some(TufFault::WrongType(role)) {
            "mirrors"
        } else {
            role.name()
        };
        json!({
            "_type": named,
            "spec_version": "1.0.31",
            "expires": self.expiry.get(&role).map(ToString::to_string),
        })
    }
}

impl TufRole {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }
}

const TARGET: &str = "trusted_root.json";

const OTHER_ROLES: [TufRole; 3] = [TufRole::Targets, TufRole::Snapshot, TufRole::Timestamp];

const ALL_ROLES: [TufRole; 4] = [
    TufRole::Root,
    TufRole::Targets,
    TufRole::Snapshot,
    TufRole::Timestamp,
];
