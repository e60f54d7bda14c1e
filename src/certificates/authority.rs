//! Certificate authorities: those that are trusted, and the one that signs.

use std::fmt;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{
    Lifetimes, MakeError, ServiceNames, ServingCertificate, Wanted,
    x509::{Parts, Validity},
};
use crate::limits;

/// An authority's certificate, without its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedAuthority {
    der: CertificateDer<'static>,
    validity: Validity,
    public_key: Vec<u8>,
}

/// The authorities of a `caBundle`, newest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bundle(Vec<TrustedAuthority>);

/// An authority with its key.
pub struct SigningAuthority {
    certificate: TrustedAuthority,
    key: KeyPair,
}

impl TrustedAuthority {
    fn read(der: CertificateDer<'static>) -> Option<Self> {
        let parts = Parts::read(&der)?;
        parts.is_authority.then_some(Self {
            der,
            validity: parts.validity,
            public_key: parts.public_key,
        })
    }

    /// From when to when it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Its certificate.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        super::entries::pem("CERTIFICATE", &self.der)
    }
}

impl Bundle {
    /// Reads PEM. What is no certificate of an authority is left out, and so is what exceeds the limit.
    pub fn read(pem: &[u8]) -> Self {
        let pem = pem
            .get(..pem.len().min(limits::CA_BUNDLE_BYTES))
            .unwrap_or_default();
        CertificateDer::pem_slice_iter(pem)
            .take(limits::CA_BUNDLE_AUTHORITIES)
            .filter_map(Result::ok)
            .filter_map(TrustedAuthority::read)
            .fold(Self::default(), Self::with)
    }

    /// With one more at its end, unless it is there already or there is no room.
    #[must_use]
    pub fn with(mut self, authority: TrustedAuthority) -> Self {
        if self.0.len() < limits::CA_BUNDLE_AUTHORITIES && !self.contains(&authority) {
            self.0.push(authority);
        }
        self
    }

    /// With those of another that have not expired.
    #[must_use]
    pub fn with_all(self, others: &Self, now: Timestamp) -> Self {
        others
            .0
            .iter()
            .filter(|authority| !authority.validity.is_over(now))
            .cloned()
            .fold(self, Self::with)
    }

    /// Whether this one is among them.
    pub fn contains(&self, authority: &TrustedAuthority) -> bool {
        self.0.iter().any(|known| known.der == authority.der)
    }

    /// Whether all of another are among them.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|authority| self.contains(authority))
    }

    /// Every authority.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedAuthority> {
        self.0.iter()
    }

    /// In PEM.
    pub fn pem(&self) -> String {
        self.iter().map(TrustedAuthority::pem).collect()
    }
}

impl SigningAuthority {
    /// Makes one with a new key.
    pub fn make(wanted: &Wanted, now: Timestamp) -> Result<Self, MakeError> {
        let key = KeyPair::generate()?;
        let mut params = named("assay webhook CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let validity = Validity::from_now(now, wanted.lifetimes.authority())?;
        validity.set(&mut params)?;
        let certificate = params.self_signed(&key)?;
        let certificate = TrustedAuthority::read(certificate.der().clone())
            .ok_or(rcgen::Error::CouldNotParseCertificate)?;
        Ok(Self { certificate, key })
    }

    /// The authority of the bundle that this key (PEM) belongs to, if what it issues is believed.
    pub(super) fn read(bundle: &Bundle, key: &[u8]) -> Option<Self> {
        let key = read_key(key)?;
        let public_key = key.subject_public_key_info();
        let mut candidates = bundle.iter();
        let certificate = candidates.find(|authority| authority.public_key == public_key)?;
        let signer = Self {
            certificate: certificate.clone(),
            key,
        };
        signer.is_believed().then_some(signer)
    }

    /// Whether what it issues is believed. Not so of somebody's own authority that is for other names only: with it
    /// there would never be a certificate.
    fn is_believed(&self) -> bool {
        let Ok(names) = ServiceNames::new("trial", "trial", &[]) else {
            return false;
        };
        let wanted = Wanted {
            names,
            lifetimes: Lifetimes::default(),
        };
        let trial = self.issue(&wanted, self.certificate.validity.start());
        trial.is_ok_and(|trial| trial.is_issued_by(&self.certificate))
    }

    /// Its certificate.
    pub fn certificate(&self) -> &TrustedAuthority {
        &self.certificate
    }

    /// Its key in PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Issues a serving certificate with a new key. It ends no later than the authority.
    pub fn issue(&self, wanted: &Wanted, now: Timestamp) -> Result<ServingCertificate, MakeError> {
        let issuer = Issuer::from_ca_cert_der(&self.certificate.der, &self.key)?;
        let key = KeyPair::generate()?;
        let names: Vec<String> = wanted.names.all().iter().cloned().collect();
        let mut params = named(wanted.names.common());
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // All our authorities have the same name: this tells verifiers which one it was.
        params.use_authority_key_identifier_extension = true;
        Validity::from_now(now, wanted.lifetimes.serving())?
            .until(self.certificate.validity.end())
            .set(&mut params)?;
        let certificate = params.signed_by(&key, &issuer)?;
        ServingCertificate::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .ok_or(MakeError::Library(rcgen::Error::CouldNotParseCertificate))
    }
}

impl fmt::Debug for SigningAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningAuthority")
            .field("certificate", &self.certificate)
            .field("key", &"***")
            .finish()
    }
}

/// A private key in PEM, within the limit on its size.
pub(super) fn read_key(pem: &[u8]) -> Option<KeyPair> {
    let within_limit = pem.len() as u64 <= limits::CERTIFICATE_FILE_BYTES;
    let text = std::str::from_utf8(pem).ok().filter(|_| within_limit)?;
    KeyPair::from_pem(text).ok()
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // RFC 5280 bounds a common name; the names that count are the alternative ones.
    let common_name: String = common_name.chars().take(LONGEST_COMMON_NAME).collect();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

const LONGEST_COMMON_NAME: usize = 64;
