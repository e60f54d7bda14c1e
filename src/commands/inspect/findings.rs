//! What one attachment is, as far as it can be told with the keys and the trust root at hand.

use jiff::Timestamp;

use super::{
    document::{Annotation, Attachment, Attestation, Key, Place, Signature, Signer},
    lens::Lens,
};
use crate::{
    commands::signature::CertificateReport,
    decision::signer_text,
    image::{Digest, Repository},
    provenance::{Facts, Provenance, Source, is_provenance},
    registry::{self, AttachmentPlace},
    verify::{self, Candidate, Layout, SIGN_PREDICATE, claimed_predicate_type},
};

/// All attachments, in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) signatures: Vec<Signature>,
    pub(super) attestations: Vec<Attestation>,
    /// What the verified ones say, with the names of their signers.
    pub(super) stated: Vec<Stated>,
}

/// What one signer says with one attachment.
#[derive(Debug)]
pub(super) struct Stated {
    pub(super) signer: String,
    pub(super) facts: Facts,
    rank: Rank,
}

/// The order in which attachments are shown, whatever order a registry lists them in.
type Rank = (bool, bool, String, String);

impl Findings {
    /// Looks at each attachment of this image, with the repository that it lies in where that is not the image's own.
    pub(super) fn of<'a>(
        attachments: impl IntoIterator<Item = (Option<&'a Repository>, &'a registry::Attachment)>,
        image: &Digest,
        lens: &Lens,
    ) -> Self {
        let mut found = Self::default();
        for (repository, attachment) in attachments {
            found.add(repository, attachment, image, lens);
        }
        found
            .signatures
            .sort_by_cached_key(|it| rank(it.signer.as_ref(), &it.attachment));
        found
            .attestations
            .sort_by_cached_key(|it| rank(it.signer.as_ref(), &it.attachment));
        found
            .stated
            .sort_by_cached_key(|stated| stated.rank.clone());
        found
    }

    fn add(
        &mut self,
        repository: Option<&Repository>,
        attachment: &registry::Attachment,
        image: &Digest,
        lens: &Lens,
    ) {
        let candidate = candidate(attachment);
        let attachment = Attachment::of(attachment, repository);
        // A bundle is one or the other by what its statement says.
        match claimed_predicate_type(&candidate).filter(|claimed| claimed != SIGN_PREDICATE) {
            Some(claimed) => self.add_attestation(attachment, &candidate, image, lens, claimed),
            None => self.add_signature(attachment, &candidate, image, lens),
        }
    }

    fn add_signature(
        &mut self,
        attachment: Attachment,
        candidate: &Candidate,
        image: &Digest,
        lens: &Lens,
    ) {
        let signature = match lens.signature(candidate, image) {
            Ok(verified) => {
                let annotations = verified.annotations();
                let said = Facts::of_signature_annotations(annotations);
                let signer = Signer::of(verified.signer());
                let signer = signer.at(verified.signed_at(), verified.log_index());
                self.state(verified.signer(), &signer, &attachment, said);
                Signature {
                    attachment,
                    verified: true,
                    signer: Some(signer),
                    annotations: annotations.iter().map(Annotation::of).collect(),
                    problem: None,
                }
            }
            Err(problem) => Signature {
                attachment,
                verified: false,
                signer: None,
                annotations: Vec::new(),
                problem: Some(problem),
            },
        };
        self.signatures.push(signature);
    }

    fn add_attestation(
        &mut self,
        attachment: Attachment,
        candidate: &Candidate,
        image: &Digest,
        lens: &Lens,
        claimed: String,
    ) {
        let attestation = match lens.attestation(candidate, image) {
            Ok(verified) => {
                let read = read(verified.predicate_type(), verified.statement());
                let (shape, said, problem) = match read {
                    Read::Other => (None, Facts::default(), None),
                    Read::Provenance(provenance) => {
                        (Some(provenance.shape.as_str()), provenance.facts, None)
                    }
                    Read::Unreadable(problem) => (None, Facts::default(), Some(problem)),
                };
                let signer = Signer::of(verified.signer());
                let signer = signer.at(verified.signed_at(), verified.log_index());
                self.state(verified.signer(), &signer, &attachment, said);
                Attestation {
                    attachment,
                    verified: true,
                    predicate_type: verified.predicate_type().to_owned(),
                    shape,
                    signer: Some(signer),
                    problem,
                }
            }
            Err(problem) => Attestation {
                attachment,
                verified: false,
                predicate_type: claimed,
                shape: None,
                signer: None,
                problem: Some(problem),
            },
        };
        self.attestations.push(attestation);
    }

    /// Notes what is said under this signer's signature, beside what the signer's certificate says.
    fn state(
        &mut self,
        by: &verify::Signer,
        signer: &Signer,
        attachment: &Attachment,
        said: Facts,
    ) {
        let facts = match by {
            verify::Signer::Certificate(identity) => Facts::of_certificate(identity).merged(said),
            verify::Signer::Key { .. } => said,
        };
        self.stated.push(Stated {
            signer: signer.name.clone(),
            facts,
            rank: rank(Some(signer), attachment),
        });
    }
}

/// A statement, as far as it is provenance.
enum Read {
    /// It is of another type.
    Other,
    Provenance(Box<Provenance>),
    /// Why it cannot be read.
    Unreadable(String),
}

fn read(predicate_type: &str, statement: &[u8]) -> Read {
    if !is_provenance(predicate_type) {
        return Read::Other;
    }
    match Provenance::parse(predicate_type, statement, Source::Attestation) {
        Ok(provenance) => Read::Provenance(Box::new(provenance)),
        Err(error) => Read::Unreadable(format!("its provenance cannot be read: {error}")),
    }
}

impl Signer {
    fn of(signer: &verify::Signer) -> Self {
        let (key, certificate) = match signer {
            verify::Signer::Key { fingerprint } => {
                let fingerprint = fingerprint.clone();
                (Some(Key { fingerprint }), None)
            }
            verify::Signer::Certificate(identity) => (None, Some(CertificateReport::new(identity))),
        };
        Self {
            name: signer_text(signer),
            key,
            certificate,
            signed_at: None,
            log_index: None,
        }
    }

    fn at(self, signed_at: Option<Timestamp>, log_index: Option<u64>) -> Self {
        Self {
            signed_at: signed_at.map(|time| time.to_string()),
            log_index,
            ..self
        }
    }
}

impl Annotation {
    fn of((name, value): (&String, &String)) -> Self {
        Self {
            name: name.clone(),
            value: value.clone(),
        }
    }
}

impl Attachment {
    fn of(attachment: &registry::Attachment, repository: Option<&Repository>) -> Self {
        Self {
            repository: repository.map(Repository::to_string),
            place: match attachment.place {
                AttachmentPlace::SignatureTag => Place::SignatureTag,
                AttachmentPlace::AttestationTag => Place::AttestationTag,
                AttachmentPlace::ReferrersApi => Place::ReferrersApi,
                AttachmentPlace::ReferrersTag => Place::ReferrersTag,
            },
            media_type: attachment.media_type.clone(),
            digest: attachment.digest.to_string(),
            manifest: attachment.manifest.to_string(),
        }
    }
}

fn candidate(attachment: &registry::Attachment) -> Candidate {
    Candidate {
        // Registries are asked for nothing else: what it is, if not that, the verifier says.
        layout: Layout::of_media_type(&attachment.media_type).unwrap_or(Layout::Bundle),
        digest: attachment.digest.clone(),
        content: attachment.content.clone(),
        annotations: attachment.annotations.iter().cloned().collect(),
    }
}

/// What is verified comes first, the earliest first.
fn rank(signer: Option<&Signer>, attachment: &Attachment) -> Rank {
    let signed_at = signer.and_then(|signer| signer.signed_at.clone());
    (
        signer.is_none(),
        signed_at.is_none(),
        signed_at.unwrap_or_default(),
        attachment.digest.clone(),
    )
}
