//! Ways to have Assay knock at doors that are not a registry's: the machine's own, and the cloud's metadata.

use std::{io, net::IpAddr};

use assay::registry::Names;
use futures::future::BoxFuture;

use super::{sandbox::Fault, *};

/// A port of the machine that nobody should knock at.
struct Door(std::net::TcpListener);

/// Names that are at loopback, whatever they are called.
#[derive(Debug)]
pub(super) struct Rebound;

impl Door {
    fn open() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("bound").port()
    }

    fn assert_untouched(&self, by: &str) {
        let knock = self.0.accept().map(|(_, from)| from);
        let nobody = knock.as_ref().map_err(io::Error::kind);
        assert_eq!(nobody.err(), Some(io::ErrorKind::WouldBlock), "{by}");
    }
}

impl Names for Rebound {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let address: IpAddr = if name.starts_with("metadata") {
            [169, 254, 169, 254].into()
        } else {
            [127, 0, 0, 1].into()
        };
        Box::pin(std::future::ready(Ok(vec![address])))
    }
}

fn rebound() -> RegistryOptions {
    RegistryOptions {
        names: Arc::new(Rebound),
        ..options()
    }
}

async fn refusal(reader: &OciRegistry, image: &str) -> String {
    let image: Reference = image.parse().expect("a reference");
    let found = reader.resolve(&image, &anonymous()).await;
    found.expect_err("refused").to_string()
}

/// A registry that the settings name, whose every request of these paths is answered so.
async fn leading(path: &'static str, fault: Fault) -> Setup {
    let settings = sandbox::RegistrySettings {
        referrers: sandbox::Referrers::Both,
        ..sandbox::RegistrySettings::default()
    };
    let mut setup = Setup::new(settings).await;
    setup.reader = reader(&[&setup.registry.host()], rebound());
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    let leads =
        move |request: &sandbox::RequestInfo| request.path.contains(path).then(|| fault.clone());
    setup.registry.set_fault(leads);
    setup
}

async fn review_error(setup: &Setup) -> String {
    let found = setup.review("acme/api:1", &anonymous()).await;
    let error = found.expect_err("refused").to_string();
    error.replace(&setup.registry.host(), "HOST")
}

#[tokio::test]
async fn an_image_cannot_name_a_door_of_the_machine_in_any_spelling() {
    let door = Door::open();
    let port = door.port();
    let reader = reader(&["localhost:5000", "127.0.0.1:5000"], rebound());
    for (host, named) in [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("x.localhost", "x.localhost"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[::ffff:7f00:1]", "[::ffff:7f00:1]"),
        ("[64:ff9b::7f00:1]", "[64:ff9b::7f00:1]"),
        ("[2002:7f00:1::]", "[2002:7f00:1::]"),
    ] {
        let told = refusal(&reader, &format!("{host}:{port}/a:1")).await;
        let expected = format!("no request is sent to {named}:{port}, a loopback address");
        assert_eq!(told, expected, "{host}");
        door.assert_untouched(host);
    }
    let told = refusal(&reader, &format!("0.0.0.0:{port}/a:1")).await;
    let expected = format!("no request is sent to 0.0.0.0:{port}, an unspecified address");
    assert_eq!(told, expected);
    door.assert_untouched("0.0.0.0");
}

#[tokio::test]
async fn an_image_cannot_name_a_metadata_service() {
    let reader = reader(&[], rebound());
    for (host, reason) in [
        ("169.254.169.254", "a link-local address"),
        ("169.254.170.2", "a link-local address"),
        ("169.254.170.23", "a link-local address"),
        ("169.254.43518", "a link-local address"),
        ("[fe80::a9fe:a9fe]", "a link-local address"),
        (
            "[fd00:ec2::254]",
            "an address of a cloud's metadata service",
        ),
        (
            "100.100.100.200",
            "an address of a cloud's metadata service",
        ),
        ("168.63.129.16", "an address of a cloud's metadata service"),
        (
            "metadata.google.internal",
            "an address of a cloud's metadata service",
        ),
        (
            "metadata.example",
            "which is at 169.254.169.254, a link-local address",
        ),
    ] {
        let told = refusal(&reader, &format!("{host}/latest/meta-data:1")).await;
        assert!(told.ends_with(&format!(", {reason}")), "{host}: {told}");
    }
}

#[tokio::test]
async fn a_name_that_the_dns_leads_to_a_door_of_the_machine_is_not_followed() {
    let door = Door::open();
    let port = door.port();
    let told = refusal(&reader(&[], rebound()), &format!("evil.example:{port}/a:1")).await;
    let expected = format!(
        "no request is sent to evil.example:{port}, which is at 127.0.0.1, a loopback address"
    );
    assert_eq!(told, expected);
    door.assert_untouched("evil.example");
}

#[tokio::test]
async fn a_name_that_a_prefix_names_may_be_at_any_address() {
    let setup = Setup::new(sandbox::RegistrySettings::default()).await;
    let image = setup.registry.push_image("acme/api", "1", "x");
    let host = setup.registry.host().replace("127.0.0.1", "mine.example");
    let named = reader(&[&host], rebound());
    let reference: Reference = format!("{host}/acme/api:1").parse().expect("a reference");
    let found = named.resolve(&reference, &anonymous()).await;
    assert_eq!(found.expect("resolved"), image);
}

#[tokio::test]
async fn a_registry_cannot_send_a_login_to_a_door_of_the_machine() {
    let door = Door::open();
    let port = door.port();
    for (host, reason) in [
        ("127.0.0.1", "a loopback address"),
        ("localhost.", "a loopback address"),
        ("token.example", "which is at 127.0.0.1, a loopback address"),
    ] {
        let realm = format!("Bearer realm=\"https://{host}:{port}/token\",service=\"x\"");
        let challenge = Fault::Status {
            status: 401,
            headers: vec![("www-authenticate".to_owned(), realm)],
            body: Vec::new(),
        };
        let setup = leading("/manifests/", challenge).await;
        let access = access(setup.keyring(&["a"]));
        let found = setup.review("acme/api:1", &access).await;
        let expected = format!("no request is sent to {host}:{port}, {reason}");
        assert_eq!(found.expect_err("refused").to_string(), expected);
        door.assert_untouched(host);
    }
}

#[tokio::test]
async fn a_registry_cannot_redirect_to_a_door_of_the_machine() {
    let door = Door::open();
    let port = door.port();
    for (host, named, reason) in [
        ("127.0.0.1", "127.0.0.1", "a loopback address"),
        ("0x7f000001", "127.0.0.1", "a loopback address"),
        ("LOCALHOST.", "localhost.", "a loopback address"),
        (
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "a loopback address",
        ),
        (
            "evil.example",
            "evil.example",
            "which is at 127.0.0.1, a loopback address",
        ),
        ("169.254.169.254", "169.254.169.254", "a link-local address"),
        (
            "metadata.example",
            "metadata.example",
            "which is at 169.254.169.254, a link-local address",
        ),
    ] {
        for path in ["/manifests/1", "/blobs/"] {
            let target = Fault::Redirect(format!("https://{host}:{port}/latest/meta-data"));
            let told = review_error(&leading(path, target).await).await;
            let expected = format!("no request is sent to {named}:{port}, {reason}");
            assert_eq!(told, expected, "{path}");
            door.assert_untouched(host);
        }
    }
}

#[tokio::test]
async fn a_chain_of_redirects_is_looked_at_in_each_link() {
    let door = Door::open();
    let target = format!("https://127.0.0.1:{}/x", door.port());
    let second = leading("/v2/", Fault::Redirect(target)).await;
    let first = leading(
        "/manifests/1",
        Fault::Redirect(format!("{}/v2/a", second.registry.base_url())),
    )
    .await;
    let hosts = [first.registry.host(), second.registry.host()];
    let reader = reader(&[&hosts[0], &hosts[1]], rebound());
    let told = refusal(&reader, &format!("{}/acme/api:1", hosts[0])).await;
    let expected = format!(
        "no request is sent to 127.0.0.1:{}, a loopback address",
        door.port()
    );
    assert_eq!(told, expected);
    door.assert_untouched("the second redirect");
}

#[tokio::test]
async fn a_referrers_api_that_leads_to_a_door_of_the_machine_is_taken_as_absent() {
    let door = Door::open();
    for host in ["127.0.0.1", "evil.example"] {
        let target = Fault::Redirect(format!("https://{host}:{}/x", door.port()));
        let setup = leading("/referrers/", target).await;
        let found = setup.review("acme/api:1", &anonymous()).await;
        let by_tag = bundle(AttachmentPlace::ReferrersTag, "bundle");
        assert_eq!(found.expect("read"), by_tag);
        door.assert_untouched(host);
    }
}

#[tokio::test]
async fn a_refused_address_says_nothing_about_the_health_of_a_host() {
    let door = Door::open();
    let reader = reader(&[], rebound());
    let image = format!("evil.example:{}/a:1", door.port());
    let first = refusal(&reader, &image).await;
    for _ in 0..=assay::limits::FAILURES_IN_A_ROW {
        assert_eq!(refusal(&reader, &image).await, first);
    }
}
