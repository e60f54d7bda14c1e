//! What the environment says of the cloud that Assay runs in.

use std::{path::PathBuf, sync::Arc};

use crate::{
    clock::{Clock, SystemClock},
    registry::Secret,
};

/// By which identities registries of clouds may be read; by default, none.
///
/// The variables are those of the clouds' own libraries, as their webhooks set them on Pods.
#[derive(Clone, Debug)]
pub struct CloudSettings {
    pub(super) aws: Option<AwsSettings>,
    pub(super) google: Option<GoogleSettings>,
    pub(super) azure: Option<AzureSettings>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Amazon's.
#[derive(Clone, Debug)]
pub(super) struct AwsSettings {
    pub(super) source: AwsSource,
    /// Where the token service is asked; without one, where the registry is.
    pub(super) region: Option<String>,
    pub(super) sts_endpoint: Option<String>,
    pub(super) ecr_endpoint: Option<String>,
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub(super) enum AwsSource {
    /// They are in the environment.
    Keys {
        access_key_id: String,
        secret_access_key: Secret,
        session_token: Option<Secret>,
    },
    /// IRSA: for the service account's token.
    WebIdentity {
        role_arn: String,
        token_file: PathBuf,
        session_name: String,
    },
    /// EKS Pod Identity: from its agent on the node.
    Container {
        uri: String,
        token_file: Option<PathBuf>,
        token: Option<Secret>,
    },
}

/// Google's.
#[derive(Clone, Debug)]
pub(super) struct GoogleSettings {
    /// The metadata server, where the environment names it.
    pub(super) metadata_host: Option<String>,
}

/// Microsoft's.
#[derive(Clone, Debug)]
pub(super) struct AzureSettings {
    pub(super) client_id: String,
    pub(super) tenant_id: String,
    pub(super) token_file: PathBuf,
    pub(super) authority: Option<String>,
}

impl Default for CloudSettings {
    fn default() -> Self {
        Self {
            aws: None,
            google: None,
            azure: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl CloudSettings {
    /// Reads the variables, each by its name; an empty one counts as not there.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        Self {
            aws: AwsSettings::read(&variable),
            google: GoogleSettings::read(&variable),
            azure: AzureSettings::read(&variable),
            ..Self::default()
        }
    }

    /// The same, by this clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }
}

impl AwsSettings {
    fn read(variable: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            source: AwsSource::read(variable)?,
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            sts_endpoint: variable(STS_ENDPOINT),
            ecr_endpoint: variable(ECR_ENDPOINT),
        })
    }
}

impl AwsSource {
    /// In the order of Amazon's own libraries.
    fn read(variable: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        let secret = |name: &str| variable(name).map(Secret::new);
        if let (Some(access_key_id), Some(secret_access_key)) = (
            variable("AWS_ACCESS_KEY_ID"),
            secret("AWS_SECRET_ACCESS_KEY"),
        ) {
            return Some(Self::Keys {
                access_key_id,
                secret_access_key,
                session_token: secret("AWS_SESSION_TOKEN"),
            });
        }
        if let (Some(role_arn), Some(token_file)) =
            (variable("AWS_ROLE_ARN"), variable(WEB_IDENTITY_TOKEN_FILE))
        {
            return Some(Self::WebIdentity {
                role_arn,
                token_file: token_file.into(),
                session_name: variable("AWS_ROLE_SESSION_NAME")
                    .unwrap_or_else(|| "assay".to_owned()),
            });
        }
        let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            .map(|path| format!("http://169.254.170.2{path}"));
        Some(Self::Container {
            uri: relative.or_else(|| variable(CONTAINER_URI))?,
            token_file: variable(CONTAINER_TOKEN_FILE).map(PathBuf::from),
            token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        })
    }
}

impl GoogleSettings {
    fn read(variable: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_off =
            variable("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        (!is_off).then(|| Self {
            metadata_host: variable("GCE_METADATA_HOST"),
        })
    }
}

impl AzureSettings {
    fn read(variable: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            client_id: variable("AZURE_CLIENT_ID")?,
            tenant_id: variable("AZURE_TENANT_ID")?,
            token_file: variable(FEDERATED_TOKEN_FILE)?.into(),
            authority: variable(AZURE_AUTHORITY),
        })
    }
}

pub(super) const STS_ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";
pub(super) const ECR_ENDPOINT: &str = "AWS_ENDPOINT_URL_ECR";
pub(super) const WEB_IDENTITY_TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub(super) const CONTAINER_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
pub(super) const CONTAINER_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
pub(super) const METADATA_HOST: &str = "GCE_METADATA_HOST";
pub(super) const FEDERATED_TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
pub(super) const AZURE_AUTHORITY: &str = "AZURE_AUTHORITY_HOST";

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the source that these variables give.
    fn source(variables: &[(&str, &str)]) -> Option<&'static str> {
        let settings = CloudSettings::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        });
        settings.aws.map(|aws| match aws.source {
            AwsSource::Keys { .. } => "keys",
            AwsSource::WebIdentity { .. } => "web identity",
            AwsSource::Container { .. } => "container",
        })
    }

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    const WEB: [(&str, &str); 2] = [("AWS_ROLE_ARN", "a"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "b")];
    const CONTAINER: [(&str, &str); 1] = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "a")];

    #[test]
    fn keys_come_before_a_role_and_a_role_before_the_agent() {
        let all = [&KEYS[..], &WEB, &CONTAINER];
        assert_eq!(source(&all.concat()), Some("keys"));
        assert_eq!(source(&all[1..].concat()), Some("web identity"));
        assert_eq!(source(&CONTAINER), Some("container"));
        assert_eq!(source(&[KEYS[0], WEB[1]]), None);
        assert_eq!(source(&[("AWS_ACCESS_KEY_ID", " "), KEYS[1]]), None);
    }

    #[test]
    fn without_variables_there_is_only_googles_server_to_ask_which_can_be_turned_off() {
        let none = CloudSettings::from_variables(|_| None);
        assert!(none.aws.is_none() && none.azure.is_none() && none.google.is_some());
        let off = CloudSettings::from_variables(|name| {
            (name == "NO_GCE_CHECK").then(|| "true".to_owned())
        });
        assert!(off.google.is_none());
    }

    #[test]
    fn a_secret_of_the_environment_never_shows() {
        let settings = CloudSettings::from_variables(|name| Some(format!("value of {name}")));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("value of AWS_SECRET_ACCESS_KEY"), "{shown}");
        assert!(!shown.contains("value of AWS_SESSION_TOKEN"), "{shown}");
    }
}
