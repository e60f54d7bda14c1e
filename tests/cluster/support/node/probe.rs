//! Probes, as often and as patient as their spec says.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::Shared;

/// One probe of a container.
pub(super) struct Probe {
    url: String,
    period: Duration,
    client: reqwest::Client,
    failures_wanted: u64,
    successes_wanted: u64,
    next: Instant,
    successes: u64,
    failures: u64,
}

/// What a probe says, once it has failed or succeeded often enough in a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    Succeeded,
    Failed,
}

impl Probe {
    /// The probe in a field of a container, if there is one; first asked after its initial delay.
    pub(super) fn of(container: &Value, field: &str, address: Ipv4Addr) -> Option<Self> {
        let probe = container.get(field).filter(|probe| !probe.is_null())?;
        let get = &probe["httpGet"];
        let path = get["path"]
            .as_str()
            .unwrap_or_else(|| panic!("not provided here: {probe}"));
        let port = port(container, &get["port"]).expect("the probe's port is declared");
        let scheme = get["scheme"].as_str().unwrap_or("HTTP").to_lowercase();
        let number = |field: &str, default| probe[field].as_u64().unwrap_or(default);
        Some(Self {
            url: format!("{scheme}://{address}:{port}{path}"),
            period: Duration::from_secs(number("periodSeconds", 10)),
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(number("timeoutSeconds", 1)))
                .tls_danger_accept_invalid_certs(true)
                .pool_max_idle_per_host(0)
                .no_proxy()
                .build()
                .expect("the settings are valid"),
            failures_wanted: number("failureThreshold", 3),
            successes_wanted: number("successThreshold", 1),
            next: Instant::now() + Duration::from_secs(number("initialDelaySeconds", 0)),
            successes: 0,
            failures: 0,
        })
    }

    /// Asks if it is time to.
    pub(super) fn ask(&mut self, shared: &Shared) -> Option<Finding> {
        let now = Instant::now();
        if now < self.next {
            return None;
        }
        self.next = now + self.period;
        let asking = async { self.client.get(&self.url).send().await };
        let answer = shared.api.runtime().block_on(asking);
        let is_good = answer.is_ok_and(|answer| answer.status().as_u16() < 400);
        if is_good {
            (self.successes, self.failures) = (self.successes + 1, 0);
        } else {
            (self.successes, self.failures) = (0, self.failures + 1);
        }
        if self.successes >= self.successes_wanted {
            Some(Finding::Succeeded)
        } else {
            (self.failures >= self.failures_wanted).then_some(Finding::Failed)
        }
    }
}

/// A port of a container, by number or name.
pub(super) fn port(container: &Value, wanted: &Value) -> Option<u16> {
    let number = wanted.as_u64().or_else(|| {
        let ports = container["ports"].as_array()?;
        let named = ports.iter().find(|port| port["name"] == *wanted)?;
        named["containerPort"].as_u64()
    });
    u16::try_from(number?).ok()
}
