//! A Pod's status, as a kubelet tells it.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde_json::{Value, json};

/// Where a container stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Something it needs is not there, or it was started too often lately.
    Waits(&'static str),
    /// Its process runs.
    Runs {
        /// The startup probe has succeeded, or there is none.
        started: bool,
        /// The readiness probe has succeeded, or there is none.
        ready: bool,
    },
    /// It has ended and is not started again.
    Ended {
        /// The exit code.
        code: i32,
    },
}

/// What is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Told {
    /// The state.
    pub(super) state: State,
    /// How often the container was started again.
    pub(super) restarts: usize,
    /// With which code it ended last time.
    pub(super) last_code: Option<i32>,
}

impl Told {
    /// The status of the Pod: a merge patch of its object.
    pub(super) fn patch(&self, container: &Value, address: Ipv4Addr) -> Value {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let is_ready = matches!(self.state, State::Runs { ready: true, .. });
        let condition = |name: &str, holds: bool| {
            let status = if holds { "True" } else { "False" };
            json!({ "type": name, "status": status, "lastTransitionTime": now })
        };
        let (phase, state) = match &self.state {
            State::Waits(reason) => ("Pending", json!({ "waiting": { "reason": reason } })),
            State::Runs { .. } => ("Running", json!({ "running": { "startedAt": now } })),
            State::Ended { code: 0 } => ("Succeeded", terminated(0)),
            State::Ended { code } => ("Failed", terminated(*code)),
        };
        // A Pod that has run once is never pending again.
        let phase = if self.restarts > 0 && phase == "Pending" {
            "Running"
        } else {
            phase
        };
        json!({ "status": {
            "phase": phase,
            "hostIP": address,
            "podIP": address,
            "podIPs": [{ "ip": address }],
            "conditions": [
                condition("PodScheduled", true),
                condition("Initialized", true),
                condition("ContainersReady", is_ready),
                condition("Ready", is_ready),
            ],
            "containerStatuses": [{
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": is_ready,
                "started": matches!(self.state, State::Runs { started: true, .. }),
                "restartCount": self.restarts,
                "state": state,
                "lastState": self.last_code.map_or(json!({}), terminated),
            }],
        } })
    }
}

fn terminated(code: i32) -> Value {
    let reason = if code == 0 { "Completed" } else { "Error" };
    json!({ "terminated": { "exitCode": code, "reason": reason } })
}
