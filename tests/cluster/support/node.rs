//! One node of a cluster, on loopback: what kubelet and kube-proxy do for the Pods of one namespace.
//!
//! The real Deployment controller makes the Pods. For each of them the built `assay` is started as the Pod's spec
//! says, on an address of its own in 127.97.0.0/16; its probes are asked, its status is told, and it is ended with
//! a signal and a grace period. Connections to a Service's address, in 127.96.0.0/16, are led to Pods that are ready.
//!
//! There are no images and no isolation here: a container is a process, and what its spec says about users,
//! capabilities and limits is not looked at.

mod container;
mod pod;
mod probe;
mod proxy;
mod status;
mod volume;

use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};

use self::{pod::PodRun, proxy::Proxy};
use super::{api::Api, control_plane::ControlPlane, eventually};

/// A running node. When it is dropped, so are its Pods' processes.
pub(crate) struct Node {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// How fast a node follows the API server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeSettings {
    /// From a Pod's change of readiness until connections follow it. Real clusters take about this long.
    pub(crate) endpoint_delay: Duration,
    /// How often mounted Secrets are read again. The kubelet takes its time, up to a minute and more.
    pub(crate) mount_period: Duration,
}

/// What the parts of a node share.
struct Shared {
    api: Api,
    namespace: String,
    folder: PathBuf,
    /// For the Pods' kubeconfigs.
    server: String,
    ca_file: PathBuf,
    settings: NodeSettings,
    pods: Mutex<BTreeMap<String, Arc<PodRun>>>,
    addresses: AtomicU8,
    stop: AtomicBool,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// Processor time, of the user and the system.
    pub(crate) processor: Duration,
}

impl Node {
    /// Runs the Pods of a namespace from now on.
    pub(crate) fn start(
        folder: &Path,
        plane: &ControlPlane,
        namespace: &str,
        settings: NodeSettings,
    ) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let shared = Arc::new(Shared {
            api: Api::new(plane),
            namespace: namespace.to_owned(),
            folder: folder.to_owned(),
            server: plane.url().to_owned(),
            ca_file: plane.ca_file().to_owned(),
            settings,
            pods: Mutex::default(),
            addresses: AtomicU8::new(1),
            stop: AtomicBool::new(false),
        });
        let kubelet = Arc::clone(&shared);
        let proxy = Arc::clone(&shared);
        let threads = vec![
            std::thread::spawn(move || kubelet.run_pods()),
            std::thread::spawn(move || Proxy::new(proxy).run()),
        ];
        Self { shared, threads }
    }

    /// The names of the Pods whose process runs, sorted.
    pub(crate) fn pods(&self) -> Vec<String> {
        let runs = self.shared.runs();
        let names = runs.iter().filter(|run| run.pid().is_some());
        let mut names: Vec<String> = names.map(|run| run.name.clone()).collect();
        names.sort();
        names
    }

    /// Kills a Pod's process as the kernel does when memory runs out. The container is started again.
    pub(crate) fn kill(&self, pod: &str) {
        self.run_of(pod).signal("KILL");
    }

    /// Stops a Pod's process from doing anything, while its connections stay.
    pub(crate) fn freeze(&self, pod: &str) {
        self.run_of(pod).signal("STOP");
    }

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self, pod: &str) {
        self.run_of(pod).signal("CONT");
    }

    /// How often a Pod's container was started again.
    pub(crate) fn restarts(&self, pod: &str) -> usize {
        self.run_of(pod).restarts()
    }

    /// The address of a Pod.
    pub(crate) fn address(&self, pod: &str) -> Ipv4Addr {
        self.run_of(pod).address
    }

    /// What a Pod's process has used.
    pub(crate) fn usage(&self, pod: &str) -> Usage {
        Usage::of(self.run_of(pod).pid().expect("its process runs"))
    }

    /// The ends of all logs, for a test that fails.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        let tail = |run: &Arc<PodRun>| format!("{}:\n{}\n", run.name, run.last_lines(count));
        self.shared.runs().iter().map(tail).collect()
    }

    fn run_of(&self, pod: &str) -> Arc<PodRun> {
        let found = self.shared.runs().into_iter().find(|run| run.name == pod);
        found.unwrap_or_else(|| panic!("no Pod {pod} was ever here"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// What the kubelet does: one thread per Pod, told of each change of its object.
    fn run_pods(self: Arc<Self>) {
        let mut threads = Vec::new();
        while !self.stops() {
            // Without an API server a kubelet goes on with what it has.
            if let Ok(list) = self.api.get(&self.path("pods")) {
                let items = list["items"].as_array().cloned().unwrap_or_default();
                self.follow(&items, &mut threads);
            }
            std::thread::sleep(TICK);
        }
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn follow(self: &Arc<Self>, items: &[Value], threads: &mut Vec<JoinHandle<()>>) {
        let mut pods = self.pods.lock().expect("no panic while it is held");
        for object in items {
            let uid = object["metadata"]["uid"]
                .as_str()
                .expect("objects have one");
            if let Some(run) = pods.get(uid) {
                run.tell(Some(object.clone()));
            } else if object["spec"]["nodeName"].is_null() {
                // The scheduler's part. The Pod is started when it shows up with a node.
                let name = object["metadata"]["name"]
                    .as_str()
                    .expect("objects have one");
                let binding = json!({
                    "apiVersion": "v1", "kind": "Binding", "metadata": { "name": name },
                    "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
                });
                let _ = self
                    .api
                    .post(&self.path(&format!("pods/{name}/binding")), &binding);
            } else {
                let run = Arc::new(PodRun::new(Arc::clone(self), self.next_address(), object));
                pods.insert(uid.to_owned(), Arc::clone(&run));
                threads.push(std::thread::spawn(move || run.run()));
            }
        }
        for (uid, run) in pods.iter() {
            if !items
                .iter()
                .any(|object| object["metadata"]["uid"] == **uid)
            {
                run.tell(None);
            }
        }
    }

    /// A new address in 127.97.0.0/16. Runs of these tests beside each other get different ones.
    fn next_address(&self) -> Ipv4Addr {
        let process = u8::try_from(std::process::id() % 251).expect("it is below 251");
        Ipv4Addr::new(
            127,
            97,
            process,
            self.addresses.fetch_add(1, Ordering::Relaxed),
        )
    }

    fn runs(&self) -> Vec<Arc<PodRun>> {
        let pods = self.pods.lock().expect("no panic while it is held");
        pods.values().cloned().collect()
    }

    /// A path of the API in the namespace.
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Usage {
    fn of(pid: u32) -> Self {
        let read = |file: &str| {
            eventually("the process's figures", || {
                fs::read_to_string(format!("/proc/{pid}/{file}")).ok()
            })
        };
        let status = read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        let stat = read("stat");
        // After the name in parentheses, `utime` and `stime` are the 12th and 13th, in hundredths of a second.
        let fields = stat.rsplit_once(") ").expect("it has a name").1;
        let ticks = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|text| text.parse::<u64>().ok());
        Self {
            resident: kilobytes.expect("it is told") * 1024,
            processor: Duration::from_millis(10 * ticks.sum::<u64>()),
        }
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            endpoint_delay: Duration::from_secs(1),
            mount_period: Duration::from_millis(500),
        }
    }
}

/// The name of the node.
const NODE: &str = "loopback";

/// How often the API server is asked.
const TICK: Duration = Duration::from_millis(100);
