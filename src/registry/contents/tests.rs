//! How much is read of what an image says about itself.

use futures::FutureExt as _;
use serde_json::{Map, Value, json};

use super::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const STATEMENT: &str = "application/vnd.in-toto+json";

/// An image in memory.
#[derive(Default)]
struct Memory {
    manifests: BTreeMap<Digest, Manifest>,
    blobs: BTreeMap<Digest, Bytes>,
}

impl Source for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    async fn manifest(&self, digest: &Digest, _: usize) -> Result<Option<Manifest>, RegistryError> {
        Ok(self.manifests.get(digest).cloned())
    }

    async fn blob(&self, digest: &Digest, _: usize) -> Result<Fetched, RegistryError> {
        let blob = self.blobs.get(digest).map(|blob| (blob.clone(), None));
        blob.ok_or_else(|| self.unusable("has no such blob".to_owned()))
    }
}

impl Memory {
    fn put(&mut self, media_type: &str, document: &Value) -> Value {
        let text = document.to_string();
        let manifest = Manifest::parse(media_type, text.as_bytes()).unwrap();
        let digest = manifest.digest.clone();
        self.manifests.insert(digest.clone(), manifest);
        json!({"mediaType": media_type, "digest": digest.as_str(), "size": text.len()})
    }

    fn put_config(&mut self, config: &Value) -> Value {
        let text = config.to_string();
        let digest = Digest::of(text.as_bytes());
        let size = text.len();
        self.blobs.insert(digest.clone(), text.into());
        json!({"mediaType": CONFIG, "digest": digest.as_str(), "size": size})
    }

    /// What is read of all parts of this manifest, or the detail of the limit that it crosses.
    fn read(mut self, media_type: &str, top: &Value) -> Result<Contents, String> {
        let top = self.put(media_type, top);
        let digest: Digest = top["digest"].as_str().unwrap().parse().unwrap();
        let parts = [Part::Annotations, Part::Labels, Part::BuildStatements].into();
        let read = read(&self, &digest, &parts).now_or_never().unwrap();
        match read {
            Ok(contents) => Ok(contents.unwrap()),
            Err(RegistryError::Limit { detail, .. }) => Err(detail),
            Err(error) => Err(format!("no limit: {error}")),
        }
    }
}

/// The entry of something that is not there, of this size.
fn absent(media_type: &str, number: usize, size: usize) -> Value {
    let digest = Digest::of(&number.to_be_bytes());
    json!({"mediaType": media_type, "digest": digest.as_str(), "size": size})
}

fn manifest_with(config: &Value) -> Value {
    json!({"config": config, "layers": []})
}

fn labels(count: usize) -> Value {
    let labels: Map<_, _> = (0..count)
        .map(|number| (number.to_string(), json!("x")))
        .collect();
    json!({"config": {"Labels": labels}})
}

/// An index over one image and attestation manifests about it, each with these layers.
fn attested(memory: &mut Memory, count: usize, layers: &[Value]) -> Value {
    let image = memory.put(MANIFEST, &json!({"layers": []}));
    let mut listed = vec![image.clone()];
    for number in 0..count {
        let holder = json!({"layers": layers, "annotations": {"number": number.to_string()}});
        let mut holder = memory.put(MANIFEST, &holder);
        holder["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        holder["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image["digest"],
        });
        listed.push(holder);
    }
    json!({"manifests": listed})
}

#[test]
fn one_image_too_many_in_an_index_is_refused() {
    let of = |count: usize| {
        let mut memory = Memory::default();
        let image =
            |number: usize| json!({"layers": [], "annotations": {"number": number.to_string()}});
        let listed: Vec<_> = (0..count)
            .map(|number| memory.put(MANIFEST, &image(number)))
            .collect();
        memory.read(INDEX, &json!({"manifests": listed}))
    };
    let limit = limits::PLATFORMS_PER_IMAGE;
    assert_eq!(of(limit).unwrap().platforms.len(), limit);
    assert_eq!(
        of(limit + 1).unwrap_err(),
        "the index lists 65 images, at most 64 are read"
    );
}

#[test]
fn one_manifest_of_statements_too_many_is_refused() {
    let of = |count: usize| {
        let mut memory = Memory::default();
        let index = attested(&mut memory, count, &[]);
        memory.read(INDEX, &index)
    };
    let limit = limits::BUILD_STATEMENTS_PER_IMAGE;
    assert!(of(limit).is_ok());
    assert_eq!(
        of(limit + 1).unwrap_err(),
        "65 manifests of build statements are listed, at most 64 are read"
    );
}

#[test]
fn one_statement_too_many_is_refused_before_any_is_fetched() {
    let of = |count: usize| {
        let mut memory = Memory::default();
        let layers: Vec<_> = (0..count)
            .map(|number| absent(STATEMENT, number, 1))
            .collect();
        let index = attested(&mut memory, 1, &layers);
        memory.read(INDEX, &index).unwrap_err()
    };
    let limit = limits::BUILD_STATEMENTS_PER_IMAGE;
    assert_eq!(of(limit), "no limit: memory has no such blob");
    assert_eq!(
        of(limit + 1),
        "65 build statements are listed, at most 64 are read"
    );
}

#[test]
fn what_is_too_large_is_refused_before_it_is_fetched() {
    let statement = |size: usize| {
        let mut memory = Memory::default();
        let index = attested(&mut memory, 1, &[absent(STATEMENT, 0, size)]);
        memory.read(INDEX, &index).unwrap_err()
    };
    let config = |size: usize| {
        let image = manifest_with(&absent(CONFIG, 0, size));
        Memory::default().read(MANIFEST, &image).unwrap_err()
    };
    let not_there = "no limit: memory has no such blob";
    assert_eq!(statement(limits::STATEMENT_BYTES), not_there);
    assert_eq!(
        statement(limits::STATEMENT_BYTES + 1),
        "a build statement has 2097153 bytes, at most 2097152 are read"
    );
    assert_eq!(config(limits::CONFIG_BYTES), not_there);
    let refused = config(limits::CONFIG_BYTES + 1);
    let expected = "has 1048577 bytes, at most 1048576 are read";
    assert!(refused.ends_with(expected), "{refused}");
}

#[test]
fn what_is_too_much_together_is_refused_before_it_is_fetched() {
    let of = |last: usize| {
        let most = limits::MANIFEST_BYTES;
        let listed = [most, most, most, last].into_iter().enumerate();
        let listed: Vec<_> = listed
            .map(|(number, size)| absent(MANIFEST, number, size))
            .collect();
        let index = json!({"manifests": listed});
        Memory::default().read(INDEX, &index).unwrap_err()
    };
    let left = limits::CONTENTS_BYTES_PER_IMAGE - 3 * limits::MANIFEST_BYTES;
    assert!(of(left).contains("does not have it"));
    assert_eq!(
        of(left + 1),
        "what the image says about itself has more than 16777216 bytes"
    );
}

#[test]
fn one_label_too_many_is_refused() {
    let of = |count: usize| {
        let mut memory = Memory::default();
        let config = memory.put_config(&labels(count));
        memory.read(MANIFEST, &manifest_with(&config))
    };
    let limit = limits::LABELS_PER_IMAGE;
    assert_eq!(of(limit).unwrap().platforms[0].labels.len(), limit);
    let refused = of(limit + 1).unwrap_err();
    assert!(refused.ends_with("has more than 200 labels"), "{refused}");
}

#[test]
fn annotations_that_are_too_long_together_are_refused() {
    let of = |length: usize| {
        let text = "x".repeat(length);
        let index = json!({"manifests": [], "annotations": {"a": text}});
        Memory::default().read(INDEX, &index)
    };
    let limit = limits::CONTENTS_TEXT_BYTES_PER_IMAGE;
    assert!(of(limit - 1).is_ok());
    assert_eq!(
        of(limit).unwrap_err(),
        "the annotations and labels have 1048577 bytes, at most 1048576 are read"
    );
}

#[test]
fn a_configuration_that_can_be_read_as_two_things_is_refused() {
    for content in [
        "no JSON",
        "[]",
        r#"{"config": {}, "config": {}}"#,
        r#"{"config": {"Labels": {"a": "1", "a": "2"}}}"#,
        r#"{"config": {"Labels": {"a": 1}}}"#,
        r#"{"config": {"Labels": []}}"#,
    ] {
        let mut memory = Memory::default();
        let digest = Digest::of(content.as_bytes());
        memory.blobs.insert(digest.clone(), content.into());
        let config = json!({"mediaType": CONFIG, "digest": digest.as_str(), "size": content.len()});
        let refused = memory.read(MANIFEST, &manifest_with(&config)).unwrap_err();
        let expected = "no limit: memory answered a malformed configuration of sha256:";
        assert!(refused.starts_with(expected), "{content}: {refused}");
    }
}

#[test]
fn an_image_without_labels_has_none() {
    for config in [
        json!({}),
        json!({"config": null}),
        json!({"config": {"Labels": null}}),
    ] {
        let mut memory = Memory::default();
        let config = memory.put_config(&config);
        let found = memory.read(MANIFEST, &manifest_with(&config)).unwrap();
        assert_eq!(found.platforms[0].labels, BTreeMap::new());
    }
    // Only configurations of images have labels, and nothing else is fetched.
    let other = absent("application/vnd.oci.empty.v1+json", 0, 2);
    let found = Memory::default().read(MANIFEST, &manifest_with(&other));
    assert_eq!(found.unwrap().platforms[0].labels, BTreeMap::new());
}

#[test]
fn an_entry_that_is_listed_twice_is_fetched_once_and_told_twice() {
    let mut memory = Memory::default();
    let config = memory.put_config(&labels(1));
    let image = memory.put(MANIFEST, &manifest_with(&config));
    let mut other = image.clone();
    other["platform"] = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
    let found = memory.read(INDEX, &json!({"manifests": [image, other]}));
    let platforms = found.unwrap().platforms;
    assert_eq!(platforms[0].labels, platforms[1].labels);
    assert_eq!(platforms[1].platform, "linux/arm/v7");
}

#[test]
fn a_manifest_of_another_type_than_listed_is_refused() {
    let mut memory = Memory::default();
    let mut image = memory.put(MANIFEST, &json!({"layers": []}));
    image["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    let refused = memory
        .read(INDEX, &json!({"manifests": [image]}))
        .unwrap_err();
    let expected = "as another type than its index says";
    assert!(refused.ends_with(expected), "{refused}");
}
