//! Profiles that a tenant demands of all resources of a type: `ImplementationGuide.global` of its active guides
//! (implementationguide.html#default).
//!
//! A profile stands there for what every resource of its type has to meet, whether it names the profile or not. Our
//! extension `breach` on it says that a breach is a warning only.

use crate::Context;
use crate::own::{Params, every};
use fhir::json::{Doc, Value};
use fhir::search::{ParamId, Test, TokenTest};
use fhir::validate::AskedProfile;
use fhir::{Failure, Result, Severity};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use store::Session;

/// The resource type.
pub(crate) const IMPLEMENTATION_GUIDE: &str = "ImplementationGuide";
/// Says what a breach is: an error, as without it, or a warning.
const BREACH: &str = "https://medisync.dev/fhir/StructureDefinition/breach";

/// The profiles that are demanded, by resource type.
#[derive(Debug, Default)]
pub(crate) struct Demanded(FxHashMap<String, Vec<AskedProfile>>);

impl Demanded {
    /// Those of a resource type.
    pub(crate) fn of(&self, of: &str) -> &[AskedProfile] {
        self.0.get(of).map_or(&[], Vec::as_slice)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, guide: Value<'_>) {
        for global in guide.get("global").into_iter().flat_map(Value::each) {
            let (Some(of), Some(profile)) = (global.str("type"), global.str("profile")) else { continue };
            let severity = severity(global);
            let all = self.0.entry(of.to_owned()).or_default();
            match all.iter_mut().find(|it| it.profile == profile) {
                Some(there) => there.severity = there.severity.min(severity),
                None => all.push(AskedProfile { profile: profile.to_owned(), severity }),
            }
        }
    }
}

fn severity(global: Value<'_>) -> Severity {
    let mut extensions = global.get("extension").into_iter().flat_map(Value::each);
    let breach = extensions.find(|it| it.str("url") == Some(BREACH)).and_then(|it| it.str("valueCode"));
    if breach == Some("warning") { Severity::Warning } else { Severity::Error }
}

impl Params {
    /// What the tenant demands; read when it is first needed.
    pub(crate) async fn demanded(&self, session: &dyn Session) -> Result<Arc<Demanded>> {
        self.demanded.get(async || read(session).await.map(Arc::new)).await
    }
}

impl Context {
    /// What the tenant demands.
    pub(crate) async fn demanded(&self) -> Result<Arc<Demanded>> {
        self.params().demanded(self.session()).await
    }
}

async fn read(session: &dyn Session) -> Result<Demanded> {
    let is_active = Test::Token(ParamId::of(IMPLEMENTATION_GUIDE, "status"), TokenTest::Code("active".into()));
    let mut all = Demanded::default();
    for stored in every(session, IMPLEMENTATION_GUIDE, is_active).await? {
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        all.add(Doc::parse(text).map_err(Failure::internal)?.root());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_of_several_guides_holds() {
        let guide = |breach: &str| {
            let extension = format!(r#"[{{"url":"{BREACH}","valueCode":"{breach}"}}]"#);
            Doc::parse(format!(r#"{{"global":[{{"extension":{extension},"type":"Patient","profile":"http://e/p"}}]}}"#))
        };
        let mut all = Demanded::default();
        all.add(guide("warning").unwrap().root());
        assert_eq!(all.of("Patient"), [AskedProfile { profile: "http://e/p".into(), severity: Severity::Warning }]);
        all.add(guide("error").unwrap().root());
        all.add(guide("warning").unwrap().root());
        assert_eq!(all.of("Patient"), [AskedProfile { profile: "http://e/p".into(), severity: Severity::Error }]);
        assert_eq!(all.of("Observation"), []);
    }
}
