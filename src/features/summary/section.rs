//! The sections of a summary (IPS's Composition profile), and which resources each has.

use fhir::json::Value;

/// A section.
pub(super) struct Section {
    /// LOINC's code of it.
    pub(super) code: &'static str,
    /// LOINC's name of that.
    pub(super) display: &'static str,
    /// What it is headed by.
    pub(super) title: &'static str,
    /// Whether a summary must have it.
    pub(super) is_required: bool,
    pub(super) sources: &'static [Source],
}

/// Resources of a section.
pub(super) struct Source {
    pub(super) of: &'static str,
    /// What they are searched by, beside the patient.
    pub(super) query: &'static str,
    /// The most of them that a summary has, where it has the most recent ones; without it there is no summary of more than
    /// fit on a page.
    pub(super) recent: Option<usize>,
    /// Which of them belong there.
    pub(super) keeps: fn(Value<'_>) -> bool,
}

/// How many measurements and results a summary has of a kind.
const RECENT: Option<usize> = Some(100);

/// LOINC's codes of whether, and until when, somebody is pregnant.
const PREGNANCY: &str = "code=http://loinc.org|82810-3,http://loinc.org|11778-8&_sort=-date";

/// LOINC's codes of what matters to the patient: in general, for care and for treatment.
const STORY_TOLD: &str = "code=http://loinc.org|81338-6,http://loinc.org|95541-9,http://loinc.org|75773-2&_sort=-date";
/// The same as a document.
const STORY_WRITTEN: &str = "type=http://loinc.org|81338-6&_sort=-date";

/// Every section of IPS's, in its order.
pub(super) static ALL: &[Section] = &[
    Section {
        code: "11450-4",
        display: "Problem list - Reported",
        title: "Problems",
        is_required: true,
        sources: &[Source { of: "Condition", query: "", recent: None, keeps: |it| is_sure(it) && !is_over(it) }],
    },
    Section {
        code: "48765-2",
        display: "Allergies and adverse reactions Document",
        title: "Allergies and intolerances",
        is_required: true,
        sources: &[Source { of: "AllergyIntolerance", query: "", recent: None, keeps: is_sure }],
    },
    Section {
        code: "10160-0",
        display: "History of Medication use Narrative",
        title: "Medication",
        is_required: true,
        sources: &[
            Source {
                of: "MedicationStatement",
                query: "",
                recent: None,
                keeps: |it| has_status(it, &["active", "intended", "on-hold", "unknown"]),
            },
            Source {
                of: "MedicationRequest",
                query: "",
                recent: None,
                keeps: |it| {
                    let is_forbidden = it.get("doNotPerform").and_then(Value::as_bool) == Some(true);
                    has_status(it, &["active", "on-hold", "unknown"]) && !is_forbidden
                },
            },
        ],
    },
    Section {
        code: "11369-6",
        display: "History of Immunization note",
        title: "Immunizations",
        is_required: false,
        sources: &[Source {
            of: "Immunization",
            query: "_sort=-date",
            recent: None,
            keeps: |it| has_status(it, &["completed", "not-done"]),
        }],
    },
    Section {
        code: "30954-2",
        display: "Relevant diagnostic tests/laboratory data note",
        title: "Results",
        is_required: false,
        sources: &[
            Source { of: "Observation", query: "category=laboratory&_sort=-date", recent: RECENT, keeps: is_result },
            Source { of: "DiagnosticReport", query: "_sort=-date", recent: RECENT, keeps: is_result },
        ],
    },
    Section {
        code: "47519-4",
        display: "History of Procedures Document",
        title: "Procedures",
        is_required: false,
        sources: &[Source {
            of: "Procedure",
            query: "_sort=-date",
            recent: RECENT,
            keeps: |it| has_status(it, &["completed", "in-progress", "stopped", "unknown"]),
        }],
    },
    Section {
        code: "46264-8",
        display: "History of medical device use",
        title: "Medical devices",
        is_required: false,
        sources: &[Source {
            of: "DeviceUseStatement",
            query: "",
            recent: None,
            keeps: |it| has_status(it, &["active", "completed", "on-hold"]),
        }],
    },
    Section {
        code: "42348-3",
        display: "Advance healthcare directives",
        title: "Advance directives",
        is_required: false,
        sources: &[Source {
            of: "Consent",
            query: "",
            recent: None,
            keeps: |it| has_status(it, &["active"]) && is_directive(it),
        }],
    },
    Section {
        code: "104605-1",
        display: "Alert",
        title: "Alerts",
        is_required: false,
        sources: &[Source { of: "Flag", query: "", recent: None, keeps: |it| has_status(it, &["active"]) }],
    },
    Section {
        code: "47420-5",
        display: "Functional status assessment note",
        title: "Functional status",
        is_required: false,
        sources: &[
            Source {
                of: "Condition",
                query: "",
                recent: None,
                keeps: |it| is_sure(it) && !is_over(it) && is_of_function(it),
            },
            Source {
                of: "ClinicalImpression",
                query: "_sort=-date",
                recent: RECENT,
                keeps: |it| has_status(it, &["completed", "in-progress"]),
            },
        ],
    },
    Section {
        code: "8716-3",
        display: "Vital signs note",
        title: "Vital signs",
        is_required: false,
        sources: &[Source {
            of: "Observation",
            query: "category=vital-signs&_sort=-date",
            recent: RECENT,
            keeps: is_result,
        }],
    },
    Section {
        code: "11348-0",
        display: "History of Past illness note",
        title: "Past problems",
        is_required: false,
        sources: &[Source { of: "Condition", query: "", recent: None, keeps: |it| is_sure(it) && is_over(it) }],
    },
    Section {
        code: "10162-6",
        display: "History of pregnancies note",
        title: "Pregnancy",
        is_required: false,
        sources: &[Source { of: "Observation", query: PREGNANCY, recent: RECENT, keeps: is_result }],
    },
    Section {
        code: "81338-6",
        display: "Patient Goals, preferences, and priorities for care experience",
        title: "Patient story",
        is_required: false,
        sources: &[
            Source { of: "Observation", query: STORY_TOLD, recent: RECENT, keeps: is_result },
            Source {
                of: "DocumentReference",
                query: STORY_WRITTEN,
                recent: RECENT,
                keeps: |it| has_status(it, &["current"]),
            },
            Source { of: "Goal", query: "", recent: None, keeps: is_own_goal },
        ],
    },
    Section {
        code: "29762-2",
        display: "Social history note",
        title: "Social history",
        is_required: false,
        sources: &[Source {
            of: "Observation",
            query: "category=social-history&_sort=-date",
            recent: RECENT,
            keeps: is_result,
        }],
    },
    Section {
        code: "18776-5",
        display: "Plan of care note",
        title: "Plan of care",
        is_required: false,
        sources: &[
            Source { of: "CarePlan", query: "", recent: None, keeps: |it| has_status(it, &["active", "on-hold"]) },
            Source { of: "ImmunizationRecommendation", query: "_sort=-date", recent: Some(1), keeps: |_| true },
        ],
    },
];

fn has_status(resource: Value<'_>, statuses: &[&str]) -> bool {
    resource.str("status").is_some_and(|it| statuses.contains(&it))
}

fn is_result(resource: Value<'_>) -> bool {
    has_status(resource, &["final", "amended", "corrected", "appended", "preliminary", "partial"])
}

/// Whether a problem or allergy was not refuted, nor entered in error.
fn is_sure(resource: Value<'_>) -> bool {
    !is_coded(resource, "verificationStatus", &["refuted", "entered-in-error"])
}

/// Whether a problem is no longer one.
fn is_over(resource: Value<'_>) -> bool {
    is_coded(resource, "clinicalStatus", &["inactive", "remission", "resolved"])
        || resource.get("abatementDateTime").is_some()
}

/// Whether a Consent is about what is to be done when the patient can no longer say so (consent.html#scope).
fn is_directive(consent: Value<'_>) -> bool {
    is_coded(consent, "scope", &["adr"])
        || is_coded(consent, "category", &["acd", "dnr", "emrgonly", "hcd", "npp", "polst"])
}

/// Whether a problem is one of what the patient can do in everyday life, by its category.
fn is_of_function(problem: Value<'_>) -> bool {
    is_coded(problem, "category", &["functional-status", "disability-status", "cognitive-status", "47420-5"])
}

/// Whether it is a goal of the patient's own, and still one.
fn is_own_goal(goal: Value<'_>) -> bool {
    let is_open = goal
        .str("lifecycleStatus")
        .is_some_and(|it| matches!(it, "proposed" | "planned" | "accepted" | "active" | "on-hold"));
    let by = goal.get("expressedBy").and_then(|it| it.str("reference")).unwrap_or_default();
    is_open && by.rsplit('/').nth(1) == Some("Patient")
}

fn is_coded(resource: Value<'_>, element: &str, codes: &[&str]) -> bool {
    let concepts = resource.get(element).into_iter().flat_map(Value::each);
    let codings = concepts.filter_map(|it| it.get("coding")).flat_map(Value::each);
    codings.filter_map(|it| it.str("code")).any(|it| codes.contains(&it))
}
