//! A registry with images, someone to sign them, a folder for files, and the program.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use assay::{
    image::Digest,
    sandbox::{
        registry::{MemoryRegistry, RegistrySettings},
        sigstore::{Attachment, PrivateSigstore, SigningKeyPair},
    },
};
use tempfile::TempDir;

/// What one run of the program left behind.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct Bench {
    pub(crate) registry: MemoryRegistry,
    pub(crate) sigstore: PrivateSigstore,
    pub(crate) key: SigningKeyPair,
    folder: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with_registry(RegistrySettings::default()).await
    }

    pub(crate) async fn with_registry(settings: RegistrySettings) -> Self {
        let registry = MemoryRegistry::start(settings).await.unwrap();
        let bench = Self {
            sigstore: PrivateSigstore::new("2026-01-02T03:04:05Z".parse().unwrap()).unwrap(),
            key: SigningKeyPair::generate().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            registry,
        };
        let settings = format!(
            "registries: [{{prefix: \"{}\", insecureHttp: true}}]",
            bench.registry.host()
        );
        bench.write("registries.yaml", &settings);
        bench.write("cosign.pub", &bench.key.public_pem());
        bench.write("root.json", &bench.sigstore.trusted_root_json());
        bench
    }

    /// The reference of an image in this registry.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.host())
    }

    /// Pushes an image, as in `acme/app:v1`, that nobody has signed.
    pub(crate) fn push(&self, name: &str) -> Digest {
        let (repository, tag) = name.split_once(':').unwrap();
        self.registry.push_image(repository, tag, name)
    }

    /// Pushes an image and signs it with the bench's key.
    pub(crate) fn push_signed(&self, name: &str) -> Digest {
        let digest = self.push(name);
        let signature = self.sigstore.sign_with(&self.key, &digest).without_log();
        self.attach(name, &digest, signature.bundle().unwrap());
        digest
    }

    pub(crate) fn attach(&self, name: &str, image: &Digest, bundle: Attachment) -> Digest {
        let (repository, _) = name.split_once(':').unwrap();
        self.registry
            .attach_bundle(repository, image, bundle.content)
    }

    /// Writes a file into the folder and answers with its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a policy into the folder `policies`, by the bench's key over these images.
    pub(crate) fn write_key_policy(&self, name: &str, images: &str) {
        let pem = self.key.public_pem().replace('\n', "\n            ");
        let host = self.registry.host();
        let text = format!(
            "apiVersion: assay.dev/v1alpha1\nkind: ClusterImageTrustPolicy\nmetadata:\n  name: {name}\n\
             spec:\n  match:\n    images: [\"{host}/{images}\"]\n  authorities:\n    - name: release-key\n      \
             key:\n        pem: |\n            {pem}\n"
        );
        self.write(&format!("policies/{name}.yaml"), &text);
    }

    /// Runs `assay verify` with the bench's registry settings.
    pub(crate) async fn verify(&self, arguments: &[&str]) -> Run {
        self.run(&[&["verify", "--registries", "registries.yaml"], arguments].concat())
            .await
    }

    /// Runs the program in the folder, with nothing of this process's environment.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_stdin(arguments, "").await
    }

    pub(crate) async fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Run {
        let mut command = self.command(arguments);
        let stdin = stdin.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut pipe = child.stdin.take().unwrap();
            // A program that ends without reading closes the pipe; its exit says why.
            let _ = pipe.write_all(stdin.as_bytes());
            drop(pipe);
            let output = child.wait_with_output().unwrap();
            Run {
                code: output.status.code(),
                stdout: String::from_utf8(output.stdout).unwrap(),
                stderr: String::from_utf8(output.stderr).unwrap(),
            }
        })
        .await
        .unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}
