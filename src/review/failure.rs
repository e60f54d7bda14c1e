//! From a registry's error to evidence.

use crate::{
    decision::{LookupFailure, Reader},
    image::Repository,
    registry::{Holder, Keyring, RegistryError},
};

/// What kept something from being looked up in this repository with these credentials.
pub(super) fn lookup_failure(
    error: RegistryError,
    repository: &Repository,
    keyring: &Keyring,
) -> LookupFailure {
    match error.elsewhere(repository).map(str::to_owned) {
        Some(host) => LookupFailure::Elsewhere {
            host,
            failure: Box::new(failure(error, repository, keyring)),
        },
        None => failure(error, repository, keyring),
    }
}

fn failure(error: RegistryError, repository: &Repository, keyring: &Keyring) -> LookupFailure {
    match error {
        RegistryError::NotFound { .. } => LookupFailure::NotFound,
        RegistryError::Unauthorized { status, tried, .. } => {
            let forbidden = keyring.forbidden().to_vec();
            LookupFailure::Unauthorized {
                status,
                tried,
                forbidden,
                reader: reader(repository, keyring),
            }
        }
        RegistryError::RateLimited { wait, .. } => LookupFailure::RateLimited { wait },
        RegistryError::Unavailable { detail, .. } => LookupFailure::Unavailable { detail },
        RegistryError::Unusable { detail, .. } => LookupFailure::Unusable { detail },
        RegistryError::AddressRefused { host, reason } => {
            LookupFailure::AddressRefused { host, reason }
        }
        RegistryError::Tls { detail, .. } => LookupFailure::Tls { detail },
        RegistryError::Timeout { .. } => LookupFailure::Timeout,
        RegistryError::Deadline { .. } => LookupFailure::Deadline,
        RegistryError::Limit { detail, .. } => LookupFailure::Limit { detail },
    }
}

fn reader(repository: &Repository, keyring: &Keyring) -> Reader {
    match keyring.holder() {
        Holder::Pod => Reader::Pod {
            useless: keyring.useless(repository),
        },
        Holder::Person => Reader::Person,
        Holder::Server => Reader::Server,
    }
}
