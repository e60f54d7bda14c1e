//! Signed timestamps: RFC 3161 tokens, which are CMS messages (RFC 5652).

mod time;
mod token;

use der::{AnyRef, Decode as _, Encode as _, oid::ObjectIdentifier};
use jiff::Timestamp;
use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert};

use self::token::Token;
use super::{
    SignatureError, asn1,
    chain::{self, PathFailure, Purpose},
    failure::{shown, text, within},
    trust_root::TimestampAuthority,
};
use crate::limits;

/// The time in a token over `imprinted`, when one of the authorities made it.
///
/// `None` is a token of somebody else, which counts for nothing.
///
/// # Errors
/// A token that is malformed, or that is said to be made by one of the authorities and is not as they make them.
pub(super) fn verified_time(
    token: &[u8],
    imprinted: &[u8],
    authorities: &[TimestampAuthority],
) -> Result<Option<Timestamp>, SignatureError> {
    within(
        "bytes of one signed timestamp",
        token.len(),
        limits::TIMESTAMP_BYTES,
    )?;
    asn1::sortable(token)?;
    let token = Token::read(token)?;
    let mut failure = None;
    for authority in authorities {
        match made_by(&token, imprinted, authority) {
            Ok(Some(time)) => return Ok(Some(time)),
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Every check against one authority. `None` when the token is none of its.
fn made_by(
    token: &Token,
    imprinted: &[u8],
    authority: &TimestampAuthority,
) -> Result<Option<Timestamp>, SignatureError> {
    let Some(signer) = signer(token, authority)? else {
        return Ok(None);
    };
    if !issued(&signer, token, authority)? {
        return Ok(None);
    }
    if !authority.window.covers(token.time) {
        return Err(refused(format!(
            "the signed timestamp of {} lies outside of its authority's time",
            token.time
        )));
    }
    over(token, imprinted)?;
    attributes(token, &signer)?;
    signature(token, &signer)?;
    Ok(Some(token.time))
}

/// RFC 5652 §5.3, `sid`: the certificate that the token says signed it. Where the trust root names the authority's
/// certificate no other is believed; else it comes with the token.
fn signer(
    token: &Token,
    authority: &TimestampAuthority,
) -> Result<Option<CertificateDer<'static>>, SignatureError> {
    let Some(named) = &authority.signer else {
        return token.own_signer();
    };
    Ok(token.is_signed_by(named)?.then(|| named.clone()))
}

/// RFC 3161 §2.3: the signer is for timestamps alone and chains to the authority at the token's time.
///
/// `false` when it is somebody else's: only where the certificate came with the token.
fn issued(
    signer: &CertificateDer<'_>,
    token: &Token,
    authority: &TimestampAuthority,
) -> Result<bool, SignatureError> {
    let own = &authority.chain.intermediates;
    let brought = if own.is_empty() {
        token.certificates.as_slice()
    } else {
        &[]
    };
    match chain::path(
        signer,
        brought,
        &authority.chain,
        token.time,
        Purpose::TimeStamping,
    ) {
        Ok(_) => Ok(true),
        Err(PathFailure::Stranger) if authority.signer.is_none() => Ok(false),
        Err(failure) => Err(refused(text(
            "the certificate of the signed timestamp's authority",
            &failure,
        ))),
    }
}

/// RFC 3161 §2.4.2, `messageImprint`: the token is over these bytes.
fn over(token: &Token, imprinted: &[u8]) -> Result<(), SignatureError> {
    let hash = Hash::named(token.imprint_algorithm)?;
    if hash.of(imprinted) == token.imprint {
        Ok(())
    } else {
        Err(refused(
            "the signed timestamp is over other content".to_owned(),
        ))
    }
}

/// RFC 5652 §5.4 and §11, RFC 5816: the signed attributes are those of this content and this signer.
fn attributes(token: &Token, signer: &CertificateDer<'_>) -> Result<(), SignatureError> {
    if token.content_type()? != token::TST_INFO {
        return Err(refused(
            "the signed timestamp's attributes name another content type".to_owned(),
        ));
    }
    let hash = Hash::named(token.digest_algorithm)?;
    if token.message_digest()? != hash.of(&token.content) {
        return Err(refused(
            "the signed timestamp's digest is not that of its content".to_owned(),
        ));
    }
    for named in token.signing_certificates()? {
        if certificate_digest(named.algorithm, signer)? != named.digest {
            return Err(refused(
                "the signed timestamp names another certificate than the one that signed it"
                    .to_owned(),
            ));
        }
    }
    Ok(())
}

/// The digest that names a certificate. The first form of the attribute knows SHA-1 only; the certificate itself is
/// trusted for other reasons.
fn certificate_digest(
    algorithm: Option<ObjectIdentifier>,
    certificate: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    let Some(oid) = algorithm else {
        let sha1 = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        let digest = aws_lc_rs::digest::digest(sha1, certificate);
        return Ok(digest.as_ref().to_vec());
    };
    Ok(Hash::named(oid)?.of(certificate))
}

/// RFC 5652 §5.6: the signature over the attributes, by the signer's key.
fn signature(token: &Token, signer: &CertificateDer<'_>) -> Result<(), SignatureError> {
    let certificate =
        EndEntityCert::try_from(signer).map_err(|error| refused(shown(&format!("{error:?}"))))?;
    let named = algorithm(token)?;
    let message = token.signed_attributes()?;
    let mut known = ALL_VERIFICATION_ALGS
        .iter()
        .filter(|known| known.signature_alg_id().as_ref() == named.as_slice())
        .peekable();
    if known.peek().is_none() {
        return Err(refused(format!(
            "the signed timestamp's signature algorithm {} is not supported",
            token.signature_algorithm.oid
        )));
    }
    if known.any(|known| {
        certificate
            .verify_signature(*known, &message, &token.signature)
            .is_ok()
    }) {
        Ok(())
    } else {
        Err(refused(
            "the signature of the signed timestamp does not verify".to_owned(),
        ))
    }
}

/// The algorithm as certificates name it. CMS also allows the key's kind alone, which goes with the digest.
fn algorithm(token: &Token) -> Result<Vec<u8>, SignatureError> {
    let with_digest = |of: fn(Hash) -> AlgorithmIdentifier| {
        Hash::named(token.digest_algorithm).map(|hash| of(hash).as_ref().to_vec())
    };
    match token.signature_algorithm.oid {
        EC_KEY => with_digest(Hash::ecdsa),
        RSA_KEY => with_digest(Hash::pkcs1),
        _ => {
            let der = token
                .signature_algorithm
                .to_der()
                .map_err(|error| token::malformed(&error))?;
            let inside = AnyRef::from_der(&der).map_err(|error| token::malformed(&error))?;
            Ok(inside.value().to_vec())
        }
    }
}

/// The hashes that tokens are made with.
#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn named(oid: ObjectIdentifier) -> Result<Self, SignatureError> {
        match oid {
            SHA256 => Ok(Self::Sha256),
            SHA384 => Ok(Self::Sha384),
            SHA512 => Ok(Self::Sha512),
            other => Err(refused(format!(
                "the signed timestamp's hash algorithm {other} is not supported, expected SHA-256, SHA-384 or SHA-512"
            ))),
        }
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sigstore_crypto::sha256(bytes).as_bytes().to_vec(),
            Self::Sha384 => sigstore_crypto::sha384(bytes).as_bytes().to_vec(),
            Self::Sha512 => sigstore_crypto::sha512(bytes).as_bytes().to_vec(),
        }
    }

    fn ecdsa(self) -> AlgorithmIdentifier {
        match self {
            Self::Sha256 => alg_id::ECDSA_SHA256,
            Self::Sha384 => alg_id::ECDSA_SHA384,
            Self::Sha512 => alg_id::ECDSA_SHA512,
        }
    }

    fn pkcs1(self) -> AlgorithmIdentifier {
        match self {
            Self::Sha256 => alg_id::RSA_PKCS1_SHA256,
            Self::Sha384 => alg_id::RSA_PKCS1_SHA384,
            Self::Sha512 => alg_id::RSA_PKCS1_SHA512,
        }
    }
}

fn refused(detail: String) -> SignatureError {
    SignatureError::Timestamp { detail }
}

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

#[cfg(test)]
mod tests;
