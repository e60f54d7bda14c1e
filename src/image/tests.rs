//! Tests of references, repositories and patterns.

use super::*;

mod patterns;
mod properties;
mod references;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn pattern(text: &str) -> RepositoryPattern {
    text.parse().unwrap()
}
