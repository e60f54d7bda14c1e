use std::{fs, os::unix::fs::symlink, path::Path};

use rcgen::generate_simple_self_signed;
use tempfile::TempDir;

use super::{super::files::DockerConfig, *};
use crate::{
    image::Repository,
    registry::{RegistryOptions, RegistrySettings},
};

/// Files that are followed by hand.
struct Files {
    folder: TempDir,
    follower: Follower,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        write(folder.path(), "registries.yaml", SETTINGS);
        write(folder.path(), "password", "first");
        write(folder.path(), "config.json", ELSEWHERE);
        Self {
            follower: follower(folder.path()),
            folder,
        }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// The passwords for the registry, after the next look.
    async fn next(&mut self) -> (Look, Vec<String>) {
        let look = self.follower.look().await;
        (look, passwords(&self.follower.own))
    }

    fn is_stale(&self) -> bool {
        let text = self.follower.metrics.encode();
        let stale = "assay_registry_settings_stale 1";
        text.lines().any(|line| line == stale)
    }
}

const SETTINGS: &str =
    "registries:\n  - {prefix: r.example, username: u, passwordFile: password}\n";

/// A login for another registry.
const ELSEWHERE: &str = r#"{"auths": {"s.example": {"username": "v", "password": "other"}}}"#;

fn follower(folder: &Path) -> Follower {
    let files = ReadingFiles {
        settings: Some(folder.join("registries.yaml")),
        docker_config: Some(DockerConfig::Named(folder.join("config.json"))),
    };
    let Read { settings, keyring } = files.read().expect("read");
    let tasks = TaskTracker::new();
    let registry = OciRegistry::new(settings, RegistryOptions::default(), &tasks);
    Follower {
        files,
        registry: Arc::new(registry.expect("a reader")),
        own: OwnCredentials::from(keyring),
        metrics: Arc::new(Metrics::new()),
        tasks,
        told: None,
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("written");
}

fn passwords(own: &OwnCredentials) -> Vec<String> {
    let repository: Repository = "r.example/app".parse().expect("a repository");
    let keyring = own.current();
    let found = keyring.lookup(&repository).into_iter();
    found.map(|one| one.password.reveal().to_owned()).collect()
}

fn found<const N: usize>(passwords: [&str; N]) -> Vec<String> {
    passwords.map(str::to_owned).into()
}

#[tokio::test]
async fn what_was_replaced_is_used_and_what_cannot_be_read_changes_nothing() {
    let mut files = Files::new();
    assert_eq!(files.next().await, (Look::Same, found(["first"])));
    files.write("password", "second");
    assert_eq!(files.next().await, (Look::Replaced, found(["second"])));
    files.write(
        "config.json",
        r#"{"auths": {"r.example": {"username": "v", "password": "third"}}}"#,
    );
    let both = found(["second", "third"]);
    assert_eq!(files.next().await, (Look::Replaced, both.clone()));
    for useless in ["s3cret", "", "{}"] {
        files.write("config.json", useless);
        assert_eq!(files.next().await, (Look::Refused, both.clone()));
    }
    fs::remove_file(files.folder.path().join("password")).expect("removed");
    files.write("config.json", ELSEWHERE);
    assert_eq!(files.next().await, (Look::Refused, both));
    files.write("password", "fourth");
    assert_eq!(files.next().await, (Look::Replaced, found(["fourth"])));
}

#[tokio::test]
async fn what_is_refused_is_told_with_its_place_until_it_is_mended() {
    let mut files = Files::new();
    let file = files.folder.path().join("registries.yaml");
    let told = |problem: &str| Some(format!("{}:{problem}", file.display()));
    files.write("registries.yaml", &format!("{SETTINGS}  - {{prefx: a}}\n"));
    assert_eq!(files.next().await, (Look::Refused, found(["first"])));
    let telling = files.follower.told.clone().expect("told");
    let begin = told("3:6: unknown field `prefx`").expect("text");
    assert!(telling.starts_with(&begin), "{telling}");
    assert!(files.is_stale());

    let changed = format!("{SETTINGS}  - {{prefix: s.example, caFile: ca.pem}}\n");
    files.write("registries.yaml", &changed);
    assert_eq!(files.next().await.0, Look::Refused);
    let missing = files.folder.path().join("ca.pem");
    let missing = missing.display();
    let problem = format!("3:33: {missing} cannot be read: there is no such file");
    assert_eq!(files.follower.told, told(&problem));

    files.write("registries.yaml", SETTINGS);
    assert_eq!(files.next().await.0, Look::Same);
    assert_eq!(files.follower.told, None);
    assert!(!files.is_stale());
}

#[tokio::test]
async fn other_settings_are_in_force_at_once_and_all_of_their_folders_are_watched() {
    let mut files = Files::new();
    let elsewhere = TempDir::new().expect("a folder");
    let made = generate_simple_self_signed(["s.example".to_owned()]).expect("a certificate");
    write(elsewhere.path(), "ca.pem", &made.cert.pem());
    let file = elsewhere.path().join("ca.pem");
    let entry = format!("  - {{prefix: s.example, caFile: {}}}\n", file.display());
    files.write("registries.yaml", &format!("{SETTINGS}{entry}"));
    assert_eq!(files.next().await.0, Look::Replaced);
    let settings: Arc<RegistrySettings> = files.follower.registry.settings();
    let hosts = ["r.example", "s.example"].map(str::to_owned);
    assert_eq!(settings.hosts(), hosts.into());
    let folders = [files.folder.path(), elsewhere.path()];
    assert_eq!(files.follower.files.folders(&settings), folders.into());
}

/// Puts these files where they are mounted, as the kubelet does: a new folder, and one link that is swapped to it.
fn mount(at: &Path, version: &str, files: &[(&str, &str)]) {
    let folder = at.join(format!("..{version}"));
    fs::create_dir(&folder).expect("a folder");
    for (name, text) in files {
        write(&folder, name, text);
        let link = at.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(name), link).expect("a link");
        }
    }
    symlink(format!("..{version}"), at.join("..data_tmp")).expect("a link");
    fs::rename(at.join("..data_tmp"), at.join("..data")).expect("swapped");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_kubelet_exchanges_is_taken_up_while_the_program_runs() {
    let folder = TempDir::new().expect("a folder");
    let secret = |password| {
        [
            ("registries.yaml", SETTINGS),
            ("config.json", ELSEWHERE),
            ("password", password),
        ]
    };
    mount(folder.path(), "1", &secret("first"));
    let follower = follower(folder.path());
    let own = follower.own.clone();
    let tasks = follower.tasks.clone();
    let following = tasks.spawn(follower.run());
    for (version, password) in [("2", "second"), ("3", "third")] {
        mount(folder.path(), version, &secret(password));
        fs::remove_dir_all(folder.path().join("..1")).unwrap_or_default();
        sleep(limits::REGISTRY_FILES_POLL + SETTLING).await;
        assert_eq!(passwords(&own), [password]);
    }
    following.abort();
}
