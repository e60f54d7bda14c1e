//! The way to the API server.

use kube::{Client, Config, Error};

use crate::limits;

/// A client by the service account of the Pod, or by a kubeconfig.
///
/// # Errors
///
/// When neither is there, or what it says cannot be used.
pub async fn connect() -> Result<Client, Error> {
    let config = Config::infer().await.map_err(Error::InferConfig)?;
    Client::try_from(bounded(config))
}

/// A connection that was cut without a word looks like one on which nothing happens. A watch is
/// ended by the API server before this time is over, so one that has heard nothing for longer is begun anew.
fn bounded(mut config: Config) -> Config {
    config.read_timeout = Some(limits::API_SERVER_SILENCE);
    config
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{
        Api,
        runtime::watcher::{self, Error as WatchError},
    };
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_watch_on_a_connection_that_stays_silent_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut config = bounded(Config::new(url.parse().unwrap()));
        assert_eq!(config.read_timeout, Some(Duration::from_secs(150)));
        config.read_timeout = Some(Duration::from_millis(50));
        let api: Api<ConfigMap> = Api::default_namespaced(Client::try_from(config).unwrap());
        let mut events = Box::pin(watcher::watcher(api, watcher::Config::default()));
        assert!(matches!(
            events.next().await,
            Some(Ok(watcher::Event::Init))
        ));
        // The system accepts the connection, and nobody answers on it.
        let given_up = events.next().await;
        assert!(
            matches!(given_up, Some(Err(WatchError::InitialListFailed(_)))),
            "{given_up:?}"
        );
    }
}
