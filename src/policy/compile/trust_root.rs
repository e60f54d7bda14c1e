//! Trust roots: from the wire to texts of a known kind. What the texts say is not looked at.

use url::{Host, Url};

use super::{CompileError, Compiler, Fault, FieldPath, KeySource, ObjectEntry};
use crate::policy::crd::{ImageTrustRootSpec, TrustRootPem, TrustRootTuf};

/// A trust root as its author describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustRootDefinition {
    /// Where it comes from.
    pub source: TrustRootSource,
    /// Whether certificates need a signed certificate timestamp.
    pub certificate_timestamps: CertificateTimestampDemand,
    /// Whether signatures need a log entry.
    pub transparency_log: LogDemand,
}

/// Where a trust root comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrustRootSource {
    /// The text of a `trusted_root.json`.
    Json(String),
    /// PEM files.
    Pem(PemTexts),
    /// A TUF repository.
    Tuf(TufRepository),
}

/// The texts of PEM files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PemTexts {
    /// Chains of certificates, one per text.
    pub certificate_authorities: Vec<String>,
    /// Keys of transparency logs.
    pub transparency_logs: Vec<String>,
    /// Keys of certificate transparency logs.
    pub certificate_logs: Vec<String>,
    /// Chains of timestamp authorities, one per text.
    pub timestamp_authorities: Vec<String>,
}

/// A TUF repository, and the root to trust it by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TufRepository {
    /// The folder of its metadata; ends in a slash.
    pub mirror: Url,
    /// The text of a genuine `root.json`.
    pub root: String,
    /// The target that holds the trusted root.
    pub target: String,
}

/// Whether certificates need a signed certificate timestamp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateTimestampDemand {
    /// They do.
    Required,
    /// They do not: `insecureNoSct`.
    InsecureNone,
}

/// Whether signatures need a log entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogDemand {
    /// As the authority says.
    Required,
    /// They never do: `insecureNoTransparencyLog`.
    InsecureNone,
}

impl ImageTrustRootSpec {
    /// What this trust root consists of, with the texts that it refers to. Does not look into the texts.
    pub fn definition(&self, keys: &dyn KeySource) -> Result<TrustRootDefinition, CompileError> {
        let mut compiler = Compiler::new(keys);
        let source = compiler.trust_root_source(self);
        let definition = source.map(|source| TrustRootDefinition {
            source,
            certificate_timestamps: if self.insecure_no_sct {
                CertificateTimestampDemand::InsecureNone
            } else {
                CertificateTimestampDemand::Required
            },
            transparency_log: if self.insecure_no_transparency_log {
                LogDemand::InsecureNone
            } else {
                LogDemand::Required
            },
        });
        let nothing = || CompileError::one("spec", Fault::expected("a source", "none"));
        compiler.finish(definition)?.ok_or_else(nothing)
    }
}

impl Compiler<'_> {
    fn trust_root_source(&mut self, spec: &ImageTrustRootSpec) -> Option<TrustRootSource> {
        let path = FieldPath::new("spec");
        let sources = [
            ("trustedRoot", spec.trusted_root.is_some()),
            ("configMapRef", spec.config_map_ref.is_some()),
            ("secretRef", spec.secret_ref.is_some()),
            ("pem", spec.pem.is_some()),
            ("tuf", spec.tuf.is_some()),
        ];
        let chosen = path.field(self.exactly_one(&path, &sources)?);
        if let Some(text) = &spec.trusted_root {
            return Some(TrustRootSource::Json(text.clone()));
        }
        if let Some(pem) = &spec.pem {
            return Some(TrustRootSource::Pem(self.pem_texts(&chosen, pem)));
        }
        if let Some(tuf) = &spec.tuf {
            return self.tuf(&chosen, tuf).map(TrustRootSource::Tuf);
        }
        let secret = spec.secret_ref.as_ref().map(ObjectEntry::secret);
        let entry = secret.or_else(|| spec.config_map_ref.as_ref().map(ObjectEntry::config_map))?;
        self.text(&chosen, &entry).map(TrustRootSource::Json)
    }

    fn pem_texts(&mut self, path: &FieldPath, pem: &TrustRootPem) -> PemTexts {
        if pem.certificate_authorities.is_empty() {
            let fault = Fault::expected("at least one certificate chain", "none");
            self.report(&path.field("certificateAuthorities"), fault);
        }
        PemTexts {
            certificate_authorities: pem.certificate_authorities.clone(),
            transparency_logs: pem.transparency_logs.clone(),
            certificate_logs: pem.certificate_logs.clone(),
            timestamp_authorities: pem.timestamp_authorities.clone(),
        }
    }

    fn tuf(&mut self, path: &FieldPath, tuf: &TrustRootTuf) -> Option<TufRepository> {
        let mirror = mirror(&tuf.mirror);
        if mirror.is_none() {
            let expected = "an https URL, as in https://tuf.example";
            let fault = Fault::expected_text(expected, &tuf.mirror);
            self.report(&path.field("mirror"), fault);
        }
        let is_target = is_target(&tuf.target);
        if !is_target {
            let expected = "the path of a target, as in trusted_root.json";
            let fault = Fault::expected_text(expected, &tuf.target);
            self.report(&path.field("target"), fault);
        }
        let roots = [
            ("root", tuf.root.is_some()),
            ("rootConfigMapRef", tuf.root_config_map_ref.is_some()),
        ];
        let chosen = self.exactly_one(path, &roots)?;
        let root = match &tuf.root_config_map_ref {
            Some(entry) => self.text(&path.field(chosen), &ObjectEntry::config_map(entry))?,
            None => tuf.root.clone()?,
        };
        is_target.then_some(TufRepository {
            mirror: mirror?,
            root,
            target: tuf.target.clone(),
        })
    }
}

/// The URL, when its scheme keeps others from reading along and it holds nothing but a place.
fn mirror(text: &str) -> Option<Url> {
    let mut url: Url = text.parse().ok()?;
    let is_secret = match (url.scheme(), url.host()?) {
        ("https", _) => true,
        ("http", Host::Domain(name)) => name == "localhost",
        ("http", Host::Ipv4(address)) => address.is_loopback(),
        ("http", Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let is_bare = url.username().is_empty() && url.password().is_none();
    if !is_secret || !is_bare || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

/// Whether this names a target without leaving the folder of targets.
fn is_target(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.split('/').all(|segment| {
        !segment.is_empty() && !segment.starts_with('.') && segment.chars().all(is_plain)
    })
}
