//! A Pod's volumes, as folders on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::Shared;
use crate::support::{
    api::CallError,
    mounted::{Files, MountedFolder},
};

/// The volumes of one Pod.
pub(super) struct Volumes {
    sources: Vec<(Value, MountedFolder)>,
    /// Where each is mounted in the container, and where it is on this machine.
    pub(super) mounts: Vec<(String, PathBuf)>,
}

impl Volumes {
    /// Makes the folders of a container. As long as something is missing that is not optional, there are none.
    pub(super) fn prepare(
        shared: &Shared,
        folder: &Path,
        pod: &Value,
        container: &Value,
    ) -> Result<Self, CallError> {
        let mut volumes = Self {
            sources: Vec::new(),
            mounts: Vec::new(),
        };
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            assert!(mount["subPath"].is_null(), "not provided here: {mount}");
            let name = mount["name"].as_str().expect("mounts have names");
            let path = mount["mountPath"].as_str().expect("mounts have paths");
            let all = pod["spec"]["volumes"].as_array().into_iter().flatten();
            let volume = all.into_iter().find(|volume| volume["name"] == name);
            let volume = volume.expect("the API server looks that each mount has a volume");
            let here = folder.join("volumes").join(name);
            volumes.mounts.push((path.to_owned(), here.clone()));
            if volume["emptyDir"].is_null() {
                let _ = fs::remove_dir_all(&here);
                let files = files_of(shared, pod, volume)?;
                let mounted = MountedFolder::new(&here, files);
                volumes.sources.push((volume.clone(), mounted));
            } else {
                fs::create_dir_all(&here).expect("the folder can be made");
            }
        }
        Ok(volumes)
    }

    /// Reads again what they come from. What cannot be read stays as it was, tokens too.
    pub(super) fn refresh(&mut self, shared: &Shared, pod: &Value) {
        for (volume, mounted) in &mut self.sources {
            if volume["projected"].is_null()
                && let Ok(files) = files_of(shared, pod, volume)
            {
                mounted.replace(files);
            }
        }
    }
}

fn files_of(shared: &Shared, pod: &Value, volume: &Value) -> Result<Files, CallError> {
    if let Some(name) = volume["secret"]["secretName"].as_str() {
        object_files(shared, "secrets", name, &volume["secret"])
    } else if let Some(name) = volume["configMap"]["name"].as_str() {
        object_files(shared, "configmaps", name, &volume["configMap"])
    } else if let Some(sources) = volume["projected"]["sources"].as_array() {
        let mut files = Files::new();
        for source in sources {
            files.extend(projected_files(shared, pod, source)?);
        }
        Ok(files)
    } else {
        panic!("not provided here: {volume}")
    }
}

fn projected_files(shared: &Shared, pod: &Value, source: &Value) -> Result<Files, CallError> {
    let token = &source["serviceAccountToken"];
    if let Some(path) = token["path"].as_str() {
        let text = service_account_token(shared, pod, token)?;
        return Ok(Files::from([(path.to_owned(), text.into_bytes())]));
    }
    if let Some(items) = source["downwardAPI"]["items"].as_array() {
        let file = |item: &Value| {
            assert_eq!(
                item["fieldRef"]["fieldPath"], "metadata.namespace",
                "{item}"
            );
            let path = item["path"].as_str().expect("items have paths");
            (path.to_owned(), shared.namespace.clone().into_bytes())
        };
        return Ok(items.iter().map(file).collect());
    }
    for (field, kind) in [("secret", "secrets"), ("configMap", "configmaps")] {
        if let Some(name) = source[field]["name"].as_str() {
            return object_files(shared, kind, name, &source[field]);
        }
    }
    panic!("not provided here: {source}")
}

/// The files of a Secret or ConfigMap: all its keys, or those that are listed.
fn object_files(
    shared: &Shared,
    kind: &str,
    name: &str,
    source: &Value,
) -> Result<Files, CallError> {
    let object = match shared.api.get(&shared.path(&format!("{kind}/{name}"))) {
        Err(CallError::Refused { status: 404, .. }) if source["optional"] == true => Value::Null,
        other => other?,
    };
    let decode = |text: &str| match kind {
        "secrets" => STANDARD.decode(text).expect("the API server looks at it"),
        _ => text.as_bytes().to_vec(),
    };
    let data = object["data"].as_object();
    let all: Files = data
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), decode(value.as_str().unwrap_or_default())))
        .collect();
    let Some(items) = source["items"].as_array() else {
        return Ok(all);
    };
    let listed = items.iter().filter_map(|item| {
        let content = all.get(item["key"].as_str()?)?;
        Some((item["path"].as_str()?.to_owned(), content.clone()))
    });
    Ok(listed.collect())
}

/// A token of the Pod's own account, so that the rights of the chart's roles are what it has.
fn service_account_token(shared: &Shared, pod: &Value, token: &Value) -> Result<String, CallError> {
    let account = pod["spec"]["serviceAccountName"]
        .as_str()
        .unwrap_or("default");
    let path = shared.path(&format!("serviceaccounts/{account}/token"));
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {
            "audiences": token["audience"].as_str().into_iter().collect::<Vec<_>>(),
            "expirationSeconds": token["expirationSeconds"],
            "boundObjectRef": {
                "apiVersion": "v1", "kind": "Pod",
                "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
            },
        },
    });
    let answer = shared.api.post(&path, &request)?;
    Ok(answer["status"]["token"]
        .as_str()
        .expect("an answer holds it")
        .to_owned())
}
