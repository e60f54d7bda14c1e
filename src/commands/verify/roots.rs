//! The trust roots of `assay verify` that have to be fetched: once, and within the time for one image.

use std::{io::Write, sync::Arc};

use futures::future::join_all;

use crate::{
    clock::SystemClock,
    config::VerifyArgs,
    limits,
    policy::TrustRootName,
    standalone::Loaded,
    trust::{CacheDirectory, CopyKeeper, Patience, RootState, TufDefinition, TufRoot},
    untrusted::shown,
};

/// The same with the roots that a TUF repository hands out: from the kept copy while that is good, else fetched now.
///
/// Says on stderr which it was. A root that cannot be had is only missed by the images that need it.
pub(super) async fn with_fetched(loaded: Loaded, args: &VerifyArgs) -> Loaded {
    let cache = args.cache_dir.as_ref().map(CacheDirectory::new);
    let patience = Patience {
        refresh: args.timeout.min(limits::TUF_REFRESH_TIMEOUT),
        ..Patience::default()
    };
    let states = join_all(loaded.from_tuf.iter().map(|(name, definition)| {
        let cache = cache.as_ref();
        async move { (name, root(name, definition, patience, cache).await) }
    }))
    .await;
    let mut roots = Arc::unwrap_or_clone(loaded.trust_roots);
    for (name, state) in states {
        roots = roots.with_state(TrustRootName::Named(name.clone()), state);
    }
    Loaded {
        trust_roots: Arc::new(roots),
        ..loaded
    }
}

async fn root(
    name: &str,
    definition: &TufDefinition,
    patience: Patience,
    cache: Option<&CacheDirectory>,
) -> RootState {
    let root = match TufRoot::new(definition.clone(), patience, Arc::new(SystemClock)) {
        Ok(root) => root,
        Err(error) => return RootState::never_fetched(error.to_string()),
    };
    if let Some(copy) = cache.and_then(|cache| cache.load(name)) {
        root.adopt(&copy);
        if root.state().usable.is_ok() {
            tell(name, "from the kept copy");
            return root.state();
        }
    }
    match root.refresh().await {
        Ok(()) => {
            tell(name, "fetched from its mirror");
            keep(name, &root, cache).await;
        }
        Err(error) => tell(name, &format!("could not be fetched: {error}")),
    }
    root.state()
}

async fn keep(name: &str, root: &TufRoot, cache: Option<&CacheDirectory>) {
    if let (Some(cache), Some(copy)) = (cache, root.copy())
        && let Err(reason) = cache.keep(name, copy).await
    {
        tell(name, &format!("its copy could not be kept: {reason}"));
    }
}

fn tell(name: &str, what: &str) {
    let name = shown(name, limits::SHOWN_NAME_CHARS);
    // Nobody may read it: that must not end the command.
    let _ = writeln!(std::io::stderr(), "trust root \"{name}\": {what}");
}
