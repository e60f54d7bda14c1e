//! The flags about the certificate that Assay makes for itself.

use std::time::Duration;

use clap::Args;

use super::parse_duration;
use crate::limits;

/// How Assay makes and keeps its own certificate, in a cluster and without `--tls-cert`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Assay's own certificate (in a cluster, without --tls-cert)")]
pub struct CertificateArgs {
    /// The Service in Assay's own namespace that leads to it, which the certificate names
    #[arg(
        long,
        value_name = "NAME",
        default_value = "assay",
        env = "ASSAY_SERVICE"
    )]
    pub service: String,
    /// A further DNS name or IP address that the certificate names; may be given several times
    #[arg(
        long = "certificate-name",
        value_name = "NAME",
        value_delimiter = ',',
        env = "ASSAY_CERTIFICATE_NAME"
    )]
    pub certificate_names: Vec<String>,
    /// The webhook configurations, mutating and validating, whose caBundle is kept right
    #[arg(
        long,
        value_name = "NAME",
        default_value = "assay",
        env = "ASSAY_WEBHOOK_CONFIGURATION"
    )]
    pub webhook_configuration: String,
    /// The Secret in Assay's own namespace that keeps the certificate and its authority
    #[arg(
        long,
        value_name = "NAME",
        default_value = "assay-webhook-certificate",
        env = "ASSAY_CERTIFICATE_SECRET"
    )]
    pub certificate_secret: String,
    /// How long a serving certificate lives; it is renewed when a third is left [default: 90 days]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        env = "ASSAY_CERTIFICATE_LIFETIME"
    )]
    pub certificate_lifetime: Option<Duration>,
    /// How long a certificate authority lives; it is renewed when a third is left [default: 365 days]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = parse_duration,
        env = "ASSAY_CA_LIFETIME"
    )]
    pub ca_lifetime: Option<Duration>,
}

impl CertificateArgs {
    /// How long a serving certificate lives.
    pub fn certificate_lifetime(&self) -> Duration {
        self.certificate_lifetime
            .unwrap_or(limits::CERTIFICATE_LIFETIME)
    }

    /// How long a certificate authority lives.
    pub fn ca_lifetime(&self) -> Duration {
        self.ca_lifetime.unwrap_or(limits::AUTHORITY_LIFETIME)
    }
}
