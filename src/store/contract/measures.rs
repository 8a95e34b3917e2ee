//! Quantities in units, and places at distances.

use super::filters::{finds, p};
use super::model::Entry;
use super::{Engine, ward};
use fhir::search::near::{Disk, Spot};
use fhir::search::{Clause, RangeTest, Test, Unit, UnitTest};
use fhir::units::UCUM;

/// search.html#quantity: units of UCUM are told apart by what they measure, others by their codes.
pub(crate) async fn quantities(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let unit = |system, code| Unit { system: Some(system), code: Some(code), unit: None };
    for (id, unit, value) in [
        ("a", unit(UCUM, "mg"), 5.4),
        ("b", unit(UCUM, "g"), 0.0054),
        ("c", unit(UCUM, "m"), 0.0054),
        ("d", unit(UCUM, "[pH]"), 7.4),
        ("e", unit("local", "mg"), 5.4),
    ] {
        ward.create("Observation", id, &[Entry::Quantity(p("q"), unit, value, value)]).await;
    }
    let quantity = |unit, range| Test::Quantity(p("q"), unit, range);
    let coded = |system: &str, code: &str| UnitTest::Coded(system.into(), code.into());
    for (test, expected) in [
        (quantity(coded(UCUM, "g"), RangeTest::Within(0.0054, 0.0054)), &["a", "b"][..]),
        (quantity(coded(UCUM, "m"), RangeTest::Above(0.0)), &["c"]),
        (quantity(coded(UCUM, "[pH]"), RangeTest::Within(7.4, 7.4)), &["d"]),
        (quantity(coded("local", "mg"), RangeTest::Above(0.0)), &["e"]),
        (quantity(UnitTest::Named("mg".into()), RangeTest::Above(0.0)), &["a", "e"]),
        (quantity(UnitTest::Any, RangeTest::Within(0.0054, 0.0054)), &["b", "c"]),
    ] {
        finds(&ward, "Observation", test, expected).await;
    }
}

/// location.html#positional: near and far, from either side of the equator and around the pole.
pub(crate) async fn places(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for (id, latitude, longitude) in [
        ("berlin", 52.52, 13.405),
        ("cayambe", 0.0411, -78.1452),
        ("mcmurdo", -77.8419, 166.6863),
        ("potsdam", 52.3906, 13.0645),
        ("quito", -0.1807, -78.4678),
    ] {
        let spot = Spot::at(latitude, longitude).unwrap();
        ward.create("Location", id, &[Entry::Place(p("near"), spot)]).await;
    }
    for (latitude, longitude, kilometres, expected) in [
        (52.5, 13.4, 5.0, &["berlin"][..]),
        (52.5, 13.4, 50.0, &["berlin", "potsdam"]),
        (0.0, -78.3, 30.0, &["cayambe", "quito"]),
        (0.0, -78.3, 20.0, &["cayambe"]),
        (-90.0, 0.0, 1_500.0, &["mcmurdo"]),
        (-90.0, 0.0, 10_100.0, &["cayambe", "mcmurdo", "quito"]),
        (52.5, 13.4, 10_600.0, &["berlin", "cayambe", "potsdam", "quito"]),
        (52.5, 13.4, 20_100.0, &["berlin", "cayambe", "mcmurdo", "potsdam", "quito"]),
        (10.0, 10.0, 1.0, &[]),
    ] {
        let disks = Disk::around(latitude, longitude, kilometres * 1000.0).unwrap();
        let near = Clause::Any(disks.into_iter().map(|it| Test::Near(p("near"), it)).collect());
        finds(&ward, "Location", Test::All(vec![near]), expected).await;
    }
}
