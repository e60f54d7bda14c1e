//! What Assay was asked for: images that were not built as they should have been, each with the line that tells it, and
//! beside it the same image built as it should be.

mod attackers;
mod bad_input;
mod list;
mod shapes;

use assay::{
    image::Digest,
    sandbox::{
        build::{Build, Predicate},
        registry::{AttestationLink, DescribedImage, DescribedIndex},
        sigstore::{Attachment, Claims},
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{codes, message, patch};
use crate::support::world::{Making, PROJECT, World};

/// The tag of the release that these tests deploy.
const RELEASE: &str = "v1.8.2";

/// The ref that it is built from.
const TAG: &str = "refs/tags/v1.8.2";

/// When all of it happens: some days after a [`Build`] that says no other time.
const NOW: Timestamp = Timestamp::constant(1_767_700_000, 0);

/// One image with one provenance, and what a policy asks of it.
#[derive(Clone)]
struct Case {
    spec: Value,
    repository: &'static str,
    tag: &'static str,
    claims: Claims,
    predicate: Predicate,
    about: Option<Digest>,
    index: DescribedIndex,
}

/// How an attestation is stored.
#[derive(Clone, Copy, Debug)]
enum Stored {
    /// As cosign 2 does.
    Tag,
    /// As cosign 3 does.
    Bundle,
    /// As the experiment of cosign 2 does.
    Experiment,
}

impl Case {
    /// The release, built as it should be, where this is asked of provenance by the project's pipelines.
    fn asking(provenance: Value) -> Self {
        let build = release();
        let mut spec = json!({"authorities": [pipeline()], "require": 0});
        spec["provenance"] = provenance;
        Self {
            spec,
            repository: PROJECT,
            tag: RELEASE,
            claims: build.claims(),
            predicate: build.stated_by_job(),
            about: None,
            index: DescribedIndex::default().image(DescribedImage::new("amd64", "the image")),
        }
    }

    /// Changes the policy.
    fn spec(mut self, field: &str, value: Value) -> Self {
        self.spec[field] = value;
        self
    }

    /// What this build leaves behind instead.
    fn built(self, build: &Build) -> Self {
        self.certified(build.claims()).stated(build.stated_by_job())
    }

    fn certified(self, claims: Claims) -> Self {
        Self { claims, ..self }
    }

    fn stated(self, predicate: Predicate) -> Self {
        Self { predicate, ..self }
    }

    fn tagged(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    /// Lets the provenance be about something else.
    fn about(self, digest: Digest) -> Self {
        let about = Some(digest);
        Self { about, ..self }
    }

    /// Pushes this instead.
    fn pushed(self, index: DescribedIndex) -> Self {
        Self { index, ..self }
    }

    fn path(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// A world with the policy and the image, to which nothing is attached.
    async fn bare_world(&self) -> (World, Digest) {
        let world = world().await;
        world.demand(self.spec.clone());
        let registry = &world.registry;
        let (index, _) = registry.push_described_index(self.repository, self.tag, &self.index);
        (world, index)
    }

    /// What is attached in this world.
    fn provenance(&self, world: &World, image: &Digest, stored: Stored) -> Attachment {
        let about = self.about.as_ref().unwrap_or(image);
        let signing = world.sigstore.sign_as(&self.claims, about);
        let signing = signing.stating(&self.predicate);
        match stored {
            Stored::Tag | Stored::Experiment => signing.legacy_attestation(),
            Stored::Bundle => signing.bundle(),
        }
        .unwrap()
    }

    /// What the webhook answers where the provenance is stored like this.
    async fn response(&self, stored: Stored) -> (World, Value) {
        let (world, image) = self.bare_world().await;
        let provenance = self.provenance(&world, &image, stored);
        store(&world, self.repository, &image, provenance, stored);
        let response = world.deploy(&self.path()).await;
        (world, response)
    }

    /// The line with which it is refused, wherever the provenance is stored.
    async fn line(&self) -> String {
        let mut lines = Vec::new();
        for stored in [Stored::Tag, Stored::Bundle] {
            let (world, response) = self.response(stored).await;
            lines.push(line(&world, &response));
        }
        assert_eq!(lines[0], lines[1], "the layouts differ");
        lines.remove(0)
    }

    /// Asserts that it is let in and pinned, wherever the provenance is stored. Gives what the Pod is told about it.
    async fn admitted(&self) -> Value {
        let mut told = Vec::new();
        for stored in [Stored::Tag, Stored::Bundle] {
            let (world, response) = self.response(stored).await;
            told.push(told_when_admitted(&world, &self.path(), &response));
        }
        assert_eq!(told[0], told[1], "the layouts differ");
        told.remove(0)
    }
}

async fn world() -> World {
    World::make(Making {
        at: Some(NOW),
        ..Making::default()
    })
    .await
}

/// The pipelines of the group, for any ref: what they built is told by their provenance.
fn pipeline() -> Value {
    json!({
        "name": "pipeline",
        "gitlab": {"project": "acme/shop/*"},
        "trustRootRef": {"name": "sandbox"},
    })
}

/// The release as it should be built.
fn release() -> Build {
    Build::gitlab(PROJECT, TAG).base_image(BASE, &Digest::of(b"base"))
}

/// The base image that is on the list.
const BASE: &str = "registry.gitlab.com/acme/base/debian:12";

/// Attaches what was signed in the layout it was signed for.
fn store(
    world: &World,
    repository: &str,
    image: &Digest,
    signed: Attachment,
    stored: Stored,
) -> Digest {
    let Attachment {
        content,
        annotations,
        ..
    } = signed;
    let registry = &world.registry;
    match stored {
        Stored::Tag => registry.attach_legacy_attestation(repository, image, content, &annotations),
        Stored::Bundle => registry.attach_bundle(repository, image, content),
        Stored::Experiment => {
            registry.attach_experimental_attestation(repository, image, content, &annotations)
        }
    }
}

/// The one line of a refusal, with a name in place of the registry's address.
fn line(world: &World, response: &Value) -> String {
    assert_eq!(codes(response).len(), 1, "{response}");
    message(response).replace(&world.registry.host(), "registry.example")
}

/// What stands about the container in `assay.dev/images`, which must be let in and pinned to what was pushed.
fn told_when_admitted(world: &World, path: &str, response: &Value) -> Value {
    assert_eq!(codes(response), [""; 0]);
    let changes = patch(response);
    let annotation = changes.as_array().unwrap().last().unwrap();
    assert_eq!(
        annotation["path"],
        "/metadata/annotations/assay.dev~1images"
    );
    let told: Value = serde_json::from_str(annotation["value"].as_str().unwrap()).unwrap();
    let digest = told["api"]["digest"].as_str().unwrap();
    let reference = world.reference(path);
    assert_eq!(
        changes[1],
        json!({"op": "replace", "path": "/spec/containers/0/image", "value": format!("{reference}@{digest}")})
    );
    told
}
