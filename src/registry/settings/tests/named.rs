//! The files that settings name.

use std::fs;

use tempfile::TempDir;

use super::{
    super::super::{DockerConfigError, NoLogin},
    *,
};

/// A certificate for itself and its key, both in PEM.
fn certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["r.example".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

/// What comes of an entry with these fields beside these files.
fn read(
    fields: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Result<RegistrySettings, (u64, u64, SettingsProblem)> {
    let folder = TempDir::new().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("written");
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(field, value)| format!("    {field}: {value}\n"))
        .collect();
    let fields = fields.concat();
    let text = format!("registries:\n  - prefix: r.example/group\n{fields}");
    let file = folder.path().join(FILE);
    RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), &text)
        .map_err(|error| (error.line, error.column, error.problem))
}

fn refused(fields: &[(&str, &str)], files: &[(&str, &str)]) -> (u64, u64, SettingsProblem) {
    read(fields, files).expect_err("refused")
}

const LOGIN: [(&str, &str); 2] = [("username", "assay"), ("passwordFile", "password")];

const IDENTITY: [(&str, &str); 2] = [
    ("clientCertFile", "client.pem"),
    ("clientKeyFile", "client.key"),
];

#[test]
fn a_file_is_read_with_what_it_names_and_shows_no_secret() {
    let (pem, key) = certificate();
    let fields = [("caFile", "ca.pem")].into_iter();
    let fields: Vec<_> = fields.chain(IDENTITY).chain(LOGIN).collect();
    let files = [
        ("ca.pem", pem.as_str()),
        ("client.pem", &pem),
        ("client.key", &key),
        ("password", "hunter2\n"),
    ];
    let settings = read(&fields, &files).expect("settings");
    let setting = settings.find("r.example", "group/app").expect("a setting");
    assert_eq!(setting.authorities.len(), 1);
    assert!(setting.client_identity().is_some());
    let expected = Credential {
        origin: "the login for \"r.example/group\" in the registry settings".to_owned(),
        username: "assay".to_owned(),
        password: Secret::new("hunter2".to_owned()),
    };
    let keyring = settings.keyring();
    assert_eq!(
        keyring.lookup(&repository("r.example/group/app")),
        [&expected]
    );
    let shown = format!("{settings:?}");
    let secret = key.lines().nth(1).expect("a line of the key");
    assert!(!shown.contains("hunter2") && !shown.contains(secret));
}

#[test]
fn a_login_is_used_below_its_prefix_alone_whatever_the_spelling_of_the_host() {
    let settings = read(&LOGIN, &[("password", "hunter2")]).expect("settings");
    let keyring = settings.keyring();
    for (image, expected) in [
        ("r.example/group", 1),
        ("r.example/group/app", 1),
        ("r.example:443/group/app", 1),
        ("r.example/group2/app", 0),
        ("r.example/other", 0),
        ("r.example:5000/group/app", 0),
    ] {
        let found = keyring.lookup(&repository(image)).len();
        assert_eq!(found, expected, "{image}");
    }
}

#[test]
fn a_login_of_a_registry_that_is_named_with_its_port_is_tried_once() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("password"), "hunter2").expect("written");
    let text = "registries: [{prefix: \"r.example:443\", username: a, passwordFile: password}]";
    let file = folder.path().join(FILE);
    let settings = RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), text);
    let keyring = settings.expect("settings").keyring();
    for image in ["r.example/app", "r.example:443/app"] {
        assert_eq!(keyring.lookup(&repository(image)).len(), 1, "{image}");
    }
}

#[test]
fn the_entries_of_a_docker_config_are_used_below_the_prefix_alone() {
    let config = r#"{"auths": {
        "r.example": {"username": "all", "password": "p"},
        "r.example/group/app": {"username": "app", "password": "p"},
        "other.example": {"username": "other", "password": "p"}
    }}"#;
    let fields = [("dockerConfigFile", "config.json")];
    let settings = read(&fields, &[("config.json", config)]).expect("settings");
    let keyring = settings.keyring();
    let names = |image: &str| -> Vec<String> {
        let found = keyring.lookup(&repository(image));
        found.iter().map(|one| one.username.clone()).collect()
    };
    assert_eq!(names("r.example/group/app"), ["app", "all"]);
    assert_eq!(names("r.example/group/web"), ["all"]);
    for elsewhere in ["r.example/else", "r.example/group2", "other.example/group"] {
        assert_eq!(names(elsewhere), Vec::<String>::new(), "{elsewhere}");
    }
    let origin = "docker config config.json for \"r.example/group\"";
    let found = keyring.lookup(&repository("r.example/group/web"));
    assert_eq!(found.first().map(|one| one.origin.as_str()), Some(origin));
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let large = " ".repeat(limits::REGISTRY_SETTINGS_BYTES + 1);
    let (line, column, problem) = refused(&[("caFile", "missing.pem")], &[]);
    assert_eq!((line, column), (3, 13));
    let shown = problem.to_string();
    let expected = "/missing.pem cannot be read: there is no such file";
    assert!(
        shown.starts_with('/') && shown.ends_with(expected),
        "{shown}"
    );
    let (line, column, problem) = refused(&[("caFile", "large.pem")], &[("large.pem", &large)]);
    assert_eq!((line, column), (3, 13));
    let shown = problem.to_string();
    let expected = "/large.pem is too large: at most 1 MiB is read";
    assert!(
        shown.starts_with('/') && shown.ends_with(expected),
        "{shown}"
    );
}

#[test]
fn a_file_that_is_named_must_hold_what_it_should() {
    let (pem, key) = certificate();
    let name = |name: &str| name.to_owned();
    let cut_off = format!("{pem}{}", pem.replace("-----END", ""));
    let cases = [
        (
            vec![("caFile", "a")],
            vec![("a", "")],
            (3, 13, SettingsProblem::NoCertificate { name: name("a") }),
        ),
        (
            vec![("caFile", "a")],
            vec![("a", cut_off.as_str())],
            (3, 13, SettingsProblem::BrokenPem { name: name("a") }),
        ),
        (
            IDENTITY.to_vec(),
            vec![("client.pem", pem.as_str()), ("client.key", pem.as_str())],
            (
                4,
                20,
                SettingsProblem::NoKey {
                    name: name("client.key"),
                },
            ),
        ),
        (
            IDENTITY.to_vec(),
            vec![("client.pem", key.as_str()), ("client.key", key.as_str())],
            (
                3,
                21,
                SettingsProblem::NoCertificate {
                    name: name("client.pem"),
                },
            ),
        ),
        (
            LOGIN.to_vec(),
            vec![("password", "\n")],
            (
                4,
                19,
                SettingsProblem::NoPassword {
                    name: name("password"),
                },
            ),
        ),
        (
            vec![("username", "\"\""), ("passwordFile", "password")],
            vec![("password", "hunter2")],
            (3, 15, SettingsProblem::Empty { field: "username" }),
        ),
    ];
    for (fields, files, expected) in cases {
        assert_eq!(refused(&fields, &files), expected);
    }
}

#[test]
fn a_docker_config_must_be_one_and_hold_a_login() {
    let fields = [("dockerConfigFile", "c")];
    for (config, reason) in [
        (r#"{"auths": {}}"#, NoLogin::Nothing),
        ("{}", NoLogin::Nothing),
        (r#"{"credHelpers": {"r.example": "ecr"}}"#, NoLogin::Helpers),
        (
            r#"{"auths": {"r.example": {}}, "credsStore": "pass"}"#,
            NoLogin::Helpers,
        ),
        (r#"{"r.example": {"auth": "dTpw"}}"#, NoLogin::OldFormat),
        (
            r#"{"r.example": {"username": "u", "password": "p"}}"#,
            NoLogin::OldFormat,
        ),
    ] {
        let name = "c".to_owned();
        let expected = (3, 23, SettingsProblem::NoLogin { name, reason });
        assert_eq!(refused(&fields, &[("c", config)]), expected);
    }
    let (_, _, empty) = refused(&fields, &[("c", "\n")]);
    let expected = "docker config c for \"r.example/group\" is not a docker config: it is empty";
    assert_eq!(empty.to_string(), expected);
    let (line, column, problem) = refused(&fields, &[("c", "{\"auths\":\n hunter2}")]);
    assert_eq!((line, column), (3, 23));
    let expected = DockerConfigError::Malformed {
        origin: "docker config c for \"r.example/group\"".to_owned(),
        detail: "no JSON at line 2 column 2".to_owned(),
    };
    assert_eq!(problem, SettingsProblem::DockerConfig(expected));
}

#[test]
fn a_docker_config_must_hold_a_login_for_its_prefix() {
    let read = |location: &str| {
        let config =
            format!(r#"{{"auths": {{"{location}": {{"username": "u", "password": "p"}}}}}}"#);
        read(&[("dockerConfigFile", "c")], &[("c", &config)])
    };
    for location in [
        "r.example",
        "https://r.example:443/v2/",
        "*.example",
        "r.example/gro",
        "r.example/group/app",
    ] {
        assert!(read(location).is_ok(), "{location}");
    }
    for location in [
        "s.example",
        "r.example:5000",
        "r.example/other",
        "https://index.docker.io/v1/",
    ] {
        let problem = SettingsProblem::OtherLogins {
            name: "c".to_owned(),
            prefix: "r.example/group".to_owned(),
        };
        let found = read(location).expect_err("refused");
        assert_eq!(found, (3, 23, problem), "{location}");
    }
}

#[test]
fn docker_s_own_name_for_its_hub_is_for_the_hub() {
    let folder = TempDir::new().expect("a folder");
    let config = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}"#;
    fs::write(folder.path().join("hub.json"), config).expect("written");
    let text = "registries: [{prefix: docker.io/acme, dockerConfigFile: hub.json}]";
    let file = folder.path().join(FILE);
    let settings = RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), text);
    let keyring = settings.expect("settings").keyring();
    assert_eq!(keyring.lookup(&repository("docker.io/acme/api")).len(), 1);
}

#[test]
fn a_client_certificate_is_not_for_plain_http() {
    let fields = [("insecureHttp", "true")].into_iter().chain(IDENTITY);
    let found = refused(&fields.collect::<Vec<_>>(), &[]);
    assert_eq!(found, (4, 21, SettingsProblem::CertificateInPlain));
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_told_with_their_names() {
    let (pem, _) = certificate();
    let (_, other_key) = certificate();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let (line, column, problem) = refused(&[("caFile", "a")], &[("a", garbage)]);
    assert_eq!((line, column), (3, 13));
    let shown = problem.to_string();
    assert!(
        shown.starts_with("certificate 1 of a cannot be used: "),
        "{shown}"
    );
    let files = [("client.pem", pem.as_str()), ("client.key", &other_key)];
    let (line, column, problem) = refused(&IDENTITY, &files);
    assert_eq!((line, column), (4, 20));
    let shown = problem.to_string();
    let expected = "client.pem and client.key cannot be used together: ";
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn a_certificate_too_many_is_refused() {
    let (pem, key) = certificate();
    for (field, place, limit) in [
        ("caFile", (3, 13), limits::AUTHORITIES_PER_REGISTRY),
        ("clientCertFile", (3, 21), limits::CLIENT_CERTIFICATES),
    ] {
        let mut fields = vec![(field, "a")];
        if field == "clientCertFile" {
            fields.push(("clientKeyFile", "key"));
        }
        let files = |content: &str| read(&fields, &[("a", content), ("key", &key)]);
        assert!(files(&pem.repeat(limit)).is_ok());
        let problem = SettingsProblem::TooManyCertificates {
            name: "a".to_owned(),
            found: limit + 1,
            limit,
        };
        let found = files(&pem.repeat(limit + 1)).expect_err("refused");
        assert_eq!(found, (place.0, place.1, problem));
    }
}

#[test]
fn the_files_of_all_entries_are_bounded_together() {
    let folder = TempDir::new().expect("a folder");
    let limit = limits::REGISTRY_SETTINGS_FILES_BYTES;
    let each = limits::REGISTRY_SETTINGS_BYTES;
    fs::write(folder.path().join("password"), "p".repeat(each)).expect("written");
    let entries = |count: usize| -> String {
        let entry = |number| {
            format!("  - prefix: r{number}.example\n    username: u\n    passwordFile: password\n")
        };
        let entries: Vec<String> = (0..count).map(entry).collect();
        format!("registries:\n{}", entries.concat())
    };
    let file = folder.path().join(FILE);
    let read = |count| RegistrySettings::from_yaml(file.to_str().expect("UTF-8"), &entries(count));
    assert!(read(limit / each).is_ok());
    let error = read(limit / each + 1).expect_err("refused");
    assert_eq!(error.problem, SettingsProblem::FilesTooLarge { limit });
}
