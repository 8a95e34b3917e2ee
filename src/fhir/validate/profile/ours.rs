//! The profiles and extensions of `profiles/structure-definitions`: what this server offers to every tenant.

use super::Profiles;
use std::sync::LazyLock;

macro_rules! definitions {
    ($($id:literal),* $(,)?) => {
        /// The StructureDefinitions, by their ids.
        pub(super) const DEFINITIONS: &[(&str, &str)] = &[
            $(($id, include_str!(concat!("../../../../profiles/structure-definitions/", $id, ".json")))),*
        ];
    };
}

definitions![
    "appointment",
    "blood-type",
    "breach",
    "ecg-report",
    "ecg-waveform",
    "fee",
    "patient",
    "practitioner",
    "practitioner-role",
    "prescription",
    "report-document",
    "unique",
];

impl Profiles {
    /// Our own profiles and extensions: their ids, and the StructureDefinitions as JSON.
    pub fn ours() -> &'static [(&'static str, &'static str)] {
        DEFINITIONS
    }

    /// R4's profiles and ours.
    pub fn built_in() -> &'static Profiles {
        static ALL: LazyLock<Profiles> = LazyLock::new(|| {
            let mut all = Profiles { others: Some(Profiles::r4()), ..Profiles::default() };
            DEFINITIONS.iter().for_each(|(_, json)| all.add_built_in(json));
            all
        });
        &ALL
    }
}
