//! A replica: the program under test as a process of its own.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

use crate::{certificate, client::Endpoint, measure};

/// A running `assay serve`. It is killed when it is dropped.
pub(crate) struct Replica {
    child: Child,
    pub(crate) endpoint: Endpoint,
    metrics: SocketAddr,
    /// From its start until it was ready.
    pub(crate) ready_after: Duration,
}

/// How many threads answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Threads {
    /// As the machine has cores.
    All,
    One,
}

/// What a replica has counted of its reviews: how many took at most so many seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram(Vec<(f64, f64)>);

impl Replica {
    /// Starts one on the policies, settings and certificate in a folder, and waits until it is ready.
    pub(crate) async fn start(program: &Path, folder: &Path, threads: Threads) -> Self {
        // Not beside the certificate: its folder is watched, and each line would be a change in it.
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).unwrap();
        let log = logs.join("log");
        let mut command = Command::new(program);
        command
            .args([
                "serve",
                "--listen=127.0.0.1:0",
                "--metrics-listen=127.0.0.1:0",
            ])
            .args(["--log-format=json", "--default-action=Deny"])
            .arg("--policies")
            .arg(folder.join("policies"))
            .arg("--registries")
            .arg(folder.join("registries.yaml"))
            .arg("--tls-cert")
            .arg(folder.join("tls.crt"))
            .arg("--tls-key")
            .arg(folder.join("tls.key"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        if threads == Threads::One {
            command.env("TOKIO_WORKER_THREADS", "1");
        }
        let began = Instant::now();
        let child = command.spawn().expect("the program");
        let mut replica = Self {
            child,
            endpoint: Endpoint {
                address: ([127, 0, 0, 1], 0).into(),
                tls: certificate::client(folder),
            },
            metrics: ([127, 0, 0, 1], 0).into(),
            ready_after: Duration::ZERO,
        };
        let serving = replica.serving_line(&log, began).await;
        let address = |name: &str| serving[name].as_str().unwrap().parse().unwrap();
        replica.endpoint.address = address("address");
        replica.metrics = address("metrics");
        while !replica.get("/readyz").await.starts_with("HTTP/1.1 200") {
            sleep(POLL).await;
        }
        replica.ready_after = began.elapsed();
        replica
    }

    /// The line by which it tells its addresses.
    async fn serving_line(&mut self, log: &Path, began: Instant) -> Value {
        loop {
            let text = fs::read_to_string(log).unwrap();
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = lines.into_iter().find(|line| line["message"] == "serving") {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "it did not start: {text}"
            );
            sleep(POLL).await;
        }
    }

    /// What it answers on its plain address, head and body.
    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.metrics).await.expect("a replica");
        let request = format!("GET {path} HTTP/1.1\r\nhost: replica\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How much memory is resident, in MiB.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes: f64 = line
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        kibibytes / 1024.0
    }

    /// How long the reviews so far took inside it, from the head of a request to its answer, those that no registry
    /// was asked for.
    pub(crate) async fn warm_reviews(&self) -> Histogram {
        let text = self.get("/metrics").await;
        let mut sums: Vec<(f64, f64)> = Vec::new();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("assay_review_duration_seconds_bucket{") else {
                continue;
            };
            let (labels, count) = rest.split_once("} ").unwrap();
            if !labels.contains("cache=\"hit\"") {
                continue;
            }
            let (_, bound) = labels.split_once("le=\"").unwrap();
            let (bound, _) = bound.split_once('"').unwrap();
            let bound: f64 = bound.parse().unwrap_or(f64::INFINITY);
            let count: f64 = count.split(' ').next().unwrap().parse().unwrap();
            match sums
                .iter_mut()
                .find(|(known, _)| known.total_cmp(&bound).is_eq())
            {
                Some((_, sum)) => *sum += count,
                None => sums.push((bound, count)),
            }
        }
        Histogram(sums)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Histogram {
    /// What was counted after another reading.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let counts = self.0.iter().map(|(bound, count)| {
            let known = before
                .0
                .iter()
                .find(|(known, _)| known.total_cmp(bound).is_eq());
            (*bound, count - known.map_or(0.0, |(_, count)| *count))
        });
        Self(counts.collect())
    }

    /// The time in milliseconds below which this part lies, as if each bucket were filled evenly.
    pub(crate) fn quantile_ms(&self, part: f64) -> f64 {
        let total = self.0.last().map_or(0.0, |(_, count)| *count);
        let wanted = total * part;
        let (mut below, mut bound_below) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count >= wanted && *count > below {
                let share = (wanted - below) / (count - below);
                return (bound_below + (bound - bound_below) * share) * 1e3;
            }
            (below, bound_below) = (*count, *bound);
        }
        f64::INFINITY
    }

    /// The bounds, in milliseconds, with the part of all that is no slower, as text.
    pub(crate) fn text(&self) -> String {
        let total = self.0.last().map_or(0.0, |(_, count)| *count);
        let parts = self
            .0
            .iter()
            .filter(|(bound, count)| *bound <= 0.01 && *count > 0.0);
        let parts = parts.map(|(bound, count)| {
            format!(
                "{:.2} % within {} ms",
                100.0 * count / total,
                measure::short(bound * 1e3)
            )
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

const POLL: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);
