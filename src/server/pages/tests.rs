//! Whole pages: what must hold whatever the resource says.

use super::*;

const BASE: &str = "http://here/fhir/demo";

fn page(target: &str, status: u16, body: &str) -> String {
    let fields = [SearchField { name: "name", kind: "string", about: "" }];
    let search = Some(SearchForm { resource_type: "Patient", fields: &fields });
    resource(&ResourceView { tenant: "demo", base: BASE, method: "GET", target, status, body, search }).body
}

/// The tags of a page, with their attributes.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).filter_map(|it| it.split_once('>').map(|(tag, _)| tag)).collect()
}

#[test]
fn a_hostile_resource_stays_text() {
    let evil = r#"\"'><script>alert(1)</script><img src=x onerror=alert(1)>"#;
    let evil_url = "javascript:alert(1)//";
    let body = format!(
        r#"{{"resourceType":"{evil}","id":"{evil}","{evil}":"{evil}","status":"{evil}","name":[{{"family":"{evil}"}}],
            "meta":{{"versionId":"{evil}","lastUpdated":"{evil}T{evil}"}},
            "url":"{evil_url}","subject":{{"reference":"{evil_url}","display":"{evil}"}},
            "photo":[{{"contentType":"{evil}","url":"{evil_url}","title":"{evil}"}},
                     {{"contentType":"image/png","data":"{evil}","title":"{evil}"}}],
            "component":[{{"code":{{"text":"{evil}"}},"valueSampledData":
                {{"origin":{{"value":0,"unit":"{evil}"}},"period":10,"dimensions":1,"data":"1 2 {evil} 4"}}}}]}}"#
    );
    let as_bundle = format!(
        r#"{{"resourceType":"Bundle","type":"{evil}","link":[{{"relation":"next","url":"{evil_url}"}}],
            "entry":[{{"fullUrl":"{evil_url}","search":{{"mode":"{evil}"}},"resource":{body},
                       "request":{{"method":"{evil}","url":"{evil_url}"}},"response":{{"status":"{evil}"}}}}]}}"#
    );
    let as_outcome = format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"{evil}","code":"{evil}","diagnostics":"{evil}",
            "details":{{"text":"{evil}"}},"expression":["{evil}"]}}]}}"#
    );
    for body in [body.as_str(), &as_bundle, &as_outcome, evil] {
        let page = page("/fhir/demo/Patient/1?name=%3Cscript%3E&x='\"><script>alert(1)</script>", 200, body);
        let tags = tags(&page);
        let scripts: Vec<_> = tags.iter().filter(|it| it.starts_with("script")).collect();
        assert_eq!(scripts.len(), 1, "{scripts:?}");
        for tag in tags {
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains("onerror") && !names.contains("style="), "{tag}");
            let address = ["href=\"", "src=\""].iter().find_map(|it| tag.split_once(it)).map(|(_, value)| value);
            let safe = |it: &str| ["http://", "/", "#content\""].iter().any(|start| it.starts_with(start));
            assert!(address.is_none_or(safe), "{tag}");
        }
    }
}

#[test]
fn a_resource_has_its_facts_and_ways() {
    let page = page(
        "/fhir/demo/Patient/1",
        200,
        r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"7","lastUpdated":"2026-01-02T03:04:05Z"},"name":[{"text":"Ann"}]}"#,
    );
    for part in [
        "<h1>Patient/1</h1>",
        "Ann",
        "200 OK",
        "<dd>7</dd>",
        "2026-01-02 03:04:05 UTC",
        "href=\"/fhir/demo/Patient/1?_format=json\"",
        "href=\"http://here/fhir/demo/Patient/1/_history\"",
        "href=\"http://here/fhir/demo/Patient\"",
        "action=\"http://here/fhir/demo/Patient\"",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn an_outcome_is_a_list() {
    let page = page(
        "/fhir/demo/Patient/2",
        404,
        r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found","diagnostics":"There is no Patient/2."}]}"#,
    );
    assert!(
        page.contains("404 Not Found") && page.contains("class=\"issues\"") && page.contains("There is no Patient/2.")
    );
}

#[test]
fn a_long_document_points_to_the_raw_one() {
    let body = format!(r#"{{"resourceType":"List","entry":[{}]}}"#, vec!["0"; 6_000].join(","));
    let page = page("/fhir/demo/List/1", 200, &body);
    assert!(page.contains("the first 5,000 values are shown here"));
    assert!(!page.contains("data-copy"), "a part must not be copied as the whole");
}

#[test]
fn a_waveform_is_drawn() {
    let page = page(
        "/fhir/demo/Observation/1",
        200,
        r#"{"resourceType":"Observation","valueSampledData":{"origin":{"value":0,"unit":"mV"},"period":2,"dimensions":1,"data":"0 1 0"}}"#,
    );
    assert!(page.contains("<svg") && page.contains("25 mm/s"));
}

#[test]
fn an_answer_that_is_not_json_is_shown_as_text() {
    assert!(page("/fhir/demo/Binary/1", 200, "a < b").contains("a &lt; b"));
}

#[test]
fn the_policy_holds_for_the_markup() {
    let page = page("/fhir/demo/Patient", 200, r#"{"resourceType":"Bundle","type":"searchset","total":0}"#);
    for tag in tags(&page) {
        let external = ["src=\"http", "style=", "onclick="].iter().any(|it| tag.contains(it));
        assert!(!external && tag != "script" && tag != "style", "{tag} needs what the policy forbids");
    }
}

#[test]
fn every_asset_a_page_names_exists() {
    let page = page("/fhir/demo/Patient", 200, "{}");
    let names: Vec<&str> =
        page.split("/assets/").skip(1).filter_map(|it| it.split_once('?').map(|(name, _)| name)).collect();
    assert!(names.len() >= 3);
    for name in names {
        assert!(asset(name).is_some_and(|(_, bytes)| !bytes.is_empty()), "{name} is missing");
    }
    assert!(asset("../mod.rs").is_none());
}
