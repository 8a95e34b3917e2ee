use super::*;
use crate::spec::rows::ElementRow;
use crate::spec::{Misfit, ParamType, Spec, r4};
use serde_json::json;

/// A StructureDefinition with these elements in its snapshot; `min` and `max` are filled in.
fn definition(name: &str, base: Option<&str>, mut elements: Vec<Value>) -> Value {
    for element in &mut elements {
        let fields = element.as_object_mut().unwrap();
        fields.entry("min").or_insert(json!(0));
        fields.entry("max").or_insert(json!("1"));
    }
    let url = |name| format!("http://hl7.org/fhir/StructureDefinition/{name}");
    let mut made = json!({
        "resourceType": "StructureDefinition", "url": url(name), "kind": "resource", "abstract": base.is_none(),
        "derivation": "specialization", "snapshot": {"element": elements}
    });
    if let Some(base) = base {
        made["baseDefinition"] = json!(url(base));
    }
    made
}

fn element<'a>(rows: &'a [TypeRow], of: &str, name: &str) -> &'a ElementRow<'a> {
    let of = rows.iter().find(|it| it.name == of).unwrap();
    of.elements.iter().find(|it| it.name == name).unwrap()
}

fn param(kind: &str) -> Value {
    json!({
        "resourceType": "SearchParameter", "url": "http://example.org/SearchParameter/own", "code": "own",
        "type": kind, "base": ["Patient"], "expression": "Patient.extension.value"
    })
}

#[test]
fn an_element_with_elements_beneath_it_is_a_type_of_its_own() {
    let made = definition(
        "A",
        None,
        vec![
            json!({"path": "A"}),
            json!({"path": "A.part", "max": "*", "type": [{"code": "BackboneElement"}]}),
            json!({"path": "A.part.again", "contentReference": "#A.part"}),
        ],
    );

    let rows = types(&made, &TypeProfiles::default()).unwrap();

    assert_eq!(
        rows.iter().map(|it| (it.name, it.kind)).collect::<Vec<_>>(),
        [("A", Kind::Resource), ("A.part", Kind::Backbone)]
    );
    assert_eq!(rows[1].base, Some("BackboneElement"));
    assert_eq!(element(&rows, "A", "part").types, ["A.part"]);
    assert_eq!(element(&rows, "A.part", "again").types, ["A.part"]);
}

#[test]
fn an_element_that_is_as_inherited_is_left_out() {
    let id = |of: &str, min: u8| json!({"path": format!("{of}.id"), "min": min, "type": [{"code": "id"}]});
    let all = [
        definition("A", None, vec![json!({"path": "A"}), id("A", 0)]),
        definition("B", Some("A"), vec![json!({"path": "B"}), id("B", 0)]),
        definition("C", Some("A"), vec![json!({"path": "C"}), id("C", 1)]),
    ];

    let rows = rows(&all).unwrap().types;

    assert_eq!(rows.iter().map(|it| it.elements.len()).collect::<Vec<_>>(), [1, 0, 1]);
}

#[test]
fn an_invariant_that_comes_from_the_elements_type_is_not_the_elements() {
    let constraint = |key: &str| json!({"key": key, "severity": "error", "human": "…", "expression": "true"});
    let mut inherited = constraint("ele-1");
    inherited["source"] = json!("http://hl7.org/fhir/StructureDefinition/Element");
    let made = definition(
        "A",
        None,
        vec![
            json!({"path": "A"}),
            json!({"path": "A.b", "type": [{"code": "string"}], "constraint": [inherited, constraint("a-1")]}),
        ],
    );

    let rows = types(&made, &TypeProfiles::default()).unwrap();

    assert_eq!(element(&rows, "A", "b").constraints.iter().map(|it| it.key).collect::<Vec<_>>(), ["a-1"]);
}

#[test]
fn fixed_values_lengths_and_open_targets_are_kept() {
    let profile = "http://hl7.org/fhir/StructureDefinition/Resource";
    let made = definition(
        "A",
        None,
        vec![
            json!({"path": "A"}),
            json!({"path": "A.b[x]", "type": [{"code": "Reference", "targetProfile": [profile]}, {"code": "string"}],
               "fixedString": "x", "maxLength": 7}),
        ],
    );

    let rows = types(&made, &TypeProfiles::default()).unwrap();
    let found = element(&rows, "A", "b");

    assert!(found.is_choice && found.targets.is_empty());
    assert_eq!((found.fixed.as_deref(), found.max_length), (Some("\"x\""), Some(7)));
}

#[test]
fn a_definition_without_a_snapshot_cannot_be_used() {
    let made = definition("A", None, Vec::new());

    let problem = types(&made, &TypeProfiles::default()).unwrap_err();

    assert_eq!(problem.to_string(), "http://hl7.org/fhir/StructureDefinition/A: it has no snapshot");
}

#[test]
fn a_tenants_own_parameter_is_made_like_the_standards() {
    let mut definition = param("reference");
    definition["target"] = json!(["Organization"]);

    let own = r4().build_param(search_param(&definition).unwrap()).unwrap();

    assert_eq!((&*own.code, own.kind), ("own", ParamType::Reference));
    assert_eq!(own.base, [r4().resource("Patient").unwrap()]);
    assert_eq!(own.targets, [r4().resource("Organization").unwrap()]);
}

#[test]
fn a_parameter_for_a_type_that_is_not_there_is_refused() {
    let mut definition = param("string");
    definition["base"] = json!(["Starship"]);

    let problem = r4().build_param(search_param(&definition).unwrap()).unwrap_err();

    assert_eq!(problem, Misfit::NoSuchType { of: "own".into(), name: "Starship".into() });
}

#[test]
fn a_parameter_that_lacks_what_it_must_have_is_refused() {
    let mut without_base = param("string");
    without_base["base"] = json!([]);
    let mut simple_with_parts = param("string");
    simple_with_parts["component"] = json!([{"definition": "d", "expression": "e"}]);

    for definition in [param("colour"), param("composite"), without_base, simple_with_parts] {
        assert!(search_param(&definition).is_err(), "{definition}");
    }
}

#[test]
fn a_type_that_specialises_itself_is_refused() {
    let all = [
        definition("A", Some("B"), vec![json!({"path": "A"})]),
        definition("B", Some("A"), vec![json!({"path": "B"})]),
    ];

    let problem = Spec::build(rows(&all).unwrap()).unwrap_err();

    assert_eq!(problem, Misfit::Circular("A".into()));
}

/// Two code systems, one of them whole, and a value set that includes these.
fn expand(includes: Value) -> (Vec<(String, Vec<String>)>, bool) {
    let all = [
        json!({"resourceType": "CodeSystem", "url": "whole", "content": "complete", "concept": [
            {"code": "b", "concept": [{"code": "a"}]},
            {"code": "group", "property": [{"code": "notSelectable", "valueBoolean": true}], "concept": [{"code": "c"}]}
        ]}),
        json!({"resourceType": "CodeSystem", "url": "part", "content": "fragment", "concept": [{"code": "x"}]}),
        json!({"resourceType": "ValueSet", "url": "set", "compose": {"include": includes}}),
    ];
    let found = Terminology::of(&all).expand("set");
    let owned = |codes: Vec<&str>| codes.into_iter().map(str::to_owned).collect();
    (found.codes.into_iter().map(|(system, codes)| (system.to_owned(), owned(codes))).collect(), found.open.is_some())
}

#[test]
fn a_whole_code_system_has_its_codes_at_any_depth_but_not_mere_groups() {
    let (codes, is_open) = expand(json!([{"system": "whole"}]));

    assert_eq!(codes, [("whole".to_owned(), ["a", "b", "c"].map(str::to_owned).to_vec())]);
    assert!(!is_open);
}

#[test]
fn listed_codes_need_no_code_system() {
    let (codes, _) = expand(json!([{"system": "other", "concept": [{"code": "z"}, {"code": "y"}]}]));

    assert_eq!(codes, [("other".to_owned(), ["y", "z"].map(str::to_owned).to_vec())]);
}

#[test]
fn a_value_set_that_is_more_than_lists_is_open() {
    let open = [
        json!([{"system": "part"}]),
        json!([{"system": "unknown"}]),
        json!([{"valueSet": ["other"]}]),
        json!([{"system": "whole", "filter": [{"property": "concept", "op": "is-a", "value": "b"}]}]),
    ];

    for includes in open {
        assert_eq!(expand(includes.clone()), (Vec::new(), true), "{includes}");
    }
}
