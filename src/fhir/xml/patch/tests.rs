use super::*;
use proptest::prelude::*;

const RESOURCE: &str = r#"<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a <!-- b -->c</div></text><active value="true"/><name><use value="usual"/><family value="A &amp; B"/></name><name><use value="old"/><given value="x"/></name></Patient>"#;

fn diff(operations: &str) -> String {
    format!(
        "<diff xmlns:f='http://hl7.org/fhir' xmlns='http://hl7.org/fhir' xmlns:h='http://www.w3.org/1999/xhtml'>{operations}</diff>"
    )
}

/// The patched resource without what no case changes.
fn patched(operations: &str) -> Result<String, String> {
    let out = patch(RESOURCE, &diff(operations), 10).map_err(|it| it.to_string())?;
    let (_, rest) = out.split_once("</text>").unwrap_or(("", &out));
    Ok(rest.trim_end_matches("</Patient>").to_owned())
}

#[test]
fn nothing_else_changes() {
    let out = patch(RESOURCE, "<diff/>", 10).unwrap();
    let read = |it: &str| super::super::read(it, &crate::json::Limits::default()).unwrap();
    assert_eq!(read(&out), read(RESOURCE));
}

#[test]
fn operations_do_as_they_say() {
    let (active, first) = (
        "<active value=\"true\"></active>",
        "<name><use value=\"usual\"></use><family value=\"A &amp; B\"></family></name>",
    );
    let second = "<name><use value=\"old\"></use><given value=\"x\"></given></name>";
    let gender = "<gender value=\"male\"></gender>";
    for (operation, expected) in [
        (
            "<replace sel='f:Patient/f:active/@value'>false</replace>",
            format!("<active value=\"false\"></active>{first}{second}"),
        ),
        (
            "<replace sel='/Patient/active/@value'>a&lt;b</replace>",
            format!("<active value=\"a&lt;b\"></active>{first}{second}"),
        ),
        ("<remove sel='Patient/name[2]'/>", format!("{active}{first}")),
        ("<remove sel='Patient/name[use/@value = \"usual\"]' ws='both'/>", format!("{active}{second}")),
        (
            "<remove sel='*/*[3]/*[@value=\"usual\"]'/>",
            format!("{active}<name><family value=\"A &amp; B\"></family></name>{second}"),
        ),
        (
            "<remove sel=\"Patient/name[1]/family[@value='A &amp; B']/@value\"/>",
            format!("{active}<name><use value=\"usual\"></use><family></family></name>{second}"),
        ),
        ("<add sel='Patient'><gender value='male'/></add>", format!("{active}{first}{second}{gender}")),
        ("<add sel='Patient'>\n <f:gender value='male'/>\n</add>", format!("{active}{first}{second}{gender}")),
        (
            "<add sel='Patient/name[1]' pos='before'><gender value='male'/></add>",
            format!("{active}{gender}{first}{second}"),
        ),
        (
            "<add sel='Patient/name[1]' pos='after'><gender value='male'/></add>",
            format!("{active}{first}{gender}{second}"),
        ),
        (
            "<add sel='Patient/active' type='@id'>a1</add>",
            format!("<active value=\"true\" id=\"a1\"></active>{first}{second}"),
        ),
        ("<replace sel='Patient/active'><gender value='male'/></replace>", format!("{gender}{first}{second}")),
        ("<remove sel='Patient/active'/><remove sel='Patient/name[1]'/><remove sel='Patient/name[1]'/>", String::new()),
    ] {
        assert_eq!(patched(operation), Ok(expected), "{operation}");
    }
}

#[test]
fn the_narrative_is_one_thing() {
    let diff = "<diff xmlns='http://hl7.org/fhir' xmlns:h='http://www.w3.org/1999/xhtml'>\
         <replace sel='Patient/text/h:div'><h:div>new</h:div></replace></diff>";
    let out = patch(RESOURCE, diff, 10).unwrap();
    assert!(out.contains("<div xmlns=\"http://www.w3.org/1999/xhtml\">new</div></text>"), "{out}");
    assert!(patched("<remove sel='Patient/text/h:div/h:p'/>").unwrap_err().contains("changed as a whole"));
    assert!(patched("<add sel='Patient/text/h:div'><id value='x'/></add>").unwrap_err().contains("changed as a whole"));
}

#[test]
fn what_cannot_be_done_is_told() {
    for (operation, told) in [
        ("<remove sel='Patient/gender'/>", "Operation 1 of the patch has a selector that points to what is not there"),
        ("<remove sel='Patient/name'/>", "points to more than one element"),
        ("<remove sel='Patient/name[0]'/>", "points to what is not there"),
        ("<remove sel='Patient/name[9999999999999999999999]'/>", "none of those that are served"),
        ("<remove sel='Patient'/>", "would leave no resource"),
        ("<add sel='Patient' pos='after'><Patient/></add>", "more than one"),
        ("<remove sel='Patient/active/@id'/>", "points to what is not there"),
        ("<replace sel='Patient/active/@id'>x</replace>", "points to what is not there"),
        ("<replace sel='Patient/active'/>", "other than one element"),
        ("<replace sel='Patient/active'>true</replace>", "has text where elements are expected"),
        ("<replace sel='Patient/active/@value'><active/></replace>", "an element as its value"),
        ("<add sel='Patient/active' type='@value'>x</add>", "adds an attribute that is there"),
        ("<add sel='Patient/active/@value'>x</add>", "use replace"),
        ("<add sel='Patient'/>", "adds nothing"),
        ("<remove sel='Patient/text()'/>", "none of those that are served"),
        ("<remove sel='//name'/>", "none of those that are served"),
        ("<remove sel='Patient/name[last()]'/>", "none of those that are served"),
        ("<remove sel='x:Patient'/>", "not in the namespace"),
        ("<remove sel=''/>", "none of those that are served"),
        ("<remove/>", "no attribute sel"),
        ("<move sel='Patient'/>", "\"move\" is not add, replace or remove"),
        ("<add sel='Patient' type='namespace::p'>x</add>", "@ and the name of an attribute"),
        ("<add sel='Patient' pos='behind'><id/></add>", "prepend, before or after"),
        ("<add sel='Patient'><x xmlns='http://e'/></add>", "must be in the namespace"),
        ("<add sel='Patient/active' type='@id'>&x;</add>", "broken"),
        ("text", "text outside a tag"),
    ] {
        let said = patched(operation).expect_err(operation);
        assert!(said.contains(told), "{operation}: {said}");
    }
    assert!(patch(RESOURCE, "<patch/>", 10).is_err());
    assert!(patch(RESOURCE, "<diff/><diff/>", 10).is_err());
    assert!(patch(RESOURCE, "<!DOCTYPE diff><diff/>", 10).is_err());
}

#[test]
fn a_patch_has_bounds() {
    let many = "<remove sel='Patient/name[1]'/>".repeat(1000);
    assert_eq!(patched(&many), Err(PatchError::TooMany.to_string()));
    let deep = format!("<add sel='Patient'>{}", "<contact>".repeat(100_000));
    assert!(patched(&deep).unwrap_err().contains("64 levels"));
    let half = format!("{}{}", "<contact>".repeat(40), "</contact>".repeat(40));
    let inner = "/*".repeat(40);
    let twice =
        format!("<add sel='Patient' pos='prepend'>{half}</add><add sel='Patient/contact{}'>{half}</add>", &inner[..78]);
    assert!(patched(&twice).unwrap_err().contains("Operation 2 of the patch nests deeper than 64 levels"));
}

/// Operations with selectors of the right and of the wrong kind.
fn operation() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "Patient", "/", "/", "name", "f:use", "h:div", "*", "[1]", "[2]", "[", "]", "@value", "@", "='old'", "text",
        "x:", "é",
    ]);
    let selector = prop::collection::vec(part, 0..8).prop_map(|it| it.concat());
    let shape = prop::sample::select(vec![
        "<remove sel=\"{}\"/>",
        "<replace sel=\"{}\">x</replace>",
        "<replace sel=\"{}\"><active value='true'/></replace>",
        "<add sel=\"{}\"><name/></add>",
        "<add sel=\"{}\" pos='before'><h:div>x</h:div></add>",
        "<add sel=\"{}\" type='@id'>x</add>",
    ]);
    (shape, selector).prop_map(|(shape, selector)| shape.replace("{}", &selector))
}

proptest! {
    #[test]
    fn any_patch_is_carried_out_or_refused(operations in prop::collection::vec(operation(), 1..6)) {
        if let Ok(after) = patch(RESOURCE, &diff(&operations.concat()), 10) {
            prop_assert!(document(&after).is_ok_and(|it| it.children.len() == 1));
        }
    }
}
