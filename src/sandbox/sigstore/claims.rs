//! Who a certificate is issued to: the subject alternative name and Fulcio's extensions.

use crate::sandbox::build::COMMIT;

/// The identity a certificate will name, with every extension Fulcio would write for it.
///
/// The constructors fill all fields consistently; each setter then changes one thing, whether or not it
/// still fits the others.
#[derive(Clone, Debug)]
pub struct Claims {
    pub(super) sans: Vec<Name>,
    pub(super) extensions: Vec<(u64, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(super) enum Name {
    Uri(String),
    Email(String),
}

impl Claims {
    /// A job of a GitLab.com project, as in `gitlab("acme/shop/api", "refs/tags/v1.0.0")`.
    pub fn gitlab(project: &str, git_ref: &str) -> Self {
        Self::gitlab_at("https://gitlab.com", project, git_ref)
    }

    /// A job of a project of another GitLab instance, whose own Fulcio writes the instance's URL everywhere.
    pub fn gitlab_at(instance: &str, project: &str, git_ref: &str) -> Self {
        // The SAN is `https://` and a claim that begins with the host.
        let host = instance.rsplit("://").next().unwrap_or(instance);
        let config = format!("https://{host}/{project}//.gitlab-ci.yml@{git_ref}");
        let (ref_type, short) = match git_ref.strip_prefix("refs/tags/") {
            Some(tag) => ("tag", tag),
            None => (
                "branch",
                git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref),
            ),
        };
        let token_subject = format!("project_path:{project}:ref_type:{ref_type}:ref:{short}");
        Self::uri(&config, instance)
            .config_uri(&config)
            .extension(10, COMMIT)
            .extension(11, "gitlab-hosted")
            .commit(COMMIT)
            .git_ref(git_ref)
            .project_id("45821955")
            .extension(17, "36018")
            .extension(19, COMMIT)
            .trigger("push")
            .extension(22, "private")
            .token_subject(&token_subject)
            .project_at(instance, project)
    }

    /// A GitHub Actions run, as in `github("acme/shop", ".github/workflows/release.yml", "refs/tags/v1")`.
    pub fn github(repository: &str, workflow: &str, git_ref: &str) -> Self {
        let signer = format!("https://github.com/{repository}/{workflow}@{git_ref}");
        let owner = repository.split('/').next().unwrap_or(repository);
        Self::uri(&signer, "https://token.actions.githubusercontent.com")
            .raw_extension(2, b"push")
            .raw_extension(3, COMMIT.as_bytes())
            .raw_extension(4, b"release")
            .raw_extension(5, repository.as_bytes())
            .raw_extension(6, git_ref.as_bytes())
            .config_uri(&signer)
            .extension(10, COMMIT)
            .extension(11, "github-hosted")
            .extension(12, &format!("https://github.com/{repository}"))
            .commit(COMMIT)
            .git_ref(git_ref)
            .project_id("7054321")
            .extension(16, &format!("https://github.com/{owner}"))
            .extension(17, "81234")
            .extension(19, COMMIT)
            .trigger("push")
            .extension(
                21,
                &format!("https://github.com/{repository}/actions/runs/1/attempts/1"),
            )
            .extension(22, "private")
            .token_subject(&format!("repo:{repository}:ref:{git_ref}"))
    }

    /// A person who logged in with an identity provider.
    pub fn email(address: &str, oidc_issuer: &str) -> Self {
        Self {
            sans: vec![Name::Email(address.to_owned())],
            extensions: Vec::new(),
        }
        .oidc_issuer(oidc_issuer)
    }

    /// Any URI of any issuer, with no further extension.
    pub fn uri(san: &str, oidc_issuer: &str) -> Self {
        Self {
            sans: vec![Name::Uri(san.to_owned())],
            extensions: Vec::new(),
        }
        .oidc_issuer(oidc_issuer)
    }

    /// Replaces the OIDC issuer (extensions .1 and .8).
    #[must_use]
    pub fn oidc_issuer(self, oidc_issuer: &str) -> Self {
        self.without_extension(1)
            .raw_extension(1, oidc_issuer.as_bytes())
            .extension(8, oidc_issuer)
    }

    /// Replaces the subject alternative name by this URI; the extensions stay.
    #[must_use]
    pub fn san(mut self, uri: &str) -> Self {
        self.sans = vec![Name::Uri(uri.to_owned())];
        self
    }

    /// Adds a second subject alternative name, which Fulcio never does.
    #[must_use]
    pub fn also_named(mut self, uri: &str) -> Self {
        self.sans.push(Name::Uri(uri.to_owned()));
        self
    }

    /// Replaces the GitLab project in the extensions .12, .16 and .21, and not in the SAN: what a merge
    /// request pipeline from a fork gets.
    #[must_use]
    pub fn project(self, project: &str) -> Self {
        self.project_at("https://gitlab.com", project)
    }

    fn project_at(self, instance: &str, project: &str) -> Self {
        let owner = project.rsplit_once('/').map_or(project, |(owner, _)| owner);
        self.extension(12, &format!("{instance}/{project}"))
            .extension(16, &format!("{instance}/{owner}"))
            .extension(21, &format!("{instance}/{project}/-/jobs/4316132595"))
    }

    /// Replaces the project's number (.15).
    #[must_use]
    pub fn project_id(self, id: &str) -> Self {
        self.extension(15, id)
    }

    /// Replaces the full ref (.14).
    #[must_use]
    pub fn git_ref(self, git_ref: &str) -> Self {
        self.extension(14, git_ref)
    }

    /// Replaces the commit (.13).
    #[must_use]
    pub fn commit(self, commit: &str) -> Self {
        self.extension(13, commit)
    }

    /// Replaces the pipeline source or event (.20).
    #[must_use]
    pub fn trigger(self, trigger: &str) -> Self {
        self.extension(20, trigger)
    }

    /// Replaces the build configuration (.9 and .18).
    #[must_use]
    pub fn config_uri(self, uri: &str) -> Self {
        self.extension(9, uri).extension(18, uri)
    }

    /// Replaces the kind of runner (.11).
    #[must_use]
    pub fn runner_environment(self, environment: &str) -> Self {
        self.extension(11, environment)
    }

    /// Replaces the deployment environment (.23).
    #[must_use]
    pub fn environment(self, environment: &str) -> Self {
        self.extension(23, environment)
    }

    /// Replaces the token's own subject claim (.24).
    #[must_use]
    pub fn token_subject(self, token_subject: &str) -> Self {
        self.extension(24, token_subject)
    }

    /// Replaces extension `.number` by this text, encoded as Fulcio does from .8 on.
    #[must_use]
    pub fn extension(self, number: u64, text: &str) -> Self {
        let encoded = utf8_string(text);
        self.without_extension(number)
            .raw_extension(number, &encoded)
    }

    /// Adds extension `.number` with exactly these bytes, even if there is one already.
    #[must_use]
    pub fn raw_extension(mut self, number: u64, bytes: &[u8]) -> Self {
        self.extensions.push((number, bytes.to_vec()));
        self
    }

    /// Leaves extension `.number` out.
    #[must_use]
    pub fn without_extension(mut self, number: u64) -> Self {
        self.extensions.retain(|(present, _)| *present != number);
        self
    }
}

/// A DER `UTF8String`.
fn utf8_string(text: &str) -> Vec<u8> {
    let mut encoded = vec![0x0c];
    encoded.extend(der_length(text.len()));
    encoded.extend(text.as_bytes());
    encoded
}

/// The length octets of DER: one octet up to 127, else their number and the octets.
pub(super) fn der_length(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![short],
        _ => {
            let octets: Vec<u8> = length
                .to_be_bytes()
                .into_iter()
                .skip_while(|&octet| octet == 0)
                .collect();
            let mut encoded = vec![0x80 | u8::try_from(octets.len()).unwrap_or(u8::MAX)];
            encoded.extend(octets);
            encoded
        }
    }
}
