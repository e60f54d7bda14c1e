//! A container's command line and environment, as a process on this machine gets them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
};

use serde_json::Value;

use crate::support::assay::assay;

/// What a container's spec does not say.
pub(super) struct Surroundings<'a> {
    /// The Pod's object.
    pub(super) pod: &'a Value,
    /// The Pod's address: what its processes bind in place of all addresses.
    pub(super) address: Ipv4Addr,
    /// Where its volumes are mounted, and where they are on this machine.
    pub(super) mounts: &'a [(String, PathBuf)],
    /// How it reaches the API server.
    pub(super) kubeconfig: PathBuf,
    /// Where Assay's Service answers: no names of Services are known on this machine.
    pub(super) service: Option<SocketAddr>,
}

impl Surroundings<'_> {
    /// The command that is a container.
    ///
    /// # Panics
    ///
    /// When its image has to hold more than `assay`, or its environment comes from where nobody here looks.
    pub(super) fn command(&self, container: &Value) -> Command {
        let texts = |field: &str| -> Vec<String> {
            let list = container[field].as_array();
            list.into_iter()
                .flatten()
                .map(|text| self.here(text))
                .collect()
        };
        let program = texts("command");
        let is_ours = program
            .first()
            .is_none_or(|first| first.rsplit('/').next() == Some("assay"));
        assert!(is_ours, "no image here holds {program:?}");
        let mut command = assay();
        command
            .args(program.iter().skip(1))
            .args(texts("args"))
            .env("KUBECONFIG", &self.kubeconfig)
            // The defaults bind all addresses, which would be the same for all Pods.
            .env("ASSAY_LISTEN", format!("{}:8443", self.address))
            .env("ASSAY_METRICS_LISTEN", format!("{}:9090", self.address));
        let asks_by_name = texts("args").first().is_some_and(|first| first == "doctor");
        if let Some(service) = self.service.filter(|_| asks_by_name) {
            command.arg(format!("--address={service}"));
        }
        for entry in container["env"].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().expect("variables have names");
            command.env(name, self.value(entry));
        }
        command
    }

    fn value(&self, entry: &Value) -> String {
        let source = &entry["valueFrom"];
        if source.is_null() {
            return self.here(&entry["value"]);
        }
        let path = source["fieldRef"]["fieldPath"].as_str();
        match path.unwrap_or_else(|| panic!("not provided here: {source}")) {
            "status.podIP" | "status.podIPs" => self.address.to_string(),
            path => {
                let pointer = format!("/{}", path.replace('.', "/"));
                let value = self.pod.pointer(&pointer).and_then(Value::as_str);
                value
                    .unwrap_or_else(|| panic!("the Pod has no {path}"))
                    .to_owned()
            }
        }
    }

    /// A text of the spec, with addresses and folders as they are on this machine.
    fn here(&self, text: &Value) -> String {
        let text = text.as_str().unwrap_or_default();
        let address = format!("{}:", self.address);
        let text = text
            .replace("0.0.0.0:", &address)
            .replace("[::]:", &address);
        let starts = |path: &str| {
            let (before, after) = text.split_once(path)?;
            let is_whole = after.is_empty() || after.starts_with('/');
            (is_whole && (before.is_empty() || before.ends_with('='))).then_some((before, after))
        };
        let found = self
            .mounts
            .iter()
            .filter_map(|(path, here)| Some((path, here, starts(path)?)));
        match found.max_by_key(|(path, ..)| path.len()) {
            Some((_, here, (before, after))) => format!("{before}{}{after}", here.display()),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_gets_its_arguments_and_environment_as_they_are_on_this_machine() {
        let pod = json!({ "metadata": { "name": "assay-1", "namespace": "assay-system" } });
        let mounts = [("/etc/assay/tls".to_owned(), PathBuf::from("/here/tls"))];
        let surroundings = Surroundings {
            pod: &pod,
            address: Ipv4Addr::new(127, 97, 0, 7),
            mounts: &mounts,
            kubeconfig: "/here/kubeconfig".into(),
            service: None,
        };
        let command = surroundings.command(&json!({
            "args": ["serve", "--listen=0.0.0.0:8443", "--tls-cert=/etc/assay/tls/tls.crt", "/etc/assay/tls2"],
            "env": [
                { "name": "A", "value": "b" },
                { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                { "name": "POD_IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } },
            ],
        }));
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(
            arguments,
            [
                "serve",
                "--listen=127.97.0.7:8443",
                "--tls-cert=/here/tls/tls.crt",
                "/etc/assay/tls2"
            ]
        );
        let value = |name: &str| {
            let found = command.get_envs().find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value?.to_str().map(str::to_owned))
        };
        let values = ["A", "POD_NAME", "POD_IP", "ASSAY_LISTEN"].map(value);
        assert_eq!(
            values,
            ["b", "assay-1", "127.97.0.7", "127.97.0.7:8443"].map(|text| Some(text.to_owned()))
        );
    }
}
