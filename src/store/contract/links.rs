//! Chains and reverse chains: from resource to resource, by literal references and by identifiers.

use super::filters::{finds, p};
use super::model::Entry;
use super::{Engine, Ward, ward};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Shelf, Side, Test};

/// Patients `kid` and `old`, a kid's observation `o1`, an old one's `o2`, a lost one `o3`; `o4` points to an encounter
/// `visit` of the kid, and a device `kid` is no patient.
pub(super) async fn references_among(engine: &dyn Engine) -> Ward {
    let ward = ward(engine).await;
    let local = |of: &str, code: &str, to: &str, id: &str| Entry::Local(ParamId::of(of, code), to.into(), id.into());
    let age = |n| Entry::Number(ParamId::of("Patient", "age"), n, n);
    ward.create("Device", "kid", &[]).await;
    ward.create("Patient", "kid", &[age(7.0)]).await;
    ward.create("Patient", "old", &[age(90.0)]).await;
    ward.create("Encounter", "visit", &[local("Encounter", "subject", "Patient", "kid")]).await;
    ward.create("Observation", "o1", &[local("Observation", "subject", "Patient", "kid")]).await;
    let of_old = [local("Observation", "subject", "Patient", "old"), local("Observation", "subject", "Device", "kid")];
    ward.create("Observation", "o2", &of_old).await;
    ward.create("Observation", "o3", &[local("Observation", "subject", "Patient", "lost")]).await;
    let of_visit = [local("Observation", "encounter", "Encounter", "visit"), Entry::Number(p("n"), 1.0, 1.0)];
    ward.create("Observation", "o4", &of_visit).await;
    ward
}

fn young() -> Clause {
    Clause::Any(vec![Test::Number(ParamId::of("Patient", "age"), RangeTest::Below(18.0))])
}

fn chain(param: ParamId, of: &str, filter: Filter) -> Test {
    Test::Chain { param, is_single: false, of: of.into(), filter }
}

fn has(of: &str, code: &str, filter: Filter) -> Test {
    Test::Has { of: of.into(), param: ParamId::of(of, code), filter }
}

pub(crate) async fn references(engine: &dyn Engine) {
    let ward = references_among(engine).await;
    for (of, id, expected) in [
        ("Patient", "kid", &["o1"][..]),
        ("Patient", "lost", &["o3"]),
        ("Device", "kid", &["o2"]),
        ("Device", "old", &[]),
    ] {
        let test = Test::Local { param: p("subject"), of: of.into(), id: id.into() };
        finds(&ward, "Observation", test, expected).await;
    }
}

pub(crate) async fn chains(engine: &dyn Engine) {
    let ward = references_among(engine).await;
    let of_young = |param| chain(param, "Patient", vec![young()]);
    let patient = |id: &str| vec![Clause::Any(vec![Test::Id(id.into())])];
    let visit =
        chain(p("encounter"), "Encounter", vec![Clause::Any(vec![of_young(ParamId::of("Encounter", "subject"))])]);
    let not_young = chain(
        p("subject"),
        "Patient",
        vec![Clause::None(match young() {
            Clause::Any(tests) | Clause::None(tests) => tests,
        })],
    );
    let measured = has("Observation", "encounter", vec![Clause::Any(vec![Test::Present(p("n"), Shelf::Number)])]);
    let visited = has("Encounter", "subject", vec![Clause::Any(vec![measured])]);
    for (of, test, expected) in [
        ("Observation", of_young(p("subject")), &["o1"][..]),
        ("Observation", not_young, &["o2"]),
        ("Observation", chain(p("subject"), "Patient", Vec::new()), &["o1", "o2"]),
        ("Observation", chain(p("subject"), "Patient", patient("old")), &["o2"]),
        ("Observation", chain(p("subject"), "Device", patient("kid")), &["o2"]),
        ("Observation", chain(p("encounter"), "Encounter", patient("old")), &[]),
        ("Observation", visit, &["o4"]),
        ("Patient", has("Observation", "subject", Vec::new()), &["kid", "old"]),
        ("Patient", has("Observation", "subject", vec![Clause::Any(vec![Test::Id("o2".into())])]), &["old"]),
        ("Patient", visited.clone(), &["kid"]),
        ("Encounter", has("Observation", "encounter", vec![Clause::None(vec![])]), &["visit"]),
        ("Device", has("Observation", "subject", Vec::new()), &["kid"]),
        ("Observation", chain(p("subject"), "Patient", vec![Clause::Any(vec![visited])]), &["o1"]),
    ] {
        finds(&ward, of, test, expected).await;
    }
}

/// references.html#logical: a chain goes by identifiers too.
pub(crate) async fn logical_links(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let identity = |of: &str, system, value| Entry::Identity(of.into(), system, value);
    let logical = |of: Option<&str>, system, value| Entry::Logical(p("subject"), of.map(str::to_owned), system, value);
    let subject = |to: &str, id: &str| chain(p("subject"), to, vec![Clause::Any(vec![Test::Id(id.into())])]);
    ward.create("Observation", "o1", &[logical(None, Some("mrn"), "1")]).await;
    ward.create("Patient", "a", &[identity("Patient", Some("mrn"), "1"), identity("Patient", None, "2")]).await;
    ward.create("Patient", "twin", &[identity("Patient", Some("mrn"), "1")]).await;
    ward.create("Device", "d", &[identity("Device", Some("mrn"), "1")]).await;
    ward.create("Observation", "o2", &[logical(None, None, "2")]).await;
    ward.create("Observation", "o3", &[logical(Some("Device"), Some("mrn"), "1")]).await;
    ward.create("Observation", "o4", &[logical(None, Some("mrn"), "2")]).await;
    let literal = Entry::Local(p("subject"), "Patient".into(), "a".into());
    ward.create("Observation", "o5", &[literal]).await;
    for (of, test, expected) in [
        ("Observation", subject("Patient", "a"), &["o1", "o2", "o5"][..]),
        ("Observation", subject("Patient", "twin"), &["o1"]),
        ("Observation", subject("Device", "d"), &["o1", "o3"]),
        ("Patient", has("Observation", "subject", vec![Clause::Any(vec![Test::Id("o1".into())])]), &["a", "twin"]),
        ("Patient", has("Observation", "subject", vec![Clause::Any(vec![Test::Id("o4".into())])]), &[]),
        ("Device", has("Observation", "subject", Vec::new()), &["d"]),
        ("Observation", Test::Local { param: p("subject"), of: "Patient".into(), id: "a".into() }, &["o5"]),
    ] {
        finds(&ward, of, test, expected).await;
    }
    ward.update("Patient", "a", 1, &[]).await;
    ward.delete("Patient", "twin", 1).await;
    finds(&ward, "Observation", chain(p("subject"), "Patient", Vec::new()), &["o5"]).await;
}

/// search.html#recursive: up and down, through circles and to what is not there.
pub(crate) async fn hierarchies(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let part_of = ParamId::of("Location", "partof");
    let at = |id: &str| Entry::Local(p("location"), "Location".into(), id.into());
    let part = |of: &str| Entry::Local(part_of, "Location".into(), of.into());
    for (id, entries) in [
        ("bed", vec![part("room")]),
        ("house", vec![]),
        ("ring", vec![part("round")]),
        ("room", vec![part("ward")]),
        ("round", vec![part("ring")]),
        ("ward", vec![part("house")]),
    ] {
        ward.create("Location", id, &entries).await;
    }
    for (id, place) in [("o1", "bed"), ("o2", "ward"), ("o3", "house"), ("o4", "ring"), ("o5", "lost")] {
        ward.create("Observation", id, &[at(place)]).await;
    }
    let kin = |param, id: &str, side| Test::Kin { param, of: "Location".into(), id: id.into(), parent: part_of, side };
    for (id, side, expected) in [
        ("ward", Side::Below, &["o1", "o2"][..]),
        ("ward", Side::Above, &["o2", "o3"]),
        ("house", Side::Below, &["o1", "o2", "o3"]),
        ("round", Side::Below, &["o4"]),
        ("round", Side::Above, &["o4"]),
        ("lost", Side::Below, &["o5"]),
    ] {
        finds(&ward, "Observation", kin(p("location"), id, side), expected).await;
    }
    finds(&ward, "Location", kin(part_of, "ward", Side::Below), &["bed", "room"]).await;
    ward.delete("Location", "room", 1).await;
    finds(&ward, "Observation", kin(p("location"), "ward", Side::Below), &["o2"]).await;
}

/// As deep as `_filter` and chains may nest: alternatives of parts of alternatives, and a chain of eight links in them.
pub(crate) async fn nested(engine: &dyn Engine) {
    let ward = references_among(engine).await;
    let nobody = Clause::Any(vec![Test::Id("nobody".into())]);
    let mut deepest = chain(p("subject"), "Patient", vec![young()]);
    for _ in 0..3 {
        let measured = has("Observation", "subject", vec![Clause::Any(vec![deepest])]);
        deepest = chain(p("subject"), "Patient", vec![Clause::Any(vec![measured])]);
    }
    for _ in 0..8 {
        let either = Clause::Any(vec![Test::All(vec![nobody.clone()]), deepest]);
        deepest = Test::All(vec![either, Clause::None(vec![Test::Id("nobody".into())])]);
    }
    finds(&ward, "Observation", deepest, &["o1"]).await;
}
