//! Registries of clouds, read by the identity that the cloud gives to Assay. The services of the clouds are played on
//! loopback: they look at what they are sent.

mod acr;
mod ecr;
mod failures;
mod gar;
mod refresh;

use std::{fs, path::PathBuf};

use assay::image::Reference;
use serde_json::json;

use super::{
    sandbox::{self, MemoryRegistry},
    stand_in::{Heard, StandIn, answer, pass, reader_of},
    *,
};

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const ROLE: &str = "arn:aws:iam::123456789012:role/assay";

/// Amazon: a token service, the API of ECR, and a registry that takes what that API hands out.
struct Amazon {
    sts: StandIn,
    api: StandIn,
    registry: MemoryRegistry,
    folder: tempfile::TempDir,
    tasks: TaskTracker,
}

impl Amazon {
    async fn new() -> Self {
        let logins = ["pw1", "pw2"].map(|password| Login {
            username: "AWS".to_owned(),
            password: password.to_owned(),
            repositories: vec!["acme/api".to_owned(), "acme/web".to_owned()],
        });
        let access = sandbox::Access::Basic {
            logins: [logins.to_vec(), vec![login("a", &["acme/api"])]].concat(),
        };
        let settings = sandbox::RegistrySettings {
            access,
            ..sandbox::RegistrySettings::default()
        };
        let registry = MemoryRegistry::start(settings).await.expect("a free port");
        registry.push_image("acme/api", "1", "private");
        registry.push_image("acme/web", "1", "private");
        let amazon = Self {
            sts: StandIn::start(|_| answer(200, assumed("ASIA1"))).await,
            api: StandIn::start(|_| answer(200, login_for("pw1"))).await,
            registry,
            folder: tempfile::TempDir::new().expect("a folder"),
            tasks: TaskTracker::new(),
        };
        amazon.write_token("token one");
        amazon
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn write_token(&self, text: &str) {
        fs::write(self.token_file(), format!("{text}\n")).expect("written");
    }

    /// A reader with the variables that EKS sets for IRSA, and where the services are.
    fn reader(&self) -> OciRegistry {
        let file = self.token_file();
        self.reader_with(&[
            ("AWS_ROLE_ARN", ROLE),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().expect("UTF-8")),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL_STS", &self.sts.url()),
        ])
    }

    fn reader_with(&self, variables: &[(&str, &str)]) -> OciRegistry {
        let address = self.registry.host().parse().expect("an address");
        let api = self.api.url();
        let variables = [variables, &[("AWS_ENDPOINT_URL_ECR", &api)]].concat();
        reader_of(&[(ECR, address)], &variables, &self.tasks)
    }

    /// Waits for what goes on in the background.
    async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

fn in_ecr(rest: &str) -> Reference {
    format!("{ECR}/{rest}").parse().expect("a reference")
}

/// What STS says.
fn assumed(key: &str) -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{SECRET_KEY}</SecretAccessKey>\
         <SessionToken>session+token==</SessionToken></Credentials>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
}

/// What the API of ECR says: a login that is good for twelve hours.
fn login_for(password: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let token = STANDARD.encode(format!("AWS:{password}"));
    let until = assay::clock::Clock::now(&assay::clock::SystemClock).as_second() + 12 * 60 * 60;
    json!({"authorizationData": [{"authorizationToken": token, "expiresAt": until}]}).to_string()
}

/// The refusal, with what was tried.
fn refusal(result: Result<Digest, RegistryError>) -> (u16, Vec<String>) {
    match result {
        Err(RegistryError::Unauthorized { status, tried, .. }) => (status, tried),
        Err(other) => (0, vec![other.to_string()]),
        Ok(digest) => (200, vec![digest.to_string()]),
    }
}

const SECRET_KEY: &str = "secret-key";
