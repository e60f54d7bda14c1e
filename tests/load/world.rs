//! A registry with signed images, and replicas that judge them.

use std::{fs, path::Path};

use assay::{
    clock::{Clock as _, SystemClock},
    image::Digest,
    sandbox::{
        registry::{Access, MemoryRegistry, RegistrySettings},
        sigstore::{Claims, PrivateSigstore, SigningKeyPair},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    certificate,
    program::{Replica, Threads},
};

/// A registry, those who sign what is in it, and the settings of replicas that read it.
pub(crate) struct World {
    pub(crate) registry: MemoryRegistry,
    sigstore: PrivateSigstore,
    keys: Vec<SigningKeyPair>,
    folder: TempDir,
}

/// How an image is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signed {
    /// By so many keys, each of which the policy demands, in the layout of cosign 2.
    Keys(usize),
    /// By so many keys, each of which the policy demands, in bundles.
    KeyBundles(usize),
    /// By a GitLab pipeline, keyless, in a bundle with a log entry.
    Pipeline,
}

impl World {
    pub(crate) async fn new(settings: RegistrySettings) -> Self {
        let registry = MemoryRegistry::start(settings).await.unwrap();
        let world = Self {
            registry,
            sigstore: PrivateSigstore::new(SystemClock.now()).unwrap(),
            keys: (0..MOST_KEYS)
                .map(|_| SigningKeyPair::generate().unwrap())
                .collect(),
            folder: tempfile::tempdir().unwrap(),
        };
        world.write_settings();
        world
    }

    /// One whose registry wants a token for each of these repositories, and gives it to anybody.
    pub(crate) async fn with_tokens(settings: RegistrySettings, repositories: &[String]) -> Self {
        let access = Access::Token {
            public: repositories.to_vec(),
            logins: Vec::new(),
        };
        Self::new(RegistrySettings { access, ..settings }).await
    }

    /// Starts a replica that knows nothing yet.
    pub(crate) async fn replica(&self, program: &Path, threads: Threads) -> Replica {
        Replica::start(program, self.folder.path(), threads).await
    }

    /// Where certificates lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Pushes an image with its signatures. Gives its reference, by tag, and its digest.
    pub(crate) fn push(&self, repository: &str, signed: Signed) -> (String, Digest) {
        let image = self.registry.push_image(repository, TAG, repository);
        match signed {
            Signed::Keys(count) => {
                for key in self.keys.iter().take(count) {
                    let signing = self.sigstore.sign_with(key, &image).without_log();
                    let made = signing.legacy().unwrap();
                    self.registry.attach_legacy(
                        repository,
                        &image,
                        made.content,
                        &made.annotations,
                    );
                }
            }
            Signed::KeyBundles(count) => {
                for key in self.keys.iter().take(count) {
                    let signing = self.sigstore.sign_with(key, &image).without_log();
                    self.registry.attach_bundle(
                        repository,
                        &image,
                        signing.bundle().unwrap().content,
                    );
                }
            }
            Signed::Pipeline => {
                let claims = Claims::gitlab(repository, "refs/tags/v1.8.2");
                let made = self.sigstore.sign_as(&claims, &image).bundle().unwrap();
                self.registry
                    .attach_bundle(repository, &image, made.content);
            }
        }
        (
            format!("{}/{repository}:{TAG}", self.registry.host()),
            image,
        )
    }

    fn write_settings(&self) {
        let folder = self.folder.path();
        certificate::write(folder);
        let host = self.registry.host();
        let registries = json!({"registries": [{"prefix": host, "insecureHttp": true}]});
        fs::write(folder.join("registries.yaml"), registries.to_string()).unwrap();
        let policies = folder.join("policies");
        fs::create_dir(&policies).unwrap();
        for (number, object) in self.objects().iter().enumerate() {
            fs::write(policies.join(format!("{number}.yaml")), object.to_string()).unwrap();
        }
    }

    fn objects(&self) -> Vec<Value> {
        let root = json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ImageTrustRoot",
            "metadata": {"name": "private"},
            "spec": {"trustedRoot": self.sigstore.trusted_root_json()},
        });
        let pipeline = json!([{
            "name": "pipeline",
            "gitlab": {"project": "pipeline/*", "ref": "refs/tags/v*"},
            "trustRootRef": {"name": "private"},
        }]);
        let mut objects = vec![root, self.policy("pipeline", &pipeline, 1)];
        for count in 1..=MOST_KEYS {
            let keys = self.keys.iter().take(count).enumerate();
            let keys = keys.map(|(number, key)| json!({"name": format!("key-{number}"), "key": {"pem": key.public_pem()}}));
            let keys = Value::Array(keys.collect());
            objects.push(self.policy(&format!("keys-{count}"), &keys, count));
        }
        objects
    }

    /// One over all repositories below its name.
    fn policy(&self, name: &str, authorities: &Value, require: usize) -> Value {
        json!({
            "apiVersion": "assay.dev/v1alpha1",
            "kind": "ClusterImageTrustPolicy",
            "metadata": {"name": name},
            "spec": {
                "match": {"images": [format!("{}/{name}/**", self.registry.host())]},
                "authorities": authorities,
                "require": require,
            },
        })
    }
}

impl Signed {
    /// A repository for such an image.
    pub(crate) fn repository(self, number: usize) -> String {
        match self {
            Self::Keys(count) | Self::KeyBundles(count) => format!("keys-{count}/app{number}"),
            Self::Pipeline => format!("pipeline/app{number}"),
        }
    }

    pub(crate) fn repositories(self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.repository(number)).collect()
    }
}

/// The tag of every image.
const TAG: &str = "1.8.2";

/// The most keys that a policy demands.
const MOST_KEYS: usize = 5;
