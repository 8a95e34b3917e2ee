//! XML beside JSON (xml.html, http.html#mime-type): requests, answers, Bundles, operations, patches and refusals, and
//! what an XML reader must not be talked into.

use conformance_tests::{Answer, Client};
use serde_json::{Value, json};

const XML: &str = "application/fhir+xml";

/// The content of a patient, with what the formats write differently.
const CONTENT: &str = r#"<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Ada &amp; <b>co</b></p></div></text><extension url="http://example.org/weight"><valueDecimal value="1.10"/></extension><active value="true"/><name id="n1"><family value="O&quot;Hara &lt;3"/><given value="Ada"/><given><extension url="http://example.org/why"><valueCode value="unknown"/></extension></given></name><birthDate value="1980-02"/>"#;

fn patient(content: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Patient xmlns=\"http://hl7.org/fhir\">{content}</Patient>")
}

async fn send(client: &Client, method: &str, path: &str, xml: &str) -> Answer {
    client.call(method, path).body(XML, xml.to_owned()).send().await
}

/// Gets a path as XML; the body's media type must say so.
async fn get(client: &Client, path: &str, status: u16) -> String {
    let answer = client.call("GET", path).header("accept", XML).send().await.expect(status);
    assert!(answer.needed_header("content-type").starts_with(XML), "{path}");
    answer.text()
}

/// The value of an attribute of the first element with this name.
fn value<'x>(xml: &'x str, element: &str) -> &'x str {
    let (_, rest) = xml.split_once(&format!("<{element} value=\"")).unwrap_or_else(|| panic!("no {element} in {xml}"));
    rest.split('"').next().unwrap_or_default()
}

/// The patient of [`CONTENT`], stored through XML.
async fn stored(client: &Client) -> String {
    let answer = send(client, "POST", "Patient", &patient(CONTENT)).await.expect(201);
    assert!(answer.needed_header("content-type").starts_with(XML), "the answer has the format of the request");
    let id = value(&answer.text(), "id").to_owned();
    assert!(answer.needed_header("location").contains(&id));
    format!("Patient/{id}")
}

/// json.html, xml.html: "the same content": what came as XML is read as JSON and as XML.
#[tokio::test]
async fn a_resource_is_the_same_in_both_formats() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let read = client.read(&path).await;
    assert_eq!(read["name"][0]["family"], "O\"Hara <3");
    assert_eq!(read["name"][0]["given"], json!(["Ada", null]));
    assert_eq!(read["name"][0]["_given"][1]["extension"][0]["valueCode"], "unknown");
    assert_eq!(read["extension"][0]["valueDecimal"].to_string(), "1.10");
    let div = "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Ada &amp; <b>co</b></p></div>";
    assert_eq!((&read["text"]["div"], &read["active"]), (&json!(div), &json!(true)));
    let xml = get(&client, &path, 200).await;
    assert!(xml.contains("<Patient xmlns=\"http://hl7.org/fhir\"><id value="), "{xml}");
    assert!(xml.ends_with(&format!("{CONTENT}</Patient>")), "{xml}");
}

/// http.html#update with what http.html#read gave: nothing is lost on the way.
#[tokio::test]
async fn what_is_read_can_be_written_again() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let before = client.read(&path).await;
    let xml = get(&client, &path, 200).await;
    let answer = send(&client, "PUT", &path, &xml).await.expect(200);
    assert_eq!(answer.version(), "2");
    let mut after = client.read(&path).await;
    after["meta"] = before["meta"].clone();
    assert_eq!(after, before);
}

/// http.html#mime-type, http.html#parameters: by Accept, by `_format`, and for people.
#[tokio::test]
async fn xml_is_negotiated() {
    let client = Client::fresh();
    let path = stored(&client).await;
    for format in ["xml", "text/xml", "application/xml", "application/fhir%2Bxml"] {
        let call = client.call("GET", &format!("{path}?_format={format}")).header("accept", "application/fhir+json");
        let answer = call.send().await.expect(200);
        assert!(answer.needed_header("content-type").starts_with(XML), "{format}");
    }
    let pretty = client.get(&format!("{path}?_format=xml&_pretty=true")).await.expect(200).text();
    assert!(pretty.lines().count() > 10, "{pretty}");
    let call = client.call("POST", "Patient").header("accept", "application/fhir+json");
    let answer = call.body("application/xml", patient("<active value='true'/>")).send().await.expect(201);
    assert_eq!(answer.json()["active"], true);
    assert!(get(&client, "metadata", 200).await.contains("<format value=\"xml\"/>"));
}

/// http.html#transaction, #search, #history: Bundles both ways.
#[tokio::test]
async fn bundles_are_sent_and_answered() {
    let client = Client::fresh();
    let entry = |family: &str| {
        format!(
            "<entry><resource><Patient><name><family value=\"{family}\"/></name></Patient></resource>\
             <request><method value=\"POST\"/><url value=\"Patient\"/></request></entry>"
        )
    };
    let bundle = format!(
        "<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"transaction\"/>{}{}</Bundle>",
        entry("Xmlone"),
        entry("Xmltwo")
    );
    let answer = send(&client, "POST", "", &bundle).await.expect(200).text();
    assert_eq!((value(&answer, "type"), answer.matches("<response>").count()), ("transaction-response", 2));
    let found = get(&client, "Patient?family=xmlone&_total=accurate", 200).await;
    assert_eq!((value(&found, "type"), value(&found, "total"), value(&found, "family")), ("searchset", "1", "Xmlone"));
    assert!(found.contains("<resource><Patient><id value="), "{found}");
    let (_, patient) = found.split_once("<Patient>").expect("a patient");
    let history = get(&client, &format!("Patient/{}/_history", value(patient, "id")), 200).await;
    assert_eq!((value(&history, "type"), value(&history, "family")), ("history", "Xmlone"));
}

/// operations.html#executing, fhirpatch.html: Parameters.
#[tokio::test]
async fn parameters_are_taken() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let part = |name: &str, value: &str| format!("<part><name value=\"{name}\"/>{value}</part>");
    let patch = format!(
        "<Parameters xmlns=\"http://hl7.org/fhir\"><parameter><name value=\"operation\"/>{}{}{}</parameter></Parameters>",
        part("type", "<valueCode value=\"replace\"/>"),
        part("path", "<valueString value=\"Patient.active\"/>"),
        part("value", "<valueBoolean value=\"false\"/>")
    );
    let patched = send(&client, "PATCH", &path, &patch).await.expect(200).text();
    assert_eq!(value(&patched, "active"), "false");
    let subject = format!(
        "<Parameters xmlns=\"http://hl7.org/fhir\"><parameter><name value=\"subject\"/><valueString value=\"{path}\"/>\
         </parameter><parameter><name value=\"code\"/><valueString value=\"29463-7\"/></parameter></Parameters>"
    );
    let last = send(&client, "POST", "Observation/$lastn", &subject).await.expect(200).text();
    assert_eq!(value(&last, "type"), "searchset");
}

/// http.html#Status-Codes: refusals are OperationOutcomes in XML too, with the place of the fault.
#[tokio::test]
async fn refusals_are_outcomes_in_xml() {
    let client = Client::fresh();
    assert!(get(&client, "Patient/absent", 404).await.contains("<OperationOutcome xmlns=\"http://hl7.org/fhir\">"));
    for (content, place) in [
        ("<name><nope value='x'/></name>", "Patient.name[0]"),
        ("<birthDate value='1980'/><active value='true'/>", "Patient"),
        ("<active value='true'/><active value='true'/>", "Patient"),
        ("<name nope='x'/>", "Patient.name[0]"),
        ("<name xmlns='http://example.org'/>", "Patient"),
        ("<birthDate value='soon'/>", "Patient.birthDate"),
    ] {
        let answer = send(&client, "POST", "Patient", &patient(content)).await.expect(400).text();
        assert_eq!(value(&answer, "expression"), place, "{content}: {answer}");
        assert!(["structure", "value"].contains(&value(&answer, "code")), "{answer}");
    }
}

/// xml.html: no document types and entities; security.html#input: bombs are refused, and the server goes on.
#[tokio::test]
async fn malicious_xml_is_refused() {
    let client = Client::fresh();
    let laughs: String = (1..10).map(|i| format!("<!ENTITY e{i} '{}'>", format!("&e{};", i - 1).repeat(10))).collect();
    let bomb = format!(
        "<!DOCTYPE Patient [<!ENTITY e0 'ha'>{laughs}]><Patient xmlns='http://hl7.org/fhir'><id value='&e9;'/></Patient>"
    );
    let external = "<!DOCTYPE Patient [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>\
         <Patient xmlns='http://hl7.org/fhir'><name><family value='&x;'/></name></Patient>";
    for xml in [
        bomb.as_str(),
        external,
        "<!DOCTYPE Patient SYSTEM 'http://127.0.0.1:1/x.dtd'><Patient xmlns='http://hl7.org/fhir'/>",
        &patient("<name><family value='&x;'/></name>"),
        &patient(&"<extension url='u'>".repeat(100_000)),
        &patient(&format!("<name{}/>", (0..10_000).map(|i| format!(" xmlns:a{i}='b{i}'")).collect::<String>())),
        "<Patient xmlns='http://hl7.org/fhir'>",
        "{\"resourceType\":\"Patient\"}",
    ] {
        let answer = send(&client, "POST", "Patient", xml).await.expect_in(400..=413);
        assert!(answer.text().contains("<OperationOutcome"), "{}", answer.text());
        assert!(!answer.text().contains("root:"));
    }
    let found: Value = client.page("Patient?_total=accurate").await.0;
    assert_eq!(found["total"], 0);
}

/// http.html#patch, RFC 5261: XML Patch by namespaces; a patch that cannot be carried out changes nothing.
#[tokio::test]
async fn an_xml_patch_changes_what_it_selects() {
    const XML_PATCH: &str = "application/xml-patch+xml";
    let client = Client::fresh();
    let path = stored(&client).await;
    let patch = async |operations: &str| {
        let diff = format!("<diff xmlns:f=\"http://hl7.org/fhir\">{operations}</diff>");
        client.call("PATCH", &path).body(XML_PATCH, diff).send().await
    };
    patch(
        "<replace sel=\"f:Patient/f:active/@value\">false</replace>\
         <remove sel=\"f:Patient/f:name/f:given[2]\"/>\
         <add sel=\"f:Patient/f:birthDate\" pos=\"before\"><f:gender value=\"female\"/></add>",
    )
    .await
    .expect(200);
    let read = client.read(&path).await;
    assert_eq!((&read["active"], &read["gender"]), (&json!(false), &json!("female")));
    assert_eq!((&read["name"][0]["given"], &read["name"][0]["_given"]), (&json!(["Ada"]), &Value::Null));
    assert_eq!(read["extension"][0]["valueDecimal"].to_string(), "1.10");
    for refused in [
        "<remove sel=\"f:Patient/f:photo\"/>",
        "<remove sel=\"f:Patient/f:active\"/><remove sel=\"f:Patient/f:active\"/>",
        "<remove sel=\"Patient/active\"/>",
        "<remove sel=\"f:Patient\"/>",
        "<replace sel=\"f:Patient/f:id/@value\">other</replace>",
        "<replace sel=\"f:Patient/f:birthDate/@value\">soon</replace>",
        "<add sel=\"f:Patient\"><f:active value=\"true\"/></add>",
        "<!DOCTYPE diff [<!ENTITY x 'y'>]>",
        "<remove sel=\"f:Patient/f:active\">",
    ] {
        patch(refused).await.expect_outcome(400..=422);
    }
    assert_eq!(client.read(&path).await, read);
}

/// http.html#paging: the pages behind a link have the format of the first, also for who cannot send headers.
#[tokio::test]
async fn page_links_keep_the_format() {
    let client = Client::fresh();
    let id = client.create(&json!({ "resourceType": "Patient" })).await;
    client.create(&json!({ "resourceType": "Patient" })).await;
    client.put(&format!("Patient/{id}"), &json!({ "resourceType": "Patient", "id": id, "active": true })).await;
    for path in ["Patient?_count=1&_format=json&_pretty=true", &format!("Patient/{id}/_history?_count=1&_format=json")]
    {
        let page = client.page(path).await;
        let next = page.link("next").expect("a next link").to_owned();
        assert!(next.contains("_format=json"), "{next}");
        client.get(&next).await.expect(200);
    }
}
