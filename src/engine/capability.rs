//! `capabilities` (http.html#capabilities): the claims of `capability-statement/`, for every type of the tables.

use crate::audit::AUDIT_EVENT;
use crate::demanded::Demanded;
use crate::operation::{Definition, Operations};
use crate::security::{self, Authorization, ISSUER};
use crate::terminology::claims;
use crate::{Answer, Context, Engine, Place, Request};
use fhir::search::is_served;
use fhir::search::query::is_full_text;
use fhir::spec::{ParamType, SearchParam, Spec, TypeId};
use fhir::validate::Profiles;
use fhir::{Failure, IssueType, Result, Severity};
use serde_json::{Value as Json, json};

/// Stands where the tenant's base belongs.
const BASE: &str = "medisync:base";

/// The statement with everything but the base and the authorization server.
fn statement(
    spec: &Spec,
    operations: &Operations,
    authorization: Option<&Authorization>,
    profiles: &SupportedProfiles<'_>,
) -> String {
    let claims = include_str!("../../capability-statement/statement.json");
    let mut statement: Json = serde_json::from_str(claims).unwrap_or_else(|it| panic!("statement.json: {it}"));
    statement["software"]["version"] = env!("CARGO_PKG_VERSION").into();
    statement["implementation"]["url"] = BASE.into();
    let rest = &mut statement["rest"][0];
    rest["security"] = security::claims(authorization);
    let templates = rest["resource"].take();
    rest["resource"] = spec.resources().map(|of| resource(spec, of, &templates, operations, profiles)).collect();
    let of_system: Vec<Json> = operations.definitions().filter(|it| it.on_system).map(operation).collect();
    if !of_system.is_empty() {
        rest["operation"] = of_system.into();
    }
    rest["searchParam"] = common(spec).into();
    rest["compartment"] = spec.compartments.iter().map(|it| compartment(spec, it.of)).collect();
    statement.to_string()
}

/// The profiles that resources are checked against.
struct SupportedProfiles<'a> {
    known: &'a Profiles,
    demanded: &'a Demanded,
}

impl SupportedProfiles<'_> {
    /// Claims those on a type: the one that every resource of it has to meet, and the others. There is room for one of the
    /// former only (capabilitystatement-definitions.html#CapabilityStatement.rest.resource.profile).
    fn claim(&self, of: &str, claims: &mut Json) {
        let mut supported = self.known.on(of);
        let demanded = self.demanded.of(of);
        supported.extend(demanded.iter().map(|it| it.profile.as_str()).filter(|it| !self.known.on(of).contains(it)));
        let mut strict = demanded.iter().filter(|it| it.severity == Severity::Error);
        if let (Some(only), None) = (strict.next(), strict.next()) {
            claims["profile"] = only.profile.as_str().into();
            supported.retain(|it| *it != only.profile);
        }
        if !supported.is_empty() {
            claims["supportedProfile"] = supported.into();
        }
    }
}

impl Engine {
    /// The CapabilityStatement of the tenant's base, or with `mode=terminology` its TerminologyCapabilities.
    pub(crate) async fn capabilities(&self, ctx: &Context, request: &Request) -> Result<Answer> {
        let is_terminology_service = self.operations.find(&Place::Type("ValueSet".to_owned()), "expand").is_ok();
        let mut is_terminology = false;
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            match (&*name, &*value) {
                ("_format" | "_pretty", _) => {}
                ("mode", "full") => is_terminology = false,
                ("mode", "terminology") if is_terminology_service => is_terminology = true,
                ("mode", _) => {
                    return Err(Failure::new(
                        IssueType::NotSupported,
                        "Of the modes of capabilities, this server has full and terminology.",
                    ));
                }
                _ => return Err(Failure::new(IssueType::Invalid, "Capabilities take no parameter but mode.")),
            }
        }
        if is_terminology {
            let of_all = self.terminology_claims.get_or_init(|| claims::statement(BASE));
            let statement = claims::of_tenant(of_all, ctx.session()).await?.to_string();
            return Ok(Answer::new(200, statement.replace(BASE, ctx.base())));
        }
        // A tenant's own search parameters are claimed as soon as they are served, and its profiles.
        let authorization = self.settings.authorization.as_ref();
        let (params, demanded, known) = (ctx.params(), ctx.demanded().await?, self.profiles(ctx).await?);
        let profiles = SupportedProfiles { known: &known, demanded: &demanded };
        let has_own = params.own_spec().is_some() || known.has_own() || !demanded.is_empty();
        let made = || statement(params.spec(), &self.operations, authorization, &profiles);
        let of_tenant = has_own.then(made);
        let statement = of_tenant.as_ref().unwrap_or_else(|| self.claims.get_or_init(made));
        let statement = statement.replace(BASE, ctx.base());
        Ok(Answer::new(
            200,
            match authorization {
                Some(it) => statement.replace(ISSUER, &it.issuer(ctx.tenant().name(), ctx.base())),
                None => statement,
            },
        ))
    }
}

/// The search parameters that this server has of a type's.
pub(crate) fn served_params(spec: &Spec, of: TypeId) -> impl Iterator<Item = &SearchParam> {
    spec.params_of(of).into_iter().filter(|it| is_served(it))
}

fn resource(
    spec: &Spec,
    of: TypeId,
    templates: &Json,
    operations: &Operations,
    profiles: &SupportedProfiles<'_>,
) -> Json {
    let name = &spec.of(of).name;
    // The first one is for all types that have none of their own.
    let all = templates.as_array().map(Vec::as_slice).unwrap_or_default();
    let template = all.iter().find(|it| it["type"] == **name).or(all.first()).unwrap_or(templates);
    let mut out = json!({ "type": name, "profile": format!("http://hl7.org/fhir/StructureDefinition/{name}") });
    if let (Some(out), Some(template)) = (out.as_object_mut(), template.as_object()) {
        out.extend(template.clone());
    }
    profiles.claim(name, &mut out);
    let is_reference = |it: &&SearchParam| it.kind == ParamType::Reference;
    let includes = served_params(spec, of).filter(is_reference).map(|it| format!("{name}:{}", it.code));
    out["searchInclude"] = std::iter::once("*".to_owned()).chain(includes).collect();
    let is_looked_at = |it: &TypeId| *spec.of(*it).name != *AUDIT_EVENT;
    let sources = spec.resources().filter(|it| is_looked_at(it) && is_looked_at(&of));
    let reverse: Vec<String> = sources.flat_map(|from| pointing(spec, from, of)).collect();
    if !reverse.is_empty() {
        out["searchRevInclude"] = std::iter::once("*".to_owned()).chain(reverse).collect();
    }
    let is_claimed = |it: &&SearchParam| is_looked_at(&of) || !is_full_text(it);
    out["searchParam"] = served_params(spec, of).filter(is_claimed).map(search_param).collect();
    let of_type = operations.definitions().filter(|it| it.on_type || it.on_instance).filter(|it| it.is_for(name));
    let of_type: Vec<Json> = of_type.map(operation).collect();
    if !of_type.is_empty() {
        out["operation"] = of_type.into();
    }
    out
}

/// The reference parameters of `from` that name `to` among their targets.
fn pointing(spec: &Spec, from: TypeId, to: TypeId) -> impl Iterator<Item = String> {
    let points = move |it: &&SearchParam| it.kind == ParamType::Reference && it.targets.contains(&to);
    served_params(spec, from).filter(points).map(move |it| format!("{}:{}", spec.of(from).name, it.code))
}

fn search_param(param: &SearchParam) -> Json {
    json!({ "name": param.code, "definition": param.url, "type": param.kind.code() })
}

fn operation(definition: &Definition) -> Json {
    json!({ "name": definition.code, "definition": definition.url })
}

/// The parameters that every type has.
fn common(spec: &Spec) -> Vec<Json> {
    let Some(of) = spec.resources().next() else { return Vec::new() };
    served_params(spec, of).filter(|it| it.code.starts_with('_')).map(search_param).collect()
}

fn compartment(spec: &Spec, of: TypeId) -> Json {
    format!("http://hl7.org/fhir/CompartmentDefinition/{}", spec.of(of).name.to_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::spec::r4;

    fn made() -> String {
        let authorization = Authorization { origin: None };
        let profiles = SupportedProfiles { known: Profiles::built_in(), demanded: &Demanded::default() };
        statement(r4(), &Operations::new(Vec::new()), Some(&authorization), &profiles)
    }

    #[test]
    fn every_type_is_claimed_with_its_parameters() {
        let statement: Json = serde_json::from_str(&made()).unwrap();
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        assert_eq!(resources.len(), r4().resources().count());
        let patient = resources.iter().find(|it| it["type"] == "Patient").unwrap();
        assert!(patient["searchParam"].as_array().unwrap().iter().any(|it| it["name"] == "birthdate"));
        assert!(patient["searchRevInclude"].as_array().unwrap().iter().any(|it| it == "Observation:subject"));
    }

    #[test]
    fn the_statement_is_valid() {
        let doc = fhir::json::Doc::parse(made().replace(BASE, "http://here/fhir/demo")).unwrap();
        let issues = fhir::validate::r4().resource(doc.root(), fhir::validate::References::Literal);
        assert!(issues.is_empty(), "{issues:?}");
    }
}
