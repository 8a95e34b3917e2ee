//! `mode=terminology` of the capabilities (http.html#capabilities): the claims of `capability-statement/terminology.json`,
//! with the code systems of R4 whose codes are all here (terminologycapabilities.html).

use fhir::terminology::{CodeSystem, Kind, builtin, published, published_urls};
use serde_json::{Value as Json, json};

/// What is listed here without being R4's: ISO's countries and currencies.
const LISTS: [&str; 2] = ["urn:iso:std:iso:3166", "urn:iso:std:iso:4217"];

/// The TerminologyCapabilities; `base` stands where the tenant's base belongs.
pub(crate) fn statement(base: &str) -> String {
    let claims = include_str!("../../../capability-statement/terminology.json");
    let mut statement: Json = serde_json::from_str(claims).unwrap_or_else(|it| panic!("terminology.json: {it}"));
    statement["software"]["version"] = env!("CARGO_PKG_VERSION").into();
    statement["implementation"]["url"] = base.into();
    let mut urls: Vec<&str> = published_urls(Kind::CodeSystem).collect();
    urls.sort_unstable();
    let published = urls.into_iter().filter_map(|url| Some(CodeSystem::read(published(Kind::CodeSystem, url)?.root())));
    let lists = LISTS.iter().filter_map(|it| builtin(it));
    statement["codeSystem"] = published.chain(lists).filter(CodeSystem::is_whole).map(|it| code_system(&it)).collect();
    statement.to_string()
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

    #[test]
    fn the_statement_is_valid_and_lists_what_is_whole() {
        let text = statement("http://here/fhir/demo");
        let doc = fhir::json::Doc::parse(text.as_str()).unwrap();
        let issues = fhir::validate::r4().resource(doc.root(), fhir::validate::References::Literal);
        assert!(issues.is_empty(), "{issues:?}");
        let json: Json = serde_json::from_str(&text).unwrap();
        let claims = json["codeSystem"].as_array().unwrap();
        assert!(claims.iter().any(|it| it["uri"] == "http://hl7.org/fhir/administrative-gender"));
        // R4 has four codes of it as an example.
        let unlisted = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason";
        assert!(claims.len() > 1000 && !claims.iter().any(|it| it["uri"] == unlisted));
    }
}
