//! Every bound on what Assay reads, holds or waits for. Each has a test that crosses it.

mod certificates;
mod controller;
mod identity;
mod outage;
mod registry;
mod telling;

pub use certificates::*;
pub use controller::*;
pub use identity::*;
pub use outage::*;
pub use registry::*;
pub use telling::*;

mod telemetry;

pub use telemetry::{
    POLICIES_MEASURED, REGISTRIES_MEASURED, SPANS_PER_EXPORT, SPANS_WAITING, TRACE_ANSWER_BYTES,
    TRACE_EXPORT_TIMEOUT, TRACE_FLUSH_TIMEOUT, TRUST_ROOTS_MEASURED,
};

use std::time::Duration;

/// The largest admission review that is read, in bytes (the API server's own request limit is 3 MiB,
/// and a review carries the object twice).
pub const REVIEW_BYTES: usize = 8 * 1024 * 1024;

/// The most memory, in bytes, that admission reviews take at the same time once they are read, as estimated from their
/// fields and elements; what comes beyond waits to be read. A single review that would take more is not read.
pub const REVIEW_MEMORY_BYTES: usize = 96 * 1024 * 1024;

/// The most authorities of one policy.
pub const AUTHORITIES_PER_POLICY: usize = 32;

/// The most problems of one policy or trust root that are told.
pub const PROBLEMS_PER_OBJECT: usize = 1000;

/// The most image slots of one object that are judged.
pub const IMAGES_PER_OBJECT: usize = 500;

/// The longest image reference that is read, in bytes.
pub const REFERENCE_BYTES: usize = 1024;

/// The longest repository path, in bytes, as every registry and runtime has it.
pub const REPOSITORY_PATH_BYTES: usize = 255;

/// The longest pattern that is read, in bytes.
pub const PATTERN_BYTES: usize = 512;

/// The longest text that a pattern is matched against, in bytes; a longer one matches nothing.
pub const MATCHED_TEXT_BYTES: usize = 4096;

/// The longest PEM text of a public key that is read, in bytes.
pub const KEY_PEM_BYTES: usize = 16 * 1024;

/// The most keys of one authority.
pub const KEYS_PER_AUTHORITY: usize = 16;

/// The most characters of a piece of untrusted text that an error shows.
pub const SHOWN_CHARS: usize = 64;

/// The most characters of a container's or volume's name that are shown: what Kubernetes allows.
pub const SHOWN_NAME_CHARS: usize = 63;

/// The most bytes of signature candidates that are fetched for one image.
pub const CANDIDATE_BYTES_PER_IMAGE: usize = 16 * 1024 * 1024;

/// The most referrers pages that are followed for one image.
pub const REFERRER_PAGES: usize = 10;

/// The most attestations that one policy asks for.
pub const ATTESTATIONS_PER_POLICY: usize = 16;

/// The most regular expressions over tags in one policy.
pub const TAG_PATTERNS_PER_POLICY: usize = 64;

/// The longest regular expression over tags, in characters.
pub const TAG_PATTERN_CHARS: usize = 512;

/// The most entries in one list of a policy's rules for provenance.
pub const ENTRIES_PER_RULE: usize = 64;

/// The longest time that a build may be asked to lie back at most: a century.
pub const LONGEST_BUILD_AGE: Duration = Duration::from_hours(876_600);

/// The most conditions of one policy, and of one of its attestations.
pub const CONDITIONS_PER_LIST: usize = 32;

/// The longest message of a condition, in characters.
pub const CONDITION_MESSAGE_CHARS: usize = 256;

/// The most transparency log entries in one bundle.
pub const LOG_ENTRIES_PER_BUNDLE: usize = 32;

/// The most signatures under one checkpoint: the log's own and its witnesses'.
pub const SIGNATURES_PER_CHECKPOINT: usize = 16;

/// The most signed timestamps in one bundle.
pub const TIMESTAMPS_PER_BUNDLE: usize = 32;

/// The most statement subjects in one attestation.
pub const SUBJECTS_PER_STATEMENT: usize = 1024;

/// The most digests of one statement subject.
pub const DIGESTS_PER_SUBJECT: usize = 32;

/// The largest statement in one envelope, in bytes.
pub const STATEMENT_BYTES: usize = 2 * 1024 * 1024;

/// How deep the JSON of a statement may be nested.
pub const STATEMENT_DEPTH: usize = 64;

/// The longest RSA signature, in bytes: that of a key of 4096 bits.
pub const RSA_SIGNATURE_BYTES: usize = 512;

/// The largest certificate of a signature, in bytes.
pub const CERTIFICATE_BYTES: usize = 64 * 1024;

/// The most members of one ASN.1 set in a certificate or signed timestamp.
pub const MEMBERS_PER_SET: usize = 64;

/// The most certificates of one name that a signature brings to build a path from.
pub const NAMESAKES_PER_CHAIN: usize = 2;

/// The most certificates of one signature: the leaf and what is said to have issued it.
pub const CERTIFICATES_PER_CHAIN: usize = 10;

/// The most characters that a refused signature's error takes over from a parser or from the signature.
pub const SIGNATURE_ERROR_CHARS: usize = 160;

/// The most authorities, and the most logs, of one kind in a trust root.
pub const INSTANCES_PER_TRUST_ROOT: usize = 64;

/// The most certificate timestamps in one certificate.
pub const TIMESTAMPS_PER_CERTIFICATE: usize = 16;

/// The longest signed timestamp, in bytes.
pub const TIMESTAMP_BYTES: usize = 64 * 1024;

/// The most digits of the fraction of a second that a signed timestamp may have: nanoseconds.
pub const TIMESTAMP_FRACTION_DIGITS: usize = 9;

/// The longest `trusted_root.json`, in bytes.
pub const TRUST_ROOT_BYTES: usize = 1024 * 1024;

/// The longest denial message, in bytes.
pub const MESSAGE_BYTES: usize = 1024;

/// The longest warning, in characters.
pub const WARNING_CHARS: usize = 120;

/// The deadline when the API server names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest timeout that is believed: the API server allows no more than 30 s.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// What is kept back from the API server's timeout, which it rounds up to a whole second.
pub const DEADLINE_MARGIN: Duration = Duration::from_secs(1);

/// How long one read of the Kubernetes API may take during a review.
pub const KUBERNETES_READ_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection to the API server may be silent while an answer is read, a watch included.
pub const API_SERVER_SILENCE: Duration = Duration::from_secs(150);

/// After how many seconds the API server is asked to end a watch, which then goes on where it was: before
/// [`API_SERVER_SILENCE`], so that one on which nothing happens is not taken for a connection that was cut.
pub const WATCH_SECONDS: u32 = 120;

/// How long a streamed first list may pause before it is given up for an ordinary list.
pub const STREAMED_LIST_PATIENCE: Duration = Duration::from_secs(20);

/// The most pull secrets of one Pod that are read.
pub const PULL_SECRETS_PER_POD: usize = 50;

/// How long pull secrets are believed to be unchanged.
pub const PULL_SECRETS_TTL: Duration = Duration::from_secs(5);

/// The most bytes of pull secrets that are held.
pub const PULL_SECRET_CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// How many images of one review are looked up at the same time: as many as one registry is sent requests.
pub const LOOKUPS_PER_REVIEW: usize = REQUESTS_PER_HOST;

/// Of how many images of one review what they say about themselves is read at the same time. How much that is, is known
/// only once it is there.
pub const CONTENTS_PER_REVIEW: usize = 16;

/// The most bytes of verification results that are remembered: about 10,000 signatures.
pub const VERDICT_CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The largest policy file that is read, in bytes.
pub const POLICY_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The most policy files that are read from one directory.
pub const POLICY_FILES: usize = 1000;

/// How often the directory of policies is looked at when no event says that it has changed.
pub const POLICY_POLL: Duration = Duration::from_secs(10);

/// How long the server still serves after it has said that it is not ready any more.
pub const DRAIN_DELAY: Duration = Duration::from_secs(5);

/// How long a review waits for the first policies to be loaded, within its own deadline.
pub const READINESS_PATIENCE: Duration = Duration::from_secs(3);

/// The most connections the server holds open at once; the rest wait to be accepted.
pub const CONNECTIONS: usize = 2048;

/// The most requests that one HTTP/2 connection may have under way.
pub const STREAMS_PER_CONNECTION: u32 = 1000;

/// The longest TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take for the head of a request, and for the answer to a keep-alive ping.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an idle HTTP/2 connection is asked whether its client is still there.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// The most bytes that are buffered while the head of an HTTP/1 request is read.
pub const HEADER_BYTES: usize = 64 * 1024;

/// The largest header list of an HTTP/2 request, in bytes.
pub const HEADER_LIST_BYTES: u32 = 32 * 1024;

/// The largest certificate or key file that is read, in bytes.
pub const CERTIFICATE_FILE_BYTES: u64 = 1024 * 1024;

/// How often the certificate files are looked at when no event says that they have changed.
pub const CERTIFICATE_POLL: Duration = Duration::from_secs(30);

/// The largest value of the annotation on an admitted Pod, and of one audit annotation, in bytes.
pub const ANNOTATION_BYTES: usize = 16 * 1024;

/// The most warnings on one answer: the API server cuts all of them when their sum is too long.
pub const WARNINGS_PER_REVIEW: usize = 20;

/// The most problems of one policy that its author is told at once.
pub const PROBLEMS_PER_REVIEW: usize = 20;

/// The longest line about one problem of a policy, in characters.
pub const PROBLEM_CHARS: usize = 512;

/// The most owners of one object among which its controller is looked for.
pub const OWNERS_PER_OBJECT: usize = 64;

/// The longest name of a namespace, resource or request: what Kubernetes allows, in bytes.
pub const NAME_BYTES: usize = 253;

/// The largest file of Kubernetes objects that `assay verify` reads, in bytes.
pub const INPUT_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How many objects `assay verify` judges at the same time.
pub const OBJECTS_AT_ONCE: usize = 8;

/// The largest key or trust root file that a command reads, in bytes.
pub const TRUST_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The most bytes of signatures, and of what images say about themselves, that all images of one review may have. No
/// further image is looked up once there are more.
pub const REGISTRY_BYTES_PER_REVIEW: usize = 64 * 1024 * 1024;

/// How often a trust root from TUF is refreshed.
pub const TUF_INTERVAL: Duration = Duration::from_hours(6);

/// The pause after the first failed refresh of a trust root, give or take a half; it doubles each time.
pub const TUF_RETRY_PAUSE: Duration = Duration::from_mins(1);

/// The longest such pause.
pub const MAX_TUF_RETRY_PAUSE: Duration = Duration::from_mins(30);

/// How long one file of a TUF repository may take.
pub const TUF_FILE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long one refresh of a trust root may take.
pub const TUF_REFRESH_TIMEOUT: Duration = Duration::from_mins(1);

/// The largest `root.json` that is read, in bytes.
pub const TUF_ROOT_BYTES: u64 = 256 * 1024;

/// The largest `timestamp.json` that is read, in bytes.
pub const TUF_TIMESTAMP_BYTES: u64 = 16 * 1024;

/// The largest snapshot and list of targets of a TUF repository that is read, in bytes.
pub const TUF_LIST_BYTES: u64 = 512 * 1024;

/// The most new roots of a TUF repository that one refresh follows.
pub const TUF_ROOT_ROTATIONS: u32 = 64;

/// The most lists of targets that are searched for the trust root.
pub const TUF_DELEGATIONS: u32 = 32;

/// The largest copy of a TUF repository that is kept or read, in bytes: what a Secret can hold.
pub const TUF_COPY_BYTES: usize = 1_000_000;

/// The most characters of what went wrong with a mirror that are shown.
pub const TUF_ERROR_CHARS: usize = 200;

/// The largest `oci-layout` file of a layout folder, in bytes.
pub const LAYOUT_MARKER_BYTES: usize = 4 * 1024;

/// The most bytes of manifests and indexes that are read from one layout folder.
pub const LAYOUT_MANIFEST_BYTES: usize = 16 * 1024 * 1024;

/// The most blobs of a layout folder.
pub const LAYOUT_BLOBS: usize = 20_000;

/// The largest blob of a layout folder that is taken for a manifest although nothing lists it, in bytes.
pub const UNLISTED_MANIFEST_BYTES: usize = 64 * 1024;

/// The most images of a layout folder that an error lists.
pub const SHOWN_LAYOUT_IMAGES: usize = 10;

/// How far the clock of whoever built an image may be ahead of ours.
pub const BUILD_CLOCK_SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// The most bytes that a regular expression over tags may take once it is compiled.
pub const TAG_PATTERN_BYTES: usize = 64 * 1024;

/// The longest condition that is read, in bytes.
pub const CONDITION_BYTES: usize = 4096;

/// The most tokens of one condition.
pub const CONDITION_TOKENS: usize = 1024;

/// The most `?` of one condition: its parser descends with each.
pub const CONDITION_CHOICES: usize = 16;

/// The most parts of one condition, those that its macros stand for included.
pub const CONDITION_NODES: usize = 1024;

/// How deep the parts of a condition may be nested.
pub const CONDITION_DEPTH: usize = 32;

/// The most bytes that the regular expressions of one condition may take once they are compiled.
pub const CONDITION_PATTERN_BYTES: usize = 256 * 1024;

/// The most steps that the conditions of one policy may take over one image: a step is a part of a condition that is
/// looked at, or a few bytes of text that are read.
pub const CONDITION_STEPS: u64 = 2_000_000;

/// The most steps that all conditions of one review may take together, each time that they are asked: where they are
/// asked often, each time has less than [`CONDITION_STEPS`].
pub const CONDITION_STEPS_PER_REVIEW: u64 = 40_000_000;

/// How deep two values may be nested that a condition compares.
pub const CONDITION_VALUE_DEPTH: usize = 128;

/// The most characters of a condition's error that are taken over from a parser.
pub const CONDITION_ERROR_CHARS: usize = 160;

/// The most memory that the values of one statement may take, in bytes: a few times [`STATEMENT_BYTES`].
pub const STATEMENT_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// The longest fact that is read from a statement, an annotation or a label, in bytes.
pub const FACT_BYTES: usize = 2048;

/// The most base images that one statement names, and that are told of one image.
pub const BASE_IMAGES: usize = 1024;

/// The most CI variables of one statement.
pub const PROVENANCE_VARIABLES: usize = 2048;

/// The most characters of a path in a statement that an error shows.
pub const PROVENANCE_PATH_CHARS: usize = 160;

/// The most entries of one list that `assay inspect` prints for people; the rest are counted.
pub const SHOWN_PER_LIST: usize = 20;

/// The most characters of one value that `assay inspect` prints for people.
pub const SHOWN_LINE_CHARS: usize = 600;
