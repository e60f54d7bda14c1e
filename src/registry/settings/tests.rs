use tempfile::TempDir;

use super::*;

const FILE: &str = "registries.yaml";

fn problem(text: &str) -> (u64, u64, SettingsProblem) {
    let error = RegistrySettings::from_yaml(FILE, text).expect_err("the text is refused");
    assert_eq!(error.file, FILE);
    (error.line, error.column, error.problem)
}

fn certificate() -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["r.example".to_owned()]).expect("a name");
    params.self_signed(&key).expect("a certificate").pem()
}

#[test]
fn a_file_is_read_with_what_it_names() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), certificate()).expect("written");
    std::fs::write(folder.path().join("password"), "hunter2\n").expect("written");
    let text = "registries:
  - prefix: r.example:5000/group
    insecureHttp: true
    caFile: ca.pem
    username: assay
    passwordFile: password
";
    let file = folder.path().join(FILE);
    let settings =
        RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), text).expect("settings");
    let setting = settings
        .find("r.example:5000", "group/app")
        .expect("a setting");
    assert!(setting.insecure_http);
    assert_eq!(setting.authorities.len(), 1);
    let expected = Credential {
        origin: "the login for \"r.example:5000/group\" in the registry settings".to_owned(),
        username: "assay".to_owned(),
        password: Secret::new("hunter2".to_owned()),
    };
    let keyring = settings.keyring();
    let repository = "r.example:5000/group/app".parse().expect("a repository");
    assert_eq!(keyring.lookup(&repository), [&expected]);
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_longest_prefix_counts_and_ends_where_a_segment_does() {
    let text = "registries:
  - prefix: r.example
  - prefix: r.example/group/app
    insecureHttp: true
";
    let settings = RegistrySettings::from_yaml(FILE, text).expect("settings");
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
fn a_login_needs_both_halves() {
    for half in ["username: a", "passwordFile: b"] {
        let text = format!("registries:\n  - prefix: r.example\n    {half}\n");
        assert_eq!(problem(&text), (2, 13, SettingsProblem::HalfLogin));
    }
}

#[test]
fn what_is_no_prefix_is_refused() {
    for prefix in [
        "",
        "r.example/",
        "r.example//a",
        "https://r.example",
        "r.example/A",
        "r.example/a:tag",
    ] {
        let text = format!("registries:\n  - prefix: \"{prefix}\"\n");
        let presented = prefix.to_owned();
        assert_eq!(
            problem(&text),
            (2, 13, SettingsProblem::Prefix { presented })
        );
    }
}

#[test]
fn a_prefix_listed_twice_is_refused() {
    let presented = "r.example".to_owned();
    assert_eq!(
        problem("registries:\n  - prefix: r.example\n  - prefix: r.example\n"),
        (3, 13, SettingsProblem::Repeated { presented })
    );
}

#[test]
fn a_file_that_is_named_must_be_there_and_hold_what_it_should() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("empty.pem"), "").expect("written");
    let large = " ".repeat(limits::REGISTRY_SETTINGS_BYTES + 1);
    std::fs::write(folder.path().join("large.pem"), large).expect("written");
    let file = folder.path().join(FILE);
    let refused = |name: &str| {
        let text = format!("registries:\n  - prefix: r.example\n    caFile: {name}\n");
        let error = RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), &text);
        error.expect_err("refused").problem
    };
    let name = "empty.pem".to_owned();
    assert_eq!(
        refused("empty.pem"),
        SettingsProblem::NoCertificate { name }
    );
    for (name, reason) in [
        ("missing.pem", "entity not found"),
        ("large.pem", "file too large"),
    ] {
        let expected = SettingsProblem::File {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        assert_eq!(refused(name), expected);
    }
}

#[test]
fn a_file_of_one_byte_too_many_is_refused() {
    let limit = limits::REGISTRY_SETTINGS_BYTES;
    let text = " ".repeat(limit + 1);
    let size = limit + 1;
    assert_eq!(problem(&text).2, SettingsProblem::TooLarge { size, limit });
}
