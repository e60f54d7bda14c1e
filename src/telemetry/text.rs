//! The two text formats of `/metrics`.

use std::fmt::Write as _;

/// In which format a scrape is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// `OpenMetrics`, for who says that it reads it.
    OpenMetrics,
    /// The older format of Prometheus, for everybody else.
    Prometheus,
}

impl Format {
    /// What suits a request with this `Accept` header.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// This text, which is `OpenMetrics`, in this format.
    pub(super) fn of(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Prometheus => older(&text),
        }
    }
}

/// There, a family of counters is called as its series are, units and the end are not told, and no type is `info`.
fn older(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(_), told) => help = told,
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    kind => ("", kind),
                };
                let help = help.take().unwrap_or_default();
                let lines = [("HELP", help), ("TYPE", kind)];
                for (keyword, told) in lines {
                    // Writing to a String cannot fail.
                    let _ = writeln!(out, "# {keyword} {name}{suffix} {told}");
                }
            }
            (Some("#"), ..) => {}
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_open_metrics_gets_it_and_everybody_else_what_all_can_read() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        for accept in ["", "*/*", "text/plain;version=0.0.4"] {
            assert_eq!(Format::accepted(accept), Format::Prometheus, "{accept}");
        }
    }

    #[test]
    fn the_older_format_names_families_as_their_series() {
        let new = "# HELP a_build The version.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n\
            # HELP a_b Some b.\n# TYPE a_b counter\na_b_total{c=\"# d\"} 1\n\
            # HELP a_c_seconds A c.\n# TYPE a_c_seconds gauge\n# UNIT a_c_seconds seconds\na_c_seconds 2\n# EOF\n";
        let old = "# HELP a_build_info The version.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
            # HELP a_b_total Some b.\n# TYPE a_b_total counter\na_b_total{c=\"# d\"} 1\n\
            # HELP a_c_seconds A c.\n# TYPE a_c_seconds gauge\na_c_seconds 2\n";
        assert_eq!(Format::Prometheus.of(new.to_owned()), old);
        assert_eq!(Format::OpenMetrics.of(new.to_owned()), new);
    }
}
