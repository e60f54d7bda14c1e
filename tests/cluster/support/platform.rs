//! A cluster of its own in which Assay runs as users have it: installed into `assay-system`, two replicas on a node.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    api::Api,
    certificate::{Authority, ServerCertificate},
    component,
    control_plane::ControlPlane,
    direct::Direct,
    eventually,
    image::{Image, Signer},
    load::{Asked, Case, Load},
    node::{Node, NodeSettings},
    process::{Finished, run},
    registry::Registry,
    scene::pod,
    work_folder,
};

/// The cluster, and what is judged in it.
pub(crate) struct Platform {
    // In this order they are dropped.
    /// What runs Assay's Pods.
    pub(crate) node: Node,
    /// The API server and its controllers.
    pub(crate) plane: ControlPlane,
    /// The API server over HTTP.
    pub(crate) api: Api,
    /// Signed with the key that the policy in [`SHOP`] names.
    pub(crate) signed: Image,
    /// Not signed.
    pub(crate) unsigned: Image,
    authority: Authority,
    signer: Signer,
    /// Where the images are.
    pub(crate) registry: Registry,
    folder: PathBuf,
}

/// The cluster that these tests share, for one of them at a time: they kill Assay, and worse.
pub(crate) fn platform() -> MutexGuard<'static, Platform> {
    static PLATFORM: OnceLock<Mutex<Platform>> = OnceLock::new();
    let platform =
        PLATFORM.get_or_init(|| Mutex::new(Platform::start(&work_folder().join("platform"))));
    platform.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Platform {
    fn start(folder: &Path) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let registry = Registry::open(&folder.join("registry"));
        let signer = Signer::new(&folder.join("signer"));
        let good = signer.push(&registry, "shop/app", "v1");
        signer.sign(&registry, &good);
        let bad = signer.push(&registry, "shop/app", "v2");
        let plane = ControlPlane::start(&folder.join("control-plane"), &CONTROLLERS);
        let settings = NodeSettings::default();
        let node = Node::start(&folder.join("node"), &plane, OWN, settings);
        let platform = Self {
            api: Api::new(&plane),
            node,
            plane,
            signed: good,
            unsigned: bad,
            authority: Authority::new(),
            signer,
            registry,
            folder: folder.to_owned(),
        };
        platform
            .kubectl(&["create", "namespace", SHOP])
            .expect_success();
        platform
    }

    /// Installs Assay if it is not there, and waits until both replicas are.
    pub(crate) fn with_assay(&self) -> &Self {
        if self
            .kubectl(&["-n", OWN, "get", "deployment", "assay"])
            .code
            != Some(0)
        {
            self.helm_with_values("install", &self.values())
                .expect_success();
        }
        self.wait_until_whole();
        self.guard_shop();
        self
    }

    /// The values of this cluster: what differs from the defaults is how its registry is reached.
    pub(crate) fn values(&self) -> Value {
        json!({ "registries": [{ "prefix": self.registry.host, "insecureHttp": true }] })
    }

    /// The same, with a certificate that the user brings: [`Self::provide_certificate`] makes it.
    pub(crate) fn values_with_own_certificate(&self) -> Value {
        let mut values = self.values();
        values["certificate"] = json!({
            "mode": "Provided", "secretName": "assay-tls", "caBundle": self.authority.pem(),
        });
        values
    }

    /// `helm uninstall`, if there is a release.
    pub(crate) fn uninstall(&self) {
        self.helm(&["uninstall", "assay", "--ignore-not-found", "--wait"])
            .expect_success();
    }

    /// The Secret in which Assay keeps its certificate, as it is.
    pub(crate) fn certificate_secret(&self) -> Value {
        self.plane.get(&["-n", OWN, "secret", CERTIFICATE_SECRET])
    }

    /// Makes an object of [`OWN`] again as it was.
    pub(crate) fn restore(&self, object: &Value) {
        let mut object = object.clone();
        let metadata = object["metadata"]
            .as_object_mut()
            .expect("objects have some");
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "managedFields",
        ] {
            metadata.remove(field);
        }
        self.kubectl(&["create", "namespace", OWN]).expect_success();
        self.apply(&object).expect_success();
    }

    /// Replaces the certificate that the user brings.
    pub(crate) fn provide_certificate(&self) -> ServerCertificate {
        let certificate = self.authority.server_for(&["assay.assay-system.svc"]);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": { "name": "assay-tls", "namespace": OWN },
            "stringData": { "tls.crt": certificate.certificate, "tls.key": certificate.key },
        });
        self.apply(&secret).expect_success();
        certificate
    }

    /// `helm install` or `helm upgrade` with these values, waiting for what it makes.
    pub(crate) fn helm_with_values(&self, command: &str, values: &Value) -> Finished {
        let file = self.folder.join("values.yaml");
        // JSON is YAML.
        fs::write(&file, values.to_string()).expect("it can be written");
        let mut arguments = vec![command, "assay", CHART, "--values"];
        arguments.extend([
            file.to_str().expect("paths are text"),
            "--wait",
            "--timeout=90s",
        ]);
        if command == "install" {
            arguments.push("--create-namespace");
        }
        self.helm(&arguments)
    }

    /// helm in Assay's namespace, as the cluster's administrator.
    pub(crate) fn helm(&self, arguments: &[&str]) -> Finished {
        run(Command::new(component("ASSAY_HELM", ""))
            .args(["--namespace", OWN])
            .args(arguments)
            .env("KUBECONFIG", self.plane.admin_kubeconfig())
            .env("HOME", &self.folder))
    }

    /// Pushes a new image and signs it with the key of [`Self::key`].
    pub(crate) fn push_signed(&self, repository: &str, tag: &str) -> Image {
        let image = self.signer.push(&self.registry, repository, tag);
        self.signer.sign(&self.registry, &image);
        image
    }

    /// The public key that verifies what is signed here, PEM.
    pub(crate) fn key(&self) -> String {
        self.signer.public_key.clone()
    }

    /// Another public key, PEM.
    pub(crate) fn other_key() -> String {
        rcgen::KeyPair::generate()
            .expect("keys can be made")
            .public_key_pem()
    }

    /// A pattern for the images of a repository.
    pub(crate) fn images(&self, repository: &str) -> String {
        format!("{}/{repository}", self.registry.host)
    }

    /// Puts the policy of [`SHOP`] there: its images must be signed with the shared key. Waits until it is in force.
    pub(crate) fn guard_shop(&self) {
        let policy = json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustPolicy",
            "metadata": { "name": "signed", "namespace": SHOP },
            "spec": {
                "match": { "images": [format!("{}/**", self.registry.host)] },
                "authorities": [{ "name": "release-key", "key": { "pem": self.signer.public_key } }],
            },
        });
        self.apply(&policy).expect_success();
        eventually("the policy to be in force", || {
            let denied = self.apply_as_dry_run(&pod("probe", &self.unsigned.tagged));
            denied.stderr.contains("[SignatureMissing]").then_some(())
        });
    }

    /// Waits until the Deployment is as it should be: all replicas new and ready, none left over.
    pub(crate) fn wait_until_whole(&self) {
        let arguments = [
            "-n",
            OWN,
            "rollout",
            "status",
            "deployment/assay",
            "--timeout=90s",
        ];
        let rolled_out = self.kubectl(&arguments);
        assert_eq!(
            rolled_out.code,
            Some(0),
            "{rolled_out:?}\n{}",
            self.node.last_lines(15)
        );
        eventually("the replicas that go away to be gone", || {
            let is_ready = |object: &Value| {
                let conditions = object["status"]["conditions"].as_array();
                let mut conditions = conditions.into_iter().flatten();
                conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
            };
            let pods = self.api.get("/api/v1/namespaces/assay-system/pods").ok()?;
            let pods = pods["items"].as_array()?;
            let ready = pods.iter().filter(|object| is_ready(object)).count();
            (pods.len() == REPLICAS && ready == REPLICAS).then_some(())
        });
    }

    /// Reviews at a steady rate from now on, of a signed and an unsigned image.
    pub(crate) fn load(&self) -> Load {
        self.load_with(&[])
    }

    /// The same, with further images.
    pub(crate) fn load_with(&self, more: &[Case]) -> Load {
        let signed = Case {
            image: self.signed.tagged.clone(),
            admitted: Some(self.signed.pinned()),
            refused: None,
        };
        let unsigned = Case {
            image: self.unsigned.tagged.clone(),
            admitted: None,
            refused: Some("SignatureMissing"),
        };
        self.load_of([&[signed, unsigned], more].concat())
    }

    /// The same, of these images alone.
    pub(crate) fn load_of(&self, cases: Vec<Case>) -> Load {
        let asked = Asked {
            namespace: SHOP.to_owned(),
            cases,
            service: self.service(),
        };
        Load::start(&self.plane, asked)
    }

    /// What every replica says to a Pod with this image, each asked by itself.
    pub(crate) fn review_by_each(&self, image: &str) -> Vec<Value> {
        let replicas = self.node.pods();
        let reviews = replicas.iter().map(|replica| {
            let review = self.direct(replica);
            let review = async move { review.review(SHOP, image).await };
            let answer = self.api.runtime().block_on(review);
            answer.unwrap_or_else(|error| json!({ "error": error }))
        });
        reviews.collect()
    }

    /// What every replica tells in its metrics.
    pub(crate) fn metrics_of_each(&self) -> Vec<String> {
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("the settings are valid");
        let replicas = self.node.pods();
        let texts = replicas.iter().map(|replica| {
            let url = format!("http://{}:9090/metrics", self.node.address(replica));
            let answer = client.get(url).send();
            let text = async { answer.await.ok()?.text().await.ok() };
            self.api.runtime().block_on(text).unwrap_or_default()
        });
        texts.collect()
    }

    /// Where the API server finds the webhook.
    pub(crate) fn service(&self) -> SocketAddr {
        let service = self.plane.get(&["-n", OWN, "service", "assay"]);
        let address = service["spec"]["clusterIP"]
            .as_str()
            .and_then(|text| text.parse().ok());
        SocketAddr::new(address.expect("the Service has an address"), 443)
    }

    /// A client of one replica alone.
    pub(crate) fn direct(&self, replica: &str) -> Direct {
        let configuration = self.plane.get(&["validatingwebhookconfiguration", "assay"]);
        let bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"].as_str();
        let bundle = STANDARD
            .decode(bundle.expect("there is one"))
            .expect("it is base64");
        let address = SocketAddr::from((self.node.address(replica), 8443));
        Direct::new(address, &bundle).expect("the API server has looked at it")
    }

    /// kubectl as the cluster's administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Finished {
        self.plane.kubectl(arguments)
    }

    /// `kubectl apply -f -`; objects that name no namespace go to [`SHOP`].
    pub(crate) fn apply(&self, object: &Value) -> Finished {
        let arguments = ["-n", namespace_of(object), "apply", "-f", "-"];
        self.plane
            .kubectl_with_input(&arguments, &object.to_string())
    }

    /// What `kubectl apply` would do.
    pub(crate) fn apply_as_dry_run(&self, object: &Value) -> Finished {
        let arguments = [
            "-n",
            namespace_of(object),
            "apply",
            "--dry-run=server",
            "-f",
            "-",
        ];
        self.plane
            .kubectl_with_input(&arguments, &object.to_string())
    }

    /// Who the Lease says leads: a replica's name, and what tells its processes apart.
    pub(crate) fn holder(&self) -> Option<String> {
        let path = "/apis/coordination.k8s.io/v1/namespaces/assay-system/leases/assay";
        let lease = self.api.get(path).ok()?;
        let holder = lease["spec"]["holderIdentity"].as_str()?;
        (!holder.is_empty()).then(|| holder.to_owned())
    }

    /// The replica that leads, and another, once one leads that runs.
    pub(crate) fn leader_and_follower(&self) -> (String, String) {
        eventually("a replica to lead", || {
            let leader = self.holder()?.rsplit_once('_')?.0.to_owned();
            let pods = self.node.pods();
            let follower = pods.iter().find(|name| **name != leader)?.clone();
            pods.contains(&leader).then_some((leader, follower))
        })
    }

    /// Waits until another process leads than this one; answers how long it took.
    pub(crate) fn wait_for_other_leader(&self, old: &str) -> Duration {
        let began = Instant::now();
        eventually("another leader", || {
            self.holder().filter(|holder| holder != old)
        });
        began.elapsed()
    }
}

fn namespace_of(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or(SHOP)
}

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/assay");

/// The chart's default.
const REPLICAS: usize = 2;

/// Assay's own namespace.
pub(crate) const OWN: &str = "assay-system";

/// The Secret in which Assay keeps its certificate.
pub(crate) const CERTIFICATE_SECRET: &str = "assay-webhook-certificate";

/// The namespace whose Pods are judged.
pub(crate) const SHOP: &str = "shop";

/// What the chart's objects need beside the usual ones.
const CONTROLLERS: [&str; 3] = [
    "disruption-controller",
    "garbage-collector-controller",
    "root-ca-certificate-publisher-controller",
];
