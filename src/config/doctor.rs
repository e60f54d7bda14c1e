//! The flags of `assay doctor`.

use std::net::SocketAddr;

use clap::Args;

/// `assay doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// The namespace Assay runs in
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = "assay-system",
        env = "POD_NAMESPACE"
    )]
    pub namespace: String,
    /// The name of both of its webhook configurations
    #[arg(long, value_name = "NAME", default_value = "assay")]
    pub webhook_configuration: String,
    /// The Lease by which its replicas agree who leads
    #[arg(long, value_name = "NAME", default_value = "assay")]
    pub lease: String,
    /// Where the webhook's Service is reached from here, as in 127.0.0.1:8443 with `kubectl port-forward`
    /// [default: the Service's own name, which only Pods can look up]
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<SocketAddr>,
}
