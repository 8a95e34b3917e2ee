mod coverage;

use super::*;
use crate::json::Doc;
use crate::search::near::Spot;
use crate::search::{First, Target, Unit};
use crate::spec::r4;

/// Writes down what it is told, as `code kind values`.
struct Notes(Vec<String>, Vec<(ParamId, String)>);

impl Notes {
    fn note(&mut self, param: ParamId, what: String) {
        let code = self.code(param);
        self.0.push(format!("{code} {what}"));
    }

    fn code(&self, param: ParamId) -> String {
        self.1.iter().find(|(id, _)| *id == param).map_or("?", |(_, code)| code).to_owned()
    }
}

impl IndexSink for Notes {
    fn composite(&mut self, param: ParamId, first: First<'_>) -> ParamId {
        let derived = ParamId(u64::from(u32::MAX) + self.1.len() as u64);
        let first = match first {
            First::Code(code) => code.to_owned(),
            First::Coding(system, code) => format!("{}|{code}", system.unwrap_or("")),
            First::Reference(_) | First::Uri(_) => "?".to_owned(),
        };
        self.1.push((derived, format!("{} {first} $", self.code(param))));
        derived
    }
    fn token(&mut self, param: ParamId, system: Option<&str>, code: &str) {
        self.note(param, format!("{}|{code}", system.unwrap_or("")));
    }
    fn system(&mut self, param: ParamId, system: &str) {
        self.note(param, format!("{system}|"));
    }
    fn string(&mut self, param: ParamId, text: &str) {
        self.note(param, format!("'{text}'"));
    }
    fn date(&mut self, param: ParamId, low: i64, high: i64) {
        let show = |it: i64| {
            if it == i64::MIN || it == i64::MAX { "open".into() } else { crate::primitive::datetime::instant(it) }
        };
        self.note(param, format!("{}..{}", show(low), show(high)));
    }
    fn number(&mut self, param: ParamId, low: f64, high: f64) {
        self.note(param, format!("{low}..{high}"));
    }
    fn numbers(&mut self, param: ParamId, first: f64, second: f64) {
        self.note(param, format!("{first} and {second}"));
    }
    fn quantity(&mut self, param: ParamId, unit: Unit<'_>, low: f64, high: f64) {
        self.note(param, format!("{low}..{high} {}", unit.code.or(unit.unit).unwrap_or("")));
    }
    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        self.note(
            param,
            match target {
                Target::Local { of, id } => format!("{of}/{id}"),
                Target::Url(url) => (*url).to_owned(),
            },
        );
    }
    fn logical(&mut self, param: ParamId, of: Option<&str>, system: Option<&str>, value: &str) {
        self.note(param, format!("{} {}|{value}", of.unwrap_or("any"), system.unwrap_or("")));
    }
    fn identified(&mut self, of: &str, system: Option<&str>, value: &str) {
        self.0.push(format!("itself {of} {}|{value}", system.unwrap_or("")));
    }
    fn uri(&mut self, param: ParamId, uri: &str) {
        self.note(param, uri.to_owned());
    }
    fn place(&mut self, param: ParamId, spot: &Spot) {
        self.note(param, format!("{:?} {:.3} {:.3}", spot.map, spot.x, spot.y));
    }
}

/// What a resource is found by under one parameter.
fn entries(resource: &str, code: &str) -> Vec<String> {
    let doc = Doc::parse(resource).unwrap();
    let name = doc.root().str("resourceType").unwrap();
    let of = r4().resource(name).unwrap();
    let params = r4().params_of(of);
    let names = params.iter().flat_map(|it| ["", ":identifier", ":below"].map(|more| format!("{}{more}", it.code)));
    let codes = names.map(|it| (ParamId::of(name, &it), it)).collect();
    let mut notes = Notes(Vec::new(), codes);
    Indexer::new(r4()).index(of, doc.root(), "http://here/fhir/demo", &mut notes);
    notes.0.into_iter().filter_map(|it| it.strip_prefix(&format!("{code} ")).map(str::to_owned)).collect()
}

#[test]
fn tokens_carry_their_system() {
    let patient = r#"{"resourceType":"Patient","active":true,"gender":"female","deceasedBoolean":false,
        "identifier":[{"system":"urn:mrn","value":"7"},{"value":"8"}],"telecom":[{"system":"phone","value":"555"}]}"#;
    assert_eq!(entries(patient, "gender"), ["http://hl7.org/fhir/administrative-gender|female"]);
    assert_eq!(entries(patient, "identifier"), ["urn:mrn|7", "|8"]);
    assert_eq!(entries(patient, "phone"), ["|555"]);
    assert_eq!(
        entries(patient, "active"),
        [format!("{}|true", "http://terminology.hl7.org/CodeSystem/special-values")]
    );
    assert_eq!(
        entries(patient, "deceased"),
        [format!("{}|false", "http://terminology.hl7.org/CodeSystem/special-values")]
    );
}

#[test]
fn names_and_addresses_are_found_by_their_parts() {
    let patient =
        r#"{"resourceType":"Patient","name":[{"family":"Ek","given":["Ann","Bo"]}],"address":[{"city":"Oslo"}]}"#;
    assert_eq!(entries(patient, "name"), ["'Ek'", "'Ann'", "'Bo'"]);
    assert_eq!(entries(patient, "given"), ["'Ann'", "'Bo'"]);
    assert_eq!(entries(patient, "address"), ["'Oslo'"]);
}

#[test]
fn dates_are_ranges() {
    let observation = r#"{"resourceType":"Observation","effectivePeriod":{"start":"2026-01-02"}}"#;
    assert_eq!(entries(observation, "date"), ["2026-01-02T00:00:00.000Z..open"]);
    let patient = r#"{"resourceType":"Patient","birthDate":"1980-02"}"#;
    assert_eq!(entries(patient, "birthdate"), ["1980-02-01T00:00:00.000Z..1980-02-29T23:59:59.999Z"]);
}

#[test]
fn quantities_and_choices() {
    let observation = r#"{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"mg","code":"mg","system":"http://unitsofmeasure.org"},
        "component":[{"valueQuantity":{"comparator":"<","value":3}}]}"#;
    assert_eq!(entries(observation, "value-quantity"), ["5.4..5.4 mg"]);
    assert_eq!(entries(observation, "combo-value-quantity"), ["5.4..5.4 mg", "-inf..3 "]);
    assert!(entries(observation, "value-string").is_empty());
}

/// Equal in UCUM, and found by different words.
#[test]
fn equal_quantities_are_told_each() {
    let observation = r#"{"resourceType":"Observation","component":[{"valueQuantity":{"value":1,"code":"g","system":"http://unitsofmeasure.org"}},
        {"valueQuantity":{"value":1000,"code":"mg","system":"http://unitsofmeasure.org"}},{"valueQuantity":{"value":1,"unit":"g"}}]}"#;
    assert_eq!(entries(observation, "component-value-quantity"), ["1..1 g", "1000..1000 mg", "1..1 g"]);
}

/// references.html#logical: a literal reference goes before; a parameter for one type takes what may be of it.
#[test]
fn references_by_identifier_are_told_with_their_type() {
    let of = |subject: &str, code: &str| {
        entries(
            &format!(r#"{{"resourceType":"Observation","identifier":[{{"value":"o"}}],"subject":{subject}}}"#),
            code,
        )
    };
    let untyped = r#"{"identifier":{"system":"mrn","value":"7"}}"#;
    assert_eq!(of(untyped, "subject"), ["any mrn|7"]);
    assert_eq!(of(untyped, "patient"), ["Patient mrn|7"]);
    let device = r#"{"type":"Device","identifier":{"value":"7"}}"#;
    assert_eq!(of(device, "subject"), ["Device |7"]);
    assert!(of(device, "patient").is_empty());
    assert_eq!(of(r#"{"reference":"Patient/1","identifier":{"value":"7"}}"#, "patient"), ["Patient/1"]);
    assert!(of(r#"{"reference":"Device/1","identifier":{"value":"7"}}"#, "patient").is_empty());
    assert_eq!(of(untyped, "itself"), ["Observation |o"]);
}

#[test]
fn positions_are_spots_on_a_map() {
    let location = |position| format!(r#"{{"resourceType":"Location","position":{position}}}"#);
    assert_eq!(entries(&location(r#"{"latitude":0,"longitude":90}"#), "near"), ["North 0.000 1.000"]);
    assert_eq!(entries(&location(r#"{"latitude":-90.0,"longitude":0}"#), "near"), ["South 0.000 0.000"]);
    assert!(entries(&location(r#"{"latitude":95,"longitude":0}"#), "near").is_empty());
    assert!(entries(&location(r#"{"latitude":5}"#), "near").is_empty());
}

#[test]
fn references_are_local_or_urls_and_filtered_by_type() {
    let observation = r##"{"resourceType":"Observation","subject":{"reference":"http://here/fhir/demo/Patient/1"},
        "encounter":{"reference":"Encounter/2"},"focus":[{"reference":"http://there/Device/3"}],"specimen":{"reference":"#s"}}"##;
    assert_eq!(entries(observation, "subject"), ["Patient/1"]);
    assert_eq!(entries(observation, "patient"), ["Patient/1"]);
    assert_eq!(entries(observation, "encounter"), ["Encounter/2"]);
    assert_eq!(entries(observation, "focus"), ["http://there/Device/3"]);
    assert_eq!(entries(observation, "specimen"), ["#"]);
    for written in ["Patient/1/_history/2", "http://here/fhir/demo/Patient/1/_history/2"] {
        let provenance = format!(r#"{{"resourceType":"Provenance","target":[{{"reference":"{written}"}}]}}"#);
        assert_eq!(entries(&provenance, "target"), ["Patient/1"]);
        assert_eq!(entries(&provenance, "target:identifier"), ["Patient/1/_history/2"]);
    }
    let device_subject = r#"{"resourceType":"Observation","subject":{"reference":"Device/1"}}"#;
    assert!(entries(device_subject, "patient").is_empty());
}

#[test]
fn composites_keep_together_what_belongs_together() {
    let pressure = |code: &str, value: u8| {
        format!(
            r#"{{"code":{{"coding":[{{"system":"loinc","code":"{code}"}}]}},"valueQuantity":{{"value":{value},"unit":"mmHg"}}}}"#
        )
    };
    let observation = format!(
        r#"{{"resourceType":"Observation","code":{{"coding":[{{"code":"bp"}}]}},"valueDateTime":"2026-01-02","component":[{},{}]}}"#,
        pressure("sys", 120),
        pressure("dia", 80)
    );
    assert_eq!(
        entries(&observation, "component-code-value-quantity"),
        ["sys $ 120..120 mmHg", "loinc|sys $ 120..120 mmHg", "dia $ 80..80 mmHg", "loinc|dia $ 80..80 mmHg"]
    );
    assert!(entries(&observation, "code-value-quantity").is_empty());
    let day = "2026-01-02T00:00:00.000Z..2026-01-02T23:59:59.999Z";
    assert_eq!(entries(&observation, "code-value-date"), [format!("bp $ {day}"), format!("|bp $ {day}")]);
}

#[test]
fn composites_reach_beyond_their_match_and_take_pairs_of_numbers() {
    let sequence = r#"{"resourceType":"MolecularSequence","referenceSeq":{"referenceSeqId":{"coding":[{"code":"NC_1"}]},
        "windowStart":1,"windowEnd":9},"variant":[{"start":3,"end":4},{"start":5}]}"#;
    assert_eq!(entries(sequence, "referenceseqid-window-coordinate"), ["NC_1 $ 1 and 9", "|NC_1 $ 1 and 9"]);
    assert_eq!(entries(sequence, "referenceseqid-variant-coordinate"), ["NC_1 $ 3 and 4", "|NC_1 $ 3 and 4"]);
    assert!(entries(sequence, "chromosome-variant-coordinate").is_empty());
    let document = r#"{"resourceType":"DocumentReference","relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/1"}}]}"#;
    let system = "http://hl7.org/fhir/document-relationship-type";
    assert_eq!(
        entries(document, "relationship"),
        ["replaces $ DocumentReference/1".to_owned(), format!("{system}|replaces $ DocumentReference/1")]
    );
}

#[test]
fn modifiers_find_types_identifiers_and_beginnings() {
    let patient = r#"{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"7","type":{"coding":[{"system":"v2","code":"MR"},{"code":"x"}]}}],
        "generalPractitioner":[{"identifier":{"system":"npi","value":"1"}},{"reference":"Practitioner/1"}]}"#;
    assert_eq!(entries(patient, "identifier"), ["v2|MR $ 7", "urn:mrn|7"]);
    assert_eq!(entries(patient, "general-practitioner:identifier"), ["npi|1"]);
    assert_eq!(entries(patient, "general-practitioner"), ["any npi|1", "Practitioner/1"]);
    let set = r#"{"resourceType":"ValueSet","url":"http://a.org/x/y","meta":{"profile":["http://a.org/z"]}}"#;
    assert_eq!(entries(set, "url"), ["http://a.org/x/y"]);
    assert_eq!(entries(set, "url:below"), ["http://a.org", "http://a.org/x", "http://a.org/x/y"]);
    assert_eq!(entries(set, "_profile:below"), ["http://a.org", "http://a.org/z"]);
    let plan = r#"{"resourceType":"PlanDefinition","library":["http://a.org/l|1.10.2"]}"#;
    assert_eq!(entries(plan, "depends-on"), ["http://a.org/l|1.10.2", "http://a.org/l"]);
    let versions = ["http://a.org/l|1", "http://a.org/l|1.10", "http://a.org/l|1.10.2"];
    assert_eq!(entries(plan, "depends-on:identifier"), versions);
}

#[test]
fn many_codes_are_not_multiplied_without_end() {
    let codings = (0..2000).map(|i| format!(r#"{{"code":"{i}"}}"#)).collect::<Vec<_>>().join(",");
    let observation = format!(
        r#"{{"resourceType":"Observation","code":{{"coding":[{codings}]}},"valueCodeableConcept":{{"coding":[{codings}]}}}}"#
    );
    assert_eq!(entries(&observation, "code-value-concept").len(), PAIRS);
}

#[test]
fn every_parameter_that_a_shelf_is_for_compiles() {
    for of in r4().resources() {
        let name = &r4().of(of).name;
        let expected = r4().params_of(of).into_iter().filter(|it| {
            Shelf::of(it.kind).is_some()
                && !it.expression.is_empty()
                && !matches!(&*it.code, "_id" | "_lastUpdated")
                && kept_as(r4(), of, it).iter().any(|kept| kept.code == it.code)
        });
        assert_eq!(compile(r4(), of, false).len(), expected.count(), "{name}");
    }
}

#[test]
fn param_numbers_are_unique() {
    let mut seen = std::collections::HashMap::new();
    for of in r4().resources() {
        let name = &r4().of(of).name;
        for param in r4().params_of(of) {
            let twin = seen.insert(ParamId::of(name, &param.code), (name, &param.code));
            assert!(twin.is_none(), "{name}?{} has the number of {twin:?}", param.code);
        }
    }
}
