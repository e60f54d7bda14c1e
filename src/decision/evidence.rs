//! What was found out about the images of one object.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    image::{Contents, Digest, Repository, SignaturePlaces},
    key::PublicKey,
    limits,
    policy::{Place, PolicyId, TrustRootName},
    verify::{Layout, LogRequirement, SignatureError, VerifiedAttestation, VerifiedSignature},
};

/// What was found, by the reference as it was written.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Around what it was found.
    pub circumstances: Circumstances,
    /// A judged image that is missing here counts as not looked up.
    pub images: BTreeMap<String, ImageEvidence>,
}

/// Around what an object is judged.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The present time when the review began. It judges keys with a validity whose signatures carry no verified time,
    /// the age of builds, and that of what was verified before.
    pub now: Timestamp,
    /// The namespace's name and labels, for conditions.
    pub place: Place,
    /// The Pod, or the template of Pods in a workload, with its metadata and spec, for conditions; null where there is none.
    pub pod: Arc<Value>,
    /// How many steps the conditions of one policy may take over one image: see [`Plan::condition_steps`].
    ///
    /// [`Plan::condition_steps`]: super::Plan::condition_steps
    pub condition_steps: u64,
}

impl Default for Circumstances {
    fn default() -> Self {
        Self {
            now: Timestamp::default(),
            place: Place::default(),
            pod: Arc::default(),
            condition_steps: limits::CONDITION_STEPS,
        }
    }
}

impl Circumstances {
    /// At this time, and nowhere.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }
}

/// What was found about one image.
#[derive(Clone, Debug)]
pub struct ImageEvidence {
    /// What its tag resolved to, or the digest it was written with.
    pub digest: Result<Digest, LookupFailure>,
    /// What was found for the policies that look in these places. Others find their own, even in the same repository:
    /// they verify by other keys, and may have had to look further.
    pub signatures: BTreeMap<SignaturePlaces, FoundByPlace>,
    /// What the image says about itself, if a policy asks for that.
    pub contents: Option<Result<Arc<Contents>, LookupFailure>>,
    /// Why nothing is attached to it, where that was looked for.
    pub unsigned: Option<WhyUnsigned>,
    /// What satisfied these policies before, in the same repository, by the same login and trust roots. It counts only
    /// where a policy wants that, and while the registry does not answer.
    pub remembered: BTreeMap<PolicyId, Recollection>,
}

/// What each place held that was looked in.
pub type FoundByPlace = BTreeMap<Repository, Candidates>;

impl ImageEvidence {
    /// An image of which no more is known than its digest.
    pub fn of(digest: Result<Digest, LookupFailure>) -> Self {
        Self {
            digest,
            signatures: BTreeMap::new(),
            contents: None,
            unsigned: None,
            remembered: BTreeMap::new(),
        }
    }
}

/// What is known of an image without signatures that explains why it has none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WhyUnsigned {
    /// Its registry has nothing of this digest.
    NoImage,
    /// It is an index, and this platform manifest of it carries signatures.
    SignedChild(Digest),
}

/// What satisfied one policy before, and how long ago.
#[derive(Clone, Debug)]
pub struct Recollection {
    /// What did.
    pub remembered: Arc<Remembered>,
    /// How long ago. It does not grow less when a clock is set back.
    pub age: SignedDuration,
}

/// What satisfied one policy before: as much of it as the policy looks at.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// When it did.
    pub verified_at: Timestamp,
    /// Of which image.
    pub digest: Digest,
    /// What was found in each place that could be looked at: only what verified.
    pub candidates: BTreeMap<Repository, Box<[Kept]>>,
    /// What the image says about itself, if the policy asks for that.
    pub contents: Option<Arc<Contents>>,
}

/// A candidate that verified by some method, in as few bytes as it takes: there may be thousands.
#[derive(Clone, Debug)]
pub struct Kept {
    /// How it was stored.
    pub layout: Layout,
    /// The digest of its own bytes.
    pub candidate: Digest,
    /// The predicate type that it claims, if it is a statement.
    pub claimed_type: Option<String>,
    /// What it is as a signature.
    pub results: Box<[(Method, VerifiedSignature)]>,
    /// What it is as an attestation.
    pub attestations: Box<[(Method, VerifiedAttestation)]>,
}

/// The candidates found in one place.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// In the order found.
    pub checked: Vec<Checked>,
    /// Why there may be more than these.
    pub unread: Option<LookupFailure>,
}

impl From<Vec<Checked>> for Candidates {
    /// These, and no more.
    fn from(checked: Vec<Checked>) -> Self {
        Self {
            checked,
            unread: None,
        }
    }
}

impl From<LookupFailure> for Candidates {
    /// Nothing is known of the place.
    fn from(failure: LookupFailure) -> Self {
        Self {
            checked: Vec::new(),
            unread: Some(failure),
        }
    }
}

/// One candidate and what came of verifying it in each way the demands asked for.
#[derive(Clone, Debug)]
pub struct Checked {
    /// How it was stored.
    pub layout: Layout,
    /// The digest of the candidate's own bytes: tells candidates apart.
    pub candidate: Digest,
    /// The predicate type that it claims, if it is a statement and any demand is for one. Nobody has verified that:
    /// it is for messages, and to tell which candidates may be missed.
    pub claimed_type: Option<String>,
    /// As a signature, by method.
    pub results: BTreeMap<Method, Result<VerifiedSignature, CheckFailure>>,
    /// As an attestation, by method.
    pub attestations: BTreeMap<Method, Result<VerifiedAttestation, CheckFailure>>,
}

/// Why a candidate did not verify by one method.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CheckFailure {
    /// It was looked at and is wrong.
    Signature(SignatureError),
    /// It could not be judged: the trust root is not there.
    TrustRoot {
        /// Why not.
        reason: String,
    },
    /// It could not be judged: the trust root was not refreshed in time.
    TrustRootExpired {
        /// Since when it is no longer to be trusted.
        since: Timestamp,
    },
}

/// Every way in which demands want the candidates in one place verified.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Methods {
    /// As signatures.
    pub of_signatures: BTreeSet<Method>,
    /// As attestations.
    pub of_attestations: BTreeSet<Method>,
}

/// One way of verifying a candidate.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Method {
    /// With a key.
    Key {
        /// The key.
        key: PublicKey,
        /// Whether a log entry is needed.
        log: LogRequirement,
        /// The trust root whose logs (where an entry is needed) and timestamp authorities count, if any.
        trust_root: Option<TrustRootName>,
        /// What the time of signing is for.
        time: TimeUse,
    },
    /// With a certificate of this trust root.
    Certificate {
        /// The trust root.
        trust_root: TrustRootName,
    },
}

/// What the verified time of a keyed signature is for, where a trust root can tell it that no log entry needs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TimeUse {
    /// It is only told: a trust root that is not there changes nothing.
    Informs,
    /// The key's validity is judged by it: without the trust root a good signature cannot be judged.
    Decides,
}

/// Whose credentials a registry is asked with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reader {
    /// A Pod's.
    Pod {
        /// Why the pull secrets that it names are of no use here, as in `pull secret "regcred" does not exist`.
        useless: Vec<String>,
    },
    /// Those of the person or job that runs a command.
    Person,
    /// Those of a server without a cluster.
    Server,
}

/// Why something could not be looked up, in the decision's words; the texts are data from us, not from the registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LookupFailure {
    /// The registry answered that there is no such image (404).
    NotFound,
    /// 401 or 403, and which credentials were tried.
    Unauthorized {
        /// The status the last attempt got.
        status: u16,
        /// The names of the credentials that were tried, as in `pull secret "regcred"`; empty when anonymous.
        tried: Vec<String>,
        /// What may hold others and may not be read, as in `pull secret "regcred" of namespace "shop"`.
        forbidden: Vec<String>,
        /// Who could bring others.
        reader: Reader,
    },
    /// 429.
    RateLimited {
        /// How long the registry has asked to be left alone, if it has.
        wait: Option<Duration>,
    },
    /// Refused connection, DNS, 5xx: the text says which.
    Unavailable {
        /// What happened, as in `answered 502`, or `could not be reached (connection refused)`.
        detail: String,
    },
    /// It answered, and not with what was asked for: a wrong digest or type, a list of what is not there.
    Unusable {
        /// With what, as in `answered a malformed manifest`.
        detail: String,
    },
    /// It is at an address where nothing is sent on the word of an image, a registry or the DNS.
    AddressRefused {
        /// Which host, as in `127.0.0.1:6443`.
        host: String,
        /// As in `a loopback address`.
        reason: String,
    },
    /// The certificate of the registry was refused.
    Tls {
        /// What the TLS library said.
        detail: String,
    },
    /// The registry took longer than one request may.
    Timeout,
    /// The review's own deadline passed first.
    Deadline,
    /// A limit was crossed.
    Limit {
        /// What was too large or too many, with numbers.
        detail: String,
    },
    /// It was another host than the registry's own: its token service, or where it redirects to.
    Elsewhere {
        /// Which, as in `gitlab.com`.
        host: String,
        /// What happened there.
        failure: Box<Self>,
    },
    /// The pull secrets could not be read from the cluster.
    PullSecret {
        /// Which and why.
        detail: String,
    },
}
