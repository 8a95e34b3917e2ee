//! User-access brands (SMART App Launch 2.2, brands.html), and how a tenant's pages look. Each case on brands has the
//! number that the document's MUSTs are given here.

use super::place::{Browser, Place};
use conformance_tests::Answer;
use serde_json::{Value, json};

fn organization(name: &str, more: Value) -> Value {
    let mut organization = json!({
        "resourceType": "Organization", "active": true, "name": name,
        "contact": [{"name": {"family": "Private"}}],
        "telecom": [{"system": "phone", "value": "1"}, {"system": "url", "value": "https://north.example"}],
        "address": [{"city": "Bergen", "country": "NO"}],
    });
    for (name, value) in more.as_object().unwrap() {
        organization[name] = value.clone();
    }
    organization
}

async fn tell(place: &Place<'_>, organizations: &[String]) -> Answer {
    let parameter = |it: &String| json!({"name": "organization", "valueString": format!("Organization/{it}")});
    let mut parameters = json!({"resourceType": "Parameters"});
    if !organizations.is_empty() {
        parameters["parameter"] = organizations.iter().map(parameter).collect();
    }
    place.admin.post("$brands", &parameters).await
}

async fn configuration(place: &Place<'_>) -> Value {
    place.with(None).get(".well-known/smart-configuration").await.expect(200).json()
}

fn identified(value: &str) -> Value {
    json!({"identifier": [{"system": "urn:ietf:rfc:3986", "value": value}]})
}

/// BR-1: a collection with a timestamp, of Organizations and Endpoint as the profiles have them; the primary brand refers
/// to the endpoint; of people and numbers nothing is told.
#[tokio::test]
async fn brands_are_a_collection_of_organizations_and_endpoint() {
    let Some(place) = Place::new() else { return };
    assert_eq!(configuration(&place).await.get("user_access_brand_bundle"), None);
    place.with(None).get(&format!("{}/brands", place.issuer())).await.expect(404);
    let first = place.admin.create(&organization("North", identified("https://north.example"))).await;
    let second = place.admin.create(&organization("North Eyes", json!({}))).await;
    tell(&place, &[first.clone(), second]).await.expect(200);
    let told = configuration(&place).await;
    let bundle = place.with(None).get(told["user_access_brand_bundle"].as_str().unwrap()).await.expect(200).json();
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("collection")));
    assert!(bundle["timestamp"].is_string());
    let of = |kind: &str| -> Vec<&Value> {
        let all = bundle["entry"].as_array().unwrap().iter().map(|it| &it["resource"]);
        all.filter(|it| it["resourceType"] == kind).collect()
    };
    let [endpoint] = of("Endpoint")[..] else { panic!("one endpoint") };
    assert_eq!(endpoint["address"], place.admin.base);
    assert_eq!(endpoint["connectionType"]["code"], "hl7-fhir-rest");
    assert_eq!(endpoint["extension"][0]["valueCode"], "4.0.1");
    assert_eq!(endpoint["contact"][0]["system"], "url");
    let organizations = of("Organization");
    assert_eq!(organizations.len(), 2);
    for organization in &organizations {
        assert!(organization["name"].is_string() && organization["meta"]["lastUpdated"].is_string());
        assert_eq!(organization["telecom"], json!([{"system": "url", "value": "https://north.example"}]));
        assert_eq!(organization["address"][0]["city"], "Bergen");
        assert_eq!(organization.get("contact"), None);
        let reference = format!("Endpoint/{}", endpoint["id"].as_str().unwrap());
        assert_eq!(organization["endpoint"], json!([{"reference": reference}]));
        let portal = organization["extension"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["url"] == "http://hl7.org/fhir/StructureDefinition/organization-portal");
        assert!(portal.unwrap().to_string().contains(&reference));
    }
    assert_eq!(organizations[0]["id"], json!(first));
    // All of it is valid.
    for resource in [endpoint, organizations[0], organizations[1]] {
        let kind = resource["resourceType"].as_str().unwrap();
        let outcome = place.admin.post(&format!("{kind}/$validate"), resource).await.expect(200).json();
        assert!(!outcome.to_string().contains("\"error\""), "{outcome}");
    }
}

/// BR-2: the identifier in the configuration has system and value, and is that of exactly one Organization.
#[tokio::test]
async fn the_primary_identifier_is_of_one_brand() {
    let Some(place) = Place::new() else { return };
    let shared = identified("https://shared.example");
    for more in [identified("https://north.example"), shared.clone(), json!({})] {
        let first = place.admin.create(&organization("North", more)).await;
        let second = place.admin.create(&organization("South", shared.clone())).await;
        tell(&place, &[first.clone(), second]).await.expect(200);
        let told = configuration(&place).await;
        let identifier = &told["user_access_brand_identifier"];
        assert!(identifier["system"].is_string() && identifier["value"].is_string(), "{identifier}");
        let address = told["user_access_brand_bundle"].as_str().unwrap();
        let bundle = place.with(None).get(address).await.expect(200).json();
        let holders: Vec<&Value> = bundle["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["resource"])
            .filter(|it| {
                let all = it["identifier"].as_array().map(Vec::as_slice).unwrap_or_default();
                all.iter().any(|it| it["system"] == identifier["system"] && it["value"] == identifier["value"])
            })
            .collect();
        assert_eq!(holders.len(), 1);
        assert_eq!(holders[0]["id"], json!(first));
    }
}

/// BR-3: every page may read it, without a token; it is asked for again by its ETag; what is no longer active is left out.
#[tokio::test]
async fn brands_are_public_and_cacheable() {
    let Some(place) = Place::new() else { return };
    let first = place.admin.create(&organization("North", json!({}))).await;
    let second = place.admin.create(&organization("South", json!({}))).await;
    tell(&place, &[first, second.clone()]).await.expect(200);
    let address = format!("{}/brands", place.issuer());
    let get = || place.with(None).call("GET", &address).header("origin", "https://anybody.example");
    let answer = get().send().await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://anybody.example"));
    assert!(answer.needed_header("cache-control").starts_with("public"));
    let etag = answer.needed_header("etag");
    assert!(etag.starts_with("W/\""));
    let again = get().header("if-none-match", etag).send().await.expect(304);
    assert!(again.bytes.is_empty());
    place
        .admin
        .put(&format!("Organization/{second}"), &organization("South", json!({"id": second, "active": false})))
        .await;
    let changed = get().header("if-none-match", etag).send().await.expect(200);
    assert!(changed.text().contains("North") && !changed.text().contains("South"));
}

/// BR-4: an administrator alone says what is told, and only of Organizations that are there.
#[tokio::test]
async fn an_administrator_says_what_is_told() {
    let Some(place) = Place::new() else { return };
    let id = place.admin.create(&organization("North", json!({}))).await;
    tell(&place, &["none".to_owned()]).await.expect_outcome(400..=400);
    tell(&place, &[id.clone(), id.clone()]).await.expect_outcome(400..=400);
    let reader =
        Place { admin: place.with(Some(&place.program.token(&place.tenant, "system/*.rs"))), ..Place::new().unwrap() };
    tell(&reader, std::slice::from_ref(&id)).await.expect_outcome(403..=403);
    tell(&place, &[id]).await.expect(200);
    tell(&place, &[]).await.expect(200);
    assert_eq!(configuration(&place).await.get("user_access_brand_bundle"), None);
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async fn look(place: &Place<'_>, parameters: &[(&str, &str, &str)]) -> Answer {
    let parameters = parameters.iter().map(|(name, kind, value)| match *kind {
        "valueBoolean" => json!({"name": name, "valueBoolean": *value == "true"}),
        kind => json!({"name": name, kind: value}),
    });
    let parameters = json!({"resourceType": "Parameters", "parameter": parameters.collect::<Vec<_>>()});
    place.admin.post("$appearance", &parameters).await
}

/// A tenant's colours come as a file beside the pages' own sheet, and only where text in them can be read.
#[tokio::test]
async fn pages_have_the_tenants_colours() {
    let Some(place) = Place::new() else { return };
    let sheet = async || place.with(None).get(&format!("{}/theme.css", place.issuer())).await.expect(200).text();
    assert!(!sheet().await.contains("--accent"));
    let page = Browser::new(&place).get("account").await.expect(200);
    assert!(page.text().contains(&format!("<link rel=\"stylesheet\" href=\"/auth/{}/theme.css\">", place.tenant)));
    assert!(page.needed_header("content-security-policy").contains("style-src 'self';"));
    look(&place, &[("color", "valueString", "#7a1f5c"), ("colorDark", "valueString", "#f0a8d8")]).await.expect(200);
    let told = sheet().await;
    assert!(told.contains("--accent: #7a1f5c") && told.contains("--accent: #f0a8d8"), "{told}");
    let style = place.with(None).get(&format!("{}/style", place.issuer())).await.expect(200).json();
    assert_eq!(style["color_highlight"], "#7a1f5c");
    for (name, wrong) in
        [("color", "#ffff00"), ("color", "#777777"), ("colorDark", "#333333"), ("color", "red"), ("color", "#123456;}")]
    {
        look(&place, &[(name, "valueString", wrong)]).await.expect_outcome(400..=400);
    }
    assert_eq!(sheet().await, told);
    look(&place, &[("reset", "valueBoolean", "true")]).await.expect(200);
    assert!(!sheet().await.contains("--accent"));
}

/// A logo is a picture by its bytes, is served as nothing else, and cannot do anything.
#[tokio::test]
async fn pages_have_the_tenants_logo() {
    let Some(place) = Place::new() else { return };
    let address = format!("{}/logo", place.issuer());
    place.with(None).get(&address).await.expect(404);
    look(&place, &[("logo", "valueBase64Binary", PNG)]).await.expect(200);
    let logo = place.with(None).get(&address).await.expect(200);
    assert_eq!(logo.needed_header("content-type"), "image/png");
    assert_eq!(logo.needed_header("x-content-type-options"), "nosniff");
    assert_eq!(logo.needed_header("content-security-policy"), "default-src 'none'; sandbox");
    place.with(None).call("GET", &address).header("if-none-match", logo.needed_header("etag")).send().await.expect(304);
    let svg = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjxzY3JpcHQvPjwvc3ZnPg==";
    for wrong in [svg, "R0lGODlhAQABAAAAACw=", "AAAA"] {
        look(&place, &[("logo", "valueBase64Binary", wrong)]).await.expect_outcome(400..=400);
    }
    let sheet = place.with(None).get(&format!("{}/theme.css", place.issuer())).await.expect(200).text();
    assert!(sheet.contains(&format!("/auth/{}/logo?v=", place.tenant)), "{sheet}");
}
