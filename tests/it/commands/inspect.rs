//! `assay inspect`: the tree and the tables, and the document.

mod document;
mod told;

use std::collections::BTreeMap;

use assay::{
    image::Digest,
    sandbox::{
        build::{Build, Predicate},
        registry::{DescribedImage, DescribedIndex},
        sigstore::{Claims, PrivateSigstore, Signing, SigningKeyPair},
    },
};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::bench::{Bench, Run};

/// The repository of all images here.
const REPOSITORY: &str = "acme/shop/api";

impl Bench {
    /// Pushes an image for one platform, tagged `v1`.
    fn push_one(&self, image: &DescribedImage) -> Digest {
        self.registry.push_described(REPOSITORY, "v1", image)
    }

    /// Attaches a bundle to an image of the repository.
    fn attached(&self, image: &Digest, signing: Signing<'_>) {
        let bundle = signing.bundle().unwrap().content;
        self.registry.attach_bundle(REPOSITORY, image, bundle);
    }

    /// The release pipeline's signature over this image and its attestation, made one after the other.
    fn release(&self, image: &Digest, build: &Build, predicate: &Predicate) {
        let (signed, attested) = (after(60), after(61));
        self.attached(
            image,
            self.sigstore.sign_as(&build.claims(), image).at(signed),
        );
        let signing = self.sigstore.sign_as(&build.claims(), image).at(attested);
        self.attached(image, signing.stating(predicate));
    }

    async fn inspect(&self, arguments: &[&str]) -> Run {
        let image = self.image(&format!("{REPOSITORY}:v1"));
        let fixed = ["inspect", &image, "--registries", "registries.yaml"];
        let trust = ["--trust-root", "root.json"];
        self.run(&[&fixed[..], &trust, arguments].concat()).await
    }

    /// What is printed for people, with what differs from run to run replaced. It fits into 80 columns, but for
    /// words that cannot be broken.
    async fn told(&self, arguments: &[&str]) -> String {
        let run = self.inspect(arguments).await;
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stderr, "");
        assert_is_tidy(&run.stdout);
        self.redacted(&run.stdout)
    }

    /// The registry's name, and digests in the order in which they appear.
    fn redacted(&self, text: &str) -> String {
        let text = text.replace(&self.registry.host(), "registry.example");
        let digest = Regex::new("sha256:([0-9a-f]{64})").unwrap();
        let mut known: BTreeMap<String, char> = BTreeMap::new();
        for found in digest.captures_iter(&text) {
            let next = char::from(b'a' + u8::try_from(known.len()).unwrap());
            known.entry(found[1].to_owned()).or_insert(next);
        }
        let short = Regex::new("sha256:([0-9a-f]{12})…").unwrap();
        let text = digest.replace_all(&text, |found: &regex::Captures<'_>| {
            format!("sha256:{}", known[&found[1]].to_string().repeat(64))
        });
        let text = short.replace_all(&text, |found: &regex::Captures<'_>| {
            let mut whole = known.iter().filter(|(hex, _)| hex.starts_with(&found[1]));
            let letter = whole.next().map_or('#', |(_, letter)| *letter);
            format!("sha256:{}…", letter.to_string().repeat(12))
        });
        text.into_owned()
    }
}

/// So many seconds after the time of the sandbox.
fn after(seconds: i64) -> Timestamp {
    let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    now + SignedDuration::from_secs(seconds)
}

fn assert_is_tidy(text: &str) {
    for line in text.lines() {
        let words = line.trim_start_matches(['│', '├', '└', '─', ' ']);
        let is_one_word = !words.contains(' ');
        assert!(line.chars().count() <= 80 || is_one_word, "{line}");
        assert!(!line.ends_with(' '), "{line:?}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}

/// The build of the release pipeline, upon an image of the company's.
fn build() -> Build {
    let base: Digest = format!("sha256:{}", "ba5e".repeat(16)).parse().unwrap();
    Build::gitlab(REPOSITORY, "refs/tags/v1.8.2").base_image("registry.example/base/jdk:21", &base)
}

/// An image that the release pipeline has signed and attested.
fn released(bench: &Bench) {
    let image = bench.push_one(&DescribedImage::new("amd64", "released"));
    bench.release(&image, &build(), &build().stated_by_job());
}

/// An image that says much about itself and is signed with a key that is not at hand.
fn unverified(bench: &Bench) {
    let image = DescribedImage::new("amd64", "unverified")
        .annotation("com.gitlab.ci.pipeline_id", "1077352011")
        .annotation(
            "org.opencontainers.image.base.name",
            "registry.example/base/jdk:21",
        )
        .label(
            "org.opencontainers.image.revision",
            "5ba5ed0000000000000000000000000000000000",
        );
    let image = bench.push_one(&image);
    let other = SigningKeyPair::generate().unwrap();
    bench.attached(
        &image,
        bench.sigstore.sign_with(&other, &image).without_log(),
    );
    let strangers = PrivateSigstore::new("2026-01-02T03:04:05Z".parse().unwrap()).unwrap();
    let claims = Claims::gitlab("mallory/api", "refs/heads/main");
    let attestation = strangers
        .sign_as(&claims, &image)
        .stating(&build().stated_by_job());
    bench.attached(&image, attestation);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_exits_1_and_what_cannot_be_read_exits_2() {
    let bench = Bench::new().await;
    let run = bench.inspect(&[]).await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    bench.registry.stop().await;
    let run = bench.inspect(&[]).await;
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_read_exits_64_or_2() {
    let bench = Bench::new().await;
    for (arguments, code, expected) in [
        (&["oci:missing"][..], 64, "missing cannot be read"),
        (
            &["oci:cosign.pub"],
            64,
            "cosign.pub is a file, expected the folder",
        ),
        (&["nginx", "--as", "a.example/b"], 64, "found 0 of them"),
        (&["oci:empty"], 64, "it has no file oci-layout"),
        (&["oci:broken"], 2, "names layout version"),
    ] {
        bench.write("empty/file", "");
        bench.write("broken/oci-layout", "{}");
        let run = bench.run(&[&["inspect"], arguments].concat()).await;
        assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_and_nobody_else() {
    let bench = Bench::new().await;
    released(&bench);
    let plain = bench.inspect(&[]).await.stdout;
    let image = bench.image(&format!("{REPOSITORY}:v1"));
    let coloured = async |variables: &[(&str, &str)]| {
        let arguments = ["inspect", &image, "--registries", "registries.yaml"];
        let mut command = bench.command(&[&arguments[..], &["--trust-root", "root.json"]].concat());
        command.envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        String::from_utf8(output.await.unwrap().stdout).unwrap()
    };
    let forced = coloured(&[("CLICOLOR_FORCE", "1")]).await;
    assert!(forced.contains("\u{1b}[32mverified\u{1b}[0m"), "{forced:?}");
    let codes = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert_eq!(codes.replace_all(&forced, ""), plain);
    assert_eq!(coloured(&[("NO_COLOR", "1")]).await, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_printed_up_to_its_bound_and_the_rest_counted() {
    let bench = Bench::new().await;
    let image = DescribedImage::new("amd64", "many");
    let index = (0..23).fold(DescribedIndex::default(), |index, number| {
        index.image(DescribedImage::new(
            &format!("cpu{number}"),
            &format!("many {number}"),
        ))
    });
    let (index, _) = bench
        .registry
        .push_described_index(REPOSITORY, "v1", &index.image(image));
    for _ in 0..25 {
        let signing = bench.sigstore.sign_with(&bench.key, &index).without_log();
        bench.attached(&index, signing);
    }
    let told = bench.told(&["--key", "cosign.pub"]).await;
    assert_eq!(told.matches("platform linux/").count(), 20, "{told}");
    assert_eq!(told.matches("signature, by").count(), 20, "{told}");
    assert!(told.contains("├─ and 4 more platforms\n"), "{told}");
    assert!(told.ends_with("└─ and 5 more signatures\n"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_attachments_leave_what_the_image_says_about_itself() {
    let bench = Bench::new().await;
    let image = DescribedImage::new("amd64", "flooded").annotation(
        "org.opencontainers.image.revision",
        assay::sandbox::build::COMMIT,
    );
    let image = bench.push_one(&image);
    for number in 0..1000 {
        let junk = format!("junk {number}");
        bench.registry.attach_bundle(REPOSITORY, &image, junk);
    }
    let run = bench.inspect(&[]).await;
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let told = bench.redacted(&run.stdout);
    insta::assert_snapshot!(told, @r"
    registry.example/acme/shop/api:v1
    sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    application/vnd.oci.image.manifest.v1+json

    claims, not verified
      commit  image annotation  714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e

    warnings
      - what is attached could not be read: registry.example: 1000 referrers are
        attached, at most 50 are read
    ");
}
