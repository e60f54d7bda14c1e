//! The times by which registries are read, and where that is counted.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use super::{CloudSettings, Names, Proxies, SystemNames};
use crate::{limits, telemetry::RequestMetrics};

/// How long to wait and how long to believe; the defaults are those of [`limits`].
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// From a request to the head of its answer.
    pub answer_timeout: Duration,
    /// The same where the caller does not leave it so long.
    pub brief_answer_timeout: Duration,
    /// The longest pause inside a body.
    pub body_pause_timeout: Duration,
    /// The pause before the first retry.
    pub retry_pause: Duration,
    /// How long a tag is believed to name its digest.
    pub tag_ttl: Duration,
    /// How long a list of attachments is believed.
    pub attachments_ttl: Duration,
    /// How long an empty list of attachments is believed.
    pub no_attachments_ttl: Duration,
    /// How long a refused login is remembered.
    pub refused_login_ttl: Duration,
    /// How long a challenge and the support of the referrers API are remembered.
    pub registry_facts_ttl: Duration,
    /// By which identities registries of clouds are read; by default, none.
    pub cloud: CloudSettings,
    /// The most bytes of answers that are held at the same time.
    pub held_bytes: usize,
    /// How long a shared connection may be silent until it is asked whether it is alive, and how long until it says so.
    pub keep_alive: Duration,
    /// How long a host is left alone after it has failed several times in a row.
    pub circuit_pause: Duration,
    /// How the addresses of hosts are found; by default, as the machine finds them.
    pub names: Arc<dyn Names>,
    /// By which proxies hosts are asked; by default, none.
    pub proxies: Proxies,
    /// Where requests are counted; by default, for nobody.
    pub requests: RequestMetrics,
    /// Where hosts are whatever DNS says, so that a test can play a registry under its real name; by default, none.
    pub stand_ins: BTreeMap<String, SocketAddr>,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            connect_timeout: limits::CONNECT_TIMEOUT,
            answer_timeout: limits::ANSWER_TIMEOUT,
            brief_answer_timeout: limits::BRIEF_ANSWER_TIMEOUT,
            body_pause_timeout: limits::BODY_PAUSE_TIMEOUT,
            retry_pause: limits::RETRY_PAUSE,
            tag_ttl: limits::TAG_TTL,
            attachments_ttl: limits::ATTACHMENTS_TTL,
            no_attachments_ttl: limits::NO_ATTACHMENTS_TTL,
            refused_login_ttl: limits::REFUSED_LOGIN_TTL,
            registry_facts_ttl: limits::REGISTRY_FACTS_TTL,
            cloud: CloudSettings::default(),
            held_bytes: limits::HELD_ANSWER_BYTES,
            keep_alive: limits::KEEP_ALIVE,
            circuit_pause: limits::CIRCUIT_PAUSE,
            names: Arc::new(SystemNames),
            proxies: Proxies::default(),
            requests: RequestMetrics::default(),
            stand_ins: BTreeMap::new(),
        }
    }
}
