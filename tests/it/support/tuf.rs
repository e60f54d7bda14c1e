//! A TUF repository, and a mirror that hands it out over loopback, or does not.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use assay::{
    clock::Clock,
    image::Digest,
    policy::TufRepository,
    sandbox::sigstore::SigningKeyPair,
    trust::{Patience, TufDefinition, TufRoot},
    verify::Switches,
};
use axum::{Router, body::Body, extract::State, http::Uri, response::Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sigstore_tuf::canonical_json::to_canonical_bytes;

/// The files of a repository with one root key and one key for everything else.
pub(crate) struct Repository {
    root_key: SigningKeyPair,
    online_key: SigningKeyPair,
    now: Timestamp,
    root_version: u64,
    version: u64,
    pinned: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// A server of these files.
pub(crate) struct Mirror {
    pub(crate) url: String,
    state: Arc<Mutex<Serving>>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Serving {
    files: BTreeMap<String, Vec<u8>>,
    fault: Fault,
    requests: Vec<String>,
}

/// What is wrong with the mirror.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It never answers.
    Silent,
    /// It never ends to answer.
    Endless,
    /// It answers with 500.
    Broken,
    /// It leads to itself under another name.
    Redirects,
}

/// A clock that tests move.
#[derive(Clone, Debug)]
pub(crate) struct Hands(Arc<Mutex<Timestamp>>);

impl Repository {
    /// With this trust root, good for longer than anybody tests.
    pub(crate) fn lasting(trusted_root: &str) -> Self {
        Self::new("2100-01-01T00:00:00Z".parse().unwrap(), trusted_root)
    }

    /// With this trust root, good for a day.
    pub(crate) fn new(now: Timestamp, trusted_root: &str) -> Self {
        let mut repository = Self {
            root_key: SigningKeyPair::generate().unwrap(),
            online_key: SigningKeyPair::generate().unwrap(),
            now,
            root_version: 1,
            version: 0,
            pinned: String::new(),
            files: BTreeMap::new(),
        };
        let root = repository.root(&[&repository.root_key]);
        repository.pinned = String::from_utf8(root.clone()).unwrap();
        repository.files.insert("1.root.json".to_owned(), root);
        repository.publish(trusted_root, SignedDuration::from_hours(24));
        repository
    }

    /// The first root, for clients to begin with.
    pub(crate) fn pinned_root(&self) -> &str {
        &self.pinned
    }

    /// A next version with this trust root, whose timestamp is good for so long.
    pub(crate) fn publish(&mut self, trusted_root: &str, good_for: SignedDuration) {
        self.version += 1;
        let version = self.version;
        let hash = Digest::of(trusted_root.as_bytes()).hex().to_owned();
        let target = json!({"length": trusted_root.len(), "hashes": {"sha256": hash}});
        let (days, online) = (SignedDuration::from_hours(240), &self.online_key);
        let targets = json!({"_type": "targets", "targets": {"trusted_root.json": target}});
        let targets = self.signed(targets, version, days, &[online]);
        let snapshot = json!({"_type": "snapshot", "meta": {"targets.json": {"version": version}}});
        let snapshot = self.signed(snapshot, version, days, &[online]);
        let timestamp =
            json!({"_type": "timestamp", "meta": {"snapshot.json": {"version": version}}});
        let timestamp = self.signed(timestamp, version, good_for, &[online]);
        let target = format!("targets/{hash}.trusted_root.json");
        self.files.extend([
            (target, trusted_root.as_bytes().to_vec()),
            (format!("{version}.targets.json"), targets),
            (format!("{version}.snapshot.json"), snapshot),
            ("timestamp.json".to_owned(), timestamp),
        ]);
    }

    /// A next root with another root key, signed with the old key too.
    pub(crate) fn rotate_root(&mut self) {
        let old = std::mem::replace(&mut self.root_key, SigningKeyPair::generate().unwrap());
        self.root_version += 1;
        let root = self.root(&[&old, &self.root_key]);
        self.files
            .insert(format!("{}.root.json", self.root_version), root);
    }

    /// A next root that the holder of the old key knows nothing of.
    pub(crate) fn usurp_root(&mut self) {
        self.root_key = SigningKeyPair::generate().unwrap();
        self.root_version += 1;
        let root = self.root(&[&self.root_key]);
        self.files
            .insert(format!("{}.root.json", self.root_version), root);
    }

    fn root(&self, signers: &[&SigningKeyPair]) -> Vec<u8> {
        let keys: BTreeMap<String, Value> = [&self.root_key, &self.online_key]
            .map(|key| {
                let public = json!({
                    "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
                    "keyval": {"public": key.public_pem()},
                });
                (key_id(key), public)
            })
            .into();
        let role = |key| json!({"keyids": [key_id(key)], "threshold": 1});
        let online = role(&self.online_key);
        let root = json!({
            "_type": "root", "consistent_snapshot": true, "keys": keys,
            "roles": {
                "root": role(&self.root_key),
                "timestamp": online, "snapshot": online, "targets": online,
            },
        });
        let year = SignedDuration::from_hours(365 * 24);
        self.signed(root, self.root_version, year, signers)
    }

    fn signed(
        &self,
        mut part: Value,
        version: u64,
        good_for: SignedDuration,
        signers: &[&SigningKeyPair],
    ) -> Vec<u8> {
        part["spec_version"] = json!("1.0.31");
        part["version"] = json!(version);
        part["expires"] = json!((self.now + good_for).to_string());
        let bytes = to_canonical_bytes(&part).unwrap();
        let signatures: Vec<Value> = signers
            .iter()
            .map(|key| json!({"keyid": key_id(key), "sig": hex(&key.sign(&bytes).unwrap())}))
            .collect();
        serde_json::to_vec(&json!({"signed": part, "signatures": signatures})).unwrap()
    }
}

impl Mirror {
    pub(crate) async fn start(repository: &Repository) -> Self {
        let state = Arc::new(Mutex::new(Serving {
            files: repository.files.clone(),
            ..Serving::default()
        }));
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        #[expect(
            clippy::disallowed_methods,
            reason = "owned here, and ends with the test's runtime"
        )]
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, server }
    }

    /// Hands out what the repository has now.
    pub(crate) fn take(&self, repository: &Repository) {
        self.lock().files = repository.files.clone();
    }

    /// Hands out other bytes under a name.
    pub(crate) fn replace(&self, name: &str, bytes: Vec<u8>) {
        self.lock().files.insert(name.to_owned(), bytes);
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    /// The paths that were asked for since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().requests)
    }

    /// Nobody listens any more.
    pub(crate) async fn stop(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// A trust root of this repository, which begins with what clients of it begin with.
    pub(crate) fn root(&self, repository: &Repository, clock: &Hands) -> TufRoot {
        let definition = self.definition(repository);
        TufRoot::new(definition, brief(), Arc::new(clock.clone())).unwrap()
    }

    pub(crate) fn definition(&self, repository: &Repository) -> TufDefinition {
        TufDefinition {
            repository: TufRepository {
                mirror: format!("{}/", self.url).parse().unwrap(),
                root: repository.pinned_root().to_owned(),
                target: "trusted_root.json".to_owned(),
            },
            switches: Switches::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Serving> {
        self.state.lock().unwrap()
    }
}

/// As long as a test can wait.
pub(crate) fn brief() -> Patience {
    Patience {
        connect: Duration::from_millis(500),
        file: Duration::from_millis(500),
        refresh: Duration::from_secs(5),
    }
}

async fn answer(State(state): State<Arc<Mutex<Serving>>>, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/').to_owned();
    let (file, fault) = {
        let mut state = state.lock().unwrap();
        state.requests.push(path.clone());
        (state.files.get(&path).cloned(), state.fault)
    };
    let status = |code: u16| Response::builder().status(code);
    match (fault, file) {
        (Fault::Silent, _) => std::future::pending().await,
        (Fault::Endless, Some(_)) => {
            let bytes = std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
            Response::new(Body::from_stream(futures::stream::iter(bytes)))
        }
        (Fault::Broken, _) => status(500).body(Body::empty()).unwrap(),
        (Fault::Redirects, Some(_)) => status(302)
            .header("location", format!("http://localhost/{path}"))
            .body(Body::empty())
            .unwrap(),
        (Fault::None, Some(bytes)) => Response::new(Body::from(bytes)),
        (Fault::None | Fault::Endless | Fault::Redirects, None) => {
            status(404).body(Body::empty()).unwrap()
        }
    }
}

impl Hands {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn key_id(key: &SigningKeyPair) -> String {
    hex(&key.id())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
