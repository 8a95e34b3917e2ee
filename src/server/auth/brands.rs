//! What a tenant tells everybody of itself, so that apps can show it to people who look for it: user-access brands (SMART
//! App Launch 2.2, brands.html), and `$brands`, by which its administrator says which Organizations these are. The
//! operation is ours; R4 has none for it.

use super::account::found;
use super::kept::{self, Kept};
use super::operations::{ALL, demand_administrator};
use crate::clock;
use engine::{Answer, Call, Operation};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use store::{Key, Session};

/// The only key of this kind in the ledger.
const KEY: &str = "brands";
/// The most Organizations.
const MOST: usize = 100;
/// The elements of an Organization that are told: nobody's name or number is.
const TOLD: [&str; 8] = ["active", "identifier", "type", "name", "alias", "telecom", "address", "extension"];
const BRAND: &str = "http://hl7.org/fhir/StructureDefinition/organization-brand";
const PORTAL: &str = "http://hl7.org/fhir/StructureDefinition/organization-portal";
const FHIR_VERSION: &str = "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const URI: &str = "urn:ietf:rfc:3986";
/// The id of the Endpoint.
const ENDPOINT: &str = "fhir-r4";

/// Which Organizations are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brands {
    /// Their ids, the primary one first.
    organizations: Vec<String>,
    /// Where developers read how to use the tenant.
    developers: Option<String>,
    /// When this was set, in milliseconds since the epoch.
    changed: i64,
}

impl Kept for Brands {
    const KIND: &'static str = "brands";
}

/// Where things are, as a client addresses them.
pub struct Place<'a> {
    /// The FHIR base.
    pub base: &'a str,
    /// The server.
    pub origin: &'a str,
    /// Where people sign in.
    pub portal: &'a str,
    /// The logo, where there is one.
    pub logo: Option<&'a str>,
}

/// An Organization that is told.
struct Brand {
    id: String,
    updated: i64,
    resource: Map<String, Json>,
}

/// What a tenant tells.
pub struct Told {
    /// The Bundle.
    pub bundle: Json,
    /// The Identifier of the primary brand, which no other has.
    pub primary: Json,
}

/// What a tenant tells; `None` where it tells nothing.
pub async fn told(session: &dyn Session, place: &Place<'_>) -> Result<Option<Told>> {
    let Some(brands) = kept::find::<Brands>(session, KEY).await?.map(|it| it.value) else { return Ok(None) };
    let mut all = Vec::new();
    for id in &brands.organizations {
        all.extend(brand(session, id).await?);
    }
    let Some(primary) = all.first().map(|it| primary_identifier(it, all.get(1..).unwrap_or_default(), place)) else {
        return Ok(None);
    };
    let changed = all.iter().map(|it| it.updated).chain([brands.changed]).max().unwrap_or_default();
    let mut entries = vec![endpoint(&brands, &all, place)];
    entries.extend(all.into_iter().enumerate().map(|(at, it)| organization(it, (at == 0).then_some(&primary), place)));
    let entries: Vec<Json> = entries
        .into_iter()
        .map(|it| {
            let (of, id) = (it["resourceType"].as_str().unwrap_or_default(), it["id"].as_str().unwrap_or_default());
            json!({ "fullUrl": format!("{}/{of}/{id}", place.base), "resource": it })
        })
        .collect();
    let bundle =
        json!({ "resourceType": "Bundle", "type": "collection", "timestamp": instant(changed), "entry": entries });
    Ok(Some(Told { bundle, primary }))
}

/// An Organization of the tenant, unless it is gone or no longer active.
async fn brand(session: &dyn Session, id: &str) -> Result<Option<Brand>> {
    let key = Key::new("Organization", id);
    let Some(doc) = found(session, &key).await? else { return Ok(None) };
    let Some(stored) = session.read(&key).await? else { return Ok(None) };
    let mut resource: Map<String, Json> = serde_json::from_str(doc.root().raw()).map_err(Failure::internal)?;
    if resource.get("active") == Some(&Json::Bool(false)) {
        return Ok(None);
    }
    resource.retain(|name, _| TOLD.contains(&name.as_str()));
    Ok(Some(Brand { id: id.to_owned(), updated: stored.updated, resource }))
}

/// An Identifier that the primary brand has and no other: its web address before others, or else its own here.
fn primary_identifier(primary: &Brand, others: &[Brand], place: &Place<'_>) -> Json {
    let all = |it: &Brand| -> Vec<(String, String)> {
        let identifiers = it.resource.get("identifier").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let pair = |it: &Json| Some((it["system"].as_str()?.to_owned(), it["value"].as_str()?.to_owned()));
        identifiers.iter().filter_map(pair).collect()
    };
    let mut own = all(primary);
    own.retain(|it| !others.iter().any(|other| all(other).contains(it)));
    own.sort_by_key(|(system, _)| system != URI);
    let own = own.into_iter().next();
    let (system, value) =
        own.unwrap_or_else(|| (URI.to_owned(), format!("{}/Organization/{}", place.base, primary.id)));
    json!({ "system": system, "value": value })
}

/// The Organization as it is told: with the portal that this server is, and this server's endpoint.
fn organization(brand: Brand, primary: Option<&Json>, place: &Place<'_>) -> Json {
    let Brand { id, updated, mut resource } = brand;
    let name = resource.get("name").cloned().unwrap_or_else(|| id.as_str().into());
    let list = |resource: &mut Map<String, Json>, name: &str| match resource.remove(name) {
        Some(Json::Array(all)) => all,
        _ => Vec::new(),
    };
    let mut identifiers = list(&mut resource, "identifier");
    if let Some(primary) = primary
        && !identifiers.iter().any(|it| it["system"] == primary["system"] && it["value"] == primary["value"])
    {
        identifiers.push(primary.clone());
    }
    // Of the telephone numbers and the like the public website is told.
    let mut telecom = list(&mut resource, "telecom");
    telecom.retain(|it| it["system"] == "url");
    if telecom.is_empty() {
        let asked = json!({ "extension": [{ "url": ABSENT, "valueCode": "asked-unknown" }] });
        telecom.push(json!({ "system": "url", "_value": asked }));
    }
    let mut extensions = list(&mut resource, "extension");
    extensions.retain(|it| it["url"] == BRAND || it["url"] == PORTAL);
    if let Some(logo) = place.logo.filter(|_| !extensions.iter().any(|it| it["url"] == BRAND)) {
        extensions.push(json!({ "url": BRAND, "extension": [{ "url": "brandLogo", "valueUrl": logo }] }));
    }
    if !extensions.iter().any(|it| it["url"] == PORTAL) {
        let parts = json!([
            { "url": "portalName", "valueString": name },
            { "url": "portalUrl", "valueUrl": place.portal },
        ]);
        extensions.push(json!({ "url": PORTAL, "extension": parts }));
    }
    let reference = json!({ "reference": format!("Endpoint/{ENDPOINT}") });
    for portal in extensions.iter_mut().filter(|it| it["url"] == PORTAL) {
        if let Some(parts) = portal["extension"].as_array_mut() {
            parts.retain(|it| it["url"] != "portalEndpoint");
            parts.push(json!({ "url": "portalEndpoint", "valueReference": reference }));
        }
    }
    let mut told = json!({
        "resourceType": "Organization",
        "id": id,
        "meta": { "lastUpdated": instant(updated) },
        "extension": extensions,
        "telecom": telecom,
        "endpoint": [reference],
    });
    if !identifiers.is_empty() {
        told["identifier"] = identifiers.into();
    }
    for (name, value) in resource {
        told[name] = value;
    }
    told["name"] = name;
    told
}

fn endpoint(brands: &Brands, all: &[Brand], place: &Place<'_>) -> Json {
    let name = all.first().and_then(|it| it.resource.get("name")?.as_str()).unwrap_or_default();
    let developers = brands.developers.clone().unwrap_or_else(|| format!("{}/", place.origin));
    let system = |name: &str| format!("http://terminology.hl7.org/CodeSystem/{name}");
    json!({
        "resourceType": "Endpoint",
        "id": ENDPOINT,
        "meta": { "lastUpdated": instant(brands.changed) },
        "extension": [{ "url": FHIR_VERSION, "valueCode": "4.0.1" }],
        "status": "active",
        "connectionType": { "system": system("endpoint-connection-type"), "code": "hl7-fhir-rest" },
        "name": format!("FHIR R4 of {name}"),
        "contact": [{ "system": "url", "value": developers }],
        "payloadType": [{ "coding": [{ "system": system("endpoint-payload-type"), "code": "none" }] }],
        "address": place.base,
    })
}

fn instant(millis: i64) -> String {
    fhir::primitive::datetime::instant(millis * 1000)
}

/// `$brands`
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/brands.json"),
        demands: ALL,
        extras: &[],
        run: |call| Box::pin(brands(call)),
    }
}

async fn brands(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let references: Vec<&str> = call.arguments.texts("organization").collect();
    let organizations = ids(&references)?;
    for id in &organizations {
        if brand(session, id).await?.is_none() {
            return Err(refused("There is no such Organization that is active."));
        }
    }
    let developers = call.arguments.text("developers").map(str::to_owned);
    if !developers.as_ref().is_none_or(|it| it.starts_with("https://")) {
        return Err(refused("developers is an https address."));
    }
    publish(session, organizations, developers).await?;
    let told = references.iter().map(|it| json!({ "name": "organization", "valueString": it }));
    let parameters = json!({ "resourceType": "Parameters", "parameter": told.collect::<Vec<_>>() });
    Ok(Answer::new(200, parameters.to_string()))
}

/// Has these Organizations told, the primary one first.
pub async fn publish(session: &dyn Session, organizations: Vec<String>, developers: Option<String>) -> Result<()> {
    kept::set(session, KEY, &Brands { organizations, developers, changed: clock::now_ms() }).await
}

/// Whether it was said which Organizations are told.
pub async fn are_set(session: &dyn Session) -> Result<bool> {
    Ok(kept::find::<Brands>(session, KEY).await?.is_some())
}

fn ids(references: &[&str]) -> Result<Vec<String>> {
    if references.len() > MOST {
        return Err(refused(&format!("{MOST} Organizations can be told at the most.")));
    }
    let id = |it: &&str| it.strip_prefix("Organization/").map(str::to_owned);
    let ids: Vec<String> = references.iter().filter_map(id).collect();
    let are_different = ids.iter().enumerate().all(|(at, id)| !ids.iter().skip(at + 1).any(|it| it == id));
    match ids.len() == references.len() && are_different {
        true => Ok(ids),
        false => Err(refused("organization is a reference such as Organization/1, each given once.")),
    }
}

fn refused(told: &str) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        base: "https://here.example/fhir/north",
        origin: "https://here.example",
        portal: "https://here.example/auth/north/account",
        logo: None,
    };

    fn brand(id: &str, resource: Json) -> Brand {
        Brand { id: id.into(), updated: 0, resource: resource.as_object().unwrap().clone() }
    }

    fn identified(value: &str, system: &str) -> Json {
        json!({ "identifier": [{ "system": "urn:shared", "value": "1" }, { "system": system, "value": value }] })
    }

    #[test]
    fn the_primary_identifier_is_one_that_no_other_brand_has() {
        let shared = [brand("2", identified("other", "urn:x"))];
        let told = |resource: Json| primary_identifier(&brand("1", resource), &shared, &PLACE)["value"].clone();
        assert_eq!(told(identified("https://north.example", URI)), "https://north.example");
        assert_eq!(
            told(json!({ "identifier": [{ "system": "urn:shared", "value": "1" }] })),
            "https://here.example/fhir/north/Organization/1"
        );
        assert_eq!(told(json!({})), "https://here.example/fhir/north/Organization/1");
    }

    #[test]
    fn an_organization_is_told_with_portal_and_endpoint_and_without_numbers() {
        let resource = json!({
            "name": "North",
            "telecom": [{ "system": "phone", "value": "1" }],
            "extension": [
                { "url": "urn:other" },
                { "url": PORTAL, "extension": [{ "url": "portalEndpoint", "valueReference": { "reference": "Endpoint/x" } }] },
            ],
        });
        let told = organization(brand("1", resource), None, &PLACE);
        assert_eq!(told["telecom"].as_array().unwrap().len(), 1);
        assert!(told["telecom"][0]["_value"]["extension"].is_array());
        assert_eq!(told["extension"].as_array().unwrap().len(), 1);
        assert_eq!(told["extension"][0]["extension"][0]["valueReference"]["reference"], "Endpoint/fhir-r4");
    }

    #[test]
    fn references_are_to_organizations_each_once() {
        assert_eq!(ids(&["Organization/1", "Organization/2"]).unwrap(), ["1", "2"]);
        for wrong in [&["Patient/1"][..], &["1"], &["Organization/1", "Organization/1"]] {
            assert!(ids(wrong).is_err());
        }
    }
}
