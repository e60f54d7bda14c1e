//! The process-wide log, and its level, which can be changed while it is written.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{Directive, LevelFilter},
    fmt::format::{FmtSpan, JsonFields},
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use super::{json_line::JsonLine, traces::Tracer};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Why there is no log, or its level stays what it was.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("{level:?} is no log level")]
    Level {
        /// What was given.
        level: String,
        /// What the parser said.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A part of the filter names neither a level nor a module with its level. The parser would take it for a module
    /// whose lines are all logged, and log nothing else.
    #[error(
        "{part:?} is no log level: expected off, error, warn, info, debug, trace, or MODULE=LEVEL"
    )]
    Word {
        /// The part.
        part: String,
    },
    /// Something else logs already.
    #[error("the log was started twice")]
    Twice,
    /// The log has ended.
    #[error("the log cannot be changed any more")]
    Ended(#[source] reload::Error),
}

/// What is logged; can be changed at any time.
#[derive(Clone)]
pub struct LogLevel {
    filter: reload::Handle<EnvFilter, Registry>,
    first: String,
}

impl LogLevel {
    /// The level that the log was started with.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// Logs from now on what this says, and tells so.
    ///
    /// # Errors
    ///
    /// When it cannot be read. The level stays what it was.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        let filter = filter(level)?;
        self.filter.reload(filter).map_err(LogError::Ended)?;
        tracing::info!(log_level = level, "the log level was changed");
        Ok(())
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLevel").finish_non_exhaustive()
    }
}

/// Starts the process-wide log on stderr, and traces where there is a tracer. Stdout is for answers.
///
/// # Errors
///
/// When the level cannot be read, or there is a log already.
pub fn start_log(
    format: LogFormat,
    level: &str,
    tracer: Option<&Tracer>,
) -> Result<LogLevel, LogError> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_span_events(FmtSpan::NONE);
    let registry = tracing_subscriber::registry();
    let started = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(io::stderr().is_terminal());
            let log = registry.with(lines.with_filter(filter));
            log.with(tracer.map(Tracer::layer)).try_init()
        }
        LogFormat::Json => {
            let lines = lines.fmt_fields(JsonFields::new()).event_format(JsonLine);
            let log = registry.with(lines.with_filter(filter));
            log.with(tracer.map(Tracer::layer)).try_init()
        }
    };
    started.map_err(|_| LogError::Twice)?;
    Ok(LogLevel {
        filter: handle,
        first: level.to_owned(),
    })
}

/// Whatever the level, a change of it is told: else a mistake could not be seen in the log.
fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let refused = |source| LogError::Level {
        level: level.to_owned(),
        source,
    };
    let changes: Directive = format!("{}=info", module_path!())
        .parse()
        .map_err(refused)?;
    let mut parts = level.split(',').map(str::trim);
    if let Some(part) = parts.find(|part| !part.is_empty() && !says_a_level(part)) {
        let part = part.to_owned();
        return Err(LogError::Word { part });
    }
    let filter = EnvFilter::builder().parse(level).map_err(refused)?;
    Ok(filter.add_directive(changes))
}

fn says_a_level(part: &str) -> bool {
    part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok()
}

/// The lines that the JSON form has of what is logged meanwhile, at every level.
#[cfg(test)]
pub(crate) fn captured(log: impl FnOnce()) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::sync::Mutex::new(file.reopen().unwrap()))
        .fmt_fields(JsonFields::new())
        .event_format(JsonLine);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
    let text = std::fs::read_to_string(file.path()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn without_time(line: &str) -> Value {
        let mut line: Value = serde_json::from_str(line).unwrap();
        assert!(line.as_object_mut().unwrap().remove("timestamp").is_some());
        line
    }

    #[test]
    fn a_line_is_flat_and_a_field_of_the_event_goes_before_one_of_its_spans() {
        let lines = captured(|| {
            let outer = tracing::info_span!("outer", uid = "u", depth = 1);
            let inner = tracing::info_span!(parent: &outer, "inner", depth = 2);
            inner.in_scope(|| tracing::warn!(host = "h\n", asked = true, "no \"answer\""));
        });
        let lines: Vec<Value> = lines.iter().map(|line| without_time(line)).collect();
        assert_eq!(
            lines,
            [json!({
                "level": "WARN", "target": "assay::telemetry::log::tests", "message": "no \"answer\"",
                "host": "h\n", "asked": true, "depth": 2, "uid": "u",
            })]
        );
    }

    #[test]
    fn only_a_list_is_taken_in_as_json() {
        let lines = captured(|| {
            tracing::info!(codes = %"[\"A\"]", images = %"{}", text = %"[1]", "listed");
        });
        let line = without_time(&lines[0]);
        assert_eq!(
            (&line["codes"], &line["images"], &line["text"]),
            (&json!(["A"]), &json!("{}"), &json!("[1]"))
        );
    }

    #[test]
    fn an_error_is_told_with_its_sources() {
        let inner = io::Error::new(io::ErrorKind::NotFound, LogError::Twice);
        let error = Outer(inner);
        let lines = captured(|| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "failed");
        });
        assert_eq!(
            without_time(&lines[0])["error"],
            json!("outer: the log was started twice")
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_level_that_cannot_be_read_is_named() {
        let error = |level| filter(level).unwrap_err().to_string();
        assert_eq!(error("loud=very"), "\"loud=very\" is no log level");
        assert_eq!(
            error("warn, inof"),
            "\"inof\" is no log level: expected off, error, warn, info, debug, trace, or MODULE=LEVEL"
        );
        assert!(filter("").is_ok());
        assert!(filter("OFF,assay::registry=debug,[review]=trace").is_ok());
    }

    #[test]
    fn a_change_of_the_level_is_told_at_every_level() {
        let text = filter("error").unwrap().to_string();
        assert_eq!(text, "assay::telemetry::log=info,error");
    }
}
