//! Who wants to know something of a repository: enough to look into caches, before any host is thought of.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Access, Attachment, AttachmentPlace, CredentialId, RegistryError, Search, Wanted,
    cache::{DigestKey, Looked, TagKey},
    client::Core,
    cloud::CloudHost,
    discovery::together,
    session::{Login, Session},
};
use crate::image::{Digest, Repository, Tag};

/// One repository, as one login would read it. What caches know costs no more than this.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    core: &'a Arc<Core>,
    repository: &'a Repository,
    access: &'a Access,
    /// The cloud that may vouch for Assay here, after all credentials.
    place: Option<CloudHost>,
    id: CredentialId,
}

impl<'a> Caller<'a> {
    pub(super) fn new(core: &'a Arc<Core>, repository: &'a Repository, access: &'a Access) -> Self {
        let place = core.clouds.place_of(repository.host());
        let credentials = access.keyring.lookup(repository);
        let secrets = CredentialId::of_all(credentials.iter().copied());
        let id = credentials
            .iter()
            .fold(secrets, |id, credential| id.and_also(&credential.origin));
        let id = place
            .iter()
            .fold(id, |id, place| id.and_also(&place.origin()));
        Self {
            core,
            repository,
            access,
            place,
            id,
        }
    }

    pub(super) fn tag_key(&self, tag: &Tag) -> TagKey {
        (self.repository.clone(), tag.clone(), self.id)
    }

    pub(super) fn digest_key(&self, digest: &Digest) -> DigestKey {
        (self.repository.clone(), digest.clone(), self.id)
    }

    /// What earlier looks have found, wherever that was; none where they have found nothing, or where it is not enough to
    /// know that.
    ///
    /// That a place is empty is believed for seconds only, but who has found candidates need not look there again to
    /// begin with: where they are not enough, every place is searched.
    pub(super) fn known(
        &self,
        digest: &Digest,
        wanted: Wanted,
        search: Search,
    ) -> Option<Arc<[Attachment]>> {
        match search {
            Search::First => {}
            Search::Everywhere | Search::Afresh => return None,
        }
        let digest = self.digest_key(digest);
        let places = [AttachmentPlace::ReferrersApi].iter().chain(wanted.tags());
        let looked = places.filter_map(|place| {
            let key = (digest.clone(), *place, place.holding(wanted));
            self.core.caches.found(&key)
        });
        let looked: Vec<Looked> = looked.collect();
        together(&looked).ok().filter(|found| !found.is_empty())
    }

    /// For whom the registry is to be asked.
    pub(super) fn open(self) -> Result<Arc<Session>, RegistryError> {
        let Self {
            core,
            repository,
            access,
            place,
            id,
        } = self;
        let credentials = access.keyring.lookup(repository).into_iter();
        let login = Login {
            credentials: credentials.cloned().map(Arc::new).collect(),
            place,
            id,
        };
        let session = Session::open(core, repository, login, access)?;
        if access.deadline <= Instant::now() {
            return Err(session.deadline_error());
        }
        Ok(session)
    }
}
