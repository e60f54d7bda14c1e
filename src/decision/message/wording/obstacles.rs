//! The words of what kept an image from being judged.

use std::time::Duration;

use super::{SHORT_BYTES, cut, cut_short, listed_short, quoted_short};
use crate::{
    decision::cause::{Asked, Obstacle},
    policy::{PolicyId, TrustRootName},
};

/// Why the image could not be judged.
pub(super) fn fact(obstacle: &Obstacle, policy: &str) -> String {
    match obstacle {
        Obstacle::TrustRootUnavailable { name, reason } => {
            format!(
                "{} is not available ({})",
                trust_root_text(name),
                cut(reason)
            )
        }
        Obstacle::TrustRootExpired { name, since } => {
            format!(
                "{} has been out of date since {since}",
                trust_root_text(name)
            )
        }
        Obstacle::PolicyBroken { reason } => {
            format!("policy {policy} does not compile ({})", cut(reason))
        }
        Obstacle::RegistryUnauthorized {
            asked,
            status,
            tried,
            forbidden,
        } => unauthorized(asked, *status, tried, forbidden),
        Obstacle::PullSecretUnreadable { detail } => {
            format!("the pull secrets could not be read ({})", cut(detail))
        }
        Obstacle::RegistryRateLimited { asked, wait } => {
            let asks = wait.map_or_else(String::new, |wait| {
                format!(" and asks to wait {}", about(wait))
            });
            let registry = registry_text(asked);
            format!("{registry} limits the rate of requests (429){asks}")
        }
        Obstacle::RegistryUnavailable { asked, detail }
        | Obstacle::RegistryUnusable { asked, detail } => {
            format!("{} {}", registry_text(asked), cut(detail))
        }
        Obstacle::RegistryAddressRefused { host, reason } => {
            format!("Assay sends no request to {}, {}", cut(host), cut(reason))
        }
        Obstacle::RegistryTlsFailed { asked, detail } => {
            format!(
                "the TLS connection to {} failed ({})",
                registry_text(asked),
                cut(detail)
            )
        }
        Obstacle::RegistryTimeout { asked } => {
            format!("{} did not answer in time", registry_text(asked))
        }
        Obstacle::DeadlineExceeded => "the time for this request ran out".to_owned(),
        Obstacle::LimitExceeded { detail } => cut(detail),
    }
}

fn unauthorized(asked: &Asked, status: u16, tried: &[String], forbidden: &[String]) -> String {
    let tried = match tried {
        [] => "anonymous access".to_owned(),
        credentials => listed_short(credentials, TRIED_BYTES, "and"),
    };
    let refused = format!("{} refused {tried} ({status})", registry_text(asked));
    match forbidden {
        [] => refused,
        some => {
            let some = listed_short(some, SHORT_BYTES, "nor");
            format!("{refused}, and Assay may not read {some}")
        }
    }
}

/// What to do next.
pub(super) fn hint(obstacle: &Obstacle, policy: Option<&PolicyId>) -> String {
    match obstacle {
        Obstacle::TrustRootUnavailable { name, .. } => match name {
            TrustRootName::Public => "ask the platform team, this is Assay's own part".to_owned(),
            TrustRootName::Named(name) => {
                format!(
                    "look at its status: kubectl describe imagetrustroot {}",
                    cut_short(name)
                )
            }
        },
        Obstacle::TrustRootExpired { name, .. } => match name {
            TrustRootName::Public => "ask the platform team, this is Assay's own part".to_owned(),
            TrustRootName::Named(name) => {
                format!(
                    "its TUF mirror must answer with fresh metadata: kubectl describe imagetrustroot {}",
                    cut_short(name)
                )
            }
        },
        Obstacle::PolicyBroken { .. } => policy_hint(policy),
        Obstacle::RegistryUnauthorized {
            asked,
            status,
            tried,
            forbidden,
        } => match forbidden.as_slice() {
            [] => login_hint(asked, *status, tried),
            _ => "let it read pull secrets there: list the namespace in pullSecrets.namespaces of its Helm values"
                .to_owned(),
        },
        Obstacle::PullSecretUnreadable { .. } => {
            "see that the secret exists and that Assay may read it".to_owned()
        }
        Obstacle::RegistryRateLimited { .. } => {
            "try again later, or use a pull secret with a higher limit".to_owned()
        }
        Obstacle::RegistryUnusable { detail, .. } if is_lie(detail) => {
            "push and sign the image again; if that does not help, its operator must repair the registry, or what is in front of it"
                .to_owned()
        }
        Obstacle::RegistryUnavailable { .. }
        | Obstacle::RegistryUnusable { .. }
        | Obstacle::RegistryTimeout { .. } => "try again when the registry answers".to_owned(),
        Obstacle::RegistryAddressRefused { .. } => {
            "if it is a registry of yours, name it as a prefix in Assay's registries".to_owned()
        }
        Obstacle::RegistryTlsFailed { asked, detail } => tls_hint(asked, detail),
        Obstacle::DeadlineExceeded => {
            "try again: what was read so far is remembered for a while".to_owned()
        }
        Obstacle::LimitExceeded { detail } if detail == MEMORY_TAKEN => {
            "try again in a moment: so much is read at the same time, and the image need not be the cause"
                .to_owned()
        }
        Obstacle::LimitExceeded { .. } => {
            "remove what is not needed: the limit protects the cluster".to_owned()
        }
    }
}

/// Whether the registry answered, and what it says cannot be true.
fn is_lie(detail: &str) -> bool {
    LIES.iter().any(|lie| detail.starts_with(lie))
}

fn policy_hint(policy: Option<&PolicyId>) -> String {
    let object = match policy {
        Some(PolicyId {
            namespace: Some(namespace),
            name,
        }) => {
            format!("imagetrustpolicy {name} --namespace {namespace}")
        }
        Some(PolicyId {
            namespace: None,
            name,
        }) => format!("clusterimagetrustpolicy {name}"),
        None => return "correct the policy".to_owned(),
    };
    format!(
        "its author must correct it: kubectl describe {}",
        cut(&object)
    )
}

fn login_hint(asked: &Asked, status: u16, tried: &[String]) -> String {
    let is_identity = |origin: &String| origin.starts_with(WORKLOAD_IDENTITY);
    match (asked, status, tried) {
        (Asked::Elsewhere { .. }, _, []) => {
            "add a pull secret if it is the token service, mend the registry's access if it is its storage"
        }
        (_, _, []) => "add a pull secret whose token has read_registry",
        (_, _, all) if all.iter().all(is_identity) => {
            "let that identity pull there, or add a pull secret"
        }
        (_, 401, _) => "renew it: the token is wrong, has expired or lacks read_registry",
        (_, _, _) => "the deploy token needs read_registry",
    }
    .to_owned()
}

/// An authority is to be named where there is none known for it, and helps with nothing else.
fn tls_hint(asked: &Asked, detail: &str) -> String {
    match (asked, detail) {
        (_, CERTIFICATE_EXPIRED) => "its operator must renew it",
        // An alert is what the other side says of us, not what we say of it.
        (_, detail) if detail.contains("CertificateRequired") => {
            "name a client certificate in clientCertFile and clientKeyFile of Assay's registries"
        }
        (Asked::Elsewhere { .. }, _) => {
            "name its CA in caFile of Assay's registries, under a prefix of its own"
        }
        (_, _) => "name the registry's CA in caFile of Assay's registries",
    }
    .to_owned()
}

/// A time, rounded up: who is refused several times is not told another one each time.
fn about(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let (count, unit) = match seconds {
        0..=120 => (seconds.max(1), "s"),
        121..=7200 => (seconds.div_ceil(60), "min"),
        7201.. => (seconds.div_ceil(3600), "h"),
    };
    let step = if count > 10 { 10 } else { 1 };
    format!("{} {unit}", count.next_multiple_of(step))
}

fn trust_root_text(name: &TrustRootName) -> String {
    match name {
        TrustRootName::Public => "the public Sigstore trust root".to_owned(),
        TrustRootName::Named(name) => format!("trust root {}", quoted_short(name)),
    }
}

fn registry_text(asked: &Asked) -> String {
    match asked {
        Asked::ImageRegistry => "the registry".to_owned(),
        Asked::SignatureRepository(repository) => {
            format!("signature repository {}", cut(&repository.to_string()))
        }
        Asked::Elsewhere { host } => format!("{}, to which the registry leads,", cut(host)),
    }
}

/// How the name of what a cloud gives to Assay begins; all others are secrets and logins that somebody wrote.
const WORKLOAD_IDENTITY: &str = "the workload identity for ";

/// The longest origin of a login that is shown whole, in bytes: it may say why there was none.
const TRIED_BYTES: usize = 160;

/// How it is told that a registry has other content than it says, or not what it lists.
const LIES: [&str; 3] = [
    "answered with other content than its digest says",
    "lists the blob ",
    "lists the manifest ",
];

/// How it is told that the answers of registries, all together, take what there is for them.
const MEMORY_TAKEN: &str = "the answers of registries take all the memory there is for them";

/// How a certificate whose time is over is told of.
const CERTIFICATE_EXPIRED: &str = "the certificate has expired";
