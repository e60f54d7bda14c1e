//! Layout folders as others write them, and broken ones.

mod contents;

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::{
    limits,
    registry::{Asked, AttachmentPlace},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A layout in the making.
struct Written {
    folder: TempDir,
    listed: Vec<Value>,
}

impl Written {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        let written = Self {
            folder,
            listed: Vec::new(),
        };
        written.file("oci-layout", r#"{"imageLayoutVersion": "1.0.0"}"#);
        written
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path(&folder::blob_path(digest))
    }

    fn blob(&self, media_type: &str, content: &str) -> Value {
        let digest = Digest::of(content.as_bytes());
        fs::write(self.blob_path(&digest), content).unwrap();
        json!({"mediaType": media_type, "digest": digest.as_str(), "size": content.len()})
    }

    fn image(&self, content: &str) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", content);
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        self.blob(MANIFEST, &manifest.to_string())
    }

    fn index(&self, manifests: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.blob(INDEX, &index.to_string())
    }

    /// A manifest of signatures, about this image when it says so.
    fn signatures(&self, media_type: &str, contents: &[&str], about: Option<&Value>) -> Value {
        let layers: Vec<Value> = contents
            .iter()
            .map(|content| self.blob(media_type, content))
            .collect();
        let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers});
        if let Some(about) = about {
            manifest["subject"] = about.clone();
        }
        self.blob(MANIFEST, &manifest.to_string())
    }

    fn list(&mut self, mut descriptor: Value, annotations: &[(&str, &str)]) {
        let annotations = annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)));
        descriptor["annotations"] = Value::Object(annotations.collect());
        self.listed.push(descriptor);
    }

    fn open(&self, choice: &str) -> Result<OciLayout, LayoutError> {
        let index = json!({"schemaVersion": 2, "manifests": self.listed});
        self.file("index.json", index.to_string());
        self.open_as_is(choice)
    }

    fn open_as_is(&self, choice: &str) -> Result<OciLayout, LayoutError> {
        let name = format!("oci:{}{choice}", self.folder.path().display());
        OciLayout::open(&name.parse()?)
    }

    /// The refusal, with the folder's name left out.
    fn refusal(&self, choice: &str) -> String {
        self.told(&self.open(choice).unwrap_err())
    }

    fn told(&self, error: &LayoutError) -> String {
        error
            .to_string()
            .replace(&self.folder.path().display().to_string(), "DIR")
    }
}

fn digest(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

async fn found(layout: &OciLayout, image: &Value) -> Vec<(AttachmentPlace, String)> {
    let access = Access {
        keyring: Arc::default(),
        deadline: Instant::now(),
        since: Instant::now(),
        asked: Asked::default(),
    };
    let repository = "registry.example/app".parse().unwrap();
    let attachments = layout
        .attachments(
            &repository,
            &digest(image),
            Wanted::Signatures,
            Search::Everywhere,
            &access,
        )
        .await
        .unwrap();
    attachments
        .iter()
        .map(|one| (one.place, String::from_utf8(one.content.to_vec()).unwrap()))
        .collect()
}

#[tokio::test]
async fn what_cosign_saves_beside_an_image_is_found_without_a_tag() {
    let mut layout = Written::new();
    let image = layout.image("one");
    let signatures = layout.signatures(SIMPLE_SIGNING, &["signed", "signed twice"], None);
    layout.list(image.clone(), &[("kind", "dev.cosignproject.cosign/image")]);
    layout.list(signatures, &[("kind", "dev.cosignproject.cosign/sigs")]);
    let attestations = layout.signatures(ENVELOPE, &["attested"], None);
    layout.list(attestations, &[("kind", "dev.cosignproject.cosign/atts")]);
    let opened = layout.open("").unwrap();
    assert_eq!((opened.image(), opened.name()), (&digest(&image), None));
    let place = AttachmentPlace::SignatureTag;
    let expected = [
        (place, "signed".to_owned()),
        (place, "signed twice".to_owned()),
        (AttachmentPlace::AttestationTag, "attested".to_owned()),
    ];
    assert_eq!(found(&opened, &image).await, expected);
}

#[tokio::test]
async fn signatures_are_found_by_tag_by_subject_and_in_the_fallback_index() {
    let mut layout = Written::new();
    let (image, other) = (layout.image("one"), layout.image("two"));
    let hex = digest(&image).hex().to_owned();
    let by_tag = layout.signatures(SIMPLE_SIGNING, &["by tag"], None);
    let referrer = layout.signatures(BUNDLE, &["bundle"], Some(&image));
    let experimental = layout.signatures(SIMPLE_SIGNING, &["experimental"], Some(&image));
    let foreign = layout.signatures(BUNDLE, &["of another"], Some(&other));
    let fallback = layout.index(&[experimental, foreign]);
    layout.list(image.clone(), &[(REF_NAME, "v1")]);
    layout.list(by_tag, &[(REF_NAME, &format!("sha256-{hex}.sig"))]);
    let attestation = layout.signatures(ENVELOPE, &["att"], None);
    layout.list(attestation, &[(REF_NAME, &format!("sha256-{hex}.att"))]);
    let attestation = layout.signatures(ENVELOPE, &["envelope"], Some(&image));
    layout.list(attestation, &[]);
    layout.list(referrer, &[]);
    layout.list(fallback, &[(REF_NAME, &format!("sha256-{hex}"))]);
    let opened = layout.open(":v1").unwrap();
    let expected = [
        (AttachmentPlace::SignatureTag, "by tag".to_owned()),
        (AttachmentPlace::AttestationTag, "att".to_owned()),
        (AttachmentPlace::ReferrersTag, "envelope".to_owned()),
        (AttachmentPlace::ReferrersTag, "bundle".to_owned()),
        (AttachmentPlace::ReferrersTag, "experimental".to_owned()),
    ];
    assert_eq!(found(&opened, &image).await, expected);
    // Neither signatures nor the fallback index count as images.
    assert_eq!(layout.open("").unwrap().image(), &digest(&image));
}

#[tokio::test]
async fn two_signatures_over_one_payload_are_two() {
    let mut layout = Written::new();
    let image = layout.image("{}");
    let layers: Vec<Value> = ["first", "second"]
        .map(|signature| {
            let mut layer = layout.blob(SIMPLE_SIGNING, "payload");
            layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
            layer
        })
        .into();
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers});
    let signatures = layout.blob(MANIFEST, &manifest.to_string());
    let tag = format!("sha256-{}.sig", digest(&image).hex());
    layout.list(image.clone(), &[(REF_NAME, "1.0")]);
    layout.list(signatures, &[(REF_NAME, &tag)]);
    let opened = layout.open(":1.0").unwrap();
    let both = (AttachmentPlace::SignatureTag, "payload".to_owned());
    assert_eq!(found(&opened, &image).await, [both.clone(), both]);
}

#[tokio::test]
async fn an_index_is_one_image_although_its_parts_are_listed_too() {
    let mut layout = Written::new();
    let (amd64, arm64) = (layout.image("amd64"), layout.image("arm64"));
    let index = layout.index(&[amd64.clone(), arm64.clone()]);
    let signature = layout.signatures(BUNDLE, &["of a part"], Some(&amd64));
    for listed in [amd64.clone(), arm64.clone(), index.clone(), signature] {
        layout.list(listed, &[]);
    }
    let opened = layout.open("").unwrap();
    assert_eq!(opened.image(), &digest(&index));
    assert_eq!(opened.children, [digest(&amd64), digest(&arm64)]);
    assert_eq!(found(&opened, &index).await, []);
    assert_eq!(found(&opened, &amd64).await.len(), 1);
}

#[test]
fn a_platform_that_was_not_copied_is_not_missed() {
    let mut layout = Written::new();
    let (amd64, arm64) = (layout.image("amd64"), layout.image("arm64"));
    fs::remove_file(layout.blob_path(&digest(&arm64))).unwrap();
    let index = layout.index(&[amd64, arm64]);
    layout.list(index.clone(), &[(REF_NAME, "v1")]);
    assert_eq!(layout.open("").unwrap().image(), &digest(&index));
}

#[test]
fn an_image_is_chosen_by_tag_by_reference_and_by_digest() {
    let mut layout = Written::new();
    let (one, two) = (layout.image("one"), layout.image("two"));
    layout.list(one.clone(), &[(REF_NAME, "registry.example:5000/app:v1")]);
    layout.list(
        two.clone(),
        &[
            (REF_NAME, "v2"),
            ("io.containerd.image.name", "docker.io/acme/app:v2"),
        ],
    );
    let chosen = |choice: &str| {
        let opened = layout.open(choice).unwrap();
        let name = opened.name().map(ToString::to_string);
        (opened.image, name)
    };
    let first = (
        digest(&one),
        Some("registry.example:5000/app:v1".to_owned()),
    );
    let second = (digest(&two), Some("docker.io/acme/app:v2".to_owned()));
    assert_eq!(chosen(":v1"), first);
    assert_eq!(chosen(":registry.example:5000/app:v1"), first);
    assert_eq!(chosen(":v2"), second);
    assert_eq!(chosen(&format!("@{}", digest(&two))), second);
}

#[test]
fn what_is_not_clear_is_refused_with_the_choices() {
    let mut layout = Written::new();
    assert_eq!(layout.refusal(""), "DIR holds no image");
    assert!(layout.open("").unwrap_err().is_wrong_usage());
    let one = layout.image("one");
    layout.list(one, &[(REF_NAME, "v1")]);
    assert_eq!(layout.refusal(":v3"), "DIR has no image v3, it has :v1");
    let two = layout.image("two");
    layout.list(two.clone(), &[(REF_NAME, "v2")]);
    assert_eq!(
        layout.refusal(""),
        "DIR holds several images, say which: :v1, :v2"
    );
    layout.list(two, &[(REF_NAME, "v1")]);
    assert_eq!(
        layout.refusal(":v1"),
        "DIR holds several images, say which: :v1, :v2"
    );
}

#[test]
fn no_more_choices_are_listed_than_are_read() {
    let mut layout = Written::new();
    for number in 0..=limits::SHOWN_LAYOUT_IMAGES {
        let image = layout.image(&number.to_string());
        layout.list(image, &[(REF_NAME, &format!("v{number:02}"))]);
    }
    let refusal = layout.refusal("");
    assert!(refusal.ends_with(":v09, and 1 more"), "{refusal}");
}

#[test]
fn a_folder_that_is_no_layout_is_wrong_usage() {
    let layout = Written::new();
    fs::remove_file(layout.path("oci-layout")).unwrap();
    let error = layout.open("").unwrap_err();
    assert_eq!(
        layout.told(&error),
        "DIR is no OCI layout: it has no file oci-layout; write one with cosign save or skopeo copy"
    );
    assert!(error.is_wrong_usage());
    assert!("oci:".parse::<LayoutName>().is_err());
    assert!("oci:dir@sha512:00".parse::<LayoutName>().is_err());
    let missing = OciLayout::open(&"oci:/nonexistent/folder:v1".parse().unwrap()).unwrap_err();
    assert_eq!(missing.to_string(), "/nonexistent/folder cannot be read");
    assert!(missing.is_wrong_usage());
}

#[test]
fn a_broken_layout_says_what_is_broken() {
    let mut layout = Written::new();
    let image = layout.image("one");
    layout.list(image.clone(), &[]);
    let (hash, size) = (digest(&image), image["size"].as_u64().unwrap());
    let blob = layout.blob_path(&hash);
    let content = fs::read_to_string(&blob).unwrap();
    let file = format!("DIR/blobs/sha256/{}", hash.hex());

    fs::write(&blob, content.replace("layers", "LAYERS")).unwrap();
    let other = Digest::of(content.replace("layers", "LAYERS").as_bytes());
    assert_eq!(
        layout.refusal(""),
        format!("{file} has the digest {other}, expected {hash}; write the folder again")
    );
    fs::write(&blob, "x").unwrap();
    assert_eq!(
        layout.refusal(""),
        format!("{file} has 1 bytes, expected {size}; write the folder again")
    );
    fs::remove_file(&blob).unwrap();
    assert_eq!(
        layout.refusal(""),
        format!("DIR lists {hash} and does not have it; copy the whole folder, blobs included")
    );
    fs::create_dir(&blob).unwrap();
    assert_eq!(layout.refusal(""), format!("{file} is no file"));

    layout.file("index.json", "{");
    let error = layout.open_as_is("").unwrap_err();
    assert!(
        layout
            .told(&error)
            .starts_with("DIR/index.json is malformed: "),
        "{error}"
    );
    assert!(!error.is_wrong_usage());
    layout.file("oci-layout", r#"{"imageLayoutVersion": "2.0.0"}"#);
    assert_eq!(
        layout.refusal(""),
        "DIR/oci-layout names layout version \"2.0.0\", expected \"1.0.0\""
    );
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let mut layout = Written::new();
    let image = layout.image("one");
    layout.list(image.clone(), &[]);
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    let blob = layout.blob_path(&digest(&image));
    fs::copy(&blob, elsewhere.path()).unwrap();
    fs::remove_file(&blob).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &blob).unwrap();
    let refusal = layout.refusal("");
    assert!(
        refusal.ends_with(
            "leads out of the folder; copy the folder with its contents, not with links"
        ),
        "{refusal}"
    );
}

#[test]
fn a_digest_that_is_a_path_leads_nowhere() {
    let mut layout = Written::new();
    let escaping =
        json!({"mediaType": MANIFEST, "digest": "sha256:../../../etc/passwd", "size": 1});
    layout.list(escaping, &[]);
    assert_eq!(layout.refusal(""), "DIR holds no image");
}

#[test]
fn every_bound_is_kept() {
    let mut layout = Written::new();
    layout.file("oci-layout", " ".repeat(limits::LAYOUT_MARKER_BYTES + 1));
    let refusal = layout.refusal("");
    assert!(
        refusal.ends_with("more than 4096 bytes, at most 4096 are read"),
        "{refusal}"
    );

    layout = Written::new();
    let padding = " ".repeat(limits::MANIFEST_BYTES - 200);
    for number in 0..5 {
        let manifest = format!(r#"{{"schemaVersion": 2, "layers": []}}{number:05}{padding}"#);
        let manifest = manifest.replace(&format!("{number:05}"), &" ".repeat(number + 1));
        let listed = layout.blob(MANIFEST, &manifest);
        layout.list(listed, &[]);
    }
    let refusal = layout.refusal("");
    assert!(refusal.contains("bytes of manifests"), "{refusal}");

    layout = Written::new();
    let image = layout.image("one");
    let contents: Vec<String> = (0..=limits::CANDIDATES_PER_IMAGE)
        .map(|n| n.to_string())
        .collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    let many = layout.signatures(SIMPLE_SIGNING, &contents, Some(&image));
    layout.list(image, &[]);
    layout.list(many, &[]);
    let refusal = layout.refusal("");
    assert!(
        refusal.contains("more than 50 signature candidates"),
        "{refusal}"
    );
}

#[test]
fn a_bundle_that_nothing_lists_is_found_as_cosign_saves_it() {
    let mut layout = Written::new();
    let image = layout.image("the image");
    let other = layout.image("another");
    layout.list(image.clone(), &[("kind", "dev.cosignproject.cosign/image")]);
    layout.signatures(BUNDLE, &["bundle"], Some(&image));
    layout.signatures(BUNDLE, &["of another"], Some(&other));
    let opened = layout.open("").unwrap();
    assert_eq!(opened.image().as_str(), image["digest"]);
    let found = &opened.attachments[opened.image()];
    let contents: Vec<&[u8]> = found.iter().map(|one| one.content.as_ref()).collect();
    assert_eq!(contents, [b"bundle"]);
}

#[test]
fn what_nothing_lists_is_no_image() {
    let mut layout = Written::new();
    layout.image("forgotten");
    let image = layout.image("the image");
    layout.list(image.clone(), &[]);
    assert_eq!(layout.open("").unwrap().image().as_str(), image["digest"]);
}

#[test]
fn a_blob_that_nothing_lists_and_that_has_changed_is_told() {
    let mut layout = Written::new();
    let image = layout.image("the image");
    layout.list(image.clone(), &[]);
    let bundle = layout.signatures(BUNDLE, &["bundle"], Some(&image));
    let digest: Digest = bundle["digest"].as_str().unwrap().parse().unwrap();
    fs::write(layout.blob_path(&digest), "changed").unwrap();
    let refusal = layout.refusal("");
    let blob = folder::blob_path(&digest);
    assert!(refusal.contains(&blob), "{refusal}");
}

#[test]
fn the_blobs_of_a_folder_are_bounded_in_number_and_in_bytes() {
    let mut layout = Written::new();
    let image = layout.image("the image");
    layout.list(image, &[]);
    let before = fs::read_dir(layout.path("blobs/sha256")).unwrap().count();
    for number in before..=limits::LAYOUT_BLOBS {
        let name = Digest::of(&number.to_be_bytes());
        fs::File::create(layout.blob_path(&name)).unwrap();
    }
    let many = layout.refusal("");
    let expected = format!("more than {} blobs", limits::LAYOUT_BLOBS);
    assert!(many.contains(&expected), "{many}");

    let mut layout = Written::new();
    let image = layout.image("the image");
    layout.list(image, &[]);
    let large = " ".repeat(limits::UNLISTED_MANIFEST_BYTES - 10);
    for number in 0..=limits::LAYOUT_MANIFEST_BYTES / large.len() {
        layout.blob("text/plain", &format!("{large}{number}"));
    }
    let heavy = layout.refusal("");
    let limit = limits::LAYOUT_MANIFEST_BYTES;
    let expected = format!("more than {limit} bytes of small blobs");
    assert!(heavy.contains(&expected), "{heavy}");
}
