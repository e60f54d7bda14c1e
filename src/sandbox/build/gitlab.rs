//! What GitLab and its jobs write.

use serde_json::{Map, Value, json};

use super::{Build, Predicate};

impl Build {
    /// What GitLab itself states (its experiment for SLSA level 3): the job's id is a number here, and variables have values.
    pub fn stated_by_gitlab(&self) -> Predicate {
        Predicate::slsa_v1(json!({
            "buildDefinition": {
                "buildType": "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1",
                "externalParameters": {
                    "source": self.project_url(),
                    "entryPoint": JOB_NAME,
                    "variables": self.variables(),
                },
                "internalParameters": self.runner_parameters(&json!(self.job_id)),
                "resolvedDependencies": [
                    {"uri": self.project_url(), "digest": {"gitCommit": self.commit}},
                ],
            },
            "runDetails": {
                "builder": {"id": self.runner},
                "metadata": self.metadata(),
            },
        }))
    }

    /// What GitLab Runner writes beside artifacts: the names of variables alone, and the commit under `sha256`.
    pub fn stated_by_runner(&self) -> Predicate {
        let mut external = Map::new();
        if let Value::Object(variables) = self.variables() {
            external.extend(
                variables
                    .into_iter()
                    .map(|(name, _)| (name, Value::from(""))),
            );
        }
        external.insert("source".to_owned(), json!(self.project_url()));
        external.insert("entryPoint".to_owned(), json!(JOB_NAME));
        Predicate::slsa_v1(json!({
            "buildDefinition": {
                "buildType": "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v18.6.0/PROVENANCE.md",
                "externalParameters": external,
                "internalParameters": self.runner_parameters(&json!(self.job_id.to_string())),
                "resolvedDependencies": [
                    {"uri": self.project_url(), "digest": {"sha256": self.commit}},
                ],
            },
            "runDetails": {
                "builder": {"id": self.runner, "version": {"gitlab-runner": "v18.6.0"}},
                "metadata": self.metadata(),
            },
        }))
    }

    /// What a job writes as Assay's documentation shows it: the names of GitLab's own statement, and the base images
    /// beside the commit.
    pub fn stated_by_job(&self) -> Predicate {
        let mut dependencies = vec![
            json!({"uri": format!("git+{}", self.project_url()), "digest": {"gitCommit": self.commit}}),
        ];
        dependencies.extend(self.base_image_dependencies());
        Predicate::slsa_v1(json!({
            "buildDefinition": {
                "buildType": "https://assay.dev/gitlab-ci/v1",
                "externalParameters": {
                    "source": self.project_url(),
                    "entryPoint": JOB_NAME,
                    "variables": self.variables(),
                },
                "internalParameters": self.runner_parameters(&json!(self.job_id.to_string())),
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": self.runner},
                "metadata": self.metadata(),
            },
        }))
    }

    /// The older form in which npm tells a build on GitLab.
    pub fn stated_by_npm(&self) -> Predicate {
        let source = format!("git+{}", self.project_url());
        Predicate::slsa_v02(json!({
            "buildType": "https://github.com/npm/CLI/gitlab/v0alpha1",
            "builder": {"id": self.runner},
            "invocation": {
                "configSource": {
                    "uri": source,
                    "digest": {"sha1": self.commit},
                    "entryPoint": JOB_NAME,
                },
                "parameters": self.variables(),
                "environment": {
                    "name": "linux-docker",
                    "architecture": "linux/amd64",
                    "server": "https://gitlab.com",
                    "project": self.project,
                    "job": {"id": self.job_id.to_string()},
                    "pipeline": {"id": self.pipeline_id.to_string(), "ref": ".gitlab-ci.yml"},
                },
            },
            "metadata": {
                "buildInvocationId": self.job_url(),
                "completeness": {"parameters": true, "environment": true, "materials": false},
                "reproducible": false,
            },
            "materials": [{"uri": source, "digest": {"sha1": self.commit}}],
        }))
    }

    /// GitLab's predefined variables.
    fn variables(&self) -> Value {
        let (kind, name) = self.kind_and_name_of_ref();
        let project = self.project_url();
        let mut variables = json!({
            "CI_COMMIT_SHA": self.commit,
            "CI_COMMIT_REF_NAME": name,
            "CI_COMMIT_REF_PROTECTED": self.protected_ref.to_string(),
            "CI_JOB_ID": self.job_id.to_string(),
            "CI_JOB_NAME": JOB_NAME,
            "CI_JOB_URL": self.job_url(),
            "CI_PIPELINE_ID": self.pipeline_id.to_string(),
            "CI_PIPELINE_SOURCE": self.pipeline_source,
            "CI_PIPELINE_URL": format!("{project}/-/pipelines/{}", self.pipeline_id),
            "CI_PROJECT_ID": "45821955",
            "CI_PROJECT_PATH": self.project,
            "CI_PROJECT_URL": project,
            "CI_RUNNER_ID": self.runner.rsplit('/').next(),
            "CI_REGISTRY_PASSWORD": "[MASKED]",
            "GITLAB_USER_LOGIN": self.user,
        });
        if let Value::Object(fields) = &mut variables {
            let of_kind = match kind {
                "tag" => "CI_COMMIT_TAG",
                _ => "CI_COMMIT_BRANCH",
            };
            fields.insert(of_kind.to_owned(), json!(name));
            if let Some(environment) = &self.environment {
                fields.insert("CI_ENVIRONMENT_NAME".to_owned(), json!(environment));
            }
        }
        variables
    }

    fn runner_parameters(&self, job: &Value) -> Value {
        json!({
            "architecture": "amd64",
            "executor": "docker",
            "job": job,
            "name": format!("runner {}", self.runner.rsplit('/').next().unwrap_or_default()),
        })
    }

    fn metadata(&self) -> Value {
        json!({
            "invocationId": self.job_id.to_string(),
            "startedOn": self.started_on.to_string(),
            "finishedOn": self.finished_on.to_string(),
        })
    }
}

const JOB_NAME: &str = "build";
