//! `mode=terminology` of the capabilities (http.html#capabilities): the claims of `capability-statement/terminology.json`,
//! with the code systems of R4 whose codes are all here, and those that were loaded for the tenant (terminologycapabilities.html).

use super::loaded::{self, Loaded};
use fhir::Result;
use fhir::terminology::release::later;
use fhir::terminology::{CodeSystem, Kind, builtin, published, published_urls};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Session;

/// What is listed here without being R4's: ISO's countries, their parts and currencies.
const LISTS: [&str; 3] = ["urn:iso:std:iso:3166", "urn:iso:std:iso:3166:-2", "urn:iso:std:iso:4217"];

/// What filters on properties take (valueset-filter-operator.html).
const OF_PROPERTIES: [&str; 5] = ["exists", "=", "in", "not-in", "regex"];
/// What filters on a code's place in a hierarchy take.
const OF_LINKS: [&str; 4] = ["exists", "=", "in", "not-in"];

/// The TerminologyCapabilities of a tenant: those of all with the code systems that were loaded for it.
pub(crate) async fn of_tenant(all: &Json, session: &dyn Session) -> Result<Json> {
    let mut by_url: BTreeMap<String, Vec<Arc<Loaded>>> = BTreeMap::new();
    for it in loaded::releases(session).await? {
        by_url.entry(it.url.clone()).or_default().push(it);
    }
    let mut statement = all.clone();
    if let Some(systems) = statement["codeSystem"].as_array_mut() {
        systems.extend(by_url.into_values().map(releases));
    }
    Ok(statement)
}

/// The releases of one code system, the one that counts without a version first.
fn releases(mut of: Vec<Arc<Loaded>>) -> Json {
    of.sort_by(|a, b| later(&b.version, &a.version));
    let subsumption = of.iter().all(|it| it.about.has_subsumption);
    let url = of.first().map(|it| it.url.clone());
    let version = |(at, it): (usize, &Arc<Loaded>)| {
        json!({
            "code": it.version, "isDefault": at == 0, "compositional": false,
            "filter": filters(it), "property": it.about.properties,
        })
    };
    let versions: Vec<Json> = of.iter().enumerate().map(version).collect();
    json!({ "uri": url, "version": versions, "subsumption": subsumption })
}

fn filters(of: &Loaded) -> Vec<Json> {
    let filter = |code: &str, ops: &[&str]| json!({ "code": code, "op": ops });
    let mut filters: Vec<Json> = of.about.properties.iter().map(|it| filter(it, &OF_PROPERTIES)).collect();
    match of.about.has_subsumption {
        true => {
            filters.push(filter("concept", &["is-a", "descendent-of", "is-not-a", "generalizes", "in", "not-in"]));
            filters.push(filter("constraint", &["="]));
            filters.extend(["parent", "child", "ancestor", "descendant"].map(|it| filter(it, &OF_LINKS)));
        }
        false => filters.push(filter("concept", &["in", "not-in"])),
    }
    filters
}

/// The TerminologyCapabilities of all tenants; `base` stands where the tenant's base belongs.
pub(crate) fn statement(base: &str) -> Json {
    let claims = include_str!("../../../capability-statement/terminology.json");
    let mut statement: Json = serde_json::from_str(claims).unwrap_or_else(|it| panic!("terminology.json: {it}"));
    statement["software"]["version"] = env!("CARGO_PKG_VERSION").into();
    statement["implementation"]["url"] = base.into();
    let mut urls: Vec<&str> = published_urls(Kind::CodeSystem).collect();
    urls.sort_unstable();
    let published = urls.into_iter().filter_map(|url| Some(CodeSystem::read(published(Kind::CodeSystem, url)?.root())));
    let lists = LISTS.iter().filter_map(|it| builtin(it));
    statement["codeSystem"] = published.chain(lists).filter(CodeSystem::is_whole).map(|it| code_system(&it)).collect();
    statement
}

fn code_system(system: &CodeSystem) -> Json {
    let is_hierarchy = system.hierarchy_meaning.as_deref().is_none_or(|it| it == "is-a");
    let version = system.version.as_ref().map(|it| json!([{ "code": it, "isDefault": true }]));
    let mut claim = json!({ "uri": system.url });
    if let Some(version) = version {
        claim["version"] = version;
    }
    claim["subsumption"] = is_hierarchy.into();
    claim
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::terminology::release::About;

    #[test]
    fn the_statement_is_valid_and_lists_what_is_whole() {
        let json = statement("http://here/fhir/demo");
        let text = json.to_string();
        let doc = fhir::json::Doc::parse(text.as_str()).unwrap();
        let issues = fhir::validate::r4().resource(doc.root(), fhir::validate::References::Literal);
        assert!(issues.is_empty(), "{issues:?}");
        let claims = json["codeSystem"].as_array().unwrap();
        assert!(claims.iter().any(|it| it["uri"] == "http://hl7.org/fhir/administrative-gender"));
        // R4 has four codes of it as an example.
        let unlisted = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason";
        assert!(claims.len() > 1000 && !claims.iter().any(|it| it["uri"] == unlisted));
    }

    #[test]
    fn releases_of_a_code_system_are_its_versions() {
        let release = |version: &str| {
            let about = About { has_subsumption: true, properties: vec!["side".into()], ..About::default() };
            Arc::new(Loaded { number: 1, url: "urn:x".into(), version: version.into(), about })
        };
        let claim = releases(vec![release("1.9"), release("1.10")]);
        let mut statement = statement("http://here/fhir/demo");
        statement["codeSystem"] = json!([claim]);
        let doc = fhir::json::Doc::parse(statement.to_string()).unwrap();
        let issues = fhir::validate::r4().resource(doc.root(), fhir::validate::References::Literal);
        assert!(issues.is_empty(), "{issues:?}");
        let versions = &statement["codeSystem"][0]["version"];
        assert_eq!((&versions[0]["code"], &versions[0]["isDefault"]), (&json!("1.10"), &json!(true)));
        assert_eq!((&versions[1]["code"], &versions[1]["isDefault"]), (&json!("1.9"), &json!(false)));
        assert_eq!(versions[0]["filter"][0], json!({"code": "side", "op": OF_PROPERTIES}));
    }
}
