//! What GitHub's actions write.

use serde_json::json;

use super::{Build, Platform, Predicate};

impl Build {
    /// What `actions/attest-build-provenance` writes.
    pub fn stated_by_github(&self) -> Predicate {
        let repository = self.project_url();
        let workflow = self.workflow();
        let git = format!("git+{repository}@{}", self.git_ref);
        Predicate::slsa_v1(json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {
                    "workflow": {"repository": repository, "ref": self.git_ref, "path": workflow},
                },
                "internalParameters": {
                    "github": {
                        "event_name": self.pipeline_source,
                        "repository_id": "7054321",
                        "repository_owner_id": "81234",
                        "runner_environment": self.runner,
                    },
                },
                "resolvedDependencies": [{"uri": git, "digest": {"gitCommit": self.commit}}],
            },
            "runDetails": {
                "builder": {"id": format!("{repository}/{workflow}@{}", self.git_ref)},
                "metadata": {"invocationId": self.run_url()},
            },
        }))
    }

    /// What slsa-github-generator's workflow for containers writes.
    pub fn stated_by_slsa_generator(&self) -> Predicate {
        let source = format!("git+{}@{}", self.project_url(), self.git_ref);
        let digest = json!({"sha1": self.commit});
        Predicate::slsa_v02(json!({
            "builder": {"id": SLSA_GENERATOR},
            "buildType": "https://github.com/slsa-framework/slsa-github-generator/container@v1",
            "invocation": {
                "configSource": {"uri": source, "digest": digest, "entryPoint": self.workflow()},
                "parameters": {},
                "environment": {
                    "github_actor": self.user,
                    "github_event_name": self.pipeline_source,
                    "github_ref": self.git_ref,
                    "github_repository_id": "7054321",
                    "github_run_attempt": "1",
                    "github_run_id": self.pipeline_id.to_string(),
                    "github_sha1": self.commit,
                },
            },
            "metadata": {
                "buildInvocationID": format!("{}-1", self.pipeline_id),
                "completeness": {"parameters": true, "environment": false, "materials": false},
                "reproducible": false,
            },
            "materials": [{"uri": source, "digest": digest}],
        }))
    }

    fn workflow(&self) -> &str {
        match &self.platform {
            Platform::GitHub { workflow } => workflow,
            Platform::GitLab { .. } => ".github/workflows/release.yml",
        }
    }
}

/// The reusable workflow that signs for whoever calls it.
const SLSA_GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0";
