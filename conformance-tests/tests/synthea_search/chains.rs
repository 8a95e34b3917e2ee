//! Chains (search.html#chaining) and reverse chains (search.html#has).

use super::dates::{compares, dated, period, range};
use super::records::{on_records, row};
use super::walk::{at, begins, coded, is, number, place, texts};
use conformance_tests::encode;
use serde_json::Value;

fn in_family(patient: &Value, family: &str) -> bool {
    is(patient, "name.family", family)
}

/// search.html#chaining: one step, with the type and without.
#[test]
fn chains_of_one_step_agree_with_the_records() {
    on_records(async |records| {
        records
            .check(vec![
                row("Observation?subject:Patient.family=medhurst46", |it| {
                    records.chain(it, "subject", |patient| in_family(patient, "Medhurst46"))
                }),
                row("Condition?subject.gender=female", |it| {
                    records.chain(it, "subject", |patient| is(patient, "gender", "female"))
                }),
                row("Observation?encounter:Encounter.type=http://snomed.info/sct|185345009", |it| {
                    records.chain(it, "encounter", |encounter| coded(encounter, "type", "185345009"))
                }),
                row("MedicationRequest?patient.birthdate=lt1970", |it| {
                    records.chain(it, "subject", |patient| dated(patient, "birthDate", "lt", "1970"))
                }),
                row("Encounter?practitioner.family=kunde533", |it| {
                    records.chain(it, "participant.individual", |doctor| in_family(doctor, "Kunde533"))
                }),
                row("Encounter?location.address-city=boston", |it| {
                    records.chain(it, "location.location", |location| begins(location, "address.city", "boston"))
                }),
                row("Condition?encounter.date=ge2015&clinical-status=resolved", |it| {
                    coded(it, "clinicalStatus", "resolved")
                        && records.chain(it, "encounter", |encounter| {
                            compares(period(&encounter["period"]), "ge", range("2015"))
                        })
                }),
                row("DiagnosticReport?result.code=718-7", |it| {
                    records.chain(it, "result", |result| coded(result, "code", "718-7"))
                }),
                row("MedicationRequest?medication.code=1659131", |it| {
                    records.chain(it, "medicationReference", |medication| coded(medication, "code", "1659131"))
                }),
                row("Immunization?patient:Patient.address-city=sandwich", |it| {
                    records.chain(it, "patient", |patient| begins(patient, "address.city", "sandwich"))
                }),
                row("CarePlan?care-team.status=active", |it| {
                    records.chain(it, "careTeam", |team| is(team, "status", "active"))
                }),
                row("Procedure?subject:Patient.death-date:missing=false", |it| {
                    records.chain(it, "subject", |patient| !patient["deceasedDateTime"].is_null())
                }),
            ])
            .await;
    });
}

/// search.html#chaining: chains of several steps, several chains, and chains beside other criteria.
#[test]
fn longer_chains_agree_with_the_records() {
    on_records(async |records| {
        let hospital = "NEWTON-WELLESLEY HOSPITAL";
        let at_hospital = |encounter: &Value| {
            records.chain(encounter, "serviceProvider", |organization| begins(organization, "name", hospital))
        };
        let name = encode(hospital);
        records
            .check(vec![
                row(format!("DiagnosticReport?encounter:Encounter.service-provider:Organization.name={name}"), |it| {
                    records.chain(it, "encounter", at_hospital)
                }),
                row(format!("Observation?encounter.service-provider.name={name}&code=8302-2,8867-4"), |it| {
                    (coded(it, "code", "8302-2") || coded(it, "code", "8867-4"))
                        && records.chain(it, "encounter", at_hospital)
                }),
                row("Procedure?encounter:Encounter.participant:Practitioner.family=kunde533", |it| {
                    records.chain(it, "encounter", |encounter| {
                        records.chain(encounter, "participant.individual", |doctor| in_family(doctor, "Kunde533"))
                    })
                }),
                row("DiagnosticReport?result:Observation.encounter:Encounter.patient:Patient.gender=female", |it| {
                    records.chain(it, "result", |result| {
                        records.chain(result, "encounter", |encounter| {
                            records.chain(encounter, "subject", |patient| is(patient, "gender", "female"))
                        })
                    })
                }),
                row("CarePlan?condition.encounter.class=AMB&subject.gender=male", |it| {
                    let ambulatory = |encounter: &Value| is(encounter, "class.code", "AMB");
                    records.chain(it, "subject", |patient| is(patient, "gender", "male"))
                        && records.chain(it, "addresses", |condition| records.chain(condition, "encounter", ambulatory))
                }),
            ])
            .await;
    });
}

/// search.html#has: one step, two at once, and beside other criteria.
#[test]
fn reverse_chains_agree_with_the_records() {
    on_records(async |records| {
        let viral = |it: &Value| coded(it, "code", "195662009");
        records
            .check(vec![
                row("Patient?_has:Condition:patient:code=195662009", |it| {
                    records.has(it, "Condition", "subject", viral)
                }),
                row("Patient?_has:MedicationRequest:patient:status=active&gender=male", |it| {
                    is(it, "gender", "male")
                        && records.has(it, "MedicationRequest", "subject", |request| is(request, "status", "active"))
                }),
                row("Patient?_has:AllergyIntolerance:patient:criticality=low", |it| {
                    records.has(it, "AllergyIntolerance", "patient", |allergy| is(allergy, "criticality", "low"))
                }),
                row("Patient?_has:Observation:patient:code-value-quantity=29463-7$gt90", |it| {
                    records.has(it, "Observation", "subject", |observation| {
                        coded(observation, "code", "29463-7")
                            && number(observation, "valueQuantity.value", |weight| weight > 90.0)
                    })
                }),
                row("Organization?_has:Encounter:service-provider:type=185345009,390906007", |it| {
                    records.has(it, "Encounter", "serviceProvider", |encounter| {
                        coded(encounter, "type", "185345009") || coded(encounter, "type", "390906007")
                    })
                }),
                row("Location?_has:Encounter:location:date=ge2020", |it| {
                    records.has(it, "Encounter", "location.location", |encounter| {
                        compares(period(&encounter["period"]), "ge", range("2020"))
                    })
                }),
                row("Encounter?_has:Condition:encounter:code=195662009&_has:Observation:encounter:code=8310-5", |it| {
                    records.has(it, "Condition", "encounter", viral)
                        && records
                            .has(it, "Observation", "encounter", |observation| coded(observation, "code", "8310-5"))
                }),
                row("Observation?_has:DiagnosticReport:result:code=51990-0", |it| {
                    records.has(it, "DiagnosticReport", "result", |report| coded(report, "code", "51990-0"))
                }),
            ])
            .await;
    });
}

/// search.html#has: reverse chains within each other, and mixed with chains both ways.
#[test]
fn reverse_chains_that_are_nested_agree_with_the_records() {
    on_records(async |records| {
        let viral = |it: &Value| coded(it, "code", "195662009");
        records
            .check(vec![
                row("Patient?_has:Encounter:patient:_has:Observation:encounter:code=8310-5", |it| {
                    records.has(it, "Encounter", "subject", |encounter| {
                        records.has(encounter, "Observation", "encounter", |it| coded(it, "code", "8310-5"))
                    })
                }),
                row("Organization?_has:Encounter:service-provider:_has:Condition:encounter:code=195662009", |it| {
                    records.has(it, "Encounter", "serviceProvider", |encounter| {
                        records.has(encounter, "Condition", "encounter", viral)
                    })
                }),
                row("Practitioner?_has:Encounter:participant:patient.family=medhurst46", |it| {
                    records.has(it, "Encounter", "participant.individual", |encounter| {
                        records.chain(encounter, "subject", |patient| in_family(patient, "Medhurst46"))
                    })
                }),
                row("Encounter?patient._has:Condition:patient:code=195662009", |it| {
                    records.chain(it, "subject", |patient| records.has(patient, "Condition", "subject", viral))
                }),
                row("DiagnosticReport?encounter:Encounter._has:Condition:encounter:code=195662009", |it| {
                    records.chain(it, "encounter", |encounter| records.has(encounter, "Condition", "encounter", viral))
                }),
            ])
            .await;
    });
}

/// references.html, search.html#reference: by id, with the type, and several.
#[test]
fn references_agree_with_the_records() {
    on_records(async |records| {
        let (one, other) = (place(records.patient("Cortés936")), place(records.patient("León820")));
        let (_, id) = one.split_once('/').expect("Type/id");
        let encounter = records.of("Observation").flat_map(|it| texts(it, "encounter.reference")).next();
        let encounter = encounter.expect("an encounter");
        let condition = records.of("CarePlan").flat_map(|it| texts(it, "addresses.reference")).next();
        let condition = condition.expect("a plan for a condition");
        let about = |it: &Value, place: &str| at(it, "subject.reference").iter().any(|reference| *reference == place);
        records
            .check(vec![
                row(format!("Procedure?patient={one}"), |it| about(it, &one)),
                row(format!("Observation?subject={id}&category=laboratory"), |it| {
                    about(it, &one) && coded(it, "category", "laboratory")
                }),
                row(format!("Condition?subject:Patient={id}"), |it| about(it, &one)),
                row(format!("DiagnosticReport?patient={one},{other}"), |it| about(it, &one) || about(it, &other)),
                row(format!("Observation?encounter={encounter}"), |it| is(it, "encounter.reference", encounter)),
                row(format!("CarePlan?condition={condition}"), |it| is(it, "addresses.reference", condition)),
            ])
            .await;
    });
}

/// references.html#logical: roles name their doctors and hospitals by identifiers alone.
#[test]
fn chains_by_identifier_agree_with_the_records() {
    on_records(async |records| {
        let city = |it: &Value| begins(it, "address.city", "boston");
        records
            .check(vec![
                row("PractitionerRole?practitioner.address-city=boston", |it| records.chain(it, "practitioner", city)),
                row(
                    "PractitionerRole?practitioner:Practitioner.gender=female&organization.address-city=boston",
                    |it| {
                        records.chain(it, "practitioner", |doctor| is(doctor, "gender", "female"))
                            && records.chain(it, "organization", city)
                    },
                ),
                row("Practitioner?_has:PractitionerRole:practitioner:organization.address-city=boston", |it| {
                    records
                        .has(it, "PractitionerRole", "practitioner", |role| records.chain(role, "organization", city))
                }),
                row("Organization?_has:PractitionerRole:organization:practitioner.gender=male", |it| {
                    records.has(it, "PractitionerRole", "organization", |role| {
                        records.chain(role, "practitioner", |doctor| is(doctor, "gender", "male"))
                    })
                }),
            ])
            .await;
    });
}
