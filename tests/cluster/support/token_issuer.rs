//! An issuer of ID tokens that looks like a GitLab instance.

use std::{
    net::SocketAddr,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use axum::{Json, Router, routing::get, serve::Listener};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{assay::runtime, certificate::Authority};

/// Issues ID tokens as GitLab does for its jobs, and serves what Fulcio needs to verify them.
pub(crate) struct TokenIssuer {
    /// `https://127.0.0.1:port`, both the GitLab instance and the issuer of its tokens.
    pub(crate) url: String,
    key: RsaKeyPair,
    _runtime: Runtime,
}

impl TokenIssuer {
    /// Serves its configuration and its keys over TLS; the file `ca` then holds who signed its certificate.
    pub(crate) fn serve(ca: &Path) -> Self {
        let authority = Authority::new();
        std::fs::write(ca, authority.pem()).expect("the folder can be written");
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("keys can be made");
        let runtime = runtime();
        let listener = runtime.block_on(TlsListener::bind(&authority));
        let url = format!("https://{}", listener.address());
        let configuration = json!({
            "issuer": url,
            "jwks_uri": format!("{url}/oauth/discovery/keys"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let keys = json!({ "keys": [public_key(&key)] });
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async move || Json(configuration)),
            )
            .route("/oauth/discovery/keys", get(async move || Json(keys)));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            key,
            _runtime: runtime,
        }
    }

    /// The ID token of a job on the branch `main` of this project, for Sigstore.
    pub(crate) fn token(&self, project: &str) -> String {
        self.token_with(project, &json!({}))
    }

    /// The same, with these claims in place of its own.
    pub(crate) fn token_with(&self, project: &str, claims: &Value) -> String {
        let mut all = self.claims(project);
        for (name, value) in claims.as_object().expect("claims have names") {
            all[name] = value.clone();
        }
        let header = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" });
        let signed = format!("{}.{}", encode(&header), encode(&all));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("it signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The name that the certificate of such a job bears.
    pub(crate) fn certificate_san(&self, project: &str) -> String {
        format!("{}/{project}//.gitlab-ci.yml@refs/heads/main", self.url)
    }

    fn claims(&self, project: &str) -> Value {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("it is after 1970")
            .as_secs();
        let san = self.certificate_san(project);
        let (namespace, _) = project.rsplit_once('/').expect("projects lie in a group");
        json!({
            "iss": self.url,
            "aud": "sigstore",
            "sub": format!("project_path:{project}:ref_type:branch:ref:main"),
            // The servers may read their clocks a little earlier than this process.
            "iat": now - 5,
            "nbf": now - 5,
            "exp": now + 300,
            "namespace_id": "36018",
            "namespace_path": namespace,
            "project_id": "45821955",
            "project_path": project,
            "project_visibility": "private",
            "pipeline_id": "1212",
            "pipeline_source": "push",
            "job_id": "4316132595",
            "ref": "main",
            "ref_type": "branch",
            "ref_path": "refs/heads/main",
            "ref_protected": "true",
            "runner_environment": "self-hosted",
            "sha": "b0a5ffcd2d9cb1b6b9dc7be2a4ba26f1b0b5ac52",
            "ci_config_ref_uri": san.trim_start_matches("https://"),
            "ci_config_sha": "b0a5ffcd2d9cb1b6b9dc7be2a4ba26f1b0b5ac52",
        })
    }
}

/// Accepts TLS connections on loopback.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    async fn bind(authority: &Authority) -> Self {
        let server = authority.server();
        let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes()).expect("it is our own");
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(server.der)], key)
            .expect("the key belongs to the certificate");
        Self {
            listener: TcpListener::bind("127.0.0.1:0")
                .await
                .expect("loopback has free ports"),
            acceptor: TlsAcceptor::from(std::sync::Arc::new(config)),
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else {
                continue;
            };
            // One caller's failed handshake is not another's.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn public_key(key: &RsaKeyPair) -> Value {
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": number(key.public_key().modulus().big_endian_without_leading_zero()),
        "e": number(key.public_key().exponent().big_endian_without_leading_zero()),
    })
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

const KEY_ID: &str = "tests";
