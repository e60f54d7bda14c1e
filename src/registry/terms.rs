//! By which settings registries are asked. They may be replaced as a whole while the program runs; what has begun goes on by
//! those it began with.

use std::sync::Arc;

use url::Url;

use super::{
    RegistryError, RegistryOptions,
    auth::authority,
    settings::{RegistrySetting, RegistrySettings},
    tls::{ClientError, Clients, Route, Trust, TrustId},
};

/// The settings, and the clients that were made by them.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) settings: Arc<RegistrySettings>,
    clients: Clients,
}

/// How one host is asked.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    setup: Arc<Setup>,
    trust: Arc<Trust>,
    showing: Showing,
}

/// What the host is shown of a client certificate that its prefix has.
#[derive(Clone, Copy, Debug)]
enum Showing {
    /// The certificate: the settings say so of what is asked for.
    Certificate,
    /// Nothing: it was a registry that led there. Who owns one is not to read others by Assay's certificate.
    Nothing,
}

impl Setup {
    pub(super) fn new(
        settings: RegistrySettings,
        options: &RegistryOptions,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            clients: Clients::new(&settings, options, None)?,
            settings: Arc::new(settings),
        })
    }

    /// By other settings. Where those say the same, clients and their connections stay.
    pub(super) fn replaced(
        &self,
        settings: RegistrySettings,
        options: &RegistryOptions,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            clients: Clients::new(&settings, options, Some(&self.clients))?,
            settings: Arc::new(settings),
        })
    }

    /// Whether hosts are asked by these TLS settings.
    pub(super) fn trusts(&self, id: TrustId) -> bool {
        self.clients.hold(id)
    }
}

impl Terms {
    /// For what this setting covers; for what none covers, those of the public.
    pub(super) fn of(setup: &Arc<Setup>, setting: Option<&RegistrySetting>) -> Self {
        let own = setting.and_then(|setting| setup.clients.own(setting));
        Self {
            trust: Arc::clone(own.unwrap_or(setup.clients.public())),
            setup: Arc::clone(setup),
            showing: Showing::Certificate,
        }
    }

    /// For a host that is known by its URL only, as where one is redirected to.
    pub(super) fn elsewhere(&self, url: &Url) -> Self {
        Self {
            showing: Showing::Nothing,
            ..Self::of(&self.setup, self.setting_of(url))
        }
    }

    /// For a token service elsewhere that the registry leads to: its own where it has any about TLS, else these. A private
    /// authority that vouches for a registry usually does for its token service.
    pub(super) fn of_token_service(&self, realm: &Url) -> Self {
        Self {
            showing: Showing::Nothing,
            ..self.of_named_token_service(realm)
        }
    }

    /// The same for one that the settings name as the registry's.
    pub(super) fn of_named_token_service(&self, realm: &Url) -> Self {
        let own = self.setting_of(realm);
        let own = own.and_then(|setting| self.setup.clients.own(setting));
        Self {
            trust: Arc::clone(own.unwrap_or(&self.trust)),
            setup: Arc::clone(&self.setup),
            showing: Showing::Certificate,
        }
    }

    /// Refuses a host that is a special address, or a name for one, unless the settings name it. What only the DNS knows
    /// is refused when a connection is made.
    pub(super) fn permit(&self, url: &Url) -> Result<(), RegistryError> {
        self.setup.clients.permit(url)
    }

    /// Whether the settings name this host as one that is asked in plain HTTP.
    pub(super) fn permit_plain(&self, url: &Url) -> bool {
        self.setting_of(url)
            .is_some_and(|setting| setting.insecure_http)
    }

    /// The client for this host.
    pub(super) fn route(&self, url: &Url) -> Route<'_> {
        let ways = match self.showing {
            Showing::Certificate => self.trust.ways_to(url),
            Showing::Nothing => self.trust.unidentified(),
        };
        self.setup.clients.route(ways, url)
    }

    /// Tells whom these trust from whom others do.
    pub(super) fn trust(&self) -> TrustId {
        self.trust.id()
    }

    fn setting_of(&self, url: &Url) -> Option<&RegistrySetting> {
        self.setup.settings.find(&authority(url), "")
    }
}
