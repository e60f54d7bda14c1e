//! Bounds on what is asked of registries, and on what is remembered of them.

use std::time::Duration;

/// The largest manifest or index that is read from a registry, in bytes.
pub const MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// The largest signature payload or bundle that is read from a registry, in bytes.
pub const ATTACHMENT_BYTES: usize = 4 * 1024 * 1024;

/// The most signature candidates of one image that are fetched and verified.
pub const CANDIDATES_PER_IMAGE: usize = 50;

/// The most descriptors that are read from one index or referrers list.
pub const DESCRIPTORS_PER_INDEX: usize = 1000;

/// The largest token response that is read, in bytes.
pub const TOKEN_BYTES: usize = 256 * 1024;

/// The largest payload of the older layout, in bytes. It holds the signer's annotations, and cosign takes them from its
/// arguments.
pub const PAYLOAD_BYTES: usize = 256 * 1024;

/// The most bytes of registries' answers that are held at the same time, wherever: while they are read, by reviews and by
/// caches. What comes beyond waits for others to let go.
pub const HELD_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How long an answer waits for others to let go of their bytes, when it holds few itself.
pub const BUDGET_PATIENCE: Duration = Duration::from_secs(1);

/// How many requests are under way to one registry host at the same time.
pub const REQUESTS_PER_HOST: usize = 64;

/// How long a tag is believed to name the digest it was resolved to.
pub const TAG_TTL: Duration = Duration::from_secs(10);

/// How long the list of what is attached to an image is believed when it holds a candidate.
pub const ATTACHMENTS_TTL: Duration = Duration::from_mins(10);

/// How long "nothing is attached" is believed.
pub const NO_ATTACHMENTS_TTL: Duration = Duration::from_secs(5);

/// How long a refused login is remembered, so that one bad secret cannot get the cluster's address banned: GitLab bans an
/// address for an hour after 30 refused logins in 3 minutes, and each replica of Assay remembers for itself.
pub const REFUSED_LOGIN_TTL: Duration = Duration::from_mins(5);

/// The most different logins of a keyring that are presented for one image.
pub const LOGINS_PER_REQUEST: usize = 5;

/// More logins than one host may refuse in [`NEW_LOGINS_WINDOW`] of those that it has never let in: a namespace may have no more
/// of these than it leaves to the others, which is half, so that one is always left. Of all its logins it may have no more
/// refused than that half.
pub const NEW_LOGINS_PER_HOST: usize = 8;

/// How long such a refusal counts: as long as GitLab counts it.
pub const NEW_LOGINS_WINDOW: Duration = Duration::from_mins(3);

/// The most hosts of which such refusals are counted.
pub const NEW_LOGIN_HOSTS: u64 = 4_000;

/// How long it is remembered that a login was refused one repository.
pub const REFUSED_REPOSITORY_TTL: Duration = Duration::from_mins(1);

/// How long it is remembered that a repository was refused to nobody in particular: no address is banned for that, and
/// what has just been made public is to be read at once.
pub const REFUSED_ANONYMOUS_TTL: Duration = Duration::from_secs(5);

/// How long after a login was let in many requests may present it at once. Afterwards one goes ahead: a token that has been
/// withdrawn in the meantime is not to be refused to all of them.
pub const LOGIN_PROVEN_TTL: Duration = Duration::from_secs(2);

/// How long a registry's lack or support of the referrers API and its challenge are remembered.
pub const REGISTRY_FACTS_TTL: Duration = Duration::from_mins(10);

/// The most bytes the attachment cache holds.
pub const ATTACHMENT_CACHE_BYTES: u64 = 24 * 1024 * 1024;

/// The most bytes of tags whose digest is remembered: about 10,000.
pub const TAG_CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// The most bytes of repositories of which it is remembered which credential was let in.
pub const REPOSITORY_FACTS_BYTES: u64 = 4 * 1024 * 1024;

/// The most manifests of an unsigned index that are looked at for a signature of their own, which only makes the
/// denial clearer.
pub const CHILDREN_PER_INDEX: usize = 8;

/// How long a connection to a registry may take to stand.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a registry may take from a request to the head of its answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The same where the review does not leave it so long: less than the share that the first of two places has of the usual
/// time, so that one of them that is silent is known for that before its share is over.
pub const BRIEF_ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the digest of a tag waits, once it is there, for the probe for a referrers API that was sent beside it.
pub const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// How long a registry may pause inside the body of an answer.
pub const BODY_PAUSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The bytes that a body must bring in a second on the whole, besides one pause.
pub const BODY_BYTES_PER_SECOND: u32 = 4 * 1024;

/// How often a request is sent again after a broken connection or a 502, 503 or 504.
pub const RETRIES_PER_REQUEST: u32 = 2;

/// The pause before the first such retry, give or take a half; it doubles each time.
pub const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How often in a row a host is waited for that says nothing but 429. One that answers in between is waited for until the
/// deadline.
pub const RATE_LIMIT_WAITS: u32 = 4;

/// The pause after a 429 that names none.
pub const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// The shortest pause after a 429, however short the one is that it names.
pub const MIN_RATE_LIMIT_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause after a 429 that is believed.
pub const MAX_RATE_LIMIT_PAUSE: Duration = Duration::from_mins(1);

/// How many requests a second a host is sent at least after its first 429: where it has answered more, as many.
pub const FIRST_PACE: f64 = 20.0;

/// How many requests a second it is sent at least, however often it says 429.
pub const SLOWEST_PACE: f64 = 4.0;

/// How long answers are counted, at least, to know how many a second a host gives.
pub const PACE_WINDOW: Duration = Duration::from_secs(1);

/// How long after its last 429 a host is asked as fast as can be again.
pub const PACE_TTL: Duration = Duration::from_mins(1);

/// How many calls to a host fail in a row, each with its retries, before it is left alone for a while.
pub const FAILURES_IN_A_ROW: u32 = 5;

/// The most hosts of which it is remembered whether they fail, each counted once for each registry and TLS settings that it is
/// asked for.
pub const CIRCUITS: u64 = 2_000;

/// How long such a host is left alone, give or take a half; it doubles each time it fails again.
pub const CIRCUIT_PAUSE: Duration = Duration::from_secs(2);

/// The longest a host is left alone.
pub const MAX_CIRCUIT_PAUSE: Duration = Duration::from_secs(30);

/// How long a host must have been silent for a call that ran out of time to count as a failure of the host.
pub const TELLING_SILENCE: Duration = Duration::from_secs(2);

/// How long a connection may be silent, while an answer is awaited, until it is asked whether it is alive; and how long it
/// may take to say so.
pub const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The most redirects that are followed for one request.
pub const REDIRECTS_PER_REQUEST: usize = 5;

/// The most bytes of an error's body that are read to keep its connection.
pub const ERROR_BODY_BYTES: usize = 64 * 1024;

/// The most annotations of one manifest or descriptor.
pub const ANNOTATIONS_PER_DESCRIPTOR: usize = 100;

/// The most annotations of one manifest or index with all that it lists: each takes far more memory than bytes.
pub const ANNOTATIONS_PER_MANIFEST: usize = 5_000;

/// The most labels of one image.
pub const LABELS_PER_IMAGE: usize = 200;

/// The most images of one index whose annotations and labels are read.
pub const PLATFORMS_PER_IMAGE: usize = 64;

/// The most statements in one index about how its images were built, and the most manifests that hold them.
pub const BUILD_STATEMENTS_PER_IMAGE: usize = 64;

/// The largest configuration of an image that is read, in bytes.
pub const CONFIG_BYTES: usize = 1024 * 1024;

/// The most bytes that are fetched for what one image says about itself.
pub const CONTENTS_BYTES_PER_IMAGE: usize = 16 * 1024 * 1024;

/// The most bytes of annotations, labels and names of platforms that one image may have.
pub const CONTENTS_TEXT_BYTES_PER_IMAGE: usize = 1024 * 1024;

/// The most bytes of what images say about themselves that are remembered.
pub const CONTENTS_CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// How many manifests and blobs of one image are fetched at the same time.
pub const FETCHES_PER_IMAGE: usize = 8;

/// How long a token is good when its service does not say.
pub const TOKEN_TTL: Duration = Duration::from_mins(1);

/// The longest a token is kept, whatever its service says.
pub const MAX_TOKEN_TTL: Duration = Duration::from_hours(1);

/// How long before its end a token is no longer used.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// The longest address, and the longest name of a registry, that is read from a challenge, in bytes.
pub const CHALLENGE_TEXT_BYTES: usize = 2048;

/// The most bytes of tokens that are remembered. Services choose how long their tokens are.
pub const TOKEN_CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// The most bytes of logins of which it is remembered whether they were refused, and of repositories that were refused to
/// logins: about 3,000 each.
pub const REFUSED_LOGIN_BYTES: u64 = 2 * 1024 * 1024;

/// The most registries of whose answers it is counted what they take together.
pub const REGISTRY_HOSTS: u64 = 1_000;

/// The most bytes of hosts of which something is remembered: about 1,500, each taken for one with the longest challenge.
pub const REGISTRY_HOST_BYTES: u64 = 8 * 1024 * 1024;

/// How often the registry settings, the files that they name and the docker config are read again where no event tells of a
/// change.
pub const REGISTRY_FILES_POLL: Duration = Duration::from_secs(30);

/// The largest registry settings file that is read, and the largest file that it names, in bytes.
pub const REGISTRY_SETTINGS_BYTES: usize = 1024 * 1024;

/// The most bytes that are read of all files together which a registry settings file names.
pub const REGISTRY_SETTINGS_FILES_BYTES: usize = 8 * 1024 * 1024;

/// The most entries of a registry settings file. Each may need an HTTP client of its own.
pub const REGISTRY_SETTINGS_ENTRIES: usize = 200;

/// The most certificates that one `caFile` may hold: more than the public roots are.
pub const AUTHORITIES_PER_REGISTRY: usize = 500;

/// The most certificates in the chain of one client certificate.
pub const CLIENT_CERTIFICATES: usize = 10;

/// The most bytes the cache of indexes' children holds.
pub const CHILDREN_CACHE_BYTES: u64 = 2 * 1024 * 1024;
