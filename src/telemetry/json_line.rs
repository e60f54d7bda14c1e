//! Log lines for machines: one flat JSON object each.

use std::{borrow::Cow, fmt};

use serde::{Serialize, de::IgnoredAny};
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// The fields of an event, then those of its spans from the innermost out; the first of a name wins.
///
/// Expects the fields of spans as [`JsonFields`](tracing_subscriber::fmt::format::JsonFields) writes them. A field of
/// [`LISTS`] that holds a JSON array is written as one, not as a text.
#[derive(Debug)]
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Fields::default();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        line.put("timestamp", &time);
        line.put("level", event.metadata().level().as_str());
        line.put("target", event.metadata().target());
        event.record(&mut line);
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions
                .get::<FormattedFields<N>>()
                .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
            for (name, value) in fields.into_iter().flatten() {
                line.put(name, &value);
            }
        }
        let fields = str::from_utf8(&line.json).map_err(|_| fmt::Error)?;
        writeln!(writer, "{{{fields}}}")
    }
}

/// In the order in which they came.
#[derive(Default)]
struct Fields {
    names: Vec<Cow<'static, str>>,
    /// Without the braces around them.
    json: Vec<u8>,
}

impl Fields {
    fn put<V: Serialize + ?Sized>(&mut self, name: impl Into<Cow<'static, str>>, value: &V) {
        if self.begin(name.into()) {
            self.write(value);
        }
    }

    /// Whether a value is to follow: not if there is one of this name.
    fn begin(&mut self, name: Cow<'static, str>) -> bool {
        if self.names.contains(&name) {
            return false;
        }
        if !self.names.is_empty() {
            self.json.push(b',');
        }
        self.write(&name);
        self.json.push(b':');
        self.names.push(name);
        true
    }

    fn write<V: Serialize + ?Sized>(&mut self, value: &V) {
        // Writing what has only texts for names to a Vec cannot fail.
        let _ = serde_json::to_writer(&mut self.json, value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if !LISTS.contains(&field.name()) || !is_list(&text) {
            self.put(field.name(), &text);
        } else if self.begin(field.name().into()) {
            self.json.extend_from_slice(text.as_bytes());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(inner) = source {
            text = format!("{text}: {inner}");
            source = inner.source();
        }
        self.put(field.name(), &text);
    }
}

/// Whether this is a JSON array that can stand in a line as it is.
fn is_list(text: &str) -> bool {
    let is_on_one_line = text.starts_with('[') && !text.contains(char::is_control);
    is_on_one_line && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The lists in the line of a review.
const LISTS: [&str; 5] = ["codes", "images", "findings", "used_verified", "labels"];
