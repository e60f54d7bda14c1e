//! The flags of `assay verify`.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, ValueEnum};

use super::{DefaultActionArg, RegistryArgs, parse_duration};
use crate::policy::ClusterModes;

/// `assay verify`.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("what").required(true).args(["images", "files"]),
    group = ArgGroup::new("rules")
        .required(true)
        .args(["policies", "key", "gitlab_project", "certificate_identity"]),
)]
pub struct VerifyArgs {
    /// The images to judge; `oci:DIR[:TAG]` is one in an OCI layout folder, judged without any network
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// What policies should take the image of `oci:DIR` for, as in `registry.example/app:1.8.2`
    #[arg(long = "as", value_name = "REFERENCE", conflicts_with = "files")]
    pub known_as: Option<String>,
    /// Judge the images of the Kubernetes objects in this YAML file (`-` is stdin); may be given several times
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Judge by the policies and trust roots in the YAML files here
    #[arg(
        long,
        value_name = "DIR",
        env = "ASSAY_POLICIES",
        help_heading = "Rules"
    )]
    pub policies: Option<PathBuf>,
    /// Judge by this public key (PEM); a transparency log is not asked for
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub key: Option<PathBuf>,
    /// Judge by the GitLab project whose CI jobs sign, as in `acme/shop/api` (a pattern)
    #[arg(long, value_name = "PROJECT", help_heading = "Rules")]
    pub gitlab_project: Option<String>,
    /// The GitLab instance of --gitlab-project [default: `https://gitlab.com`]
    #[arg(
        long,
        value_name = "URL",
        requires = "gitlab_project",
        conflicts_with_all = ["policies", "key", "certificate_identity"],
        help_heading = "Rules"
    )]
    pub gitlab_instance: Option<String>,
    /// The ref that signs, as in `refs/tags/v*` (a pattern) [default: any]
    #[arg(
        long,
        value_name = "REF",
        requires = "gitlab_project",
        conflicts_with_all = ["policies", "key", "certificate_identity"],
        help_heading = "Rules"
    )]
    pub gitlab_ref: Option<String>,
    /// Judge by the subject alternative name of the signing certificate (a pattern over the whole name)
    #[arg(
        long,
        value_name = "SAN",
        requires = "certificate_oidc_issuer",
        help_heading = "Rules"
    )]
    pub certificate_identity: Option<String>,
    /// The OIDC issuer of --certificate-identity
    #[arg(
        long,
        value_name = "URL",
        requires = "certificate_identity",
        conflicts_with_all = ["policies", "key", "gitlab_project"],
        help_heading = "Rules"
    )]
    pub certificate_oidc_issuer: Option<String>,
    /// Ask for an attestation of this type by the signer, instead of a signature, as in
    /// `https://slsa.dev/provenance/v1`; may be given several times, and then each must be there
    #[arg(
        long = "attestation",
        value_name = "PREDICATE_TYPE",
        conflicts_with = "policies",
        help_heading = "Rules"
    )]
    pub attestations: Vec<String>,
    /// Trust root (`trusted_root.json`) for certificates [default: the public Sigstore root]
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "policies",
        help_heading = "Rules"
    )]
    pub trust_root: Option<PathBuf>,
    /// Keep copies of trust roots that were fetched here, to start from when their mirror does not answer
    #[arg(long, value_name = "DIR", env = "ASSAY_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,

    /// The namespace that images are judged for, where an object names none
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = "default",
        env = "ASSAY_NAMESPACE"
    )]
    pub namespace: String,
    /// The labels of that namespace, as in `env=production,team=shop`
    #[arg(
        long,
        value_name = "LABELS",
        value_delimiter = ',',
        value_parser = parse_label
    )]
    pub namespace_labels: Vec<(String, String)>,
    /// What an image gets that no policy matches
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        default_value_t,
        value_name = "ACTION",
        env = "ASSAY_DEFAULT_ACTION"
    )]
    pub default_action: DefaultActionArg,
    /// Let --namespace-labels make things laxer than --default-action and the policies say, as the flag of the same
    /// name does in the cluster
    #[arg(long, env = "ASSAY_NAMESPACES_MAY_LOWER")]
    pub namespaces_may_lower: bool,
    /// How registries are reached.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// How long one image or object may take; what is not known by then counts as undetermined
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
}

/// The form of what a command prints.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum OutputFormat {
    /// For people and shell scripts.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// The same document as YAML.
    Yaml,
}

/// What images are judged by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// The YAML files of a directory.
    Directory(PathBuf),
    /// One authority, over every image.
    Flags {
        /// Who must have signed.
        authority: Authority,
        /// Where the trust root is, when it is not the public one.
        trust_root: Option<PathBuf>,
        /// The attestations that must be there instead of a signature, by type.
        attestations: Vec<String>,
    },
}

/// Who must have signed, as flags say it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Authority {
    /// The holder of this key.
    Key(PathBuf),
    /// Jobs of a GitLab project.
    GitLab {
        /// A pattern over the project path.
        project: String,
        /// The instance's URL.
        instance: Option<String>,
        /// A pattern over the full ref.
        ref_pattern: Option<String>,
    },
    /// Whoever holds a certificate with this name.
    Certificate {
        /// A pattern over the subject alternative name.
        san: String,
        /// The OIDC issuer.
        oidc_issuer: String,
    },
}

impl VerifyArgs {
    /// What failures mean.
    pub fn modes(&self) -> ClusterModes {
        super::modes(self.default_action, self.namespaces_may_lower)
    }

    /// What images are judged by; none when no flag says (which the parser refuses).
    pub fn source(&self) -> Option<Source> {
        if let Some(directory) = &self.policies {
            return Some(Source::Directory(directory.clone()));
        }
        Some(Source::Flags {
            authority: self.authority()?,
            trust_root: self.trust_root.clone(),
            attestations: self.attestations.clone(),
        })
    }

    fn authority(&self) -> Option<Authority> {
        if let Some(file) = &self.key {
            return Some(Authority::Key(file.clone()));
        }
        if let Some(project) = &self.gitlab_project {
            return Some(Authority::GitLab {
                project: project.clone(),
                instance: self.gitlab_instance.clone(),
                ref_pattern: self.gitlab_ref.clone(),
            });
        }
        Some(Authority::Certificate {
            san: self.certificate_identity.clone()?,
            oidc_issuer: self.certificate_oidc_issuer.clone()?,
        })
    }
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected key=value".to_owned()),
    }
}
