//! Starts the real components, and talks to them as their users would.

pub(crate) mod api;
pub(crate) mod assay;
pub(crate) mod certificate;
pub(crate) mod certificate_log;
pub(crate) mod control_plane;
pub(crate) mod direct;
pub(crate) mod image;
pub(crate) mod load;
pub(crate) mod mounted;
pub(crate) mod node;
pub(crate) mod platform;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod scene;
pub(crate) mod sigstore_servers;
pub(crate) mod token_issuer;
#[path = "../it/support/tuf.rs"]
#[allow(dead_code, reason = "shared with the tests that need no cluster")]
pub(crate) mod tuf;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use self::{assay::Assay, control_plane::ControlPlane, image::Signer, registry::Registry};

/// Everything that runs: one API server with its controllers, two registries, and our webhook in front.
pub(crate) struct Cluster {
    /// etcd, kube-apiserver and kube-controller-manager.
    pub(crate) control_plane: ControlPlane,
    /// Open to everybody.
    pub(crate) registry: Registry,
    /// Wants a user name and password.
    pub(crate) guarded: Registry,
    /// Open to everybody, until the one test that wants it gone.
    pub(crate) passing: Registry,
    /// The program under test.
    pub(crate) assay: Assay,
    /// A key pair, and both cosigns.
    pub(crate) signer: Signer,
}

/// The cluster that all tests share; the first to come starts it.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    // A start that failed is not tried again by every further test.
    static TRIED: AtomicBool = AtomicBool::new(false);
    CLUSTER.get_or_init(|| {
        assert!(
            !TRIED.swap(true, Ordering::Relaxed),
            "the cluster did not start; see the first test that failed"
        );
        Cluster::start(&work_folder())
    })
}

impl Cluster {
    fn start(folder: &Path) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let registry = Registry::open(&folder.join("registry"));
        let guarded = Registry::guarded(&folder.join("guarded-registry"));
        let passing = Registry::open(&folder.join("passing-registry"));
        let signer = Signer::new(&folder.join("signer"));
        let control_plane = ControlPlane::start(&folder.join("control-plane"), &[]);
        control_plane
            .kubectl(&["apply", "--server-side", "-k", manifests()])
            .expect_success();
        control_plane
            .kubectl(&[
                "wait",
                "--for=condition=Established",
                "crd",
                "--all",
                "--timeout=60s",
            ])
            .expect_success();
        let assay = Assay::serve(
            &folder.join("assay"),
            &control_plane,
            &[&registry, &guarded, &passing],
        );
        assay.register(&control_plane);
        Self {
            control_plane,
            registry,
            guarded,
            passing,
            assay,
            signer,
        }
    }
}

/// Where this run keeps its files. It stays after a run, for its logs; the next run removes it.
pub(crate) fn work_folder() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
    for old in fs::read_dir(&parent).into_iter().flatten().flatten() {
        let alive = Path::new("/proc").join(old.file_name()).exists();
        if !alive {
            let _ = fs::remove_dir_all(old.path());
        }
    }
    let folder = parent.join(std::process::id().to_string());
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn manifests() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/manifests")
}

/// A component's path out of the environment.
///
/// # Panics
///
/// When the variable is missing, or what it names.
pub(crate) fn component(variable: &str, file: &str) -> PathBuf {
    let Some(path) = std::env::var_os(variable) else {
        panic!("missing component: set {variable} (`.ci/tools` builds what it names)");
    };
    // An empty `file` leaves the variable to name the program itself.
    let path = match file {
        "" => PathBuf::from(path),
        file => Path::new(&path).join(file),
    };
    assert!(
        path.exists(),
        "missing component: {variable} leads to {}, which is not there",
        path.display()
    );
    path
}

/// A Debian program's path.
///
/// # Panics
///
/// When it is not installed.
pub(crate) fn installed(program: &str, package: &str) -> PathBuf {
    std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("missing component: {program} (Debian package {package})"))
}

/// A port on 127.0.0.1 that nothing listens on.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

/// Asks until there is an answer.
///
/// # Panics
///
/// When there is none within a minute; `what` says what was waited for.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const PATIENCE: Duration = Duration::from_mins(1);
