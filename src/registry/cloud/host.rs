//! Which registries belong to a cloud, by their names.

use crate::image::RegistryHost;

/// A registry of a cloud.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::registry) enum CloudHost {
    /// Amazon's, of every account in one region: they take the same logins.
    Ecr(EcrRegion),
    /// Google's Artifact Registry.
    Gar,
    /// Google's older Container Registry.
    Gcr,
    /// One of Microsoft's.
    Acr(AcrRegistry),
}

/// Where Amazon's registries are.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::registry) struct EcrRegion {
    /// As in `eu-west-1`.
    pub(super) region: String,
    pub(super) naming: EcrNaming,
    pub(super) endpoint: EcrEndpoint,
}

/// How Amazon calls its hosts there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum EcrNaming {
    /// `….dkr.ecr.REGION.amazonaws.com`
    Aws,
    /// `….dkr.ecr.REGION.amazonaws.com.cn`
    AwsChina,
    /// `….dkr-ecr.REGION.on.aws`, with IPv6.
    OnAws,
    /// `….dkr-ecr.REGION.on.amazonwebservices.com.cn`, with IPv6.
    OnAwsChina,
}

/// Whether the hosts with validated cryptography are meant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum EcrEndpoint {
    Usual,
    Fips,
}

/// One of Microsoft's registries.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::registry) struct AcrRegistry {
    /// Its whole host.
    pub(super) host: String,
    pub(super) cloud: AzureCloud,
}

/// Which of Microsoft's clouds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum AzureCloud {
    Public,
    China,
    UsGovernment,
}

impl CloudHost {
    /// The cloud's registry of this name; a port makes it another host.
    ///
    /// Whole labels are compared, so that nobody else's host is taken for the cloud's.
    pub(in crate::registry) fn of(host: &RegistryHost) -> Option<Self> {
        let labels: Vec<&str> = host.registry().split('.').collect();
        let is_label = |label: &&str| {
            let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !label.is_empty() && label.len() <= 63 && label.chars().all(is_inner)
        };
        if !labels.iter().all(is_label) {
            return None;
        }
        match labels.as_slice() {
            ["gcr", "io"] | [_, "gcr", "io"] => Some(Self::Gcr),
            [_, "pkg", "dev"] => Some(Self::Gar),
            [_, "azurecr", cloud] => {
                let cloud = match *cloud {
                    "io" => AzureCloud::Public,
                    "cn" => AzureCloud::China,
                    "us" => AzureCloud::UsGovernment,
                    _ => return None,
                };
                let host = host.registry().to_owned();
                Some(Self::Acr(AcrRegistry { host, cloud }))
            }
            labels => EcrRegion::of(labels).map(Self::Ecr),
        }
    }

    /// As messages name the identity.
    pub(in crate::registry) fn origin(&self) -> String {
        format!("the workload identity for {}", self.name())
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ecr(_) => "ECR",
            Self::Gar => "GAR",
            Self::Gcr => "GCR",
            Self::Acr(_) => "ACR",
        }
    }
}

impl EcrRegion {
    fn of(labels: &[&str]) -> Option<Self> {
        let ([account, middle @ ..], naming) = (match labels {
            [front @ .., "amazonaws", "com"] => (front, EcrNaming::Aws),
            [front @ .., "amazonaws", "com", "cn"] => (front, EcrNaming::AwsChina),
            [front @ .., "on", "aws"] => (front, EcrNaming::OnAws),
            [front @ .., "on", "amazonwebservices", "com", "cn"] => (front, EcrNaming::OnAwsChina),
            _ => return None,
        }) else {
            return None;
        };
        let has_own_label = matches!(naming, EcrNaming::Aws | EcrNaming::AwsChina);
        let (endpoint, region) = match (middle, has_own_label) {
            (["dkr", "ecr", region], true) | (["dkr-ecr", region], false) => {
                (EcrEndpoint::Usual, region)
            }
            (["dkr", "ecr-fips", region], true) | (["dkr-ecr-fips", region], false) => {
                (EcrEndpoint::Fips, region)
            }
            _ => return None,
        };
        let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
        (is_account && is_region(region)).then(|| Self {
            region: (*region).to_owned(),
            naming,
            endpoint,
        })
    }

    /// The host of the API that hands out logins.
    pub(super) fn api_host(&self) -> String {
        let region = &self.region;
        match (self.endpoint, self.naming) {
            (EcrEndpoint::Usual, EcrNaming::Aws) => format!("api.ecr.{region}.amazonaws.com"),
            (EcrEndpoint::Usual, EcrNaming::AwsChina) => {
                format!("api.ecr.{region}.amazonaws.com.cn")
            }
            (EcrEndpoint::Usual, EcrNaming::OnAws) => format!("ecr.{region}.api.aws"),
            (EcrEndpoint::Usual, EcrNaming::OnAwsChina) => {
                format!("ecr.{region}.api.amazonwebservices.com.cn")
            }
            (EcrEndpoint::Fips, EcrNaming::Aws) => format!("ecr-fips.{region}.amazonaws.com"),
            (EcrEndpoint::Fips, EcrNaming::AwsChina) => {
                format!("ecr-fips.{region}.amazonaws.com.cn")
            }
            (EcrEndpoint::Fips, EcrNaming::OnAws) => format!("ecr-fips.{region}.api.aws"),
            (EcrEndpoint::Fips, EcrNaming::OnAwsChina) => {
                format!("ecr-fips.{region}.api.amazonwebservices.com.cn")
            }
        }
    }

    /// The domain of the cloud's other services.
    pub(super) fn domain(&self) -> &'static str {
        match self.naming {
            EcrNaming::Aws | EcrNaming::OnAws => "amazonaws.com",
            EcrNaming::AwsChina | EcrNaming::OnAwsChina => "amazonaws.com.cn",
        }
    }
}

/// Whether it is written as regions are, as in `us-gov-west-1`: the token service's host is made of it, and what stands
/// in its place may be another service, as in `sts.s3.amazonaws.com`, which is somebody's bucket.
fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let is_word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    is_number && parts.len() >= 2 && parts.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> Option<CloudHost> {
        CloudHost::of(&host.parse().expect("a host"))
    }

    fn api(host: &str) -> Option<(String, String)> {
        match of(host)? {
            CloudHost::Ecr(region) => Some((region.region.clone(), region.api_host())),
            CloudHost::Gar | CloudHost::Gcr | CloudHost::Acr(_) => None,
        }
    }

    #[test]
    fn amazons_registries_name_the_api_that_knows_their_logins() {
        for (host, region, api_host) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "eu-west-1",
                "api.ecr.eu-west-1.amazonaws.com",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "api.ecr.cn-north-1.amazonaws.com.cn",
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "ecr-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                "123456789012.dkr-ecr.eu-west-1.on.aws",
                "eu-west-1",
                "ecr.eu-west-1.api.aws",
            ),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
                "eu-west-1",
                "api.ecr.eu-west-1.amazonaws.com",
            ),
        ] {
            let expected = Some((region.to_owned(), api_host.to_owned()));
            assert_eq!(api(host), expected, "{host}");
        }
    }

    #[test]
    fn googles_and_microsofts_registries_are_known() {
        assert_eq!(of("gcr.io"), Some(CloudHost::Gcr));
        assert_eq!(of("eu.gcr.io"), Some(CloudHost::Gcr));
        assert_eq!(of("europe-west3-docker.pkg.dev"), Some(CloudHost::Gar));
        for (host, cloud) in [
            ("acme.azurecr.io", AzureCloud::Public),
            ("acme.azurecr.cn", AzureCloud::China),
            ("acme.azurecr.us", AzureCloud::UsGovernment),
        ] {
            let host = host.to_owned();
            let expected = CloudHost::Acr(AcrRegistry {
                host: host.clone(),
                cloud,
            });
            assert_eq!(of(&host), Some(expected));
        }
    }

    #[test]
    fn a_host_that_only_looks_like_the_clouds_is_not() {
        for host in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:8443",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "1234567890123.dkr.ecr.eu-west-1.amazonaws.com",
            "12345678901x.dkr.ecr.eu-west-1.amazonaws.com",
            "x.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu.west.amazonaws.com",
            "123456789012.dkr.ecr.amazonaws.com",
            "123456789012.dkr.ecr.s3.amazonaws.com",
            "123456789012.dkr.ecr.s3-eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west.amazonaws.com",
            "123456789012.dkr.ecr.eu--1.amazonaws.com",
            "123456789012.dkr.ecr.west-1.amazonaws.com",
            "123456789012xdkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.notamazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.on.aws",
            "public.ecr.aws",
            "gcr.io.evil.example",
            "xgcr.io",
            "a.b.gcr.io",
            "pkg.dev",
            "docker.pkg.dev.evil.example",
            "azurecr.io",
            "acme.azurecr.com",
            "acme.azurecr.io.evil.example",
            "acme.eastus.data.azurecr.io",
            "acmeazurecr.io",
            "registry.gitlab.com",
            "localhost",
        ] {
            assert_eq!(of(host), None, "{host}");
        }
    }
}
