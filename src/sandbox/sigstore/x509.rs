//! Certificates of authorities, and what all certificates share.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::SandboxError;

/// A root and an intermediate below it, which issues for one purpose.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) root: Vec<u8>,
    pub(super) intermediate: Vec<u8>,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

/// From when to when something is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Chain {
    pub(super) fn new(
        name: &str,
        validity: Validity,
        intermediate_end: Timestamp,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Self, SandboxError> {
        let root_key = KeyPair::generate()?;
        let root_params = authority_params(name, validity, BasicConstraints::Unconstrained)?;
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);
        let key = KeyPair::generate()?;
        let mut params = authority_params(
            &format!("{name} intermediate"),
            Validity {
                end: intermediate_end,
                ..validity
            },
            BasicConstraints::Constrained(0),
        )?;
        params.extended_key_usages = vec![purpose];
        let intermediate = params.signed_by(&key, &root_issuer)?;
        Ok(Self {
            root: root.der().to_vec(),
            intermediate: intermediate.der().to_vec(),
            issuer: Issuer::new(params, key),
        })
    }
}

fn authority_params(
    name: &str,
    validity: Validity,
    constraints: BasicConstraints,
) -> Result<CertificateParams, SandboxError> {
    let mut params = named(name);
    set_validity(&mut params, validity)?;
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

pub(super) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "assay.test");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Sets both ends. The library's type for times is not ours to name: it is reached by adding to an epoch.
pub(super) fn set_validity(
    params: &mut CertificateParams,
    validity: Validity,
) -> Result<(), SandboxError> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(validity.start)?;
    params.not_after = epoch + since_epoch(validity.end)?;
    Ok(())
}

fn since_epoch(at: Timestamp) -> Result<Duration, SandboxError> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| SandboxError::Time { at })?;
    Ok(Duration::from_secs(seconds))
}

pub(super) fn pem(der: &(impl AsRef<[u8]> + ?Sized)) -> String {
    sigstore_types::DerCertificate::from_bytes(der.as_ref()).to_pem()
}
