//! History supplements of expression constraints: concepts with those whose place they took, by associations, which are kept as properties of
//! the concepts that are no longer used.

use super::ecl::BATCH;
use super::filters::Chooser;
use fhir::Result;
use fhir::terminology::ecl::{Constraint, Kin, Supplement, Way};
use fhir::terminology::release::Places;

/// `SAME AS`
const SAME_AS: &str = "900000000000527005";
/// `REPLACED BY`, `WAS A` and `PARTIALLY EQUIVALENT TO`.
const MODERATE: [&str; 3] = ["900000000000526001", "900000000000528000", "1186921001"];
/// What every historical association is beneath.
const HISTORICAL: &str = "900000000000522004";
/// What it costs to look up what one concept took the place of, by one association.
const LOOK_UP: usize = 10;

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

    /// The codes of these concepts.
    async fn codes(&mut self, of: &Places) -> Result<Vec<String>> {
        self.spend(of.len())?;
        let mut codes = Vec::new();
        for places in of.iter().collect::<Vec<_>>().chunks(BATCH) {
            let places: Vec<i64> = places.iter().map(|it| i64::from(*it)).collect();
            codes.extend(self.session.concepts_at(self.loaded.number, &places).await?.into_iter().map(|it| it.code));
        }
        Ok(codes)
    }
}
