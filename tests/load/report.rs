//! `docs/performance.md` and its plots.

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use crate::{
    arguments::{Arguments, Size},
    budget::{Line, Verdict},
    machine,
    plot::Plot,
};

/// All that was found.
pub(crate) struct Report {
    folder: PathBuf,
    size: Size,
    sections: Vec<Section>,
}

/// What one part found.
pub(crate) struct Section {
    title: String,
    blocks: Vec<Block>,
    /// For the table of budgets.
    pub(crate) lines: Vec<Line>,
}

enum Block {
    Text(String),
    Table(Table),
    Plot { file: String, plot: Plot },
}

/// Rows of as many cells as there are columns.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new<const COLUMNS: usize>(columns: [&str; COLUMNS]) -> Self {
        let mut table = Self(Vec::new());
        table.row(columns);
        table
    }

    pub(crate) fn row<const COLUMNS: usize>(&mut self, cells: [&str; COLUMNS]) {
        assert!(
            self.0.first().is_none_or(|first| first.len() == COLUMNS),
            "{cells:?}"
        );
        self.0.push(cells.map(str::to_owned).to_vec());
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (number, row) in self.0.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if number == 0 {
                let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
            }
        }
        text
    }
}

impl Section {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            blocks: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.blocks.push(Block::Text(text.to_owned()));
    }

    pub(crate) fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    pub(crate) fn plot(&mut self, file: &str, plot: Plot) {
        let file = format!("{file}.svg");
        self.blocks.push(Block::Plot { file, plot });
    }
}

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            folder: arguments.output.clone(),
            size: arguments.size,
            sections: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Writes the page and its plots.
    pub(crate) fn write(&self, took: Duration) {
        let plots = self.folder.join("performance");
        fs::create_dir_all(&plots).expect("a folder");
        let mut page = self.head(took);
        page.push_str(&self.budgets().text());
        for section in &self.sections {
            let _ = write!(page, "\n## {}\n", section.title);
            for block in &section.blocks {
                page.push('\n');
                match block {
                    Block::Text(text) => page.extend([text, "\n"]),
                    Block::Table(table) => page.push_str(&table.text()),
                    Block::Plot { file, plot } => {
                        fs::write(plots.join(file), plot.svg()).expect("a plot");
                        let _ = writeln!(page, "![{}](performance/{file})", plot.title());
                    }
                }
            }
        }
        fs::write(self.folder.join("performance.md"), page).expect("a page");
    }

    fn head(&self, took: Duration) -> String {
        let warning = match self.size {
            Size::Full => "",
            Size::Quick => "**This was a quick run: its numbers mean nothing.**\n\n",
        };
        format!(
            "<!-- Written by `just load`; change tests/load instead. -->\n\n\
             # Performance\n\n\
             {warning}\
             What Assay promises to cost, and what it does. `just load` measures the release build of the program, as a process of its own, \
             and writes this page; it took {:.0} minutes on {}, with the registry and the load generator on the same machine. \
             Numbers that are counted are exact and asserted by tests. Numbers that are timed are told with their spread and never asserted: \
             another machine has others, and their ratios say more than they do.\n\n\
             ## Budgets\n\n\
             In brackets: how many of the requests depend on each other, one after another.\n\n",
            took.as_secs_f64() / 60.0,
            machine::description()
        )
    }

    fn budgets(&self) -> Table {
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        let mut lines: Vec<&Line> = lines.collect();
        lines.sort_by_key(|line| line.place);
        let mut table = Table::new(["what", "budget", "measured", "kept", "held by"]);
        for line in &lines {
            let kept = line.verdict.text();
            table.row([line.what, line.budget, &line.measured, kept, line.held_by]);
        }
        for line in lines.iter().filter(|line| line.verdict == Verdict::Over) {
            announce(line);
        }
        table
    }
}

#[expect(
    clippy::print_stderr,
    reason = "whoever measures wants to know at once"
)]
fn announce(line: &Line) {
    eprintln!(
        "over budget: {}: {} ({})",
        line.what, line.measured, line.budget
    );
}
