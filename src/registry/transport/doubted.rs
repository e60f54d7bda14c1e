//! Whether a host that has failed several times answers at all, before it is left alone.
//!
//! What it failed at was named by whoever writes Pods: one repository of a registry may be a copy of another that is down, or
//! be slow on purpose. So the host is asked for what nobody has named, without a login.

use std::{future::Future, time::Duration};

use http::header;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;
use url::Url;

use super::{
    Hop, Transport,
    circuit::Health,
    failure::{self, SendError},
    patience::{Sent, health_of_status, jitter},
};
use crate::{
    limits,
    registry::{auth::authority, passage::Doubt},
    telemetry::RequestEnd,
};

impl Transport {
    /// Settles a doubt, in a task of its own: a host that is silent is waited for longer than callers should be kept.
    pub(super) async fn settle(&self, hop: &Hop<'_>, doubt: Doubt) {
        let asking = self.ask_plainly(hop);
        let pause = self.options.circuit_pause.mul_f64(jitter());
        let requests = self.options.requests.clone();
        let (host, registry) = (authority(hop.url), hop.call.registry.to_owned());
        let settling = async move {
            let health = asking.await;
            doubt.settle(health, pause, |error| {
                // Those who are refused meanwhile hear what failed, and not that nobody looks: the same failure has one line.
                let failures = limits::FAILURES_IN_A_ROW;
                tracing::warn!(host, registry, failures, %error, "the host is left alone for a while");
                requests.hold_circuit(&registry)
            });
        };
        let settling = self.tasks.spawn(settling.in_current_span());
        // Most hosts that are down say so at once, and then it is known for who comes next.
        let _ = timeout(PATIENCE, settling).await;
    }

    /// What the host of this URL shows who asks for nothing in particular.
    fn ask_plainly(&self, hop: &Hop<'_>) -> impl Future<Output = Health> + use<> {
        let (url, route) = (plain(hop.url), hop.terms.route(hop.url));
        let request = route.client.get(url.clone());
        let request = request.header(header::ACCEPT_ENCODING, "identity");
        let (proxy, patience) = (route.proxy, self.options.answer_timeout);
        let (requests, registry) = (self.options.requests.clone(), hop.call.registry.to_owned());
        async move {
            let began = Instant::now();
            let error = match timeout(patience, request.send()).await {
                Ok(Ok(response)) => {
                    let status = response.status();
                    requests.count(
                        &registry,
                        RequestEnd::Status(status.as_u16()),
                        began.elapsed(),
                    );
                    return health_of_status(status, &url);
                }
                Ok(Err(error)) => SendError::of(&error, &url, proxy.as_ref()),
                Err(_) => failure::timeout(&url).into(),
            };
            let took = began.elapsed();
            requests.count(&registry, error.end(), took);
            let result = Err(error);
            Sent { result, took }.health(&url)
        }
    }
}

/// What nobody has named: a registry's root, and elsewhere the same page without what is asked of it.
fn plain(url: &Url) -> Url {
    let mut plain = url.clone();
    plain.set_query(None);
    if url.path().starts_with(ROOT) {
        plain.set_path(ROOT);
    }
    plain
}

/// The root of a registry.
const ROOT: &str = "/v2/";

/// How long a caller waits for the outcome.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_was_named_by_nobody() {
        for (url, expected) in [
            (
                "https://r.example/v2/acme/api/manifests/1?n=1",
                "https://r.example/v2/",
            ),
            ("https://r.example/v2/", "https://r.example/v2/"),
            (
                "https://gitlab.example/jwt/auth?service=r&scope=repository:acme/api:pull",
                "https://gitlab.example/jwt/auth",
            ),
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(plain(&url).as_str(), expected);
        }
    }
}
