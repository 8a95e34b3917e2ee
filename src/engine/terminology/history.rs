//! History supplements of expression constraints: concepts with those whose place they took, by associations, which are kept as properties of
//! the concepts that are no longer used; and what these name in their place.

use super::Around;
use super::ecl::BATCH;
use super::filters::Chooser;
use fhir::outcome::shown;
use fhir::terminology::ecl::{Constraint, Kin, Supplement, Way};
use fhir::terminology::release::Places;
use fhir::{Failure, IssueType, Result};
use store::Terms;

/// `SAME AS`
const SAME_AS: &str = "900000000000527005";
/// `REPLACED BY`, `WAS A` and `PARTIALLY EQUIVALENT TO`.
const MODERATE: [&str; 3] = ["900000000000526001", "900000000000528000", "1186921001"];
/// What every historical association is beneath.
const HISTORICAL: &str = "900000000000522004";
/// What it costs to look up what one concept took the place of, by one association.
const LOOK_UP: usize = 10;
/// The most concepts that the members of one association may name.
const MOST_TARGETS: usize = 20_000;

impl Chooser<'_> {
    /// What a constraint chooses, and what that took the place of.
    pub(super) async fn supplemented(&mut self, of: &Constraint, supplement: &Supplement) -> Result<Places> {
        let chosen = self.all(of).await?;
        let associations = self.associations(supplement).await?;
        let mut found = chosen.clone();
        for code in self.codes(&chosen).await? {
            self.spend(associations.len() * LOOK_UP)?;
            for association in &associations {
                found = found.or(&self.posted(association, &code).await?);
            }
        }
        Ok(found)
    }

    /// The reference sets of associations.
    async fn associations(&mut self, supplement: &Supplement) -> Result<Vec<String>> {
        let those = match supplement {
            Supplement::Least => return Ok(vec![SAME_AS.to_owned()]),
            Supplement::Moderate => {
                return Ok([SAME_AS].into_iter().chain(MODERATE).map(str::to_owned).collect());
            }
            Supplement::Most => {
                let below = Kin { way: Way::Below, is_direct: false, has_self: false };
                self.related(below, &Constraint::Concept(HISTORICAL.to_owned())).await?
            }
            Supplement::These(sets) => self.all(sets).await?,
        };
        self.codes(&those).await
    }

    /// What the members of associations name in their place.
    pub(super) async fn targets(&mut self, sets: &Constraint) -> Result<Places> {
        let sets = match sets {
            Constraint::Concept(code) => vec![code.clone()],
            several => {
                let several = self.all(several).await?;
                self.codes(&several).await?
            }
        };
        let mut targets = Places::default();
        for set in sets {
            let named = self.loaded.posted(self.session, &set, Terms::Begins(""), MOST_TARGETS + 1).await?;
            if named.is_empty() {
                let told = format!("{} is no association: its members name nothing in targetComponentId.", shown(&set));
                return Err(Failure::new(IssueType::NotSupported, told));
            }
            if named.len() > MOST_TARGETS {
                let told = format!("The members of {} name more than {MOST_TARGETS} concepts.", shown(&set));
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            self.spend(named.len())?;
            let codes: Vec<&str> = named.iter().map(|it| it.0.as_str()).filter(|it| !it.is_empty()).collect();
            for codes in codes.chunks(BATCH) {
                let rows = self.loaded.around(self.session, codes, Around::Nothing).await?;
                targets = targets.or(&Places::of(rows.iter().map(|it| it.place..it.place + 1).collect()));
            }
        }
        Ok(targets)
    }

    /// The codes of these concepts.
    pub(super) async fn codes(&mut self, of: &Places) -> Result<Vec<String>> {
        self.spend(of.len())?;
        let mut codes = Vec::new();
        for places in of.iter().collect::<Vec<_>>().chunks(BATCH) {
            let places: Vec<i64> = places.iter().map(|it| i64::from(*it)).collect();
            codes.extend(self.session.concepts_at(self.loaded.number, &places).await?.into_iter().map(|it| it.code));
        }
        Ok(codes)
    }
}
