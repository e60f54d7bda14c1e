//! The tables of `docs/registries.md`.

use super::{
    Told,
    kinds::{STEPS, Trouble},
};

/// Each line once, with the requests that it is said of.
pub(super) fn lines(trouble: Trouble, told: &[Option<Told>]) -> Vec<Vec<String>> {
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for (step, told) in STEPS.iter().zip(told) {
        let Some(told) = told.as_ref().filter(|told| !told.line.is_empty()) else {
            continue;
        };
        match lines.iter_mut().find(|(_, line)| *line == told.line) {
            Some((steps, _)) => steps.push(step.name()),
            None => lines.push((vec![step.name()], told.line.clone())),
        }
    }
    lines
        .into_iter()
        .map(|(steps, line)| vec![trouble.name(), steps.join(", "), format!("`{line}`")])
        .collect()
}

pub(super) fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let owned: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let mut table = row(&owned) + &row(&vec!["---".to_owned(); heads.len()]);
    table.extend(rows.into_iter().map(|cells| row(&cells)));
    table
}

/// What the page has in the place of this table.
pub(super) fn written(name: &str) -> &'static str {
    let begin = format!("<!-- table: {name} -->\n");
    let (_, rest) = PAGE.split_once(&begin).unwrap();
    let (written, _) = rest.split_once("<!-- end -->").unwrap();
    written
}

const PAGE: &str = include_str!("../../../../docs/registries.md");
