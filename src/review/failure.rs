//! From a registry's error to evidence.

use crate::{decision::LookupFailure, registry::RegistryError};

/// What kept something from being looked up.
pub(super) fn lookup_failure(error: RegistryError) -> LookupFailure {
    match error {
        RegistryError::NotFound { .. } => LookupFailure::NotFound,
        RegistryError::Unauthorized { status, tried, .. } => {
            LookupFailure::Unauthorized { status, tried }
        }
        RegistryError::RateLimited { .. } => LookupFailure::RateLimited,
        RegistryError::Unavailable { detail, .. } => LookupFailure::Unavailable { detail },
        RegistryError::Tls { detail, .. } => LookupFailure::Tls { detail },
        RegistryError::Timeout { .. } => LookupFailure::Timeout,
        RegistryError::Deadline { .. } => LookupFailure::Deadline,
        RegistryError::Limit { detail, .. } => LookupFailure::Limit { detail },
    }
}
