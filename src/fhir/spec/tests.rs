//! The tables as R4 has them.

use super::*;
use std::collections::BTreeSet;

fn named(name: &str) -> &'static Type {
    r4().of(r4().type_named(name).unwrap())
}

fn names(ids: &[TypeId]) -> Vec<&'static str> {
    ids.iter().map(|it| &*r4().of(*it).name).collect()
}

fn element(of: &str, name: &str) -> &'static Element {
    named(of).element(name).unwrap()
}

fn all_types() -> impl Iterator<Item = &'static Type> {
    r4().types.iter()
}

#[test]
fn there_are_as_many_definitions_as_r4_has() {
    let of_kind = |kind| all_types().filter(|it| it.kind == kind && !it.is_abstract).count();

    assert_eq!(of_kind(Kind::Resource), 146);
    assert_eq!(of_kind(Kind::Complex), 39);
    assert_eq!(of_kind(Kind::Primitive), 20);
    assert_eq!(r4().params.len(), 1375);
    assert_eq!(r4().compartments.len(), 5);
    assert_eq!(r4().operations.len(), 46);
}

#[test]
fn abstract_types_are_those_that_nothing_is_only() {
    let is_abstract: Vec<_> = all_types().filter(|it| it.is_abstract).map(|it| &*it.name).collect();

    assert_eq!(is_abstract, ["BackboneElement", "DomainResource", "Element", "Resource"]);
}

#[test]
fn concrete_resource_types_are_those_of_resource_types_and_no_others() {
    let listed = &r4().value_set("http://hl7.org/fhir/ValueSet/resource-types").unwrap().codes[0].codes;
    let listed: Vec<_> = listed.iter().map(|it| &**it).filter(|it| !named(it).is_abstract).collect();

    assert_eq!(r4().resources().map(|it| &*r4().of(it).name).collect::<Vec<_>>(), listed);
}

#[test]
fn patient_has_its_elements_in_order_inherited_ones_first() {
    let elements: Vec<_> = named("Patient").elements.iter().map(|it| &*it.name).collect();

    assert_eq!(
        elements,
        [
            "id",
            "meta",
            "implicitRules",
            "language",
            "text",
            "contained",
            "extension",
            "modifierExtension",
            "identifier",
            "active",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "deceased",
            "address",
            "maritalStatus",
            "multipleBirth",
            "photo",
            "contact",
            "communication",
            "generalPractitioner",
            "managingOrganization",
            "link"
        ]
    );
}

#[test]
fn a_choice_is_one_element_and_a_member_for_each_type() {
    let patient = named("Patient");
    let deceased = patient.property("deceasedDateTime").unwrap();

    assert_eq!(&*patient.elements[usize::from(deceased.element)].name, "deceased");
    assert_eq!(names(&[deceased.of]), ["dateTime"]);
    assert_eq!(patient.property("deceased"), None);
    assert!(element("Patient", "deceased").is_choice);
}

#[test]
fn an_array_is_what_repeats_in_the_base() {
    assert!(element("Patient", "name").is_array);
    assert!(!element("Patient", "birthDate").is_array);
    assert!(element("xhtml", "extension").is_array, "forbidden here, but an array in Element");
    assert_eq!(element("xhtml", "extension").max, Some(0));
}

#[test]
fn summary_and_modifier_are_as_published() {
    let of = |flag: fn(&Element) -> bool| {
        let own = named("Patient").elements.iter().filter(|it| flag(it));
        own.map(|it| &*it.name).collect::<Vec<_>>()
    };

    assert_eq!(of(|it| it.is_modifier), ["implicitRules", "modifierExtension", "active", "deceased", "link"]);
    assert_eq!(
        of(|it| it.is_summary),
        [
            "id",
            "meta",
            "implicitRules",
            "identifier",
            "active",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "deceased",
            "address",
            "managingOrganization",
            "link"
        ]
    );
}

#[test]
fn a_content_reference_has_the_type_of_the_element_it_names() {
    let items = [("Questionnaire.item", "item"), ("QuestionnaireResponse.item.answer", "item")];

    let types = items.map(|(of, name)| names(&element(of, name).types));

    assert_eq!(types, [["Questionnaire.item"], ["QuestionnaireResponse.item"]]);
    assert!(named("Questionnaire.item").constraints.iter().any(|it| &*it.key == "que-1"));
}

#[test]
fn what_fhirpath_calls_a_system_type_has_its_fhir_type() {
    let types = [("Patient", "id"), ("HumanName", "id"), ("Extension", "url"), ("date", "value")]
        .map(|(of, name)| names(&element(of, name).types));

    assert_eq!(types, [["id"], ["string"], ["uri"], ["date"]]);
}

#[test]
fn a_primitives_value_is_no_member_of_its_json() {
    let date = named("date");

    assert_eq!(date.properties.len(), 2);
    assert!(date.property("id").is_some() && date.property("extension").is_some());
}

#[test]
fn xml_attributes_are_the_ids_of_elements_and_the_url_of_an_extension() {
    assert!(element("HumanName", "id").is_attribute && element("Extension", "url").is_attribute);
    assert!(!element("Patient", "id").is_attribute && !element("ValueSet", "url").is_attribute);
}

#[test]
fn references_name_their_targets_and_none_where_any_will_do() {
    assert_eq!(
        names(&element("Patient", "generalPractitioner").targets),
        ["Organization", "Practitioner", "PractitionerRole"]
    );
    assert_eq!(names(&element("Observation", "focus").targets), Vec::<&str>::new());
    assert_eq!(names(&element("QuestionnaireResponse", "questionnaire").targets), ["Questionnaire"]);
}

#[test]
fn invariants_stand_where_they_hold_and_only_there() {
    let keys = |all: &'static [Constraint]| all.iter().map(|it| &*it.key).collect::<Vec<_>>();

    assert_eq!(keys(&named("Patient").constraints), ["dom-2", "dom-3", "dom-4", "dom-5", "dom-6"]);
    assert_eq!(keys(&named("Patient.contact").constraints), ["ele-1", "pat-1"]);
    assert_eq!(keys(&element("Patient", "contact").constraints), Vec::<&str>::new());
    assert_eq!(keys(&element("Observation", "referenceRange").constraints), Vec::<&str>::new());
    assert_eq!(keys(&element("Observation.referenceRange", "low").constraints), ["sqty-1"], "a SimpleQuantity");
}

#[test]
fn is_a_follows_every_step_of_specialisation() {
    let id = |name: &str| r4().type_named(name).unwrap();

    assert!(r4().is_a(id("Patient"), id("Resource")));
    assert!(r4().is_a(id("Age"), id("Quantity")));
    assert!(r4().is_a(id("code"), id("string")));
    assert!(r4().is_a(id("Timing.repeat"), id("Element")));
    assert!(!r4().is_a(id("Bundle"), id("DomainResource")));
    assert!(!r4().is_a(id("Resource"), id("Patient")));
}

#[test]
fn every_element_has_a_type_and_a_cardinality_that_can_be_met() {
    for (of, element) in all_types().flat_map(|of| of.elements.iter().map(move |it| (of, it))) {
        assert!(!element.types.is_empty(), "{}.{}", of.name, element.name);
        assert!(element.max.is_none_or(|it| it >= element.min), "{}.{}", of.name, element.name);
    }
}

#[test]
fn every_required_binding_has_its_codes_or_says_why_not() {
    for element in all_types().flat_map(|it| &it.elements) {
        if let Some(binding) = element.binding.as_ref().filter(|it| it.strength == Strength::Required) {
            let found = r4().value_set(&binding.value_set).expect(&binding.value_set);
            assert_ne!(found.codes.is_empty(), found.open.is_none(), "{}", found.url);
        }
    }
}

#[test]
fn few_value_sets_are_open() {
    let open: BTreeSet<_> = r4().value_sets.values().filter(|it| it.open.is_some()).map(|it| &*it.url).collect();

    assert_eq!(
        open.into_iter().collect::<Vec<_>>(),
        [
            "http://hl7.org/fhir/ValueSet/currencies",
            "http://hl7.org/fhir/ValueSet/mimetypes",
            "http://hl7.org/fhir/ValueSet/ucum-units",
            "http://loinc.org/vs/LL379-9",
        ]
    );
}

#[test]
fn a_closed_value_set_knows_its_codes_and_their_systems() {
    let gender = r4().value_set("http://hl7.org/fhir/ValueSet/administrative-gender").unwrap();

    assert!(gender.has_code("other") && !gender.has_code("Other"));
    assert!(gender.has_coding("http://hl7.org/fhir/administrative-gender", "female"));
    assert!(!gender.has_coding("http://hl7.org/fhir/other", "female"));
}

#[test]
fn a_nested_code_is_in_the_list() {
    let status = r4().value_set("http://hl7.org/fhir/ValueSet/condition-clinical").unwrap();

    assert!(status.has_code("recurrence"), "a kind of active");
}

#[test]
fn parameters_of_abstract_types_are_every_types() {
    let id = |name: &str| r4().resource(name).unwrap();

    assert!(r4().param(id("Patient"), "_lastUpdated").is_some());
    assert!(r4().param(id("Patient"), "_text").is_some());
    assert!(r4().param(id("Bundle"), "_lastUpdated").is_some());
    assert!(r4().param(id("Bundle"), "_text").is_none(), "a Bundle has no narrative");
}

#[test]
fn parameters_of_a_type_are_in_the_order_of_their_codes() {
    let codes: Vec<_> = r4().params_of(r4().resource("Patient").unwrap()).iter().map(|it| &*it.code).collect();

    assert!(codes.is_sorted());
    assert_eq!(codes.len(), 32);
}

#[test]
fn a_parameter_of_several_types_keeps_its_whole_expression() {
    let family = r4().param_by_url("http://hl7.org/fhir/SearchParameter/individual-family").unwrap();

    assert_eq!(names(&family.base), ["Patient", "Practitioner"]);
    assert_eq!(&*family.expression, "Patient.name.family | Practitioner.name.family");
}

#[test]
fn a_parameter_that_names_all_types_as_targets_names_none() {
    let id = r4().resource("Observation").unwrap();

    assert_eq!(names(&r4().param(id, "specimen").unwrap().targets), ["Specimen"]);
    assert_eq!(names(&r4().param(id, "focus").unwrap().targets), Vec::<&str>::new());
}

#[test]
fn every_part_of_a_composite_is_a_parameter() {
    let mut parts = r4().params.iter().flat_map(|it| &it.components);

    assert!(parts.all(|it| r4().param_by_url(&it.definition).is_some()));
}

#[test]
fn composites_that_were_published_with_mistakes_can_be_used() {
    let parts = |name: &str| {
        let url = format!("http://hl7.org/fhir/SearchParameter/{name}");
        let parts = r4().param_by_url(&url).unwrap().components.iter();
        parts.map(|it| (r4().param_by_url(&it.definition).unwrap().kind, &*it.expression)).collect::<Vec<_>>()
    };

    assert_eq!(parts("DocumentReference-relationship"), [(ParamType::Token, "code"), (ParamType::Reference, "target")]);
    assert_eq!(parts("Observation-code-value-date")[1].1, "value.as(dateTime) | value.as(Period)");
}

#[test]
fn every_way_into_a_compartment_is_a_reference_parameter_or_the_resource_itself() {
    for compartment in &r4().compartments {
        for (of, codes) in &compartment.members {
            for code in codes.iter().filter(|it| &***it != "{def}") {
                let param = r4().param(*of, code);
                assert_eq!(param.map(|it| it.kind), Some(ParamType::Reference), "{}?{code}", r4().of(*of).name);
            }
        }
    }
}

#[test]
fn a_resource_is_in_its_own_compartment() {
    for compartment in &r4().compartments {
        let (_, codes) = compartment.members.iter().find(|(of, _)| *of == compartment.of).unwrap();
        assert!(codes.iter().any(|it| &**it == "{def}"), "{}", r4().of(compartment.of).name);
    }
}

#[test]
fn operations_know_their_levels() {
    let validate = r4().operations.iter().find(|it| &*it.code == "validate").unwrap();

    assert_eq!(names(&validate.resources), ["Resource"]);
    assert!(validate.on_type && validate.instance && !validate.system && !validate.affects_state);
}
