use super::*;
use crate::json::{Doc, Limits};
use crate::{Failure, IssueType};
use proptest::prelude::*;

/// A patient with this content, and the JSON that it is.
fn patient(content: &str) -> Result<String, XmlError> {
    read(&format!("<Patient xmlns=\"{FHIR}\">{content}</Patient>"), &Limits::default())
}

/// The sentence that says why, and the place.
fn refused(xml: &str) -> (String, String) {
    let error = read(xml, &Limits::default()).expect_err(xml);
    (error.problem, error.expression)
}

fn assert_same(json: &str, expected: &str) {
    let (json, expected) = (Doc::parse(json).unwrap(), Doc::parse(expected).unwrap());
    assert!(json.root().same(expected.root()), "{}", json.source());
}

const JSON: &str = r#"{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">A &amp; B<br/></div>"},
    "contained":[{"resourceType":"Basic","id":"b","code":{"text":"x"}}],
    "extension":[{"url":"http://e","valueDecimal":1.10},{"url":"http://f","valueString":"<\"&'\n\t>"}],
    "active":true,"name":[{"id":"n","given":["A",null,"C"],"_given":[null,{"extension":[{"url":"http://e","valueCode":"x"}]},{"id":"g"}]},{"family":"F"}],
    "_birthDate":{"extension":[{"url":"http://e","valueBoolean":false}]},"multipleBirthInteger":2,
    "contact":[{"gender":"other","_gender":{"id":"h"}}]}"#;

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir"><id value="p"/><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">A &amp; B<br/></div></text><contained><Basic><id value="b"/><code><text value="x"/></code></Basic></contained><extension url="http://e"><valueDecimal value="1.10"/></extension><extension url="http://f"><valueString value="&lt;&quot;&amp;'&#10;&#9;&gt;"/></extension><active value="true"/><name id="n"><given value="A"/><given><extension url="http://e"><valueCode value="x"/></extension></given><given id="g" value="C"/></name><name><family value="F"/></name><birthDate><extension url="http://e"><valueBoolean value="false"/></extension></birthDate><multipleBirthInteger value="2"/><contact><gender id="h" value="other"/></contact></Patient>"#;

#[test]
fn json_becomes_xml_and_xml_json() {
    assert_eq!(write(Doc::parse(JSON).unwrap().root(), Layout::Compact).unwrap(), XML);
    assert_same(&read(XML, &Limits::default()).unwrap(), JSON);
}

#[test]
fn elements_take_their_order_from_the_definition() {
    let doc = Doc::parse(r#"{"birthDate":"2000","name":[{"family":"F"}],"resourceType":"Patient","id":"p"}"#).unwrap();
    let xml = write(doc.root(), Layout::Pretty).unwrap();
    let expected = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<Patient xmlns=\"http://hl7.org/fhir\">",
        "  <id value=\"p\"/>",
        "  <name>",
        "    <family value=\"F\"/>",
        "  </name>",
        "  <birthDate value=\"2000\"/>",
        "</Patient>",
        "",
    ];
    assert_eq!(xml, expected.join("\n"));
}

#[test]
fn what_is_no_content_is_left_out() {
    let xml = "\u{feff}<?xml version='1.0' encoding='utf-8'?>\n<?style sheet?>\n<!-- a -->\n<f:Patient xmlns:f='http://hl7.org/fhir' \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='http://hl7.org/fhir x.xsd'>\n \
         <!-- b --><f:active value=' true '/><?c?>\n</f:Patient>\n<!-- d -->";
    assert_same(&read(xml, &Limits::default()).unwrap(), r#"{"resourceType":"Patient","active":true}"#);
}

#[test]
fn a_narrative_keeps_its_letters_but_no_prefix_of_the_document() {
    let div = "<div\n xmlns=\"http://www.w3.org/1999/xhtml\" id='a'>x\r\n&#160;<b >y</b >\n<!-- z --></div>";
    let json = patient(&format!("<text><status value='generated'/>{div}</text>")).unwrap();
    assert_eq!(Doc::parse(json).unwrap().root().get("text").unwrap().str("div"), Some(div));
    let prefixed = "<Patient xmlns='http://hl7.org/fhir' xmlns:h='http://www.w3.org/1999/xhtml'><text>\
         <h:div lang='en'><h:p title='\"'>x</h:p ><h:br/></h:div></text></Patient>";
    let doc = Doc::parse(read(prefixed, &Limits::default()).unwrap()).unwrap();
    let expected = "<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\"><p title='\"'>x</p><br/></div>";
    assert_eq!(doc.root().get("text").unwrap().str("div"), Some(expected));
}

#[test]
fn what_a_resource_does_not_have_is_refused_with_its_place() {
    for (content, problem, place) in [
        ("<birthdate value='2000'/>", "birthdate is not an element of Patient. Is birthDate meant?", "Patient"),
        ("<name><nope value='x'/></name>", "nope is not an element of HumanName", "Patient.name[0]"),
        ("<active value='true' nope='x'/>", "nope is not an attribute of boolean", "Patient.active"),
        ("<name value='x'/>", "value is not an attribute of HumanName", "Patient.name[0]"),
        ("<name xml:lang='en'/>", "xml:lang is not an attribute of HumanName", "Patient.name[0]"),
        ("<active value='true'/><active value='true'/>", "active may be there once only", "Patient"),
        ("<birthDate value='2000'/><name/>", "name must come before birthDate", "Patient"),
        ("<name/><active value='true'/><name/>", "active must come before name", "Patient"),
        ("<deceasedBoolean value='true'/><deceasedDateTime value='2000'/>", "one choice", "Patient"),
        ("<extension><url value='x'/></extension>", "url is an attribute of Extension", "Patient.extension[0]"),
        ("<active/>", "neither a value nor an extension", "Patient.active"),
        ("<active id='a'/>", "", ""),
        ("<active value='1'/>", "the value must be true or false", "Patient.active"),
        (
            "<multipleBirthInteger value='+1'/>",
            "the value must be a whole number",
            "Patient.multipleBirth.ofType(integer)",
        ),
        ("<name>text</name>", "text outside a tag", "Patient.name[0]"),
        ("<name><![CDATA[x]]></name>", "text outside a tag", "Patient.name[0]"),
        ("<name>&amp;</name>", "text outside a tag", "Patient.name[0]"),
        ("<name xmlns='http://e'/>", "<name> must be in the namespace http://hl7.org/fhir", "Patient"),
        ("<f:name/>", "<name> must be in the namespace", "Patient"),
        ("<text><div xmlns='http://www.w3.org/1999/xhtml'>a]]>b</div></text>", "]]&gt;", "Patient.text.div"),
        ("<text><div>x</div></text>", "must be in the namespace http://www.w3.org/1999/xhtml", "Patient.text.div"),
        ("<contained/>", "one resource was expected", "Patient.contained[0]"),
        ("<contained><Basic/><Basic/></contained>", "one resource was expected", "Patient.contained[0]"),
        ("<contained id='c'><Basic/></contained>", "id is not an attribute", "Patient.contained[0]"),
        ("<contained><Nope/></contained>", "\"Nope\" is not a resource type of R4", "Patient.contained[0]"),
        ("<id value='a&nbsp;b'/>", "begins no reference of XML", "Patient.id"),
        ("<id value='a<b'/>", "has a < ", "Patient.id"),
        ("<id value='a' value='b'/>", "an attribute twice", "Patient.id"),
        ("<id value=a/>", "not well-formed", "Patient.id"),
        ("<name></family>", "</name> was expected, but </family>", "Patient.name[0]"),
    ] {
        if problem.is_empty() {
            // An id alone is the validator's to refuse, in words that JSON has too (ele-1).
            assert_same(&patient(content).unwrap(), r#"{"resourceType":"Patient","_active":{"id":"a"}}"#);
            continue;
        }
        let error = patient(content).expect_err(content);
        assert!(error.problem.contains(problem), "{content}: {error}");
        assert_eq!(error.expression, place, "{content}");
    }
}

#[test]
fn what_is_no_resource_is_refused() {
    for (xml, problem) in [
        ("", "empty"),
        (" \n", "empty"),
        ("{}", "text outside a tag"),
        ("<Patient/>", "must be in the namespace"),
        ("<Patient xmlns='http://hl7.org/fhir' id='x'/>", "id is not an attribute of Patient"),
        ("<Patient xmlns='http://hl7.org/fhir'>", "ends before its elements are closed"),
        ("<Patient xmlns='http://hl7.org/fhir'/><Patient xmlns='http://hl7.org/fhir'/>", "another element"),
        ("<Patient xmlns='http://hl7.org/fhir'/>x", "text outside a tag"),
        ("<HumanName xmlns='http://hl7.org/fhir'/>", "not a resource type"),
        ("<DomainResource xmlns='http://hl7.org/fhir'/>", "not a resource type"),
        ("<Patient xmlns='http://hl7.org/fhir'", "a tag has no end"),
        ("<?xml version='1.1'?><Patient xmlns='http://hl7.org/fhir'/>", "version 1.0 and UTF-8"),
        ("<?xml version='1.0' encoding='UTF-16'?><Patient xmlns='http://hl7.org/fhir'/>", "version 1.0 and UTF-8"),
        (" <?xml version='1.0'?><Patient xmlns='http://hl7.org/fhir'/>", "must stand first"),
        ("<Patient xmlns='http://hl7.org/fhir'>\u{1}</Patient>", "a character that XML does not have"),
        ("<!-- a -- b --><Patient xmlns='http://hl7.org/fhir'/>", "a comment has --"),
    ] {
        let (said, _) = refused(xml);
        assert!(said.contains(problem), "{xml}: {said}");
    }
}

#[test]
fn entities_and_document_types_are_refused() {
    let laughs = "<!DOCTYPE Patient [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>\
         <Patient xmlns='http://hl7.org/fhir'><id value='&b;'/></Patient>";
    let external = "<!DOCTYPE Patient SYSTEM 'file:///etc/passwd'><Patient xmlns='http://hl7.org/fhir'/>";
    let parameter = "<!DOCTYPE Patient [<!ENTITY % p SYSTEM 'http://e/x'> %p;]><Patient xmlns='http://hl7.org/fhir'/>";
    for xml in [laughs, external, parameter] {
        assert!(refused(xml).0.contains("must not have a document type"), "{xml}");
    }
    assert!(patient("<id value='&xxe;'/>").is_err());
}

#[test]
fn bombs_pass_a_limit() {
    let nested = "<extension url='u'>".repeat(1_000_000);
    assert!(patient(&nested).unwrap_err().limit);
    let narrative = format!("<text><div xmlns='{XHTML}'>{}", "<b>".repeat(1_000_000));
    assert!(patient(&narrative).unwrap_err().limit);
    let attributes: String = (0..100_000).map(|i| format!(" a{i}=''")).collect();
    assert!(patient(&format!("<name{attributes}/>")).unwrap_err().limit);
    let few = Limits { values: 10, ..Limits::default() };
    let many = format!("<Patient xmlns='{FHIR}'>{}</Patient>", "<name/>".repeat(10));
    assert!(read(&many, &few).unwrap_err().limit);
}

#[test]
fn json_of_any_depth_that_is_read_is_within_the_limits_of_json() {
    for levels in 1..40 {
        let xml = format!(
            "{}<valueString value='x'/>{}",
            "<extension url='u'>".repeat(levels),
            "</extension>".repeat(levels)
        );
        match patient(&xml) {
            Ok(json) => assert!(Doc::parse(json).is_ok(), "{levels}"),
            Err(error) => assert!(error.limit && levels > 20, "{levels}: {error}"),
        }
    }
}

#[test]
fn an_error_says_where_and_is_a_failure() {
    let error = patient("\n <name>\n  <given/></name>").unwrap_err();
    assert_eq!((error.line, error.column), (3, 3));
    let failure = Failure::from(error);
    assert_eq!((failure.status, failure.code()), (400, IssueType::Structure));
    assert_eq!(failure.issues[0].expression, "Patient.name[0].given[0]");
    assert_eq!(Failure::from(patient(&"<extension url='u'>".repeat(99)).unwrap_err()).status, 413);
}

#[test]
fn what_xml_cannot_say_is_not_written() {
    for (json, problem) in [
        ("{}", "is not a resource"),
        (r#"{"resourceType":"Patient","id":"\uffff"}"#, "Patient.id has a character"),
        (r#"{"resourceType":"Patient","nope":1}"#, "Patient.nope is not an element"),
        (r#"{"resourceType":"Patient","id":{}}"#, "Patient.id is not one value"),
        (r#"{"resourceType":"Patient","name":["x"]}"#, "Patient.name[0] is not an object"),
        (r#"{"resourceType":"Patient","name":[{"given":[null]}]}"#, "given[0] is null"),
        (r#"{"resourceType":"Patient","text":{"div":"<div>"}}"#, "Patient.text.div must"),
    ] {
        let said = write(Doc::parse(json).unwrap().root(), Layout::Compact).unwrap_err().to_string();
        assert!(said.contains(problem), "{json}: {said}");
    }
}

/// Pieces of XML, some of FHIR's and some of others.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<Patient xmlns='http://hl7.org/fhir'>",
            "</Patient>",
            "<name>",
            "</name>",
            "<given value='a'/>",
            "<given>",
            "</given>",
            "<extension url='u'>",
            "</extension>",
            "<valueCode value='c'/>",
            "<text>",
            "</text>",
            "<div xmlns='http://www.w3.org/1999/xhtml'>",
            "</div>",
            "<contained>",
            "</contained>",
            "<!-- c -->",
            "<![CDATA[",
            "]]>",
            "<!DOCTYPE x>",
            "<?p?>",
            "&amp;",
            "<",
            ">",
            "x",
            " id='i'",
            "<active value='true'/>",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(xml in pieces()) {
        for xml in [xml.clone(), format!("<Patient xmlns='{FHIR}'>{xml}</Patient>")] {
            if let Ok(json) = read(&xml, &Limits::default()) {
                prop_assert!(Doc::parse(json).is_ok(), "{xml}");
            }
        }
    }

    #[test]
    fn any_text_of_a_value_comes_back(value in "\\PC*|[ -~\n\t\r]*", digits in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?") {
        let quoted = crate::json::quote(&value);
        let json = format!(
            r#"{{"resourceType":"Patient","extension":[{{"url":"u","valueDecimal":{digits}}}],"name":[{{"given":[{quoted},null],"_given":[null,{{"id":{quoted}}}]}}]}}"#
        );
        let before = Doc::parse(json).unwrap();
        let Ok(xml) = write(before.root(), Layout::Compact) else {
            let is_foreign = value.contains(['\u{fffe}', '\u{ffff}']);
            prop_assert!(is_foreign);
            return Ok(());
        };
        let after = Doc::parse(read(&xml, &Limits::default()).unwrap()).unwrap();
        prop_assert!(before.root().same(after.root()), "{xml}");
    }
}
