//! Why the settings of registries are refused.

use std::fmt;

use serde_saphyr::Location;

use super::super::{DockerConfigError, NoLogin, prefix::PrefixFault};
use crate::image::ReferenceError;

/// Why a settings file is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct SettingsError {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 when the problem has no place.
    pub line: u64,
    /// The column, from 1; 0 when the problem has no place.
    pub column: u64,
    /// What is wrong there.
    pub problem: SettingsProblem,
}

/// What is wrong with a settings file. Never holds the content of a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsProblem {
    /// More than is read.
    #[error("the file has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// What it has.
        size: usize,
        /// What it may have.
        limit: usize,
    },
    /// More entries than are read.
    #[error("registries has {found} entries, at most {limit} are read")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not YAML of the expected shape.
    #[error("{detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    /// Not `host[:port][/path]`.
    #[error("{field} {presented:?} is not host[:port][/path]: {fault}")]
    Prefix {
        /// `prefix` or `mirrorOf`.
        field: &'static str,
        /// What stands there.
        presented: String,
        /// What is wrong with it.
        fault: PrefixFault,
    },
    /// No entries at all.
    #[error("nothing is said, expected `registries:` and a list at the top")]
    Nothing,
    /// The same prefix a second time, in this or the other spelling of its host.
    #[error("prefix {presented:?} is listed twice")]
    Repeated {
        /// The prefix.
        presented: String,
    },
    /// `mirrorOf` names the prefix itself.
    #[error("mirrorOf {presented:?} is the prefix itself, expected the registry it mirrors")]
    MirrorOfItself {
        /// What stands there.
        presented: String,
    },
    /// Not `host[:port]/path`.
    #[error("signatureRepository {presented:?} is not host[:port]/path without tag or digest")]
    SignatureRepository {
        /// What stands there.
        presented: String,
        /// What is wrong with it, where it does have a host.
        source: Option<ReferenceError>,
    },
    /// Only one of two fields.
    #[error("{present} needs {missing} beside it")]
    Half {
        /// The one that is there.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A field that says nothing.
    #[error("{field} is empty")]
    Empty {
        /// Which.
        field: &'static str,
    },
    /// A file that is named cannot be read.
    #[error("{name} cannot be read: {reason}")]
    File {
        /// The file.
        name: String,
        /// Why.
        reason: String,
    },
    /// A file that is named has more than is read.
    #[error("{name} is too large: at most {} MiB is read", limit / MIB)]
    FileTooLarge {
        /// The file.
        name: String,
        /// What it may have.
        limit: usize,
    },
    /// The files that are named are too large together.
    #[error("the files that are named have more than {limit} bytes together")]
    FilesTooLarge {
        /// What they may have.
        limit: usize,
    },
    /// The file of a password holds none.
    #[error("{name} holds no password")]
    NoPassword {
        /// The file.
        name: String,
    },
    /// `caFile` or `clientCertFile` holds no certificate.
    #[error("{name} holds no PEM certificate")]
    NoCertificate {
        /// The file.
        name: String,
    },
    /// Something in `caFile` or `clientCertFile` is cut off or garbled.
    #[error("{name} is no PEM throughout: one of its blocks is broken or cut off")]
    BrokenPem {
        /// The file.
        name: String,
    },
    /// More certificates than are read.
    #[error("{name} holds {found} certificates, at most {limit} are read")]
    TooManyCertificates {
        /// The file.
        name: String,
        /// How many it holds.
        found: usize,
        /// How many it may hold.
        limit: usize,
    },
    /// A certificate that TLS cannot use.
    #[error("certificate {number} of {name} cannot be used: {reason}")]
    Certificate {
        /// The file.
        name: String,
        /// Which of its certificates, from 1.
        number: usize,
        /// What the TLS library says.
        reason: String,
    },
    /// `clientKeyFile` holds no key.
    #[error("{name} holds no PEM private key (PKCS#8, PKCS#1 or SEC1, not encrypted)")]
    NoKey {
        /// The file.
        name: String,
    },
    /// `clientCertFile` and `clientKeyFile` do not make one identity.
    #[error("{certificate} and {key} cannot be used together: {reason}")]
    ClientIdentity {
        /// The file of the certificate.
        certificate: String,
        /// The file of the key.
        key: String,
        /// What the TLS library says.
        reason: String,
    },
    /// `dockerConfigFile` is none.
    #[error(transparent)]
    DockerConfig(DockerConfigError),
    /// `dockerConfigFile` has no entries.
    #[error("{name} {reason}")]
    NoLogin {
        /// The file.
        name: String,
        /// Why not.
        reason: NoLogin,
    },
    /// `dockerConfigFile` has entries for others alone.
    #[error("{name} holds no login for {prefix:?}, and is used below it alone")]
    OtherLogins {
        /// The file.
        name: String,
        /// What it should be for.
        prefix: String,
    },
    /// `tokenService` is no host.
    #[error("tokenService {presented:?} is not host[:port], without https:// and path")]
    TokenService {
        /// What stands there.
        presented: String,
    },
    /// A client certificate for what is asked over plain HTTP.
    #[error("insecureHttp and clientCertFile exclude each other: plain HTTP shows no certificate")]
    CertificateInPlain,
}

/// A problem and the place of what it is about.
pub(super) struct Located {
    pub(super) location: Location,
    pub(super) problem: SettingsProblem,
}

impl SettingsProblem {
    pub(super) fn at(self, location: Location) -> Located {
        Located {
            location,
            problem: self,
        }
    }
}

impl Located {
    pub(super) fn in_file(self, file: &str) -> SettingsError {
        SettingsError {
            file: file.to_owned(),
            line: self.location.line(),
            column: self.location.column(),
            problem: self.problem,
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            problem,
        } = self;
        if *line == 0 {
            return write!(f, "{file}: {problem}");
        }
        write!(f, "{file}:{line}:{column}: {problem}")
    }
}

/// The bytes of the unit in which sizes of files are told.
const MIB: usize = 1024 * 1024;
