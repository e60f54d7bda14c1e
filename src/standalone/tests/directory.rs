//! Which files of a directory are read.

use std::os::unix::fs::symlink;

use super::*;
use crate::limits::{POLICY_FILE_BYTES, POLICY_FILES};

#[test]
fn only_yaml_and_json_files_of_the_directory_itself_are_read() {
    let directory = directory(&[
        ("a.yml", POLICY),
        ("README.md", "no policy"),
        (".hidden.yaml", "no policy"),
        ("a.yaml.bak", "no policy"),
    ]);
    fs::create_dir(directory.path().join("below")).unwrap();
    fs::write(directory.path().join("below/b.yaml"), "no policy").unwrap();
    assert_eq!(names(&load(directory.path()).unwrap()), ["shop"]);
}

#[test]
fn a_mounted_config_map_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("..2026_11_21")).unwrap();
    fs::write(at("..2026_11_21/shop.yaml"), POLICY).unwrap();
    symlink("..2026_11_21", at("..data")).unwrap();
    symlink("..data/shop.yaml", at("shop.yaml")).unwrap();
    assert_eq!(names(&load(directory.path()).unwrap()), ["shop"]);
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let directory = directory(&[]);
    let error = load(&directory.path().join("gone")).unwrap_err();
    let lines = lines(&error, directory.path());
    assert_eq!(
        lines,
        ["gone: cannot be read: No such file or directory (os error 2)"]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_not_left_out() {
    let directory = directory(&[("a.yaml", POLICY)]);
    symlink("nowhere", directory.path().join("b.yaml")).unwrap();
    fs::create_dir(directory.path().join("c.yaml")).unwrap();
    fs::write(directory.path().join("d.yaml"), b"\xff").unwrap();
    let error = load(directory.path()).unwrap_err();
    assert_eq!(
        lines(&error, directory.path()),
        [
            "b.yaml: cannot be read: No such file or directory (os error 2)",
            "c.yaml: cannot be read: it is not a file",
            "d.yaml: cannot be read: stream did not contain valid UTF-8",
        ]
    );
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let most = usize::try_from(POLICY_FILE_BYTES).unwrap();
    let fitting = format!("{POLICY}{}", "\n".repeat(most - POLICY.len()));
    let directory = directory(&[("a.yaml", &fitting)]);
    assert_eq!(names(&load(directory.path()).unwrap()), ["shop"]);
    fs::write(directory.path().join("a.yaml"), format!("{fitting}\n")).unwrap();
    let error = load(directory.path()).unwrap_err();
    assert_eq!(
        lines(&error, directory.path()),
        [format!("a.yaml: has more than {POLICY_FILE_BYTES} bytes")]
    );
}

#[test]
fn a_directory_over_the_limit_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for index in 0..=POLICY_FILES {
        fs::write(directory.path().join(format!("{index}.yaml")), "").unwrap();
    }
    let error = load(directory.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}: holds more than {POLICY_FILES} files",
            directory.path().display()
        )
    );
}

#[test]
fn aliases_that_grow_without_end_are_refused() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, name) in ('a'..'i').zip('b'..='i') {
        let items = vec![format!("*{before}"); 10].join(", ");
        text = format!("{text}{name}: &{name} [{items}]\n");
    }
    let refusal = refusal(&text);
    assert!(refusal.starts_with("shop.yaml:"), "{refusal}");
}
