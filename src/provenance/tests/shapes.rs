//! Each shape, as it is documented: a statement of `tests/vectors/provenance` beside what it says.

use rstest::rstest;

use super::*;

#[rstest]
#[case("gitlab-runner", Shape::GitLabRunner)]
#[case("gitlab", Shape::GitLab)]
#[case("assay", Shape::GitLab)]
#[case("npm-gitlab", Shape::NpmGitLab)]
#[case("buildkit-v0.2", Shape::BuildKit)]
#[case("buildkit-v1", Shape::BuildKit)]
#[case("buildkit-v1-folder", Shape::BuildKit)]
#[case("github", Shape::GitHub)]
#[case("slsa-github-generator", Shape::SlsaGithubGenerator)]
fn a_documented_statement_says_what_stands_beside_it(#[case] name: &str, #[case] shape: Shape) {
    let value: Value = serde_json::from_slice(&vector(name)).unwrap();
    let read = read(name);
    assert_eq!(read.shape, shape);
    assert_eq!(read.predicate, value["predicate"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/provenance");
    let expected = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    assert_eq!(told(&read.facts).join("\n") + "\n", expected);
    assert_eq!(read.facts.contradictions(), []);
}

#[test]
fn the_job_is_read_where_cosign_2_has_changed_its_name() {
    let statement = |name: &str| {
        serde_json::json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": SLSA_V1,
            "subject": [],
            "predicate": {
                "buildDefinition": { "buildType": ASSAY_BUILD_TYPE },
                "runDetails": { "metadata": { name: "4316132595" } },
            },
        })
        .to_string()
    };
    for name in ["invocationId", "invocationID"] {
        let text = statement(name);
        let read = Provenance::parse(SLSA_V1, text.as_bytes(), Source::Attestation).unwrap();
        assert_eq!(
            read.facts.best(FactName::JobId).unwrap().value,
            "4316132595"
        );
    }
}

#[test]
fn a_repository_of_which_nothing_is_left_is_not_stated() {
    for source in ["#", "?", "git+", "#refs/heads/main"] {
        let statement = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": SLSA_V1,
            "subject": [],
            "predicate": { "buildDefinition": {
                "buildType": ASSAY_BUILD_TYPE,
                "externalParameters": { "source": source },
            } },
        });
        let text = statement.to_string();
        let read = Provenance::parse(SLSA_V1, text.as_bytes(), Source::Attestation).unwrap();
        assert_eq!(read.facts.all(FactName::SourceRepository), []);
    }
}
