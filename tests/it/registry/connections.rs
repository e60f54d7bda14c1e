//! Connections: one for many requests, over HTTP/2 and to IPv6, by a proxy, and with a certificate of one's own.

mod authorities;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use assay::registry::{Proxies, ProxyVariables};
use futures::future::join_all;
use tempfile::TempDir;

use super::{
    front::{Accepted, Authority, Clients, Front, Issued, Proxy},
    sandbox::Fault,
    *,
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A registry with images, and the authority of all fronts.
pub(super) struct Scene {
    registry: MemoryRegistry,
    pub(super) authority: Authority,
    folder: TempDir,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let registry = MemoryRegistry::start(sandbox::RegistrySettings::default()).await;
        let registry = registry.expect("a free port");
        for number in 0..IMAGES {
            registry.push_image("acme/api", &number.to_string(), "x");
        }
        let authority = Authority::new();
        let folder = tempfile::tempdir().expect("a folder");
        let scene = Self {
            registry,
            authority,
            folder,
        };
        scene.write("ca.pem", &scene.authority.pem);
        scene.renew_client();
        scene
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Puts a new client certificate into the files of the old one.
    pub(super) fn renew_client(&self) -> Issued {
        let client = self.authority.issue(&["assay.example"]);
        self.write("client.pem", &client.certificate);
        self.write("client.key", &client.key);
        client
    }

    pub(super) async fn front(&self, name: &str, protocols: &[&str], clients: Clients) -> Front {
        let behind = self.registry.host();
        let names = [name, "127.0.0.1"];
        Front::start(
            &behind,
            &self.authority,
            LOOPBACK,
            &names,
            protocols,
            clients,
        )
        .await
    }

    pub(super) fn settings(&self, prefixes: &str) -> RegistrySettings {
        let file = self.folder.path().join("registries.yaml");
        let yaml = format!("registries: [{prefixes}]");
        RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), &yaml).expect("settings")
    }

    pub(super) fn reader(&self, prefixes: &str, options: RegistryOptions) -> OciRegistry {
        OciRegistry::new(self.settings(prefixes), options, &TaskTracker::new()).expect("a reader")
    }
}

const IMAGES: usize = 100;

/// For a prefix: the authority is trusted.
pub(super) const TRUSTED: &str = "caFile: ca.pem";

/// For a prefix: Assay shows who it is.
pub(super) const IDENTIFIED: &str =
    "caFile: ca.pem, clientCertFile: client.pem, clientKeyFile: client.key";

fn via(proxy: &Proxy, login: &str, no: &str) -> RegistryOptions {
    let proxies = Proxies::new(ProxyVariables {
        all: format!("http://{login}{}", proxy.address),
        no: no.to_owned(),
        ..ProxyVariables::default()
    });
    RegistryOptions {
        proxies: proxies.expect("a proxy"),
        ..options()
    }
}

pub(super) async fn resolve(reader: &OciRegistry, image: String) -> Result<Digest, RegistryError> {
    let image: Reference = image.parse().expect("a reference");
    reader.resolve(&image, &anonymous()).await
}

fn accepted(protocol: &str, is_identified: bool) -> Accepted {
    Accepted {
        protocol: protocol.to_owned(),
        is_identified,
    }
}

#[tokio::test]
async fn a_hundred_requests_share_one_connection_where_a_registry_speaks_http2() {
    let scene = Scene::new().await;
    let front = scene
        .front("a.example", &["h2", "http/1.1"], Clients::Unknown)
        .await;
    let prefix = format!("{{prefix: \"{}\", {TRUSTED}}}", front.address);
    let reader = scene.reader(&prefix, options());
    let image = |number: usize| format!("{}/acme/api:{number}", front.address);
    resolve(&reader, image(0)).await.expect("resolved");
    let found = join_all((1..IMAGES).map(|number| resolve(&reader, image(number)))).await;
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    assert_eq!(front.seen(), [accepted("h2", false)]);
}

#[tokio::test]
async fn connections_are_used_again_where_it_does_not() {
    let scene = Scene::new().await;
    let front = scene
        .front("a.example", &["http/1.1"], Clients::Unknown)
        .await;
    let prefix = format!("{{prefix: \"{}\", {TRUSTED}}}", front.address);
    let reader = scene.reader(&prefix, options());
    for number in 0..IMAGES {
        let image = format!("{}/acme/api:{number}", front.address);
        resolve(&reader, image).await.expect("resolved");
    }
    // The probe for a referrers API goes beside one of the requests.
    let count = front.seen().len();
    assert!(count <= 2, "{count}");
}

#[tokio::test]
async fn a_shared_connection_that_died_without_a_word_is_replaced() {
    let scene = Scene::new().await;
    let front = scene.front("a.example", &["h2"], Clients::Unknown).await;
    let prefix = format!("{{prefix: \"{}\", {TRUSTED}}}", front.address);
    let options = RegistryOptions {
        keep_alive: Duration::from_millis(50),
        answer_timeout: Duration::from_secs(15),
        ..options()
    };
    let reader = scene.reader(&prefix, options);
    let image = |number: usize| format!("{}/acme/api:{number}", front.address);
    resolve(&reader, image(0)).await.expect("resolved");
    let before = front.seen().len();
    front.freeze();
    resolve(&reader, image(1)).await.expect("resolved anew");
    assert!(front.seen().len() > before);
}

#[tokio::test]
async fn a_registry_at_an_ipv6_address_is_read() {
    let scene = Scene::new().await;
    let at = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let behind = scene.registry.host();
    let protocols = ["h2"];
    let front = Front::start(
        &behind,
        &scene.authority,
        at,
        &["::1"],
        &protocols,
        Clients::Unknown,
    )
    .await;
    let host = front.address.to_string();
    assert!(host.starts_with("[::1]:"), "{host}");
    let reader = scene.reader(&format!("{{prefix: \"{host}\", {TRUSTED}}}"), options());
    resolve(&reader, format!("{host}/acme/api:1"))
        .await
        .expect("resolved");
}

#[test]
fn an_address_with_a_zone_is_no_registry() {
    for host in ["[fe80::1%eth0]:5000", "[fe80::1%25eth0]", "[::1%lo]"] {
        assert!(
            format!("{host}/a:1").parse::<Reference>().is_err(),
            "{host}"
        );
        let yaml = format!("registries: [{{prefix: \"{host}\"}}]");
        assert!(
            RegistrySettings::from_yaml("r.yaml", &yaml).is_err(),
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_registry_that_wants_to_know_its_clients_is_shown_the_certificate_of_its_prefix() {
    let scene = Scene::new().await;
    let front = scene.front("a.example", &["h2"], Clients::Required).await;
    let image = || format!("{}/acme/api:1", front.address);
    let prefix = format!("{{prefix: \"{}/acme\", {IDENTIFIED}}}", front.address);
    resolve(&scene.reader(&prefix, options()), image())
        .await
        .expect("resolved");
    assert_eq!(front.seen(), [accepted("h2", true)]);

    let prefix = format!("{{prefix: \"{}\", {TRUSTED}}}", front.address);
    let error = resolve(&scene.reader(&prefix, options()), image()).await;
    let error = error.expect_err("turned away");
    assert!(matches!(error, RegistryError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");

    // The longest prefix counts: what lies elsewhere in the registry is not asked for with this certificate.
    let host = front.address;
    let prefix =
        format!("{{prefix: \"{host}/other\", {IDENTIFIED}}}, {{prefix: \"{host}\", {TRUSTED}}}");
    let error = resolve(&scene.reader(&prefix, options()), image()).await;
    assert!(matches!(error, Err(RegistryError::Tls { .. })), "{error:?}");
}

/// Who was shown a certificate of Assay's, and who a login.
#[derive(Debug, Eq, PartialEq)]
struct Shown {
    certificate: Vec<&'static str>,
    login: Vec<&'static str>,
}

/// As a registry that leads to a token service and a storage in another domain.
fn leads_elsewhere(request: &sandbox::RequestInfo) -> Option<Fault> {
    let stored = request.query == "stored";
    match request.path.as_str() {
        "/token" => Some(answer(200, &[], br#"{"token": "t"}"#)),
        _ if stored => None,
        _ if !request.authorized => {
            let realm = "Bearer realm=\"https://token.elsewhere.example/token\"";
            Some(answer(401, &[("www-authenticate", realm)], b""))
        }
        path => {
            let target = format!("https://storage.elsewhere.example{path}?stored");
            Some(Fault::Redirect(target))
        }
    }
}

/// Where a registry with these settings leads to a token service and a storage in another domain, which both have a
/// certificate of their own in the settings.
async fn shown(of_registry: &str) -> Shown {
    let scene = Scene::new().await;
    let hosts = [
        "registry.example",
        "token.elsewhere.example",
        "storage.elsewhere.example",
    ];
    let mut fronts = Vec::new();
    for host in hosts {
        fronts.push(scene.front(host, &["h2"], Clients::Asked).await);
    }
    let names = hosts.iter().zip(&fronts);
    let names = names.map(|(host, front)| (format!("{host}:443"), front.address));
    let proxy = Proxy::start(names.collect(), None).await;
    scene.registry.set_fault(leads_elsewhere);
    let [registry, token, storage] = hosts;
    let prefixes = format!(
        "{{prefix: {registry}, {IDENTIFIED}{of_registry}}}, {{prefix: {token}, {IDENTIFIED}}}, {{prefix: {storage}, {IDENTIFIED}}}"
    );
    let reader = scene.reader(&prefixes, via(&proxy, "", ""));
    let image: Reference = format!("{registry}/acme/api:1")
        .parse()
        .expect("a reference");
    let mut keyring = Keyring::default();
    keyring.add(registry, credential("a"));
    reader
        .resolve(&image, &access(keyring))
        .await
        .expect("resolved");
    let is_identified = |front: &Front| front.seen().iter().any(|one| one.is_identified);
    assert!(fronts.iter().all(|front| !front.seen().is_empty()));
    let certificate = hosts.into_iter().zip(&fronts);
    let certificate = certificate.filter(|(_, front)| is_identified(front));
    let requests = scene.registry.requests();
    let is_sent = |is_there: &dyn Fn(&sandbox::RequestInfo) -> bool| {
        let mut there = requests.iter().map(|record| &record.request);
        there.any(|request| is_there(request) && request.authorized)
    };
    let login = [
        (token, is_sent(&|request| request.path == "/token")),
        (storage, is_sent(&|request| request.query == "stored")),
    ];
    let login = login.into_iter().filter(|(_, is_sent)| *is_sent);
    Shown {
        certificate: certificate.map(|(host, _)| host).collect(),
        login: login.map(|(host, _)| host).collect(),
    }
}

#[tokio::test]
async fn neither_a_token_service_nor_a_storage_elsewhere_is_shown_a_certificate_or_the_login() {
    let expected = Shown {
        certificate: vec!["registry.example"],
        login: vec![],
    };
    assert_eq!(shown("").await, expected);
}

#[tokio::test]
async fn a_token_service_that_the_settings_name_is_shown_its_certificate_and_the_login() {
    let expected = Shown {
        certificate: vec!["registry.example", "token.elsewhere.example"],
        login: vec!["token.elsewhere.example"],
    };
    let named = ", tokenService: token.elsewhere.example";
    assert_eq!(shown(named).await, expected);
}

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Fault {
    Fault::answer(status, headers, body)
}

#[tokio::test]
async fn registries_are_asked_by_the_proxy_that_the_environment_names() {
    let scene = Scene::new().await;
    let front = scene
        .front("registry.example", &["h2"], Clients::Unknown)
        .await;
    let plain = scene.registry.host().parse().expect("an address");
    let names = [
        ("registry.example:443".to_owned(), front.address),
        ("plain.example:5000".to_owned(), plain),
    ];
    // user:s3cret
    let login = "Basic dXNlcjpzM2NyZXQ=";
    let proxy = Proxy::start(names.into(), Some(login)).await;
    let prefixes = format!(
        "{{prefix: registry.example, {TRUSTED}}}, {{prefix: \"plain.example:5000\", insecureHttp: true}}, {{prefix: \"{}\", insecureHttp: true}}",
        scene.registry.host()
    );
    let options = || via(&proxy, "user:s3cret@", "direct.example");
    let reader = scene.reader(&prefixes, options());
    for image in ["registry.example/acme/api:1", "registry.example/acme/api:2"] {
        resolve(&reader, image.to_owned()).await.expect("resolved");
    }
    assert_eq!(proxy.lines(), ["CONNECT registry.example:443 HTTP/1.1"]);
    resolve(&reader, "plain.example:5000/acme/api:1".to_owned())
        .await
        .expect("resolved");
    let lines = proxy.lines();
    let head = "HEAD http://plain.example:5000/v2/acme/api/manifests/1 HTTP/1.1".to_owned();
    assert!(lines.contains(&head), "{lines:?}");

    // Nor is the proxy asked for this machine, for special addresses, or for hosts that are to be asked without it.
    let count = proxy.lines().len();
    resolve(&reader, format!("{}/acme/api:3", scene.registry.host()))
        .await
        .expect("resolved");
    for image in [
        "169.254.169.254/a:1",
        "localhost:1/a:1",
        "direct.example/a:1",
    ] {
        resolve(&scene.reader("", rebound(options())), image.to_owned())
            .await
            .expect_err("refused");
    }
    assert_eq!(proxy.lines().len(), count);
}

#[tokio::test]
async fn a_proxy_that_does_not_help_is_named_and_its_password_is_not() {
    let proxy = Proxy::start(BTreeMap::new(), Some("Basic other")).await;
    let scene = Scene::new().await;
    let reader = scene.reader("", via(&proxy, "user:s3cret@", ""));
    let error = resolve(&reader, "registry.example/acme/api:1".to_owned()).await;
    let error = error.expect_err("refused");
    let expected = format!(
        "registry.example could not be reached by the proxy {} (proxy authorization required)",
        proxy.address
    );
    assert_eq!(error.to_string(), expected);
    assert!(!format!("{error:?} {reader:?}").contains("s3cret"));

    let proxy = Proxy::start(BTreeMap::new(), None).await;
    let reader = scene.reader("", via(&proxy, "", ""));
    let error = resolve(&reader, "registry.example/acme/api:1".to_owned()).await;
    let expected = format!(
        "registry.example could not be reached by the proxy {} (it refuses to lead there)",
        proxy.address
    );
    assert_eq!(error.expect_err("refused").to_string(), expected);
}

/// Every name is at loopback.
fn rebound(options: RegistryOptions) -> RegistryOptions {
    RegistryOptions {
        names: Arc::new(addresses::Rebound),
        ..options
    }
}
