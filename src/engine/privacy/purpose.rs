//! Purposes of use (v3-PurposeOfUse): what somebody says data is wanted for.

use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// The code system.
pub(super) const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// Each purpose with the one that it is a kind of.
const KINDS: &[(&str, &str)] = &[
    ("BIORCH", "HRESCH"),
    ("BTG", "ETREAT"),
    ("CAREMGT", "HOPERAT"),
    ("CLINTRCH", "HRESCH"),
    ("CLINTRCHNPC", "CLINTRCH"),
    ("CLINTRCHPC", "CLINTRCH"),
    ("CLINTRL", "TREAT"),
    ("CLMATTCH", "HPAYMT"),
    ("COC", "TREAT"),
    ("COVAUTH", "HPAYMT"),
    ("COVERAGE", "HPAYMT"),
    ("DISASTER", "PUBHLTH"),
    ("DONAT", "HOPERAT"),
    ("DSRCH", "HRESCH"),
    ("ELIGDTRM", "COVERAGE"),
    ("ELIGVER", "COVERAGE"),
    ("ENROLLM", "COVERAGE"),
    ("ERTREAT", "ETREAT"),
    ("ETREAT", "TREAT"),
    ("FAMRQT", "PATRQT"),
    ("FRAUD", "HOPERAT"),
    ("GOV", "HOPERAT"),
    ("HACCRED", "HOPERAT"),
    ("HCOMPL", "HOPERAT"),
    ("HDECD", "HOPERAT"),
    ("HDIRECT", "HOPERAT"),
    ("HDM", "HOPERAT"),
    ("HLEGAL", "HOPERAT"),
    ("HMARKT", ""),
    ("HOPERAT", ""),
    ("HOUTCOMS", "HOPERAT"),
    ("HPAYMT", ""),
    ("HPRGRP", "HOPERAT"),
    ("HQUALIMP", "HOPERAT"),
    ("HRESCH", ""),
    ("HSYSADMIN", "HOPERAT"),
    ("HTEST", "SYSDEV"),
    ("LABELING", "HSYSADMIN"),
    ("MEMADMIN", "HOPERAT"),
    ("METAMGT", "HSYSADMIN"),
    ("MILCDM", "HOPERAT"),
    ("MILDCRG", "COVERAGE"),
    ("PATADMIN", "HOPERAT"),
    ("PATRQT", ""),
    ("PATSFTY", "HOPERAT"),
    ("PERFMSR", "HOPERAT"),
    ("POARCH", "HRESCH"),
    ("POPHLTH", "TREAT"),
    ("PRECLINTRCH", "CLINTRCH"),
    ("PUBHLTH", ""),
    ("PWATRNY", "PATRQT"),
    ("RECORDMGT", "HOPERAT"),
    ("REMITADV", "HPAYMT"),
    ("SUPNWK", "PATRQT"),
    ("SYSDEV", "HOPERAT"),
    ("THREAT", "PUBHLTH"),
    ("TRAIN", "HOPERAT"),
    ("TRANSRCH", "HRESCH"),
    ("TREAT", ""),
];

/// Whether a purpose is this one, or a kind of it.
pub(crate) fn is_a(purpose: &str, wanted: &str) -> bool {
    let mut at = purpose;
    loop {
        if at == wanted {
            return true;
        }
        match KINDS.iter().find(|(code, _)| *code == at) {
            Some((_, above)) if !above.is_empty() => at = above,
            _ => return false,
        }
    }
}

/// What treatment is, and what a patient asks for.
const TREATMENT: &str = "TREAT";
const PATIENT_REQUEST: &str = "PATRQT";

/// Whether it is a patient's own request: about nobody's records but their own.
pub(super) fn is_of_patient(purpose: &str) -> bool {
    is_a(purpose, PATIENT_REQUEST)
}

/// Reads the header `X-Purpose-Of-Use`: codes of v3-PurposeOfUse, separated by commas, perhaps with their system and `|`
/// before them.
pub(crate) fn purposes(header: &str) -> Result<Vec<String>> {
    let code = |it: &str| {
        let code = it.trim();
        let code = code.strip_prefix(ACT_REASON).and_then(|it| it.strip_prefix('|')).unwrap_or(code);
        check_purpose(code).map(|()| code.to_owned())
    };
    header.split(',').map(code).collect()
}

/// What the header says, whether these are purposes or not, for an event that tells of its refusal.
pub(crate) fn claimed(header: &str) -> Vec<String> {
    const MOST: usize = 8;
    const LONGEST: usize = 64;
    let codes = header.split(',').map(|it| it.trim().trim_start_matches(ACT_REASON).trim_start_matches('|'));
    codes.filter(|it| !it.is_empty()).take(MOST).map(|it| it.chars().take(LONGEST).collect()).collect()
}

/// Whether it is a code of v3-PurposeOfUse.
pub(crate) fn is_purpose(code: &str) -> bool {
    KINDS.iter().any(|(known, _)| *known == code)
}

/// Fails unless a code is a purpose that somebody can have been given: that of an emergency comes with breaking the glass.
pub fn check_purpose(code: &str) -> Result<()> {
    if !is_purpose(code) {
        let told = format!(
            "{} is no purpose of use: there are the codes of http://terminology.hl7.org/ValueSet/v3-PurposeOfUse, such as TREAT.",
            shown(code)
        );
        return Err(Failure::new(IssueType::Value, told));
    }
    if is_a(code, "ETREAT") {
        let told = format!("{code} is an emergency, which is not claimed: it comes with Patient/$break-glass.");
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    Ok(())
}

/// Each purpose that is a kind of no other.
pub(super) fn every_purpose() -> Vec<String> {
    KINDS.iter().filter(|(_, above)| above.is_empty()).map(|(code, _)| (*code).to_owned()).collect()
}

/// Fails with 403, by name, for a purpose that a caller who may have these does not have.
pub(super) fn demand_allowed(said: &[String], allowed: &[String]) -> Result<()> {
    let Some(other) = said.iter().find(|it| !allowed.iter().any(|allowed| is_a(it, allowed))) else { return Ok(()) };
    let told = match allowed {
        [] => format!("You may not want data for {other}, nor for anything else: nothing says what for."),
        _ => format!("You may not want data for {other}, but for {}.", allowed.join(", ")),
    };
    Err(Failure::new(IssueType::Forbidden, told))
}

/// What a caller who says nothing wants data for, who may want it for these: to treat, if that is among them; else it may be
/// any of them. It is not known of whom nothing says what for.
pub(super) fn presumed(allowed: &[String]) -> Option<Vec<String>> {
    match allowed.iter().find(|it| *it == TREATMENT) {
        Some(treatment) => Some(vec![treatment.clone()]),
        None => (!allowed.is_empty()).then(|| allowed.to_vec()),
    }
}

/// What a user who has no role may want data for, by the resource that the user is.
pub fn purposes_of(user: Option<&str>) -> Vec<String> {
    static USERS: OnceLock<FxHashMap<String, Vec<String>>> = OnceLock::new();
    let users = USERS.get_or_init(|| {
        let text = include_str!("../../../profiles/roles/purposes.json");
        serde_json::from_str(text).unwrap_or_else(|it| panic!("the purposes of kinds of users are wrong: {it}"))
    });
    let kind = user.and_then(|it| it.rsplit('/').nth(1));
    kind.and_then(|it| users.get(it)).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_kinds_of_others() {
        assert!(is_a("BTG", "TREAT") && is_a("TREAT", "TREAT") && !is_a("TREAT", "ETREAT") && !is_a("X", "TREAT"));
        // Each leads up to an end.
        assert!(KINDS.iter().all(|(code, _)| !is_a(code, "nothing")));
        assert!(KINDS.is_sorted());
    }

    #[test]
    fn what_is_said_is_a_purpose_and_no_emergency() {
        assert_eq!(purposes(&format!("HPAYMT, {ACT_REASON}|HRESCH")).unwrap(), ["HPAYMT", "HRESCH"]);
        assert_eq!(purposes("ERTREAT").unwrap_err().status, 403);
        for wrong in ["", "treat", "TREAT,", "urn:x|TREAT"] {
            assert_eq!(purposes(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }

    #[test]
    fn what_is_claimed_is_told_within_bounds() {
        assert_eq!(claimed(&format!("BTG, curiosity,,{ACT_REASON}|TREAT")), ["BTG", "curiosity", "TREAT"]);
        let many = claimed(&"x".repeat(200).split_inclusive("xx").collect::<Vec<_>>().join(","));
        assert_eq!(many.len(), 8);
        assert_eq!(claimed(&"x".repeat(200)).concat().len(), 64);
    }

    #[test]
    fn a_caller_has_the_purposes_that_were_given_with_their_kinds() {
        let list = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        for (said, allowed, is_allowed) in [
            (&["TREAT"][..], &["TREAT"][..], true),
            (&["COC", "TREAT"], &["TREAT"], true),
            (&["TREAT", "HRESCH"], &["TREAT"], false),
            (&["TREAT"], &["COC"], false),
            (&["PATRQT"], &[], false),
        ] {
            assert_eq!(demand_allowed(&list(said), &list(allowed)).is_ok(), is_allowed, "{said:?} {allowed:?}");
        }
        let refused = demand_allowed(&list(&["HRESCH"]), &list(&["TREAT"])).unwrap_err();
        assert!(refused.status == 403 && refused.to_string().contains("HRESCH"), "{refused}");
        assert_eq!(presumed(&list(&["HPAYMT", "TREAT"])), Some(list(&["TREAT"])));
        assert_eq!(presumed(&list(&["HPAYMT", "HOPERAT"])), Some(list(&["HPAYMT", "HOPERAT"])));
        assert_eq!(presumed(&[]), None);
    }

    #[test]
    fn a_user_without_roles_has_the_purposes_of_the_kind() {
        assert_eq!(purposes_of(Some("Practitioner/1")), ["TREAT"]);
        assert_eq!(purposes_of(Some("http://x/fhir/north/Patient/1")), ["PATRQT"]);
        for nobody in [None, Some("Device/1"), Some("x")] {
            assert!(purposes_of(nobody).is_empty(), "{nobody:?}");
        }
    }
}
