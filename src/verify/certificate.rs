//! The identity a Fulcio certificate names (formats.md §3.1).

/// The one subject alternative name of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum San {
    /// A URI, as CI systems have.
    Uri(String),
    /// An email address.
    Email(String),
}

/// Who a verified certificate says signed. Absent extensions are `None`; a rule on one of them fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Extension .8 (or .1 where .8 is absent; refused when both differ).
    pub oidc_issuer: String,
    /// The subject alternative name.
    pub san: San,
    /// Extension .9.
    pub build_signer_uri: Option<String>,
    /// Extension .11.
    pub runner_environment: Option<String>,
    /// Extension .12.
    pub source_repository_uri: Option<String>,
    /// Extension .13: the commit.
    pub source_repository_digest: Option<String>,
    /// Extension .14: the full ref.
    pub source_repository_ref: Option<String>,
    /// Extension .15.
    pub source_repository_identifier: Option<String>,
    /// Extension .18.
    pub build_config_uri: Option<String>,
    /// Extension .20: the pipeline source.
    pub build_trigger: Option<String>,
    /// Extension .21: the job.
    pub run_invocation_uri: Option<String>,
    /// Extension .23.
    pub deployment_environment: Option<String>,
    /// Extension .24.
    pub token_subject: Option<String>,
}

impl San {
    /// The text, whatever its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Uri(text) | Self::Email(text) => text,
        }
    }
}
