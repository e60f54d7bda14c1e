//! A registry of one tenant's own, and what it cannot do to the registry of another.

use futures::future::join_all;

use super::{sandbox::Fault, *};

/// A good registry with one signed image, and one that somebody else has made.
struct Two {
    good: MemoryRegistry,
    evil: MemoryRegistry,
    image: Digest,
}

impl Two {
    async fn start() -> Self {
        let start = || MemoryRegistry::start(sandbox::RegistrySettings::default());
        let good = start().await.expect("a free port");
        let image = good.push_image("acme/api", "1", "good");
        let payload = "x".repeat(2_000);
        good.attach_legacy("acme/api", &image, payload, &no_annotations());
        let evil = start().await.expect("a free port");
        evil.push_image("acme/api", "1", "evil");
        Self { good, evil, image }
    }

    fn reader(&self, options: RegistryOptions) -> OciRegistry {
        reader(&[&self.good.host(), &self.evil.host()], options)
    }

    /// What the evil registry leads everybody to.
    fn lead_to(&self, path: &str, fault: Fault) {
        let target = format!("http://{}/v2/{path}", self.good.host());
        let redirect = move |_: &_| Some(Fault::Redirect(target.clone()));
        self.evil.set_fault(redirect);
        let path = format!("/{path}");
        let trap = move |request: &sandbox::RequestInfo| {
            request.path.contains(&path).then(|| fault.clone())
        };
        self.good.set_fault(trap);
    }
}

async fn resolve(
    reader: &OciRegistry,
    registry: &MemoryRegistry,
    access: &Access,
) -> Result<Digest, RegistryError> {
    let image = format!("{}/acme/api:1", registry.host());
    let image: Reference = image.parse().expect("a reference");
    reader.resolve(&image, access).await
}

async fn look(
    reader: &OciRegistry,
    registry: &MemoryRegistry,
    image: &Digest,
) -> Result<usize, RegistryError> {
    let repository = format!("{}/acme/api", registry.host());
    let repository: Repository = repository.parse().expect("a repository");
    let (wanted, search) = (Wanted::Signatures, Search::First);
    let access = anonymous();
    let found = reader.attachments(&repository, image, wanted, search, &access);
    Ok(found.await?.len())
}

#[tokio::test]
async fn a_registry_that_leads_to_what_another_limits_does_not_hold_that_one_up() {
    let two = Two::start().await;
    let reader = two.reader(options());
    let limited = Fault::Status {
        status: 429,
        headers: vec![("retry-after".to_owned(), "3600".to_owned())],
        body: Vec::new(),
    };
    two.lead_to("search", limited);
    let error = resolve(&reader, &two.evil, &anonymous()).await;
    let error = error.expect_err("limited");
    assert!(
        matches!(error, RegistryError::RateLimited { .. }),
        "{error}"
    );
    let found = resolve(&reader, &two.good, &anonymous()).await;
    assert_eq!(found.expect("read"), two.image);
}

/// A registry with an image whose signatures are as much as there is room for, and of which one never ends.
async fn hoarder() -> (MemoryRegistry, Digest) {
    let registry = MemoryRegistry::start(sandbox::RegistrySettings::default());
    let registry = registry.await.expect("a free port");
    let image = Digest::of(b"evil");
    for number in 0..20 {
        let payload = format!("{number:05}").repeat(20_000);
        registry.attach_legacy("acme/api", &image, payload, &no_annotations());
    }
    let drops = "never there";
    registry.attach_legacy("acme/api", &image, drops, &no_annotations());
    let slow = format!("/blobs/{}", Digest::of(drops.as_bytes()));
    registry.set_fault(move |request: &sandbox::RequestInfo| {
        request.path.ends_with(&slow).then_some(Fault::SlowBody)
    });
    (registry, image)
}

#[tokio::test]
async fn registries_that_hold_much_leave_memory_for_another_however_many_they_are() {
    for count in [1, 3] {
        let two = Two::start().await;
        let hoarders = join_all((0..count).map(|_| hoarder())).await;
        let hosts: Vec<String> = hoarders
            .iter()
            .map(|(registry, _)| registry.host())
            .chain([two.good.host()])
            .collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let reader = reader(
            &hosts,
            RegistryOptions {
                held_bytes: 2_001_000,
                ..options()
            },
        );
        let held = hoarders
            .iter()
            .map(|(registry, image)| look(&reader, registry, image));
        let held = join_all(held);
        let good = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            look(&reader, &two.good, &two.image).await
        };
        tokio::select! {
            found = good => assert_eq!(found.expect("read"), 1, "{count}"),
            () = async { held.await; std::future::pending::<()>().await } => {}
        }
    }
}
