//! What is remembered of one host, and how many requests it gets at a time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use moka::sync::Cache;
use url::Url;

use super::{
    auth::Challenge,
    cache::{Timed, weight},
    flight::lock,
    transport::Turns,
};
use crate::limits;

/// All hosts that were asked lately.
#[derive(Debug)]
pub(super) struct Hosts {
    by_key: Cache<HostKey, Arc<Host>>,
    facts_ttl: Duration,
}

/// An origin, and the registry for whose images it is asked, as they name it.
///
/// A registry that leads to slow or limited pages of another takes no turns from that one's own images, and its complaints
/// about such pages hold nothing of them up.
type HostKey = (String, String);

/// One host, for all who ask it for images of one registry.
#[derive(Debug)]
pub(super) struct Host {
    /// Whose turn it is.
    pub(super) turns: Turns,
    /// Held by the caller whose request brings the first challenge.
    pub(super) introducing: tokio::sync::Mutex<()>,
    /// Held by the caller who finds out whether there is a referrers API.
    pub(super) probing: tokio::sync::Mutex<()>,
    challenge: Mutex<Option<Timed<Challenge>>>,
    referrers_api: Mutex<Option<Timed<ReferrersApi>>>,
    facts_ttl: Duration,
}

/// Whether a registry has the referrers API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReferrersApi {
    Offered,
    Absent,
}

impl Hosts {
    pub(super) fn new(facts_ttl: Duration) -> Self {
        Self {
            by_key: Cache::builder()
                .max_capacity(limits::REGISTRY_HOST_BYTES)
                .weigher(|(origin, registry): &HostKey, _| {
                    weight(origin.len() + registry.len() + HOST_BYTES)
                })
                .build(),
            facts_ttl,
        }
    }

    /// The host of this URL, asked for images of this registry: another port or scheme is another host.
    pub(super) fn of(&self, url: &Url, registry: &str) -> Arc<Host> {
        let key = (url.origin().ascii_serialization(), registry.to_owned());
        self.by_key
            .get_with(key, || Arc::new(Host::new(self.facts_ttl)))
    }
}

impl Host {
    fn new(facts_ttl: Duration) -> Self {
        Self {
            turns: Turns::default(),
            introducing: tokio::sync::Mutex::new(()),
            probing: tokio::sync::Mutex::new(()),
            challenge: Mutex::default(),
            referrers_api: Mutex::default(),
            facts_ttl,
        }
    }

    /// What the registry wanted last, if that is still believed.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        lock(&self.challenge).as_ref().and_then(Timed::current)
    }

    pub(super) fn learn_challenge(&self, challenge: Challenge) {
        *lock(&self.challenge) = Some(Timed::new(challenge, self.facts_ttl));
    }

    /// Whether there is a referrers API, if that is known.
    pub(super) fn referrers_api(&self) -> Option<ReferrersApi> {
        lock(&self.referrers_api).as_ref().and_then(Timed::current)
    }

    pub(super) fn learn_referrers_api(&self, api: ReferrersApi) {
        *lock(&self.referrers_api) = Some(Timed::new(api, self.facts_ttl));
    }
}

/// About what is remembered of a host at the most: the longest challenge, and the rest.
const HOST_BYTES: usize = 2 * limits::CHALLENGE_TEXT_BYTES + 1024;

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(limits::REGISTRY_FACTS_TTL)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_of_a_registry_is_believed_for_its_time_and_no_longer() {
        let host = hosts().of(&url("https://registry.example"), "registry.example");
        host.learn_challenge(Challenge::Basic);
        host.learn_referrers_api(ReferrersApi::Offered);
        let known = || (host.challenge(), host.referrers_api());
        advance(limits::REGISTRY_FACTS_TTL.saturating_sub(Duration::from_secs(1))).await;
        let learnt = (Some(Challenge::Basic), Some(ReferrersApi::Offered));
        assert_eq!(known(), learnt);
        advance(Duration::from_secs(1)).await;
        assert_eq!(known(), (None, None));
    }

    #[test]
    fn the_hosts_that_are_remembered_are_bounded_in_bytes() {
        for name_bytes in [10, 10_000] {
            let hosts = hosts();
            let name = "x".repeat(name_bytes);
            let least = u64::try_from(HOST_BYTES + name_bytes).expect("small");
            for number in 0..=limits::REGISTRY_HOST_BYTES / least {
                let name = format!("r{number}.{name}.example");
                hosts.of(&url(&format!("https://{name}")), &name);
            }
            hosts.by_key.run_pending_tasks();
            let bytes = hosts.by_key.weighted_size();
            let limit = limits::REGISTRY_HOST_BYTES;
            assert!(bytes > limit / 2 && bytes <= limit, "{bytes}");
        }
    }
}
