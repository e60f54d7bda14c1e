//! kube-proxy: leads connections to a Service's address to Pods that are ready.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::JoinHandle,
};

use super::{Shared, probe::port};

/// Follows the Services of the namespace.
pub(super) struct Proxy {
    shared: Arc<Shared>,
    ports: BTreeMap<SocketAddr, ServicePort>,
}

/// A port of a Service that is listened on.
struct ServicePort {
    /// What was last seen, whether or not it is followed already.
    seen: Vec<SocketAddr>,
    /// Where connections are led now.
    endpoints: Arc<Mutex<Vec<SocketAddr>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            ports: BTreeMap::new(),
        }
    }

    /// Follows them until the node stops.
    pub(super) fn run(mut self) {
        while !self.shared.stops() {
            let services = self.shared.api.get(&self.shared.path("services"));
            let pods = self.shared.api.get(&self.shared.path("pods"));
            if let (Ok(services), Ok(pods)) = (services, pods) {
                self.follow(&services, &pods);
            }
            std::thread::sleep(super::TICK);
        }
    }

    fn follow(&mut self, services: &Value, pods: &Value) {
        let mut present = BTreeMap::new();
        for service in services["items"].as_array().into_iter().flatten() {
            let address = service["spec"]["clusterIP"].as_str();
            // A Service without an address of its own says "None".
            let Some(address) = address.and_then(|text| text.parse::<IpAddr>().ok()) else {
                continue;
            };
            for port in service["spec"]["ports"].as_array().into_iter().flatten() {
                let number = port["port"]
                    .as_u64()
                    .and_then(|number| u16::try_from(number).ok());
                let address = SocketAddr::new(address, number.expect("it is a port"));
                let endpoints = endpoints(service, &port["targetPort"], pods);
                present.insert(address, endpoints);
            }
        }
        self.ports
            .retain(|address, _| present.contains_key(address));
        let delay = self.shared.settings.endpoint_delay;
        let runtime = self.shared.api.runtime();
        for (address, endpoints) in present {
            let port = self.ports.entry(address);
            port.or_insert_with(|| ServicePort::listen(address, runtime))
                .change(endpoints, delay, runtime);
        }
    }
}

impl ServicePort {
    fn listen(address: SocketAddr, runtime: &Runtime) -> Self {
        let endpoints = Arc::new(Mutex::new(Vec::new()));
        let leading = Arc::clone(&endpoints);
        let listener = runtime.block_on(TcpListener::bind(address));
        let listener =
            listener.unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"));
        Self {
            seen: Vec::new(),
            endpoints,
            task: runtime.spawn(lead(listener, leading)),
        }
    }

    fn change(&mut self, new: Vec<SocketAddr>, delay: Duration, runtime: &Runtime) {
        if new == self.seen {
            return;
        }
        self.seen.clone_from(&new);
        let endpoints = Arc::clone(&self.endpoints);
        runtime.spawn(async move {
            tokio::time::sleep(delay).await;
            *endpoints.lock().expect("no panic while it is held") = new;
        });
    }
}

impl Drop for ServicePort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Leads each connection to one endpoint, in turn. As in a cluster, one that is led to a Pod that is gone ends, and
/// one that was made stays with its Pod, whatever becomes of that.
async fn lead(listener: TcpListener, endpoints: Arc<Mutex<Vec<SocketAddr>>>) {
    let mut turn = 0_usize;
    while let Ok((mut client, _)) = listener.accept().await {
        let endpoint = {
            let endpoints = endpoints.lock().expect("no panic while it is held");
            turn = turn.wrapping_add(1);
            endpoints.get(turn % endpoints.len().max(1)).copied()
        };
        if let Some(endpoint) = endpoint {
            tokio::spawn(async move {
                if let Ok(mut pod) = TcpStream::connect(endpoint).await {
                    let _ = client.set_nodelay(true);
                    let _ = pod.set_nodelay(true);
                    let _ = copy_bidirectional(&mut client, &mut pod).await;
                }
            });
        }
    }
}

/// The Pods behind a port of a Service: those that are ready, or when all of them are going away, those of them that
/// still are.
fn endpoints(service: &Value, target: &Value, pods: &Value) -> Vec<SocketAddr> {
    let (mut staying, mut leaving) = (Vec::new(), Vec::new());
    for pod in pods["items"].as_array().into_iter().flatten() {
        if !selects(service, pod) || !is_ready(pod) {
            continue;
        }
        let address = pod["status"]["podIP"].as_str();
        let address = address.and_then(|text| text.parse::<IpAddr>().ok());
        let port = port(&pod["spec"]["containers"][0], target);
        if let Some(endpoint) = address.zip(port) {
            let list = match pod["metadata"]["deletionTimestamp"] {
                Value::Null => &mut staying,
                _ => &mut leaving,
            };
            list.push(SocketAddr::from(endpoint));
        }
    }
    if staying.is_empty() { leaving } else { staying }
}

fn selects(service: &Value, pod: &Value) -> bool {
    let wanted = service["spec"]["selector"].as_object();
    wanted.is_some_and(|wanted| {
        let labels = &pod["metadata"]["labels"];
        wanted.iter().all(|(name, value)| labels[name] == *value)
    })
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, address: &str, ready: &str) -> Value {
        json!({
            "metadata": { "labels": { "app": name, "tier": "x" } },
            "spec": { "containers": [{ "ports": [{ "name": "webhook", "containerPort": 8443 }] }] },
            "status": { "podIP": address, "conditions": [{ "type": "Ready", "status": ready }] },
        })
    }

    fn leaving(mut pod: Value) -> Value {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        pod
    }

    #[test]
    fn a_service_leads_to_the_ready_pods_it_selects_and_to_leaving_ones_only_in_need() {
        let service = json!({ "spec": { "selector": { "app": "assay" } } });
        let found = |pods: &[Value]| {
            let list = json!({ "items": pods });
            let addresses = endpoints(&service, &json!("webhook"), &list);
            addresses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let ready = pod("assay", "127.97.0.1", "True");
        let slow = pod("assay", "127.97.0.2", "False");
        let other = pod("other", "127.97.0.3", "True");
        let old = leaving(pod("assay", "127.97.0.4", "True"));
        let pods = [ready, slow.clone(), other.clone(), old.clone()];
        assert_eq!(found(&pods), ["127.97.0.1:8443"]);
        assert_eq!(found(&[slow.clone(), other, old]), ["127.97.0.4:8443"]);
        assert_eq!(found(&[slow]), Vec::<String>::new());
    }
}
