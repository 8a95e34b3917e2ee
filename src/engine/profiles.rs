//! Resources against profiles (profiling.html): the tenant's own StructureDefinitions, then those that R4 publishes.
//!
//! A write is held to the profiles that its resource names in `meta.profile`, as far as they are known, and to those
//! that the tenant demands of its type; [`Engine::validate`] tells everything. The tenant's profiles are read when they
//! are first needed, and again when a StructureDefinition was written.

use crate::own::{Params, each, every};
use crate::referred::Referred;
use crate::terminology::Resolver;
use crate::{Context, Engine};
use fhir::json::{Doc, Value};
use fhir::search::{ParamId, Test, TokenTest};
use fhir::validate::{AskedProfile, Demands, Profiles, Profiling, References};
use fhir::{Failure, Issue, Result, Severity};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Key, Session};

/// The resource type.
pub(crate) const STRUCTURE_DEFINITION: &str = "StructureDefinition";
/// How often what value sets hold is looked up for one resource: a code that is found may let others be asked for.
const ROUNDS: usize = 4;
/// The most codes of one resource that are looked up.
const MOST_CODES: usize = 1_000;

/// What a breach of a profile that a resource names is to a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProfileBreach {
    /// It is refused.
    #[default]
    Error,
    /// It is let pass; `$validate` tells it as a warning.
    Warning,
}

impl ProfileBreach {
    fn severity(self) -> Severity {
        match self {
            ProfileBreach::Error => Severity::Error,
            ProfileBreach::Warning => Severity::Warning,
        }
    }
}

impl std::str::FromStr for ProfileBreach {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<ProfileBreach, &'static str> {
        match text {
            "error" => Ok(ProfileBreach::Error),
            "warning" => Ok(ProfileBreach::Warning),
            _ => Err("it is error or warning"),
        }
    }
}

/// Value set, code system and code.
type Asked = (String, Option<String>, String);

/// What is known of codes in value sets, and which are to be looked up yet.
#[derive(Default)]
struct Codes {
    known: FxHashMap<Asked, Option<bool>>,
    missing: Mutex<Vec<Asked>>,
}

impl Codes {
    fn has(&self, set: &str, system: Option<&str>, code: &str) -> Option<bool> {
        let asked = (set.to_owned(), system.map(str::to_owned), code.to_owned());
        match self.known.get(&asked) {
            Some(known) => *known,
            None => {
                self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
                None
            }
        }
    }

    /// Looks up what is missing; whether there was something.
    async fn find(&mut self, resolver: &mut Resolver<'_>) -> bool {
        let missing = std::mem::take(self.missing.get_mut().unwrap_or_else(PoisonError::into_inner));
        let is_any = !missing.is_empty() && self.known.len() < MOST_CODES;
        for asked in missing.into_iter().take(MOST_CODES) {
            // One that was asked for twice is in the resolver's cache by now. What cannot be told is not known: the
            // validation says so.
            let found = member(resolver, &asked).await.unwrap_or(None);
            self.known.insert(asked, found);
        }
        is_any
    }
}

async fn member(resolver: &mut Resolver<'_>, (set, system, code): &Asked) -> Result<Option<bool>> {
    let Some(set) = resolver.value_set(set).await? else { return Ok(None) };
    Ok(Some(resolver.member(&set, system.as_deref(), code).await?.is_some()))
}

impl Engine {
    /// The profiles that the tenant has, and R4's.
    pub async fn profiles(&self, ctx: &Context) -> Result<Arc<Profiles>> {
        ctx.params().profiles(ctx.session()).await
    }

    /// The StructureDefinition with this canonical URL, as JSON: the tenant's newest, or else one of ours.
    pub async fn structure_definition(&self, ctx: &Context, canonical: &str) -> Result<Option<String>> {
        let (url, version) = canonical.split_once('|').map_or((canonical, None), |(url, it)| (url, Some(it)));
        let is_url = Test::Uri(ParamId::of(STRUCTURE_DEFINITION, "url"), url.to_owned());
        let stored = every(ctx.session(), STRUCTURE_DEFINITION, is_url).await?;
        let stored = stored.into_iter().rev().map(|it| String::from_utf8(it.body.to_vec()).map_err(Failure::internal));
        let ours = Profiles::ours().iter().map(|(_, json)| Ok((*json).to_owned()));
        for json in stored.chain(ours) {
            let doc = Doc::parse(json?).map_err(Failure::internal)?;
            let root = doc.root();
            if root.str("url") == Some(url) && (version.is_none() || root.str("version") == version) {
                return Ok(Some(doc.into_source()));
            }
        }
        Ok(None)
    }

    /// Everything that is wrong or noteworthy with a resource: by R4, by the profiles that it names, by those that the
    /// tenant demands, and by those that are asked for.
    pub async fn validate(&self, ctx: &Context, resource: Value<'_>, asked: &[String]) -> Result<Vec<Issue>> {
        let demanded = demanded(ctx, resource).await?;
        let mut all: Vec<AskedProfile> =
            asked.iter().map(|it| AskedProfile { profile: it.clone(), severity: Severity::Error }).collect();
        all.extend(demanded.into_iter().filter(|it| !asked.contains(&it.profile)));
        self.checked(ctx, resource, &all, true).await
    }

    /// Fails if a resource would not be stored under this key though nothing is wrong with its content.
    pub async fn would_store(&self, ctx: &Context, resource: Value<'_>, key: &Key) -> Result<()> {
        self.acceptable(ctx, resource, key, 1).await.map(drop)
    }

    /// Fails with what is wrong with a resource that is to be stored. A breach of a profile is no fault of R4's, and
    /// answered by 422 (http.html#create).
    pub(crate) async fn demand_valid(&self, ctx: &Context, resource: Value<'_>) -> Result<()> {
        let issues = fhir::validate::r4().resource(resource, References::Literal);
        if is_wrong(&issues) {
            return Err(Failure::of(issues));
        }
        let demanded = demanded(ctx, resource).await?;
        if demanded.is_empty() && !names_profiles(resource) {
            return Ok(());
        }
        let profiles = self.profiles(ctx).await?;
        // What is demanded and not known cannot be met.
        let is_strict = |it: &&AskedProfile| it.severity == Severity::Error;
        demanded.iter().filter(is_strict).try_for_each(|it| profiles.demand(&it.profile))?;
        let issues = self.checked(ctx, resource, &demanded, false).await?;
        if is_wrong(&issues) { Err(Failure::of(issues).with_status(422)) } else { Ok(()) }
    }

    async fn checked(
        &self,
        ctx: &Context,
        resource: Value<'_>,
        asked: &[AskedProfile],
        warnings: bool,
    ) -> Result<Vec<Issue>> {
        let known = self.profiles(ctx).await?;
        let mut codes = Codes::default();
        let mut referred = Referred::new(ctx);
        for _ in 0..ROUNDS {
            let issues = self.checked_by(resource, asked, warnings, (&known, &codes, &referred));
            if codes.missing.get_mut().is_ok_and(|it| it.is_empty()) && !referred.is_waiting() {
                return Ok(issues);
            }
            let mut resolver = self.resolver(ctx).await?;
            let has_codes = codes.find(&mut resolver).await;
            if !self.refer(ctx, &mut referred).await? && !has_codes {
                return Ok(issues);
            }
        }
        Ok(self.checked_by(resource, asked, warnings, (&known, &codes, &referred)))
    }

    fn checked_by(
        &self,
        resource: Value<'_>,
        asked: &[AskedProfile],
        warnings: bool,
        (known, codes, referred): (&Profiles, &Codes, &Referred),
    ) -> Vec<Issue> {
        let members = |set: &str, system: Option<&str>, code: &str| codes.has(set, system, code);
        let severity = self.settings.profile_breach.severity();
        let profiling = Profiling { known, asked, severity, members: &members };
        let demands = Demands {
            warnings,
            now: Some((self.ambient.now_ms)()),
            services: referred,
            profiling: Some(profiling),
            ..Demands::errors(References::Literal)
        };
        fhir::validate::r4().check(resource, &demands)
    }
}

impl Params {
    async fn profiles(&self, session: &dyn Session) -> Result<Arc<Profiles>> {
        self.profiles.get(async || read(session).await).await
    }
}

/// Every profile that the tenant has stored, the oldest first: a few at a time, as they are large.
async fn read(session: &dyn Session) -> Result<Arc<Profiles>> {
    const BATCH: usize = 8;
    let is_profile = Test::Token(ParamId::of(STRUCTURE_DEFINITION, "derivation"), TokenTest::Code("constraint".into()));
    let mut all = Profiles::with([]);
    each(session, STRUCTURE_DEFINITION, is_profile, BATCH, |stored| {
        all.insert(String::from_utf8(stored.body.to_vec()).map_err(Failure::internal)?);
        Ok(())
    })
    .await?;
    Ok(Arc::new(all))
}

/// What the tenant demands of a resource.
async fn demanded(ctx: &Context, resource: Value<'_>) -> Result<Vec<AskedProfile>> {
    let of = resource.str("resourceType").unwrap_or_default();
    Ok(ctx.demanded().await?.of(of).to_vec())
}

/// Whether a resource, one that it contains, or one in its entries names profiles.
fn names_profiles(resource: Value<'_>) -> bool {
    let names = |it: Value<'_>| it.get("meta").is_some_and(|it| it.get("profile").is_some());
    let list = |name: &str| resource.get(name).into_iter().flat_map(Value::each);
    names(resource) || list("contained").any(names) || list("entry").filter_map(|it| it.get("resource")).any(names)
}

fn is_wrong(issues: &[Issue]) -> bool {
    issues.iter().any(|it| it.severity <= Severity::Error)
}
