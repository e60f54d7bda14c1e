//! What goes wrong with each kind of request, and what whoever deploys is told: the tables of `docs/registries.md` are
//! made here, by whole reviews.

mod kinds;
mod tables;

use std::path::Path;

use assay::{
    image::Digest,
    sandbox::registry::{
        Access, Fault, Login, MemoryRegistry, RegistrySettings, RequestInfo, ServerIdentity,
    },
};
use futures::{StreamExt as _, stream};
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::{
    kinds::{STEPS, Step, TROUBLES, Trouble},
    tables::{lines, table, written},
};
use super::{codes, message};
use crate::support::{
    certificates::Authority,
    reviews::{creation, pod},
    world::{IMAGE, Making, PROJECT, World},
};

/// Hosts with which no connection stands.
struct Elsewhere {
    unknown_authority: MemoryRegistry,
    expired: MemoryRegistry,
    closed: String,
    /// Holds the certificate authority that vouches for `expired`.
    folder: TempDir,
}

/// One cell.
struct Told {
    code: String,
    line: String,
}

#[tokio::test]
async fn each_fault_has_its_code_and_its_line_wherever_it_comes() {
    let elsewhere = Elsewhere::start().await;
    let cells = TROUBLES.iter().flat_map(|trouble| {
        let elsewhere = &elsewhere;
        STEPS.map(|step| async move { elsewhere.told(step, *trouble).await })
    });
    let told: Vec<Option<Told>> = Box::pin(stream::iter(cells).buffered(4).collect()).await;
    let rows = || TROUBLES.iter().zip(told.chunks(STEPS.len()));
    let heads = STEPS.map(Step::name);
    let codes = rows().map(|(trouble, told)| {
        let cells = told.iter().map(|told| match told {
            Some(told) => told.code.clone(),
            None => "–".to_owned(),
        });
        std::iter::once(trouble.name()).chain(cells).collect()
    });
    let heads: Vec<&str> = std::iter::once("").chain(heads).collect();
    let codes = table(&heads, codes);
    let lines = rows().flat_map(|(trouble, told)| lines(*trouble, told));
    let lines = table(&["fault", "of", "what is said"], lines);
    let undocumented: Vec<String> = [("codes", &codes), ("lines", &lines)]
        .into_iter()
        .filter(|(name, made)| written(name) != made.as_str())
        .map(|(name, made)| format!("{name}:\n{made}"))
        .collect();
    assert!(
        undocumented.is_empty(),
        "docs/registries.md says otherwise; its tables are\n{}",
        undocumented.join("\n")
    );
}

impl Elsewhere {
    async fn start() -> Self {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = closed.local_addr().unwrap().to_string();
        let (unknown, known) = (Authority::new(), Authority::new());
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &known.pem).unwrap();
        Self {
            unknown_authority: over_tls(unknown.issue()).await,
            expired: over_tls(known.issue_expired()).await,
            closed,
            folder,
        }
    }

    /// Where this happens to whoever connects.
    fn host(&self, trouble: Trouble) -> Option<String> {
        match trouble {
            Trouble::UnknownAuthority => Some(self.unknown_authority.host()),
            Trouble::Expired => Some(self.expired.host()),
            Trouble::Closed => Some(self.closed.clone()),
            Trouble::NoSuchName => Some(no_such_name()),
            Trouble::Status(_)
            | Trouble::SlowHead
            | Trouble::SlowBody
            | Trouble::Endless
            | Trouble::WebPage
            | Trouble::PlainRedirect
            | Trouble::MovedTag
            | Trouble::OtherContent => None,
        }
    }

    /// What is said when this happens, if it can.
    async fn told(&self, step: Step, trouble: Trouble) -> Option<Told> {
        if !trouble.may_befall(step) {
            return None;
        }
        let world = self.world().await;
        let host = self.host(trouble);
        let mut image = world.reference(IMAGE);
        match &host {
            // The registry itself is where nothing can be had.
            Some(host) if step == Step::Tag => image = format!("{host}/{IMAGE}"),
            Some(host) => lead(&world, step, host),
            None if trouble == Trouble::MovedTag => move_tag(&world, step),
            None => {
                let fault = trouble.fault(step);
                let spoils = move |request: &RequestInfo| step.is(request);
                world
                    .registry
                    .set_fault(move |request| fault.clone().filter(|_| spoils(request)));
            }
        }
        let response = world.server.mutate(&creation(&pod(&image))).await;
        let names = [
            (world.registry.host(), "registry.example"),
            (host.unwrap_or_default(), "elsewhere.example"),
        ];
        Some(Told::of(&response, &names))
    }

    /// A world with a signed image that needs a login, in which the hosts elsewhere may be asked.
    async fn world(&self) -> World {
        let login = Login {
            username: "robot".to_owned(),
            password: "secret".to_owned(),
            repositories: vec![PROJECT.to_owned()],
        };
        let known = self.folder.path().join("ca.pem");
        let world = World::make(Making {
            registry: RegistrySettings {
                access: Access::Token {
                    public: Vec::new(),
                    logins: vec![login],
                },
                ..RegistrySettings::default()
            },
            secrets: [("shop", ("robot", "secret"))].into(),
            registries: vec![
                entry(&self.unknown_authority.host(), None),
                entry(&self.expired.host(), Some(&known)),
                entry(&self.closed, None),
                format!("{{prefix: {:?}, insecureHttp: true}}", no_such_name()),
            ],
            ..Making::default()
        })
        .await;
        let troubles = TROUBLES.iter().filter_map(|trouble| self.host(*trouble));
        let images = troubles.chain([world.registry.host()]);
        let images: Vec<String> = images.map(|host| format!("{host}/**")).collect();
        let reason = world.put_in_force(json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ClusterImageTrustPolicy",
            "metadata": {"name": "shop"},
            "spec": {
                "match": {"images": images},
                "authorities": [{
                    "name": "pipeline",
                    "gitlab": {"project": PROJECT, "ref": "refs/tags/v*"},
                    "trustRootRef": {"name": "sandbox"},
                }],
            },
        }));
        assert_eq!(reason, None);
        let image = world.push_image();
        world.attach(&image, world.pipeline_signature("refs/tags/v1.8.2", &image));
        world
    }
}

/// No resolver is asked for a label as long as this. It is asked in plain HTTP: TLS knows no such name either.
fn no_such_name() -> String {
    format!("{}.example", "a".repeat(64))
}

/// Leads whoever asks for this to another host.
fn lead(world: &World, step: Step, host: &str) {
    let scheme = if host == no_such_name() {
        "http"
    } else {
        "https"
    };
    let target = format!("{scheme}://{host}/");
    let realm = format!("Bearer realm=\"{target}token\",service=\"sandbox\"");
    world.registry.set_fault(move |request| {
        if step == Step::Token {
            return (!request.authorized)
                .then(|| Fault::answer(401, &[("www-authenticate", &realm)], ""));
        }
        step.is(request).then(|| Fault::Redirect(target.clone()))
    });
}

/// Lets the tag name an unsigned image from this request on, or from before the first.
fn move_tag(world: &World, step: Step) {
    let other = world.registry.push_image(PROJECT, "other", "another image");
    if step == Step::Tag {
        world.registry.move_tag(PROJECT, "1.8.2", &other);
        return;
    }
    let registry = std::sync::Arc::downgrade(&world.registry);
    world.registry.set_fault(move |request| {
        // The probe for the referrers API comes beside the first request for the tag.
        let is_late = !request.path.ends_with(Digest::of(b"").as_str());
        if let (true, Some(registry)) = (step.is(request) && is_late, registry.upgrade()) {
            registry.move_tag(PROJECT, "1.8.2", &other);
        }
        None
    });
}

impl Told {
    fn of(response: &Value, names: &[(String, &str)]) -> Self {
        let codes = codes(response);
        if codes.is_empty() {
            return Self {
                code: "admitted".to_owned(),
                line: String::new(),
            };
        }
        let mut line = message(response).to_owned();
        for (host, name) in names.iter().filter(|(host, _)| !host.is_empty()) {
            line = line.replace(host, name);
        }
        for (varying, text) in [
            (r#"^container "api": [^ ]+ (\(sha256:[0-9a-f]+…\) )?"#, ""),
            ("sha256:[0-9a-f]{12}…", "sha256:…"),
            ("sha256:[0-9a-f]{64}", "sha256:…"),
            ("[a-f0-9]{64}", "…"),
            ("column [0-9]+", "column N"),
            ("the [0-9]+ bytes", "the N bytes"),
        ] {
            let varying = Regex::new(varying).unwrap();
            line = varying.replace_all(&line, text).into_owned();
        }
        Self {
            code: format!("`{}`", codes.join("`, `")),
            line: line.replace('|', "\\|"),
        }
    }
}

async fn over_tls((certificate_pem, key_pem): (String, String)) -> MemoryRegistry {
    let identity = ServerIdentity {
        certificate_pem,
        key_pem,
    };
    MemoryRegistry::start(RegistrySettings {
        tls: Some(identity),
        ..RegistrySettings::default()
    })
    .await
    .unwrap()
}

/// An entry of the registries' settings.
fn entry(host: &str, ca_file: Option<&Path>) -> String {
    let ca_file = ca_file.map(|file| format!(", caFile: \"{}\"", file.display()));
    format!("{{prefix: {host:?}{}}}", ca_file.unwrap_or_default())
}
