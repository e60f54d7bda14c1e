//! One Pod: its container's process from the first start to the last signal.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Shared,
    container::Surroundings,
    probe::{Finding, Probe},
    status::{State, Told},
    volume::Volumes,
};
use crate::support::{api::CallError, process::Running};

/// A Pod that was given to this node.
pub(super) struct PodRun {
    shared: Arc<Shared>,
    /// Its name.
    pub(super) name: String,
    /// Its address.
    pub(super) address: Ipv4Addr,
    folder: PathBuf,
    /// The newest form of its object; none when that is gone.
    object: Mutex<Option<Value>>,
    process: Mutex<Option<Running>>,
    restarts: Mutex<usize>,
}

/// A container between its start and its end.
struct Life {
    state: State,
    startup: Option<Probe>,
    readiness: Option<Probe>,
    liveness: Option<Probe>,
}

impl PodRun {
    /// Of this object.
    pub(super) fn new(shared: Arc<Shared>, address: Ipv4Addr, object: &Value) -> Self {
        let name = object["metadata"]["name"]
            .as_str()
            .expect("objects have one");
        let uid = object["metadata"]["uid"]
            .as_str()
            .expect("objects have one");
        let folder = shared.folder.join(format!("{name}-{uid}"));
        fs::create_dir_all(&folder).expect("the folder can be made");
        Self {
            name: name.to_owned(),
            address,
            folder,
            object: Mutex::new(Some(object.clone())),
            process: Mutex::default(),
            restarts: Mutex::default(),
            shared,
        }
    }

    /// The newest form of its object.
    pub(super) fn tell(&self, object: Option<Value>) {
        *self.object.lock().expect("no panic while it is held") = object;
    }

    /// Its process, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        let process = self.process.lock().expect("no panic while it is held");
        let running = process.as_ref().filter(|running| !running.has_ended());
        running.map(Running::pid)
    }

    /// Sends its process a signal.
    pub(super) fn signal(&self, signal: &str) {
        let process = self.process.lock().expect("no panic while it is held");
        if let Some(running) = process.as_ref() {
            running.signal(signal);
        }
    }

    /// How often its container was started again.
    pub(super) fn restarts(&self) -> usize {
        *self.restarts.lock().expect("no panic while it is held")
    }

    /// The end of its newest log.
    pub(super) fn last_lines(&self, count: usize) -> String {
        let process = self.process.lock().expect("no panic while it is held");
        let running = process.as_ref();
        running.map_or_else(String::new, |running| running.last_lines(count))
    }

    /// Runs it to its end, or until the node stops.
    pub(super) fn run(&self) {
        let Some(object) = self.object() else { return };
        let containers = object["spec"]["containers"]
            .as_array()
            .expect("there is one");
        let [container] = &containers[..] else {
            panic!("not provided here: {} containers", containers.len())
        };
        let begun = self.live(&object, container);
        if let Some(mut life) = begun {
            self.end(container, &mut life);
        }
        if let Some(running) = &mut *self.process.lock().expect("no panic while it is held") {
            running.stop();
        }
    }

    /// Starts the container as often as it ends, until the Pod is to go away.
    fn live(&self, object: &Value, container: &Value) -> Option<Life> {
        let mut volumes = self.volumes(object, container)?;
        let restarts_always = object["spec"]["restartPolicy"] == "Always";
        let mut last_code = None;
        let mut told = None;
        let mut refreshed = Instant::now();
        loop {
            let surroundings = Surroundings {
                pod: object,
                address: self.address,
                mounts: &volumes.mounts,
                kubeconfig: self.kubeconfig(&volumes),
                service: self.service(),
            };
            let log = self.folder.join(format!("{}.log", self.restarts()));
            let running = Running::start(&surroundings.command(container), &log);
            *self.process.lock().expect("no panic while it is held") = Some(running);
            let mut life = Life::new(container, self.address);
            let code = loop {
                if self.goes_away() {
                    return Some(life);
                }
                if let Some(code) = self.exit_code() {
                    break code;
                }
                if life.probe(&self.shared) == Some(Finding::Failed) {
                    self.kill_gently(object, container);
                }
                if refreshed.elapsed() > self.shared.settings.mount_period {
                    volumes.refresh(&self.shared, object);
                    refreshed = Instant::now();
                }
                let now = self.told(life.state.clone(), last_code);
                self.tell_status(container, &mut told, now);
                std::thread::sleep(TICK);
            };
            if !restarts_always {
                life.state = State::Ended { code };
                while !self.goes_away() {
                    let now = self.told(life.state.clone(), last_code);
                    self.tell_status(container, &mut told, now);
                    std::thread::sleep(TICK);
                }
                return Some(life);
            }
            last_code = Some(code);
            life.state = State::Waits("CrashLoopBackOff");
            let began = Instant::now();
            while began.elapsed() < self.back_off() {
                let now = self.told(life.state.clone(), last_code);
                self.tell_status(container, &mut told, now);
                if self.goes_away() {
                    return Some(life);
                }
                std::thread::sleep(TICK);
            }
            *self.restarts.lock().expect("no panic while it is held") += 1;
        }
    }

    /// The Pod's volumes, once all that they need is there.
    fn volumes(&self, object: &Value, container: &Value) -> Option<Volumes> {
        let mut told = None;
        while !self.goes_away() {
            match Volumes::prepare(&self.shared, &self.folder, object, container) {
                Ok(volumes) => return Some(volumes),
                Err(CallError::Refused { .. } | CallError::Lost(_)) => {
                    let now = self.told(State::Waits("ContainerCreating"), None);
                    self.tell_status(container, &mut told, now);
                    std::thread::sleep(TICK);
                }
            }
        }
        None
    }

    /// After SIGTERM the process may take the grace period; its readiness is still looked at.
    fn end(&self, container: &Value, life: &mut Life) {
        let Some(object) = self.object().filter(|_| !self.shared.stops()) else {
            return;
        };
        let grace = object["metadata"]["deletionGracePeriodSeconds"].as_u64();
        let deadline = Instant::now() + Duration::from_secs(grace.unwrap_or_default());
        let mut told = None;
        let pre_stop = pre_stop(container);
        let mut is_signalled = false;
        let began = Instant::now();
        while Instant::now() < deadline && self.exit_code().is_none() && !self.is_gone() {
            if !is_signalled && began.elapsed() >= pre_stop {
                self.signal("TERM");
                is_signalled = true;
            }
            life.probe_readiness(&self.shared);
            let now = self.told(life.state.clone(), None);
            self.tell_status(container, &mut told, now);
            std::thread::sleep(TICK);
        }
        self.signal("KILL");
        let uid = &object["metadata"]["uid"];
        let options = json!({ "gracePeriodSeconds": 0, "preconditions": { "uid": uid } });
        let path = self.shared.path(&format!("pods/{}", self.name));
        while !self.is_gone() && !self.shared.stops() {
            let _ = self.shared.api.delete(&path, &options);
            std::thread::sleep(TICK);
        }
    }

    /// What follows when the liveness probe has failed: a signal, and death when that changes nothing.
    fn kill_gently(&self, object: &Value, container: &Value) {
        let grace = container["livenessProbe"]["terminationGracePeriodSeconds"].as_u64();
        let grace = grace.or(object["spec"]["terminationGracePeriodSeconds"].as_u64());
        let deadline = Instant::now() + Duration::from_secs(grace.unwrap_or(30));
        self.signal("TERM");
        while Instant::now() < deadline && self.exit_code().is_none() && !self.goes_away() {
            std::thread::sleep(TICK);
        }
        self.signal("KILL");
    }

    /// How the process reaches the API server: with its own token, if it has one.
    fn kubeconfig(&self, volumes: &Volumes) -> PathBuf {
        let mounted = volumes.mounts.iter().find(|(path, _)| path == TOKEN_FOLDER);
        let user = mounted.map_or(
            json!({}),
            |(_, here)| json!({ "tokenFile": here.join("token") }),
        );
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "pod",
            "clusters": [{ "name": "pod", "cluster": {
                "server": self.shared.server, "certificate-authority": self.shared.ca_file,
            } }],
            "users": [{ "name": "pod", "user": user }],
            "contexts": [{ "name": "pod", "context": {
                "cluster": "pod", "user": "pod", "namespace": self.shared.namespace,
            } }],
        });
        let file = self.folder.join("kubeconfig");
        fs::write(&file, config.to_string()).expect("it can be written");
        file
    }

    /// What cluster DNS would say of Assay's Service.
    fn service(&self) -> Option<SocketAddr> {
        let service = self
            .shared
            .api
            .get(&self.shared.path("services/assay"))
            .ok()?;
        let address = service["spec"]["clusterIP"].as_str()?.parse().ok()?;
        Some(SocketAddr::new(address, 443))
    }

    fn told(&self, state: State, last_code: Option<i32>) -> Told {
        Told {
            state,
            restarts: self.restarts(),
            last_code,
        }
    }

    /// Tells the API server, unless it has been told the same.
    fn tell_status(&self, container: &Value, before: &mut Option<Told>, now: Told) {
        if before.as_ref() == Some(&now) {
            return;
        }
        let path = self.shared.path(&format!("pods/{}/status", self.name));
        let status = now.patch(container, self.address);
        if self.shared.api.merge(&path, &status).is_ok() {
            *before = Some(now);
        }
    }

    /// The first time at once, then after ten seconds, twenty, and so on.
    fn back_off(&self) -> Duration {
        let restarts = u32::try_from(self.restarts()).unwrap_or(u32::MAX);
        match restarts.checked_sub(1) {
            None => Duration::ZERO,
            Some(before) => FIRST_BACK_OFF * 2u32.pow(before.min(5)),
        }
    }

    fn object(&self) -> Option<Value> {
        self.object
            .lock()
            .expect("no panic while it is held")
            .clone()
    }

    fn is_gone(&self) -> bool {
        self.object().is_none()
    }

    fn goes_away(&self) -> bool {
        let deleted = |object: &Value| !object["metadata"]["deletionTimestamp"].is_null();
        self.shared.stops() || self.object().is_none_or(|object| deleted(&object))
    }

    fn exit_code(&self) -> Option<i32> {
        let process = self.process.lock().expect("no panic while it is held");
        process.as_ref().and_then(Running::exit_code)
    }
}

impl Life {
    fn new(container: &Value, address: Ipv4Addr) -> Self {
        let probe = |field: &str| Probe::of(container, field, address);
        let (startup, readiness) = (probe("startupProbe"), probe("readinessProbe"));
        Self {
            state: State::Runs {
                started: startup.is_none(),
                ready: startup.is_none() && readiness.is_none(),
            },
            startup,
            readiness,
            liveness: probe("livenessProbe"),
        }
    }

    /// Asks the probes whose time has come. Whether the container is to be killed is the answer.
    fn probe(&mut self, shared: &Shared) -> Option<Finding> {
        if let State::Runs { started: false, .. } = self.state {
            let finding = self.startup.as_mut().and_then(|probe| probe.ask(shared));
            if finding == Some(Finding::Succeeded) {
                let ready = self.readiness.is_none();
                self.state = State::Runs {
                    started: true,
                    ready,
                };
            }
            return finding;
        }
        self.probe_readiness(shared);
        self.liveness.as_mut().and_then(|probe| probe.ask(shared))
    }

    fn probe_readiness(&mut self, shared: &Shared) {
        let State::Runs { started: true, .. } = self.state else {
            return;
        };
        match self.readiness.as_mut().and_then(|probe| probe.ask(shared)) {
            Some(Finding::Succeeded) => {
                self.state = State::Runs {
                    started: true,
                    ready: true,
                }
            }
            Some(Finding::Failed) => {
                self.state = State::Runs {
                    started: true,
                    ready: false,
                }
            }
            None => {}
        }
    }
}

fn pre_stop(container: &Value) -> Duration {
    let hook = &container["lifecycle"]["preStop"];
    if hook.is_null() {
        return Duration::ZERO;
    }
    let seconds = hook["sleep"]["seconds"].as_u64();
    Duration::from_secs(seconds.unwrap_or_else(|| panic!("not provided here: {hook}")))
}

/// Where the API server's admission has every container's token mounted.
const TOKEN_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How often a Pod is looked at.
const TICK: Duration = Duration::from_millis(50);

const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
