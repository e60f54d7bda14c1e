//! Debian's docker-registry (CNCF distribution), on loopback.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{certificate::Authority, eventually, free_port, installed, process::Running};

/// A running registry.
pub(crate) struct Registry {
    /// `127.0.0.1:port`.
    pub(crate) host: String,
    /// The user it wants, if it wants one.
    pub(crate) login: Option<(&'static str, &'static str)>,
    /// The certificate of the private authority behind its own, in a file; it speaks plain HTTP without one.
    pub(crate) authority: Option<PathBuf>,
    folder: PathBuf,
    running: Running,
}

impl Registry {
    /// A registry that answers everybody.
    pub(crate) fn open(folder: &Path) -> Self {
        Self::start(folder, None, None)
    }

    /// A registry that wants a user name and a password, over TLS with a certificate of a private authority.
    pub(crate) fn guarded(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let authority = Authority::new();
        let server = authority.server();
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("tls.crt", server.certificate),
            ("tls.key", server.key),
        ] {
            fs::write(folder.join(name), text).expect("it can be written");
        }
        Self::start(folder, Some(LOGIN), Some(folder.join("ca.pem")))
    }

    fn start(
        folder: &Path,
        login: Option<(&'static str, &'static str)>,
        authority: Option<PathBuf>,
    ) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let host = format!("127.0.0.1:{}", free_port());
        let tls = authority.as_ref().map_or(String::new(), |_| {
            let file = |name: &str| folder.join(name).display().to_string();
            let (certificate, key) = (file("tls.crt"), file("tls.key"));
            format!(", tls: {{certificate: \"{certificate}\", key: \"{key}\"}}")
        });
        let mut config = format!(
            "version: 0.1\nlog: {{level: warn}}\nhttp: {{addr: \"{host}\"{tls}}}\n\
             storage: {{filesystem: {{rootdirectory: \"{}\"}}, delete: {{enabled: true}}}}\n",
            folder.join("data").display()
        );
        if let Some((user, _)) = login {
            let file = folder.join("htpasswd");
            fs::write(&file, format!("{user}:{PASSWORD_HASH}\n")).expect("it can be written");
            let path = file.display();
            writeln!(
                config,
                "auth: {{htpasswd: {{realm: tests, path: \"{path}\"}}}}"
            )
            .expect("texts can grow");
        }
        let file = folder.join("config.yml");
        fs::write(&file, config).expect("it can be written");
        Self {
            running: run(folder, &host),
            folder: folder.to_owned(),
            host,
            login,
            authority,
        }
    }

    /// Kills it, as when its machine is lost.
    pub(crate) fn kill(&mut self) {
        self.running.signal("KILL");
        self.running.stop();
    }

    /// Starts it again where it was, with what it held.
    pub(crate) fn start_again(&mut self) {
        self.running = run(&self.folder, &self.host);
    }

    /// Ends it: from now on connections are refused.
    pub(crate) fn end(&self) {
        self.running.signal("KILL");
        eventually("the registry to be gone", || {
            std::net::TcpStream::connect(&self.host)
                .is_err()
                .then_some(())
        });
    }

    /// A docker config that logs in here.
    pub(crate) fn docker_config(&self) -> String {
        let Some((username, password)) = self.login else {
            return r#"{"auths":{}}"#.to_owned();
        };
        serde_json::json!({
            "auths": { &self.host: { "username": username, "password": password } }
        })
        .to_string()
    }
}

fn run(folder: &Path, host: &str) -> Running {
    let mut command = Command::new(installed("docker-registry", "docker-registry"));
    command.arg("serve").arg(folder.join("config.yml"));
    let running = Running::start(&command, &folder.join("log"));
    eventually("the registry to listen", || {
        std::net::TcpStream::connect(host).ok()
    });
    running
}

const LOGIN: (&str, &str) = ("robot", "correct-horse");

/// bcrypt of the password in [`LOGIN`]: it opens nothing but these registries.
const PASSWORD_HASH: &str = "$2y$05$abcdefghijklmnopqrstuuZ0Fx87Pb/Aqb0E90lfvCwzXnaFKUHpS";
