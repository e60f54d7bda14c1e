//! Trust roots: fetched from a mirror over loopback, kept, refused, and judged by in whole reviews.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "functions of a test may fail loudly"
)]

mod fetched;
mod followed;
mod kept;
mod pem;
mod refused;

use assay::{
    sandbox::sigstore::PrivateSigstore,
    trust::{Absence, TufRoot},
};
use jiff::Timestamp;

use crate::support::{
    reviews::{creation, pod},
    tuf::{Hands, Mirror, Repository},
    world::{IMAGE, World},
};

/// One repository, its mirror, and the time.
struct Scene {
    repository: Repository,
    mirror: Mirror,
    clock: Hands,
}

impl Scene {
    async fn new() -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let repository = Repository::new(now(), &trusted_root());
        Self {
            mirror: Mirror::start(&repository).await,
            clock: Hands::at(now()),
            repository,
        }
    }

    fn root(&self) -> TufRoot {
        self.mirror.root(&self.repository, &self.clock)
    }

    /// A root that was fetched.
    async fn fetched(&self) -> TufRoot {
        let root = self.root();
        root.refresh().await.unwrap();
        root
    }
}

/// What names the content of a usable root.
fn version(root: &TufRoot) -> String {
    root.state().usable.unwrap().version().to_owned()
}

fn absence(root: &TufRoot) -> Absence {
    root.state().usable.unwrap_err()
}

/// The codes with which [`IMAGE`] is refused.
async fn codes(world: &World) -> Vec<String> {
    let review = creation(&pod(&world.reference(IMAGE)));
    let response = world.server.mutate(&review).await;
    let causes = response["status"]["details"]["causes"].as_array();
    let causes = causes.into_iter().flatten();
    causes
        .map(|cause| cause["reason"].as_str().unwrap().to_owned())
        .collect()
}

/// Another one each time.
fn trusted_root() -> String {
    PrivateSigstore::new(now()).unwrap().trusted_root_json()
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}
