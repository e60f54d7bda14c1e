//! Provenance in the words of every builder that Assay reads.

use assay::sandbox::build::COMMIT;

use super::*;

const WORKFLOW: &str = ".github/workflows/release.yml";

const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0";

/// A build on GitHub, and what is asked of it.
fn on_github(predicate: fn(&Build) -> Predicate, claims: impl Fn(&Build) -> Claims) -> Case {
    let build = Build::github("acme/shop", WORKFLOW, TAG);
    let repository = json!({
        "name": "workflow",
        "keyless": {
            "issuer": "https://token.actions.githubusercontent.com",
            "san": "https://github.com/**@refs/tags/v*",
        },
        "trustRootRef": {"name": "sandbox"},
    });
    Case::asking(json!({
        "sourceRepository": "https://github.com/acme/shop",
        "refs": [TAG],
        "tagMatches": ["Ref"],
        "pipelineSources": ["push"],
    }))
    .spec("authorities", json!([repository]))
    .certified(claims(&build))
    .stated(predicate(&build))
}

fn on_gitlab(predicate: fn(&Build) -> Predicate) -> Case {
    let rules = json!({
        "sourceRepository": "https://gitlab.com/acme/shop/api",
        "refs": [TAG],
        "tagMatches": ["Ref"],
        "runners": ["https://gitlab.com/acme/shop/api/-/runners/1234"],
        "pipelineSources": ["push"],
    });
    Case::asking(rules).stated(predicate(&release()))
}

/// The generator's own workflow signs for whoever calls it.
fn by_generator(build: &Build) -> Claims {
    build.claims().san(GENERATOR).config_uri(GENERATOR)
}

/// Every shape, each with its whole set of rules.
fn shapes() -> [(&'static str, Case); 6] {
    [
        ("GitLab", on_gitlab(Build::stated_by_gitlab)),
        ("GitLab Runner", on_gitlab(Build::stated_by_runner)),
        ("a job", on_gitlab(Build::stated_by_job)),
        ("npm on GitLab", on_gitlab(Build::stated_by_npm)),
        ("GitHub", on_github(Build::stated_by_github, Build::claims)),
        (
            "slsa-github-generator",
            on_github(Build::stated_by_slsa_generator, by_generator),
        ),
    ]
}

#[tokio::test]
async fn every_shape_is_read_and_agrees_with_its_certificate() {
    for (name, case) in shapes() {
        let told = case.admitted().await;
        assert_eq!(told["api"]["commit"], COMMIT, "{name}: {told}");
    }
}

#[tokio::test]
async fn every_shape_is_refused_when_it_names_another_commit_than_its_certificate() {
    for (name, case) in shapes() {
        let (world, response) = case
            .clone()
            .certified(
                case.claims
                    .clone()
                    .commit("a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"),
            )
            .response(Stored::Bundle)
            .await;
        assert_eq!(codes(&response), ["ProvenanceMismatch"], "{name}");
        let line = line(&world, &response);
        for commit in ["714a630ec4b3", "a1b2c3d4e5f6"] {
            assert!(line.contains(commit), "{name}: {line}");
        }
    }
}

#[tokio::test]
async fn buildkit_alone_signed_as_provenance_says_which_images_it_was_built_upon() {
    for predicate in [Build::stated_by_buildkit, Build::stated_by_buildkit_v02] {
        let asks = || Case::asking(json!({"baseImages": ["registry.gitlab.com/acme/base/**"]}));
        asks().stated(predicate(&release())).admitted().await;
        let build = release().base_image("docker.io/library/golang:1", &Digest::of(b"golang"));
        let (_, response) = asks()
            .stated(predicate(&build))
            .response(Stored::Bundle)
            .await;
        assert_eq!(codes(&response), ["BaseImageNotAllowed"]);
    }
}

#[tokio::test]
async fn a_shape_that_nobody_knows_states_nothing_and_is_there_for_conditions() {
    let predicate = Predicate::new(
        "https://slsa.dev/provenance/v1",
        json!({"buildDefinition": {"buildType": "https://acme.example/build"}, "answer": 42}),
    );
    let asks = |provenance: Value, expression: &str| {
        Case::asking(provenance)
            .spec("conditions", json!([{"expression": expression}]))
            .stated(predicate.clone())
    };
    let answer = "provenance.predicate.answer == 42";
    asks(json!({}), answer).admitted().await;
    let other = asks(json!({}), "provenance.predicate.answer == 43");
    insta::assert_snapshot!(other.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) does not meet a condition of policy "demand": provenance.predicate.answer == 43 [ConditionFailed]; correct what the condition is about, or ask the policy's author"#);
    let runner = asks(json!({"runners": ["https://gitlab.com/**"]}), answer);
    insta::assert_snapshot!(runner.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) provenance says no runner, policy "demand" accepts https://gitlab.com/** [RunnerNotAllowed]; attest it with provenance that states the runner"#);
}
