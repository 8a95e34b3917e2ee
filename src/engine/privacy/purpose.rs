//! Purposes of use (v3-PurposeOfUse): what somebody says data is wanted for.

use crate::Caller;
use fhir::{Failure, IssueType, Result};

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
pub(super) fn is_a(purpose: &str, wanted: &str) -> bool {
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

/// Reads the header `X-Purpose-Of-Use`: codes of v3-PurposeOfUse, separated by commas, perhaps with their system and `|`
/// before them. That of an emergency cannot be said by oneself: it comes with breaking the glass.
pub(crate) fn purposes(header: &str) -> Result<Vec<String>> {
    let code = |it: &str| {
        let code = it.trim();
        let code = code.strip_prefix(ACT_REASON).and_then(|it| it.strip_prefix('|')).unwrap_or(code);
        if !KINDS.iter().any(|(known, _)| *known == code) {
            let told =
                "X-Purpose-Of-Use takes codes of http://terminology.hl7.org/ValueSet/v3-PurposeOfUse, such as TREAT.";
            return Err(Failure::new(IssueType::Value, told));
        }
        if is_a(code, "ETREAT") {
            let told = "An emergency is not claimed by X-Purpose-Of-Use.";
            return Err(Failure::new(IssueType::Forbidden, told));
        }
        Ok(code.to_owned())
    };
    header.split(',').map(code).collect()
}

/// What a caller who says nothing wants data for: who treats wants to treat, a patient and their relatives to know. Of
/// others it is not known.
pub(super) fn presumed(caller: &Caller) -> Option<&'static str> {
    let user = caller.fhir_user.as_deref()?;
    let of = user.rsplit('/').nth(1)?;
    match of {
        "Practitioner" | "PractitionerRole" => Some("TREAT"),
        "Patient" | "RelatedPerson" => Some("PATRQT"),
        _ => None,
    }
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
}
