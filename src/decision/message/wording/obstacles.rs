//! The words of what kept an image from being judged.

mod connections;
mod logins;

use std::time::Duration;

use self::logins::Refused;
use super::{SHORT_BYTES, cut, cut_short, listed_short, quoted_short};
use crate::{
    decision::{
        cause::{Asked, Denial, Obstacle},
        evidence::Reader,
    },
    image::{Reference, RegistryHost},
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
            reader,
        } => {
            let refused = unauthorized(asked, *status, tried);
            unpresented(refused, forbidden, reader)
        }
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

fn unauthorized(asked: &Asked, status: u16, tried: &[String]) -> String {
    let tried = match tried {
        [] => "anonymous access".to_owned(),
        credentials => listed_short(credentials, TRIED_BYTES, "and"),
    };
    format!("{} refused {tried} ({status})", registry_text(asked))
}

/// With the credentials that could have been there.
fn unpresented(refused: String, forbidden: &[String], reader: &Reader) -> String {
    match (forbidden, reader) {
        ([], Reader::Person | Reader::Server) => refused,
        ([], Reader::Pod { useless }) if useless.is_empty() => refused,
        ([], Reader::Pod { useless }) => {
            let useless = listed_short(useless, TRIED_BYTES, "and");
            format!("{refused}, and {useless}")
        }
        (some, Reader::Pod { .. } | Reader::Person | Reader::Server) => {
            let some = listed_short(some, SHORT_BYTES, "nor");
            format!("{refused}, and Assay may not read {some}")
        }
    }
}

/// What to do next.
pub(super) fn hint(obstacle: &Obstacle, denial: &Denial) -> String {
    match obstacle {
        Obstacle::TrustRootUnavailable { name, .. } => trust_root_hint(name, "look at its status"),
        Obstacle::TrustRootExpired { name, .. } => {
            trust_root_hint(name, "its TUF mirror must answer with fresh metadata")
        }
        Obstacle::PolicyBroken { .. } => policy_hint(denial.policy.as_ref()),
        Obstacle::RegistryUnauthorized {
            asked,
            status,
            tried,
            forbidden,
            reader,
        } => match forbidden.as_slice() {
            [] => logins::hint(&Refused {
                registry: registry_of(asked, denial),
                asked,
                status: *status,
                tried,
                reader,
            }),
            _ => "let it read pull secrets there: list the namespace in pullSecrets.namespaces of its Helm values"
                .to_owned(),
        },
        Obstacle::PullSecretUnreadable { detail } => logins::unreadable_hint(detail).to_owned(),
        Obstacle::RegistryRateLimited { .. } => {
            "try again later, or use a pull secret with a higher limit".to_owned()
        }
        Obstacle::RegistryUnusable { detail, .. } if is_lie(detail) => {
            "push and sign the image again; if that does not help, its operator must repair the registry, or what is in front of it"
                .to_owned()
        }
        Obstacle::RegistryUnavailable { detail, .. }
        | Obstacle::RegistryUnusable { detail, .. } => connections::hint(detail).to_owned(),
        Obstacle::RegistryTimeout { .. } => connections::TRY_AGAIN.to_owned(),
        Obstacle::RegistryAddressRefused { .. } => {
            "if it is a registry of yours, name it as a prefix in Assay's registries".to_owned()
        }
        Obstacle::RegistryTlsFailed { asked, detail } => connections::tls_hint(asked, detail).to_owned(),
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

fn trust_root_hint(name: &TrustRootName, what: &str) -> String {
    match name {
        TrustRootName::Public => "ask the platform team, this is Assay's own part".to_owned(),
        TrustRootName::Named(name) => {
            let name = cut_short(name);
            format!("{what}: kubectl describe imagetrustroot {name}")
        }
    }
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

/// The registry that refused, or that leads to who did.
fn registry_of(asked: &Asked, denial: &Denial) -> Option<RegistryHost> {
    match asked {
        Asked::SignatureRepository(repository) | Asked::Source(repository) => {
            Some(repository.host().clone())
        }
        Asked::ImageRegistry | Asked::Elsewhere { .. } => {
            let image: Reference = denial.slot.written.parse().ok()?;
            Some(image.repository().host().clone())
        }
    }
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
        Asked::Source(repository) => format!("source {}", cut(&repository.to_string())),
        Asked::Elsewhere { host } => format!("{}, to which the registry leads,", cut(host)),
    }
}

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
