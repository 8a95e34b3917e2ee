//! The same words where resources, Bundles, Parameters and patches are XML.

use super::Watched;
use super::records::VALUES;
use crate::smart::place::Place;

const XML: &str = "application/fhir+xml";

/// A resource of this type, or a fragment that claims to be one.
fn of(kind: &str, content: &str) -> String {
    format!("<{kind} xmlns=\"http://hl7.org/fhir\">{content}</{kind}>")
}

/// Good and bad, whole and broken.
pub(super) async fn resources(watched: &mut Watched, place: &Place<'_>, id: &str) {
    let whole = patient(watched);
    let made = place.admin.call("POST", "Patient").body(XML, whole.clone()).send().await.expect(201);
    watched.look("Location", made.needed_header("location"));
    let read = place.admin.call("GET", &format!("Patient/{}", made_id(made.needed_header("location"))));
    assert!(!watched.found_in(&read.header("accept", XML).send().await.expect(200).text()).is_empty());
    let texts = bad(watched);
    for text in texts.iter().chain([&whole]) {
        for (method, path) in
            [("POST", "Patient"), ("POST", "Patient/$validate"), ("POST", ""), ("PUT", "Patient/other")]
        {
            let answer = place.admin.call(method, path).body(XML, text.clone()).send().await;
            watched.look_at_text(&answer, &VALUES);
        }
    }
    patches(watched, place, id).await;
}

/// The id in `Location` (http.html#create).
fn made_id(location: &str) -> &str {
    location.split('/').rev().nth(2).expect("an id before the version")
}

/// A Patient of planted words.
fn patient(watched: &mut Watched) -> String {
    let content = format!(
        "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div></text>\
         <extension url=\"urn:planted\"><valueString value=\"{}\"/></extension>\
         <identifier><system value=\"urn:planted\"/><value value=\"{}\"/></identifier>\
         <name><family value=\"{}\"/><given value='{}'/></name>\
         <telecom><system value=\"email\"/><value value=\"{}@example.org\"/></telecom>\
         <birthDate value=\"1971-03-04\"/><address><line value=\"{}\"/></address>",
        watched.plant("text"),
        watched.plant("extension"),
        watched.plant("identifier"),
        watched.plant("family"),
        watched.plant("given"),
        watched.plant("telecom"),
        watched.plant("line"),
    );
    of("Patient", &content)
}

/// What is refused at every step: characters, tags, elements, types of values, what a Bundle asks for.
fn bad(watched: &mut Watched) -> Vec<String> {
    let (broken, value, date) = (watched.plant("broken"), watched.plant("value"), watched.plant("date"));
    // What elements and attributes are called is told to whoever sent them, and nobody else.
    let name = watched.plant("element");
    let request = format!("<request><method value=\"{value}\"/><url value=\"Patient?family={value}\"/></request>");
    vec![
        of("Patient", &format!("<birthDate value=\"{date}\"/>")),
        of("Patient", &format!("<gender value=\"{value}\"/><gender value=\"{value}\"/>")),
        of("Patient", &format!("<{name} value=\"{broken}\"/>")),
        of("Patient", &format!("<name {name}=\"{broken}\"/>")),
        of("Patient", &format!("<active value=\"{value}\"/><multipleBirthInteger value=\"{value}\"/>")),
        of("Patient", &format!("<id value=\"{value} x\"/>")),
        of("Patient", &format!("{broken}<active value=\"true\"/>")),
        of("Patient", &format!("<name><family value=\"&{broken};\"/></name>")),
        of(
            "Patient",
            &format!("<text><status value=\"generated\"/><div>{broken}<script>{broken}</script></div></text>"),
        ),
        of("Patient", &format!("<photo><data value=\"{broken}!\"/></photo>")),
        of("Patient", &format!("<name><family value=\"{broken}\"></Patient>")),
        format!("<Patient xmlns=\"urn:{broken}\"><active value=\"true\"/></Patient>"),
        format!("<?{name} {broken}?><Patient xmlns=\"http://hl7.org/fhir\" {broken}"),
        of("Bundle", &format!("<type value=\"transaction\"/><entry>{request}</entry>")),
        of(
            "Bundle",
            &format!(
                "<type value=\"batch\"/><entry><resource><Patient><birthDate value=\"{date}\"/></Patient></resource>{request}</entry>"
            ),
        ),
        of("Parameters", &format!("<parameter><name value=\"{value}\"/><valueDate value=\"{date}\"/></parameter>")),
    ]
}

/// XML Patch (RFC 5261) and FHIRPath Patch.
async fn patches(watched: &mut Watched, place: &Place<'_>, id: &str) {
    let (value, date, name) = (watched.plant("value"), watched.plant("date"), watched.plant("element"));
    let part = |name: &str, it: &str| format!("<part><name value=\"{name}\"/>{it}</part>");
    let parts = [
        part("type", "<valueCode value=\"replace\"/>"),
        part("path", "<valueString value=\"Patient.gender\"/>"),
        part("value", &format!("<valueCode value=\"{value}\"/>")),
    ];
    let by_path = of("Parameters", &format!("<parameter><name value=\"operation\"/>{}</parameter>", parts.concat()));
    let diff = |it: String| format!("<diff xmlns:f=\"http://hl7.org/fhir\">{it}</diff>");
    let patch = "application/xml-patch+xml";
    for (media_type, text) in [
        (XML, by_path),
        (patch, diff(format!("<replace sel=\"f:Patient/f:birthDate/@value\">{date}</replace>"))),
        (patch, diff(format!("<add sel=\"f:Patient\"><f:gender value=\"{value}\"/></add>"))),
        (patch, diff(format!("<remove sel=\"f:Patient/f:name[f:family/@value='{value}']\"/>"))),
        (patch, diff(format!("<{name} sel=\"f:Patient\">"))),
    ] {
        let call = place.admin.call("PATCH", &format!("Patient/{id}")).body(media_type, text);
        watched.look_at_text(&call.send().await, &VALUES);
    }
}
