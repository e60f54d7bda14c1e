//! A GitLab Runner, as far as the templates need one: a folder, the predefined variables, and a shell.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::template::Job;
use crate::support::{
    cluster, component,
    image::Cosign,
    process::{Finished, run},
    sigstore_servers::sigstore,
    work_folder,
};

/// One pipeline of a project, as GitLab tells its jobs about it.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// The project's path.
    pub(super) project: &'static str,
    /// `branch` or `tag`, and its name.
    pub(super) git_ref: (&'static str, &'static str),
    /// The commit.
    pub(super) commit: &'static str,
    /// What started it.
    pub(super) source: &'static str,
    /// Its number.
    pub(super) id: &'static str,
    /// The number of the runner.
    pub(super) runner: &'static str,
    /// When its jobs started.
    pub(super) started: &'static str,
    /// Variables of the project's settings, which win over those in the file.
    pub(super) settings: BTreeMap<String, String>,
}

impl Pipeline {
    /// The pipeline of a tag.
    pub(super) fn of_tag(project: &'static str, tag: &'static str) -> Self {
        Self {
            project,
            git_ref: ("tag", tag),
            commit: "8f3c2d1e0b9a7f6e5d4c3b2a19087f6e5d4c3b2a",
            source: "push",
            id: "1212",
            runner: "1234",
            started: "2026-01-02T03:04:05Z",
            settings: BTreeMap::new(),
        }
    }

    /// The same for a commit of a branch.
    pub(super) fn on_branch(mut self, branch: &'static str, commit: &'static str) -> Self {
        self.git_ref = ("branch", branch);
        self.commit = commit;
        self
    }

    /// With a variable of the project's settings.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    fn predefined(&self, checkout: &Path) -> BTreeMap<String, String> {
        let instance = &sigstore().issuer.url;
        let url = format!("{instance}/{}", self.project);
        let registry = &cluster().guarded;
        let (user, password) = registry.login.expect("it wants one");
        let (ref_type, ref_name) = self.git_ref;
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| {
            variables.insert(name.to_owned(), value.to_owned());
        };
        set("CI", "true");
        set("CI_COMMIT_REF_NAME", ref_name);
        set("CI_COMMIT_REF_PROTECTED", "true");
        set("CI_COMMIT_SHA", self.commit);
        set("CI_COMMIT_SHORT_SHA", &self.commit[..8]);
        match (ref_type, self.source) {
            ("tag", _) => set("CI_COMMIT_TAG", ref_name),
            (_, "merge_request_event") => {}
            _ => set("CI_COMMIT_BRANCH", ref_name),
        }
        set("CI_JOB_ID", JOB);
        set("CI_JOB_NAME", "build");
        set("CI_JOB_STARTED_AT", self.started);
        set("CI_JOB_URL", &format!("{url}/-/jobs/{JOB}"));
        set("CI_PIPELINE_ID", self.id);
        set("CI_PIPELINE_SOURCE", self.source);
        set("CI_PIPELINE_URL", &format!("{url}/-/pipelines/{}", self.id));
        set("CI_PROJECT_DIR", &checkout.display().to_string());
        set("CI_PROJECT_ID", "45821955");
        set("CI_PROJECT_PATH", self.project);
        set("CI_PROJECT_URL", &url);
        set("CI_REGISTRY", &registry.host);
        let image = format!("{}/{}", registry.host, self.project);
        set("CI_REGISTRY_IMAGE", &image);
        set("CI_REGISTRY_USER", user);
        set("CI_REGISTRY_PASSWORD", password);
        set("CI_RUNNER_DESCRIPTION", "shop \"release\" runner");
        set("CI_RUNNER_EXECUTABLE_ARCH", "linux/amd64");
        set("CI_RUNNER_ID", self.runner);
        set("CI_SERVER_URL", instance);
        variables
    }

    /// What GitLab says in the ID token of a job.
    fn claims(&self) -> Value {
        let (ref_type, name) = self.git_ref;
        let folder = if ref_type == "tag" { "tags" } else { "heads" };
        let instance = sigstore().issuer.url.trim_start_matches("https://");
        let path = format!("refs/{folder}/{name}");
        let config = format!("{instance}/{}//.gitlab-ci.yml@{path}", self.project);
        json!({
            "sub": format!("project_path:{}:ref_type:{ref_type}:ref:{name}", self.project),
            "pipeline_id": self.id,
            "pipeline_source": self.source,
            "job_id": JOB,
            "ref": name,
            "ref_type": ref_type,
            "ref_path": path,
            "sha": self.commit,
            "ci_config_ref_uri": config,
            "ci_config_sha": self.commit,
        })
    }
}

/// Where one pipeline's jobs run: a checkout, a home folder, and the programs of the image that the jobs name.
pub(super) struct Checkout {
    /// The project's files.
    pub(super) folder: PathBuf,
    programs: PathBuf,
}

impl Checkout {
    /// With an application and its Dockerfile, and these policies in `policies/`.
    pub(super) fn new(cosign: Cosign, policies: &[Value]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        let folder = work_folder().join("checkouts").join(&number);
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("it has a parent")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        };
        write(
            "Dockerfile",
            "ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY app /app\n",
        );
        // No two images are alike.
        write("app", &number);
        for (index, policy) in policies.iter().enumerate() {
            write(&format!("policies/{index}.yaml"), &policy.to_string());
        }
        let host = &cluster().guarded.host;
        // What only a registry behind a private authority needs.
        let entry = json!({ "prefix": host, "caFile": cluster().guarded.authority });
        let settings = json!({ "registries": [entry] });
        write("home/registries.yaml", &settings.to_string());
        write(
            "home/.config/containers/registries.conf",
            &format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n"),
        );
        let store = folder.join("home/storage");
        let store = store.display();
        write(
            "home/.config/containers/storage.conf",
            &format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = \"{store}/graph\"\nrunroot = \"{store}/run\"\n"
            ),
        );
        let programs = folder.join("home/bin");
        fs::create_dir_all(&programs).expect("it can be made");
        let cosign = match cosign {
            Cosign::Three => component("ASSAY_COSIGN3", ""),
            Cosign::Two => component("ASSAY_COSIGN2", ""),
        };
        let kubectl = component("ASSAY_KUBE_BIN", "kubectl");
        let assay = Path::new(env!("CARGO_BIN_EXE_assay"));
        for (name, path) in [
            ("cosign", &*cosign),
            ("kubectl", &kubectl),
            ("assay", assay),
        ] {
            symlink(path, programs.join(name)).expect("links can be made");
        }
        Self { folder, programs }
    }

    /// Runs a job of a pipeline here.
    pub(super) fn run(&self, pipeline: &Pipeline, job: &Job) -> Finished {
        let home = self.folder.join("home");
        let path = format!("{}:/usr/bin:/bin", self.programs.display());
        let mut command = Command::new("/bin/sh");
        command
            .args(["-e", "-c", &job.shell_script()])
            .current_dir(&self.folder)
            .env_clear()
            .envs(pipeline.predefined(&self.folder))
            .envs(&job.variables)
            .envs(&pipeline.settings)
            .env("PATH", path)
            .env("HOME", &home)
            .env("KUBECONFIG", cluster().control_plane.admin_kubeconfig())
            .env("ASSAY_REGISTRIES", home.join("registries.yaml"))
            // Loopback goes past the proxy, everything else ends here.
            .env("HTTPS_PROXY", "http://127.0.0.1:9");
        if let Some(file) = &cluster().guarded.authority {
            command.env("SSL_CERT_FILE", file);
        }
        if let Some((name, audience)) = &job.id_token {
            assert_eq!(audience, "sigstore");
            let token = sigstore()
                .issuer
                .token_with(pipeline.project, &pipeline.claims());
            command.env(name, token);
        }
        run(&mut command)
    }

    /// What a job has written down as JSON.
    pub(super) fn read(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.folder.join(file)).expect("the job wrote it");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// What was pushed: the tagged reference and the digest.
    pub(super) fn release(&self) -> (String, String) {
        let release = self.read("release.json");
        let text = |name: &str| release[name].as_str().expect("it is text").to_owned();
        (text("image"), text("digest"))
    }
}

const JOB: &str = "4316132595";
