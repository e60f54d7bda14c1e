//! What BuildKit puts into an index, unsigned.

use serde_json::{Value, json};

use super::{BaseImage, Build, Predicate};

impl Build {
    /// In the form that is its default now.
    pub fn stated_by_buildkit(&self) -> Predicate {
        let mut dependencies = self.base_image_dependencies();
        dependencies.push(json!({"uri": self.git_context(), "digest": {"sha1": self.commit}}));
        Predicate::slsa_v1(json!({
            "buildDefinition": {
                "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
                "externalParameters": {
                    "configSource": {
                        "uri": self.git_context(),
                        "digest": {"sha1": self.commit},
                        "path": "Dockerfile",
                    },
                    "request": {"frontend": "dockerfile.v0"},
                },
                "internalParameters": {"builderPlatform": "linux/amd64"},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": ""},
                "metadata": {
                    "invocationId": "s6oeh8vn2w0gzxvw5dfc7u4nv",
                    "startedOn": self.started_on.to_string(),
                    "finishedOn": self.finished_on.to_string(),
                    "buildkit_metadata": {
                        "vcs": {"source": self.project_url(), "revision": self.commit},
                    },
                },
            },
        }))
    }

    /// In the form that was its default before.
    pub fn stated_by_buildkit_v02(&self) -> Predicate {
        let mut materials = self.base_image_dependencies();
        materials.push(json!({"uri": self.git_context(), "digest": {"sha1": self.commit}}));
        Predicate::slsa_v02(json!({
            "builder": {"id": ""},
            "buildType": "https://mobyproject.org/buildkit@v1",
            "materials": materials,
            "invocation": {
                "configSource": {
                    "uri": self.git_context(),
                    "digest": {"sha1": self.commit},
                    "entryPoint": "Dockerfile",
                },
                "parameters": {"frontend": "dockerfile.v0"},
                "environment": {"platform": "linux/amd64"},
            },
            "metadata": {
                "buildInvocationID": "s6oeh8vn2w0gzxvw5dfc7u4nv",
                "buildStartedOn": self.started_on.to_string(),
                "buildFinishedOn": self.finished_on.to_string(),
                "completeness": {"parameters": true, "environment": true, "materials": false},
                "reproducible": false,
                "https://mobyproject.org/buildkit@v1#metadata": {
                    "vcs": {"source": self.project_url(), "revision": self.commit},
                },
            },
        }))
    }

    pub(super) fn base_image_dependencies(&self) -> Vec<Value> {
        self.base_images.iter().map(BaseImage::dependency).collect()
    }

    /// A Git context, as in `https://gitlab.com/acme/shop/api.git#refs/tags/v1.8.2`.
    fn git_context(&self) -> String {
        format!("{}.git#{}", self.project_url(), self.git_ref)
    }
}

impl BaseImage {
    /// With its package URL, which has the host in the namespace and the tag for a version.
    fn dependency(&self) -> Value {
        let (name, tag) = match self.name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (self.name.as_str(), "latest"),
        };
        let uri = format!("pkg:docker/{name}@{tag}?platform=linux%2Famd64");
        match &self.digest {
            Some(digest) => json!({"uri": uri, "digest": {"sha256": digest.hex()}}),
            None => json!({"uri": uri}),
        }
    }
}
