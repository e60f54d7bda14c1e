//! An HTTP server on loopback that says what a test wants and remembers what it was asked.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use assay::{
    image::Digest,
    registry::{CloudSettings, OciRegistry, RegistryOptions, RegistrySettings},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The server. It ends when it is dropped.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    says: Arc<Mutex<Says>>,
    stop: CancellationToken,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

type Says = Arc<dyn Fn(&Heard) -> Response + Send + Sync>;

impl StandIn {
    pub(crate) async fn start(says: impl Fn(&Heard) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let says: Says = Arc::new(says);
        let server = Self {
            address: listener.local_addr().expect("an address"),
            heard: Arc::default(),
            says: Arc::new(Mutex::new(says)),
            stop: CancellationToken::new(),
        };
        let (heard, says) = (Arc::clone(&server.heard), Arc::clone(&server.says));
        let app = Router::new().fallback(async move |request: Request| {
            let heard_now = Heard::read(request).await;
            let says = Arc::clone(&*says.lock().expect("no panic"));
            let answer = says(&heard_now);
            heard.lock().expect("no panic").push(heard_now);
            answer
        });
        let stop = server.stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            let _ = axum::serve(listener, app)
                .with_graceful_shutdown(stop)
                .await;
        });
        server
    }

    /// Says something else from now on.
    pub(crate) fn say(&self, says: impl Fn(&Heard) -> Response + Send + Sync + 'static) {
        *self.says.lock().expect("no panic") = Arc::new(says);
    }

    /// The requests since the last call.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().expect("no panic"))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Heard {
    async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.expect("a short body");
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        }
    }

    /// A header, empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }

    /// The user name and password.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization").strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

pub(crate) fn answer(status: u16, body: impl Into<Body>) -> Response {
    Response::builder()
        .status(status)
        .body(body.into())
        .expect("an answer")
}

/// What a registry with one image in each repository says to whoever has got past its login.
pub(crate) fn has_every_image(heard: &Heard) -> Response {
    if !heard.path.contains("/manifests/") {
        return answer(404, "");
    }
    Response::builder()
        .header("docker-content-digest", image().as_str())
        .header("content-type", "application/vnd.oci.image.manifest.v1+json")
        .body(Body::empty())
        .expect("an answer")
}

/// 401 with this challenge.
pub(crate) fn wants(challenge: &str) -> Response {
    let mut response = answer(401, "");
    let value = challenge.parse().expect("a header");
    response.headers_mut().insert("www-authenticate", value);
    response
}

/// The digest of every image of [`has_every_image`].
pub(crate) fn image() -> Digest {
    Digest::of(b"image")
}

/// A reader that finds these hosts here, over plain HTTP, and has what these variables say of the cloud.
pub(crate) fn reader_of(
    hosts: &[(&str, SocketAddr)],
    variables: &[(&str, &str)],
    tasks: &TaskTracker,
) -> OciRegistry {
    let entries = hosts
        .iter()
        .map(|(host, _)| format!("{{insecureHttp: true, prefix: \"{host}\"}}"));
    reader_by(&entries.collect::<Vec<_>>(), hosts, variables, tasks)
}

/// The same with these entries as its settings.
pub(crate) fn reader_by(
    entries: &[String],
    hosts: &[(&str, SocketAddr)],
    variables: &[(&str, &str)],
    tasks: &TaskTracker,
) -> OciRegistry {
    let yaml = format!("registries: [{}]", entries.join(","));
    let settings = RegistrySettings::from_yaml("registries.yaml", &yaml).expect("settings");
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let stand_ins = hosts.iter();
    let options = RegistryOptions {
        cloud: CloudSettings::from_variables(|name| variables.get(name).cloned()),
        stand_ins: stand_ins
            .map(|(host, address)| ((*host).to_owned(), *address))
            .collect(),
        ..super::options()
    };
    OciRegistry::new(settings, options, tasks).expect("a reader")
}

/// Lets this much time pass at once. Otherwise time goes by as it does: what is on loopback needs some.
pub(crate) async fn pass(time: std::time::Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
