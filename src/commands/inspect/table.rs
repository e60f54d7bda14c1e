//! The tables of what is said about an image's build.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{
    document::{BaseImage, Fact, Inspection},
    text::{BOLD, DIM, LINE, YELLOW, bounded, line, wrapped},
};
use crate::provenance::{FactName, Source};

/// Writes every table that has a row, each after an empty line.
pub(super) fn write(out: &mut impl Write, inspection: &Inspection) -> io::Result<()> {
    let links = &inspection.links;
    let is_linked = |fact: &&Fact| {
        let link = match fact.name {
            "pipelineUrl" => &links.pipeline,
            "jobUrl" => &links.job,
            _ => &None,
        };
        link.as_ref() == Some(&fact.value)
    };
    let facts = inspection.facts.iter();
    let facts: Vec<&Fact> = facts.filter(|fact| !is_linked(fact)).collect();
    let signers = Signers::of(&inspection.facts, &inspection.base_images);
    write_facts(out, "provenance", &facts, &signers)?;
    write_base_images(out, "base images", &inspection.base_images, &signers)?;
    signers.write(out)?;
    write_links(out, inspection)?;
    let claims = &inspection.claims;
    let claimed: Vec<&Fact> = claims.facts.iter().collect();
    let nobody = Signers::default();
    write_facts(out, "claims, not verified", &claimed, &nobody)?;
    let title = "claims about base images, not verified";
    write_base_images(out, title, &claims.base_images, &nobody)?;
    write_warnings(out, inspection)
}

fn write_title(out: &mut impl Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n{BOLD}{title}{BOLD:#}")
}

/// The numbers of the signers, where there are several.
#[derive(Default)]
struct Signers<'a> {
    numbers: BTreeMap<&'a str, usize>,
}

impl<'a> Signers<'a> {
    fn of(facts: &'a [Fact], base_images: &'a [BaseImage]) -> Self {
        let of_facts = facts.iter().filter_map(|fact| fact.signer.as_deref());
        let of_images = base_images.iter().filter_map(|it| it.signer.as_deref());
        let mut numbers = BTreeMap::new();
        for signer in of_facts.chain(of_images) {
            let next = numbers.len() + 1;
            numbers.entry(signer).or_insert(next);
        }
        if numbers.len() < 2 {
            numbers.clear();
        }
        Self { numbers }
    }

    /// The source, with the number of who has signed it.
    fn marked(&self, source: &'static str, signer: Option<&str>) -> String {
        let words = Source::ALL.into_iter().find(|it| it.as_str() == source);
        let words = words.map_or(source, Source::words);
        match signer.and_then(|signer| self.numbers.get(signer)) {
            Some(number) => format!("{words} [{number}]"),
            None => words.to_owned(),
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        write_title(out, "signers")?;
        let mut signers: Vec<_> = self.numbers.iter().collect();
        signers.sort_by_key(|(_, number)| **number);
        for (signer, number) in signers {
            writeln!(out, "  [{number}] {}", line(signer))?;
        }
        Ok(())
    }
}

fn write_facts(
    out: &mut impl Write,
    title: &str,
    facts: &[&Fact],
    signers: &Signers<'_>,
) -> io::Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    write_title(out, title)?;
    let rows: Vec<Row> = facts.iter().map(|fact| Row::of(fact, signers)).collect();
    let name_width = width(rows.iter().map(|row| row.name));
    let source_width = width(rows.iter().map(|row| row.source.as_str()));
    for of_name in rows.chunk_by(|one, other| one.name == other.name) {
        let (shown, more) = bounded(of_name);
        let mut last: Option<&Row> = None;
        for row in shown {
            let name = if last.is_none() { row.name } else { "" };
            let start = format!("  {name:name_width$}  {:source_width$}  ", row.source);
            let is_same = last.is_some_and(|last| last.value == row.value);
            row.write(out, &start, is_same)?;
            last = Some(row);
        }
        if more > 0 {
            writeln!(out, "  {:name_width$}  and {more} more", "")?;
        }
    }
    Ok(())
}

/// One row of a table.
struct Row {
    name: &'static str,
    source: String,
    value: String,
}

impl Row {
    fn of(fact: &Fact, signers: &Signers<'_>) -> Self {
        let name = FactName::ALL
            .into_iter()
            .find(|it| it.as_str() == fact.name);
        Self {
            name: name.map_or(fact.name, FactName::words),
            source: signers.marked(fact.source, fact.signer.as_deref()),
            value: line(&fact.value),
        }
    }

    /// A value that does not fit stands whole on a line of its own.
    fn write(&self, out: &mut impl Write, start: &str, is_same: bool) -> io::Result<()> {
        if is_same {
            return writeln!(out, "{start}{DIM}the same{DIM:#}");
        }
        if start.chars().count() + self.value.chars().count() <= LINE {
            return writeln!(out, "{start}{}", self.value);
        }
        writeln!(out, "{}\n    {}", start.trim_end(), self.value)
    }
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn write_base_images(
    out: &mut impl Write,
    title: &str,
    images: &[BaseImage],
    signers: &Signers<'_>,
) -> io::Result<()> {
    if images.is_empty() {
        return Ok(());
    }
    write_title(out, title)?;
    let (shown, more) = bounded(images);
    for image in shown {
        let source = signers.marked(image.source, image.signer.as_deref());
        writeln!(out, "  {} ({source})", line(&image.name))?;
        match &image.digest {
            Some(digest) => writeln!(out, "    {DIM}{digest}{DIM:#}")?,
            None => writeln!(out, "    {YELLOW}without a digest{YELLOW:#}")?,
        }
    }
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

fn write_links(out: &mut impl Write, inspection: &Inspection) -> io::Result<()> {
    let links = &inspection.links;
    let links = [
        ("commit", &links.commit),
        ("pipeline", &links.pipeline),
        ("job", &links.job),
    ];
    let links = links
        .into_iter()
        .filter_map(|(name, link)| Some((name, link.as_deref()?)));
    let links: Vec<(&str, &str)> = links.collect();
    if links.is_empty() {
        return Ok(());
    }
    write_title(out, "links")?;
    let name_width = width(links.iter().map(|(name, _)| *name));
    for (name, link) in links {
        let row = Row {
            name,
            source: String::new(),
            value: line(link),
        };
        row.write(out, &format!("  {name:name_width$}  "), false)?;
    }
    Ok(())
}

fn write_warnings(out: &mut impl Write, inspection: &Inspection) -> io::Result<()> {
    if inspection.warnings.is_empty() {
        return Ok(());
    }
    write_title(out, "warnings")?;
    let (shown, more) = bounded(&inspection.warnings);
    for warning in shown {
        let mut start = "- ";
        for text in wrapped(&line(&warning.message), LINE - 4) {
            writeln!(out, "  {YELLOW}{start}{YELLOW:#}{text}")?;
            start = "  ";
        }
    }
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}
