//! The search parameters of a tenant as they are at some time.

use super::{ACTIVE, OwnParam, OwnState, SEARCH_PARAMETER, check};
use crate::demanded::{Demanded, IMPLEMENTATION_GUIDE};
use crate::once::Once;
use crate::profiles::STRUCTURE_DEFINITION;
use fhir::Result;
use fhir::json::{Doc, Value};
use fhir::search::{IndexSink, Indexer};
use fhir::spec::{ParamType, Progress, Spec, TypeId, r4};
use fhir::validate::Profiles;
use std::sync::Arc;
use store::{Key, Put};

/// The search parameters of a tenant at some time.
pub(crate) struct Params {
    /// The standard's, and the tenant's own, also those that are not served yet; `None` if it has no own ones.
    pub(super) own: Option<(Spec, Indexer)>,
    pub(super) listed: Vec<OwnParam>,
    /// Which state of the store's this is ([`store::Session::definitions`]).
    pub(super) definitions: i64,
    /// The tenant's profiles, once they are needed.
    pub(crate) profiles: Once<Arc<Profiles>>,
    /// The profiles that the tenant demands, once they are needed.
    pub(crate) demanded: Once<Arc<Demanded>>,
}

impl Params {
    pub(super) fn of(own: Option<(Spec, Indexer)>, listed: Vec<OwnParam>, definitions: i64) -> Params {
        Params { own, listed, definitions, profiles: Once::default(), demanded: Once::default() }
    }

    pub(super) fn none() -> Params {
        Params::of(None, Vec::new(), 0)
    }

    /// The tables with the tenant's own parameters.
    pub(crate) fn spec(&self) -> &Spec {
        self.own.as_ref().map_or(r4(), |(spec, _)| spec)
    }

    /// The same, if there are own ones.
    pub(crate) fn own_spec(&self) -> Option<&Spec> {
        self.own.as_ref().map(|(spec, _)| spec)
    }

    /// Fails if a version of a SearchParameter could not be served.
    pub(crate) fn check(&self, resource: Value<'_>, key: &Key, version: i64) -> Result<()> {
        check::read(self.spec(), resource, &key.id, &generation(key, version)).map(|_| ())
    }

    /// Tells the values of the parameters, or of those asked for ([`Indexer::index_some`]).
    pub(crate) fn index(
        &self,
        standard: &Indexer,
        (of, resource): (TypeId, Value<'_>),
        base: &str,
        sink: &mut dyn IndexSink,
        is_asked: impl Fn(&str, ParamType) -> bool,
    ) {
        standard.index_some(of, resource, base, sink, &is_asked);
        if let Some((_, own)) = &self.own {
            own.index_some(of, resource, base, sink, is_asked);
        }
    }

    /// Whether a write may make other parameters of these: by one that is active, or a version of one that was. Profiles,
    /// and what is demanded of them, are kept with them, so that they are read again with them.
    pub(super) fn is_changed_by(&self, put: &Put) -> bool {
        let is_listed = || {
            let former = format!("{}/", put.key);
            self.listed.iter().any(|it| it.generation.starts_with(&former))
        };
        let is_active = || {
            let doc = std::str::from_utf8(&put.body).ok().and_then(|it| Doc::parse(it).ok());
            doc.is_some_and(|it| it.root().str("status") == Some(ACTIVE))
        };
        matches!(put.key.of.as_str(), STRUCTURE_DEFINITION | IMPLEMENTATION_GUIDE)
            || put.key.of == SEARCH_PARAMETER && (is_listed() || is_active())
    }

    pub(super) fn building(&self, generation: &str) -> Option<&Arc<Progress>> {
        self.listed.iter().find(|it| it.generation == generation).and_then(|it| match &it.state {
            OwnState::Building(progress) => Some(progress),
            _ => None,
        })
    }
}

/// What tells a version of a SearchParameter from every other.
pub(super) fn generation(key: &Key, version: i64) -> String {
    format!("{key}/_history/{version}")
}
