//! Rust files, and as much of their grammar as the rules need.

#![allow(
    clippy::unwrap_used,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a file of this package that cannot be read ends the test, and its files end in .rs"
)]

use std::{fs, path::Path};

/// One Rust file.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path in the package, divided by `/`.
    pub(super) path: String,
    lines: usize,
    /// The text without comments and the content of literals.
    code: String,
}

/// Every Rust file under `src/` and `tests/`, sorted by path; packages of their own are left out.
pub(super) fn all() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        collect(folder, &mut sources);
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The text of `Cargo.toml`.
pub(super) fn manifest() -> String {
    read("Cargo.toml")
}

/// The files that Cargo compiles by themselves: those a manifest names, and the program.
pub(super) fn target_roots(manifest: &str) -> Vec<String> {
    let named = manifest.lines().filter_map(|line| {
        let path = line.strip_prefix("path = \"")?.strip_suffix('"')?;
        path.ends_with(".rs").then(|| path.to_owned())
    });
    let mut roots: Vec<String> = named.chain(["src/main.rs".to_owned()]).collect();
    roots.sort();
    roots.dedup();
    roots
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            lines: text.lines().count(),
            code: code_of(text),
        }
    }

    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// The top-level module it belongs to; none for `lib.rs` and for what is not under `src/`.
    pub(super) fn module(&self) -> Option<&str> {
        let inner = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let module = inner.split('/').next().filter(|name| *name != "lib");
        module.filter(|name| !name.is_empty())
    }

    /// How many modules deep it is: 1 for `src/a.rs`.
    pub(super) fn depth(&self) -> usize {
        self.path.split('/').count().saturating_sub(1)
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self
                .path
                .split('/')
                .any(|part| part == "tests" || part == "tests.rs")
    }

    /// The names of `mod x;` lines, those of tests too.
    pub(super) fn declared_modules(&self) -> impl Iterator<Item = &str> {
        words(&self.code, "mod").filter_map(|end| {
            let rest = self.code[end..].trim_start();
            let name = leading_name(rest);
            (!name.is_empty() && rest[name.len()..].trim_start().starts_with(';')).then_some(name)
        })
    }

    /// Every path that begins with this name, without it; trees of `use` are spread out. Items under
    /// `#[cfg(test)]` are left out.
    pub(super) fn paths_from(&self, root: &str) -> Vec<Vec<String>> {
        let code = without_test_items(&self.code);
        let mut paths = Vec::new();
        for end in words(&code, root) {
            let before = code[..end - root.len()].trim_end();
            let rest = code[end..].trim_start();
            if let Some(tree) = rest.strip_prefix("::").filter(|_| !before.ends_with("::")) {
                spread(tree, &[], &mut paths);
            }
        }
        paths
    }
}

/// Reads one tree of paths, adds its paths to `paths` and returns what follows it.
fn spread<'a>(tree: &'a str, prefix: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let tree = tree.trim_start();
    if let Some(mut rest) = tree.strip_prefix('{') {
        loop {
            rest = spread(rest, prefix, paths);
            // Whatever follows a path (`as name`) up to the next one.
            let Some(end) = rest.find([',', '}']) else {
                return "";
            };
            let is_last = rest[end..].starts_with('}');
            rest = rest[end + 1..].trim_start();
            if is_last {
                return rest;
            }
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
        }
    }
    let name = leading_name(tree);
    let mut path = prefix.to_vec();
    if !name.is_empty() {
        path.push(name.to_owned());
    }
    let rest = tree[name.len()..].trim_start();
    if let Some(deeper) = rest.strip_prefix("::") {
        return spread(deeper, &path, paths);
    }
    paths.push(path);
    rest
}

/// Where each occurrence of this whole word ends.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).filter_map(move |(start, _)| {
        let end = start + word.len();
        let is_whole =
            !code[..start].ends_with(is_name_char) && !code[end..].starts_with(is_name_char);
        is_whole.then_some(end)
    })
}

fn leading_name(text: &str) -> &str {
    let end = text.find(|c: char| !is_name_char(c)).unwrap_or(text.len());
    &text[..end]
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn without_test_items(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        kept.push_str(&rest[..start]);
        rest = &rest[start + MARK.len()..];
        rest = &rest[item_length(rest)..];
    }
    kept + rest
}

/// The length of the item a text begins with: up to its closing brace, or its semicolon.
fn item_length(text: &str) -> usize {
    let is_use = text.trim_start().starts_with("use ");
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && !is_use {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The text without comments, and with every string or character literal empty.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = skipped_length(rest, is_inside_name(&code));
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

/// Whether what comes next continues a name; `b` and `c` alone may be the prefix of a literal.
fn is_inside_name(code: &str) -> bool {
    let outside = code.trim_end_matches(is_name_char);
    !matches!(&code[outside.len()..], "" | "b" | "c")
}

/// The length of the comment or literal that a text begins with.
fn skipped_length(text: &str, in_name: bool) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment_length(text);
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return 1 + quoted_length(quoted, '"');
    }
    if let Some(raw) = text.strip_prefix('r').filter(|_| !in_name) {
        return raw_string_length(raw).map_or(0, |length| 1 + length);
    }
    let Some(quoted) = text.strip_prefix('\'') else {
        return 0;
    };
    // A lifetime has no quotation mark behind its first character.
    let mut chars = quoted.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => 1 + quoted_length(quoted, '\''),
        _ => 0,
    }
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Up to and with the closing mark.
fn quoted_length(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The length of `#"…"#` behind an `r`; none for raw names.
fn raw_string_length(text: &str) -> Option<usize> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let content = text[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content.find(&end).unwrap_or(content.len());
    Some((hashes + 1 + length + end.len()).min(text.len()))
}

fn collect(folder: &str, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder && !entry.path().join("Cargo.toml").exists() {
            collect(&path, sources);
        } else if !is_folder && path.ends_with(".rs") {
            sources.push(Source::new(&path, &read(&path)));
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
