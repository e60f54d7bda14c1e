//! The configuration of an image, as far as it is labels and the platform.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    limits,
    registry::{
        bounded::{TOO_MANY_TEXTS, Texts},
        manifest::Platform,
    },
};

/// What is read of a configuration.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) platform: Platform,
    labels: Labels,
}

/// Why a configuration is not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ConfigError {
    /// No JSON of the expected shape, or one that can be read as two things.
    Malformed,
    /// It has too many labels.
    TooMany { limit: usize },
}

type Labels = Texts<{ limits::LABELS_PER_IMAGE }>;

#[derive(Deserialize)]
struct Wire {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    config: Option<Execution>,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(rename = "Labels")]
    labels: Option<Labels>,
}

impl Config {
    pub(super) fn parse(content: &[u8]) -> Result<Self, ConfigError> {
        // From bytes, the parser would not look at the texts that it skips.
        let text = std::str::from_utf8(content).map_err(|_| ConfigError::Malformed)?;
        let wire: Wire = serde_json::from_str(text).map_err(|error| refusal(&error))?;
        Ok(Self {
            platform: Platform {
                os: wire.os,
                architecture: wire.architecture,
                variant: wire.variant,
            },
            labels: wire
                .config
                .and_then(|execution| execution.labels)
                .unwrap_or_default(),
        })
    }

    pub(super) fn labels(self) -> BTreeMap<String, String> {
        self.labels.into_map()
    }
}

fn refusal(error: &serde_json::Error) -> ConfigError {
    if error.to_string().starts_with(TOO_MANY_TEXTS) {
        ConfigError::TooMany {
            limit: limits::LABELS_PER_IMAGE,
        }
    } else {
        ConfigError::Malformed
    }
}
