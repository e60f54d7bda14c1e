//! One watch of one kind of object, for as long as the program runs.

use std::time::Duration;

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use kube::{
    Api,
    api::DynamicObject,
    runtime::{
        WatchStreamExt,
        watcher::{self, Config, Event},
    },
};

use crate::{limits, telemetry::Causes};

/// The events of one kind of object, without end: errors are logged and tried again with growing pauses.
///
/// The first list is streamed. A server that refuses that, or that does not say when the list is
/// complete, is asked for an ordinary list instead.
pub(super) fn events(
    api: Api<DynamicObject>,
    config: Config,
    what: &'static str,
) -> impl Stream<Item = Event<DynamicObject>> + Send {
    stream::unfold(Watch::streaming(api, config, what), async |mut watch| {
        let event = watch.next().await?;
        Some((event, watch))
    })
}

type Events = BoxStream<'static, watcher::Result<Event<DynamicObject>>>;

struct Watch {
    api: Api<DynamicObject>,
    config: Config,
    what: &'static str,
    events: Events,
    /// Whether lists are streamed.
    streams: bool,
    /// How long the next event may take; none while no streamed list is under way.
    patience: Option<Duration>,
}

impl Watch {
    fn streaming(api: Api<DynamicObject>, config: Config, what: &'static str) -> Self {
        let config = config.timeout(limits::WATCH_SECONDS);
        Self {
            events: start(&api, config.clone().streaming_lists()),
            api,
            config,
            what,
            streams: true,
            patience: Some(limits::STREAMED_LIST_PATIENCE),
        }
    }

    async fn next(&mut self) -> Option<Event<DynamicObject>> {
        loop {
            let Some(next) = self.within_patience().await else {
                self.list_instead("it does not say when the first list is complete");
                continue;
            };
            match next? {
                Ok(event) => {
                    match event {
                        // Also after a watch has expired: without its end, no change would be seen any more.
                        Event::Init if self.streams => {
                            self.patience = Some(limits::STREAMED_LIST_PATIENCE);
                        }
                        Event::InitDone => self.patience = None,
                        Event::Init | Event::InitApply(_) | Event::Apply(_) | Event::Delete(_) => {}
                    }
                    return Some(event);
                }
                Err(error) if self.patience.is_some() && refuses_streamed_list(&error) => {
                    self.list_instead("it refuses to stream it");
                }
                Err(error) => {
                    tracing::warn!(what = self.what, error = %Causes(&error), "watch interrupted");
                }
            }
        }
    }

    /// The next item, or `None` when patience ran out.
    async fn within_patience(&mut self) -> Option<Option<watcher::Result<Event<DynamicObject>>>> {
        match self.patience {
            Some(patience) => tokio::time::timeout(patience, self.events.next())
                .await
                .ok(),
            None => Some(self.events.next().await),
        }
    }

    fn list_instead(&mut self, why: &str) {
        tracing::info!(
            what = self.what,
            why,
            "the API server is asked for an ordinary list"
        );
        self.events = start(&self.api, self.config.clone());
        self.streams = false;
        self.patience = None;
    }
}

fn start(api: &Api<DynamicObject>, config: Config) -> Events {
    watcher::watcher(api.clone(), config)
        .default_backoff()
        .boxed()
}

/// Whether the server itself has answered with an error.
///
/// One that does not know streamed lists answers the parameter with 422. One whose etcd is too old for them
/// (before 3.4.25) begins the watch and then ends it with 500. What else it may refuse, it refuses in an
/// ordinary list too, so nothing is lost by asking for one.
fn refuses_streamed_list(error: &watcher::Error) -> bool {
    matches!(
        error,
        watcher::Error::WatchStartFailed(kube::Error::Api(_)) | watcher::Error::WatchError(_)
    )
}
