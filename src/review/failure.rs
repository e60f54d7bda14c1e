//! From a registry's error to evidence.

use crate::{
    decision::LookupFailure,
    registry::{Keyring, RegistryError},
};

/// What kept something from being looked up with these credentials.
pub(super) fn lookup_failure(error: RegistryError, keyring: &Keyring) -> LookupFailure {
    match error {
        RegistryError::NotFound { .. } => LookupFailure::NotFound,
        RegistryError::Unauthorized { status, tried, .. } => {
            let forbidden = keyring.forbidden().to_vec();
            LookupFailure::Unauthorized {
                status,
                tried,
                forbidden,
            }
        }
        RegistryError::RateLimited { .. } => LookupFailure::RateLimited,
        RegistryError::Unavailable { detail, .. } => LookupFailure::Unavailable { detail },
        RegistryError::Tls { detail, .. } => LookupFailure::Tls { detail },
        RegistryError::Timeout { .. } => LookupFailure::Timeout,
        RegistryError::Deadline { .. } => LookupFailure::Deadline,
        RegistryError::Limit { detail, .. } => LookupFailure::Limit { detail },
    }
}
