mod named;
mod places;

use super::{super::credentials::Credential, *};
use crate::{
    image::ReferenceError,
    registry::{PrefixFault, Secret},
};

const FILE: &str = "registries.yaml";

fn settings(text: &str) -> RegistrySettings {
    RegistrySettings::from_yaml(FILE, text).expect("settings")
}

fn problem(text: &str) -> (u64, u64, SettingsProblem) {
    let error = RegistrySettings::from_yaml(FILE, text).expect_err("the text is refused");
    assert_eq!(error.file, FILE);
    (error.line, error.column, error.problem)
}

fn repository(text: &str) -> Repository {
    text.parse().expect("a repository")
}

#[test]
fn the_longest_prefix_counts_and_ends_where_a_segment_does() {
    let settings = settings(
        "registries:
  - prefix: r.example
  - prefix: r.example/group/app
    insecureHttp: true
",
    );
    let is_plain =
        |host: &str, path: &str| settings.find(host, path).map(|found| found.insecure_http);
    assert_eq!(is_plain("r.example", "group/app"), Some(true));
    assert_eq!(is_plain("r.example", "group/app/sub"), Some(true));
    assert_eq!(is_plain("r.example", "group/app2"), Some(false));
    assert_eq!(is_plain("r.example", ""), Some(false));
    assert_eq!(is_plain("r.example.evil", "group/app"), None);
    assert_eq!(is_plain("r.example:5000", "group/app"), None);
}

#[test]
fn a_spelling_with_the_port_of_https_is_the_same_registry_unless_it_is_plain_http() {
    let settings = settings(
        "registries:
  - prefix: a.example
  - prefix: b.example
    insecureHttp: true
  - prefix: c.example
  - prefix: c.example:443
    insecureHttp: true
",
    );
    let found = |host: &str| settings.find(host, "app").map(RegistrySetting::prefix);
    for (host, expected) in [
        ("a.example:443", Some("a.example")),
        ("b.example:443", None),
        ("b.example", Some("b.example")),
        ("c.example", Some("c.example")),
        ("c.example:443", Some("c.example:443")),
    ] {
        assert_eq!(found(host).as_deref(), expected, "{host}");
    }
}

#[test]
fn an_unknown_field_is_refused_at_its_place() {
    let text = "registries:
  - prefix: r.example
    insecureHttps: true
";
    let (line, column, problem) = problem(text);
    assert_eq!((line, column), (3, 5));
    assert!(problem.to_string().contains("insecureHttps"), "{problem}");
    let shown = RegistrySettings::from_yaml(FILE, text)
        .expect_err("refused")
        .to_string();
    assert!(shown.starts_with("registries.yaml:3:5: "), "{shown}");
}

#[test]
fn fields_that_need_each_other_are_refused_alone_where_they_stand() {
    for (present, missing) in [
        ("username", "passwordFile"),
        ("passwordFile", "username"),
        ("clientCertFile", "clientKeyFile"),
        ("clientKeyFile", "clientCertFile"),
    ] {
        let text = format!("registries:\n  - prefix: r.example\n    {present}: a\n");
        let column = present.len() as u64 + 7;
        let expected = SettingsProblem::Half { present, missing };
        assert_eq!(problem(&text), (3, column, expected));
    }
}

#[test]
fn what_is_no_prefix_is_refused() {
    for (presented, fault) in [
        ("", PrefixFault::Host),
        ("r.example/", PrefixFault::Slash),
        ("r.example//a", PrefixFault::Slash),
        ("https://r.example", PrefixFault::Scheme),
        ("*.r.example", PrefixFault::Pattern),
        ("r.example/A", PrefixFault::UpperCase),
        ("r.example/a:tag", PrefixFault::Character),
        ("registry/a", PrefixFault::Host),
        ("library", PrefixFault::Host),
    ] {
        for (field, text, place) in [
            ("prefix", format!("prefix: \"{presented}\""), (2, 13)),
            (
                "mirrorOf",
                format!("prefix: m.example\n    mirrorOf: \"{presented}\""),
                (3, 15),
            ),
        ] {
            let presented = presented.to_owned();
            let expected = SettingsProblem::Prefix {
                field,
                presented,
                fault,
            };
            let text = format!("registries:\n  - {text}\n");
            assert_eq!(problem(&text), (place.0, place.1, expected));
        }
    }
}

#[test]
fn a_prefix_listed_twice_is_refused_in_either_spelling() {
    for second in ["r.example/a", "r.example:443/a"] {
        let text = format!("registries:\n  - prefix: r.example/a\n  - prefix: {second}\n");
        let presented = second.to_owned();
        assert_eq!(
            problem(&text),
            (3, 13, SettingsProblem::Repeated { presented })
        );
        let other = text.replace("- prefix: r.example/a\n  ", "- prefix: r.example\n  ");
        assert_eq!(settings(&other).entries().len(), 2);
    }
}

#[test]
fn a_token_service_is_a_host_and_nothing_else() {
    let entry = |written: &str| {
        format!("registries:\n  - prefix: r.example\n    tokenService: \"{written}\"\n")
    };
    let settings = settings(&entry("auth.example:8443"));
    let setting = settings.find("r.example", "app").expect("a setting");
    let named = setting.token_service.as_ref().map(RegistryHost::as_str);
    assert_eq!(named, Some("auth.example:8443"));
    for presented in [
        "",
        "https://auth.example",
        "auth.example/token",
        "*.example",
    ] {
        let expected = SettingsProblem::TokenService {
            presented: presented.to_owned(),
        };
        assert_eq!(problem(&entry(presented)), (3, 19, expected));
    }
}

#[test]
fn a_file_or_a_field_that_says_nothing_is_refused() {
    for text in ["", "# nothing\n", "registries:\n"] {
        assert_eq!(problem(text), (0, 0, SettingsProblem::Nothing), "{text:?}");
    }
    assert_eq!(settings("registries: []").entries().len(), 0);
    for field in ["caFile", "mirrorOf", "username"] {
        let text = format!("registries:\n  - prefix: r.example\n    {field}:\n");
        let (line, _, problem) = problem(&text);
        assert_eq!(line, 3, "{problem}");
    }
}

#[test]
fn what_the_parser_says_has_its_place_once_and_speaks_of_the_file() {
    let shown = |text: &str| {
        let error = RegistrySettings::from_yaml(FILE, text).expect_err("refused");
        error.to_string()
    };
    let entry = "registries:\n  - prefix: r.example\n";
    assert_eq!(
        shown(&format!("{entry}    prefix: s.example\n")),
        "registries.yaml:3:5: \"prefix\" is written twice"
    );
    let second = shown(&format!("{entry}---\nregistries: []\n"));
    let expected = "a second document begins, expected one";
    assert!(second.ends_with(expected), "{second}");
    let unknown = shown(&format!("{entry}    mirorOf: s.example\n"));
    let expected = "registries.yaml:3:5: unknown field `mirorOf`, expected one of ";
    assert!(unknown.starts_with(expected), "{unknown}");
    assert!(!unknown.contains("column"), "{unknown}");
}

#[test]
fn a_mirror_of_itself_is_refused() {
    let presented = "R.example/a".to_owned();
    assert_eq!(
        problem("registries:\n  - prefix: r.example/a\n    mirrorOf: R.example/a\n"),
        (3, 15, SettingsProblem::MirrorOfItself { presented })
    );
}

#[test]
fn a_signature_repository_is_named_whole_and_without_tag() {
    let tagged = ReferenceError::NotOnlyRepository {
        presented: "r.example/sigs:1".to_owned(),
    };
    for (presented, source) in [
        ("sigs", None),
        ("acme/sigs", None),
        ("r.example", None),
        ("", None),
        ("r.example/sigs:1", Some(tagged)),
    ] {
        let text = format!(
            "registries:\n  - prefix: r.example\n    signatureRepository: \"{presented}\"\n"
        );
        let presented = presented.to_owned();
        let expected = SettingsProblem::SignatureRepository { presented, source };
        assert_eq!(problem(&text), (3, 26, expected));
    }
}

#[test]
fn an_entry_too_many_is_refused_where_it_stands() {
    let limit = limits::REGISTRY_SETTINGS_ENTRIES;
    let entries = |count: usize| -> String {
        let lines = (0..count).map(|number| format!("  - prefix: r{number}.example\n"));
        format!("registries:\n{}", lines.collect::<Vec<_>>().concat())
    };
    assert_eq!(settings(&entries(limit)).entries().len(), limit);
    let found = limit + 1;
    let line = limit as u64 + 2;
    let expected = SettingsProblem::TooMany { found, limit };
    assert_eq!(problem(&entries(found)), (line, 13, expected));
}

#[test]
fn a_file_of_one_byte_too_many_is_refused_without_a_place() {
    let limit = limits::REGISTRY_SETTINGS_BYTES;
    let text = " ".repeat(limit + 1);
    let size = limit + 1;
    let expected = SettingsProblem::TooLarge { size, limit };
    assert_eq!(problem(&text), (0, 0, expected));
    let error = RegistrySettings::from_yaml(FILE, &text).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "registries.yaml: the file has 1048577 bytes, at most 1048576 are read"
    );
}

#[test]
fn the_registries_are_named_with_those_of_sources_and_signatures() {
    let settings = settings(
        "registries:
  - prefix: mirror.example:443/hub
    mirrorOf: docker.io
    signatureRepository: sigs.example:5000/all
",
    );
    let hosts: Vec<String> = settings.hosts().into_iter().collect();
    assert_eq!(hosts, ["docker.io", "mirror.example", "sigs.example:5000"]);
}
