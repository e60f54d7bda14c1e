//! The flags of traces.

use clap::Args;
use url::Url;

use super::{Cli, Command};
use crate::telemetry::TraceSettings;

/// Where traces of reviews are sent, if anywhere.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// Send a trace of each review to this OpenTelemetry collector, over HTTP, as in `http://collector:4318`
    #[arg(
        long,
        value_name = "URL",
        value_parser = parse_collector,
        env = "ASSAY_OTLP_ENDPOINT"
    )]
    pub otlp_endpoint: Option<Url>,
    /// The share of reviews that is traced, from 0 to 1; those that the API server traces are traced here too
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 1.0,
        value_parser = parse_ratio,
        env = "ASSAY_OTLP_SAMPLE_RATIO"
    )]
    pub otlp_sample_ratio: f64,
}

impl Cli {
    /// Where traces are sent, if anywhere.
    pub fn traces(&self) -> Option<TraceSettings> {
        match &self.command {
            Command::Serve(args) => args.traces.settings(),
            Command::Verify(_)
            | Command::Inspect(_)
            | Command::Doctor(_)
            | Command::Crd(_)
            | Command::Demo(_) => None,
        }
    }
}

impl TraceArgs {
    fn settings(&self) -> Option<TraceSettings> {
        self.otlp_endpoint.clone().map(|endpoint| TraceSettings {
            endpoint,
            ratio: self.otlp_sample_ratio,
        })
    }
}

fn parse_collector(text: &str) -> Result<Url, String> {
    let url: Option<Url> = text.parse().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "expected a URL like http://collector:4318".to_owned())
}

fn parse_ratio(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
