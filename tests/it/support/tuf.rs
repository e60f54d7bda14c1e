//! A TUF repository, and a mirror that hands it out over loopback, or does not.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use assay::{
    clock::Clock,
    policy,
    sandbox::sigstore::{TufFault, TufRepository, TufRole},
    trust::{Patience, TufDefinition, TufRoot},
    verify::Switches,
};
use axum::{Router, body::Body, extract::State, http::Uri, response::Response};
use jiff::{SignedDuration, Timestamp};

/// A repository as a mirror has it: the files that it was told to publish last.
pub(crate) struct Repository {
    inner: TufRepository,
    now: Timestamp,
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
        let mut inner = TufRepository::new(trusted_root, now).unwrap();
        inner.set_expiry(TufRole::Timestamp, now + SignedDuration::from_hours(24));
        Self {
            pinned: String::from_utf8(inner.first_root().unwrap()).unwrap(),
            files: inner.files().unwrap(),
            inner,
            now,
        }
    }

    /// The first root, for clients to begin with.
    pub(crate) fn pinned_root(&self) -> &str {
        &self.pinned
    }

    /// A next version with this trust root, whose timestamp is good for so long.
    pub(crate) fn publish(&mut self, trusted_root: &str, good_for: SignedDuration) {
        self.inner.publish(trusted_root);
        self.inner
            .set_expiry(TufRole::Timestamp, self.now + good_for);
        self.files = self.inner.files().unwrap();
    }

    /// A next root with another root key, signed with the old key too.
    pub(crate) fn rotate_root(&mut self) {
        self.inner.rotate_root().unwrap();
        self.files = self.inner.files().unwrap();
    }

    /// A next root that the holder of the old key knows nothing of.
    pub(crate) fn usurp_root(&mut self) {
        let fault = TufFault::WrongKey(TufRole::Root);
        self.inner.set_fault(Some(fault));
        self.rotate_root();
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
            repository: policy::TufRepository {
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
