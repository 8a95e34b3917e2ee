//! What filters of expression constraints choose: by what is said of concepts as a whole, which is posted, and of their
//! descriptions, which are read of those concepts that have the words.

use super::ecl::BATCH;
use super::filters::Chooser;
use fhir::json::Value;
use fhir::outcome::shown;
use fhir::terminology::ecl::{ConceptTest, Description, DescriptionTest, Wording};
use fhir::terminology::release::{EFFECTIVE_TIME, ORIGIN, Places, Row};
use fhir::{Failure, IssueType, Result};
use store::Terms;

/// The most days on which something of a release changed.
const MOST_DAYS: usize = 20_000;

impl Chooser<'_> {
    /// The concepts that are so.
    pub(super) async fn passing_filter(&self, test: &ConceptTest) -> Result<Places> {
        match test {
            ConceptTest::Active(is_active) => {
                let inactive = self.posted("inactive", "true").await?;
                Ok(if *is_active { self.everything().without(&inactive) } else { inactive })
            }
            ConceptTest::Defined(is_defined) => {
                self.posted("sufficientlyDefined", if *is_defined { "true" } else { "false" }).await
            }
            ConceptTest::Module(choice) => {
                let mut found = Places::default();
                for module in &choice.any {
                    found = found.or(&self.posted("moduleId", module).await?);
                }
                Ok(if choice.is_in { found } else { self.everything().without(&found) })
            }
            ConceptTest::Time(days) => {
                self.needs_origins()?;
                let all = self.loaded.posted(self.session, EFFECTIVE_TIME, Terms::Begins(""), MOST_DAYS).await?;
                let meant = all.iter().filter(|it| !it.0.is_empty() && days.has(&it.0));
                Ok(Places::of(meant.flat_map(|it| it.1.ranges().iter().cloned()).collect()))
            }
        }
    }

    /// Those of these concepts that have a description which passes all.
    pub(super) async fn described(&mut self, of: Places, tests: &[DescriptionTest]) -> Result<Places> {
        if tests.iter().any(DescriptionTest::is_of_origin) {
            self.needs_origins()?;
        }
        let mut chosen = of;
        for test in tests {
            if let DescriptionTest::Term(choice) = test
                && choice.is_in
            {
                let mut found = Places::default();
                for wording in &choice.any {
                    found = found.or(&self.worded(chosen.clone(), &wording.beginnings()).await?);
                }
                chosen = found;
            }
        }
        match tests {
            [] => Ok(chosen),
            [DescriptionTest::Term(choice)] if choice.is_in && choice.any.iter().all(Wording::is_one_word) => {
                Ok(chosen)
            }
            _ => self.having_description(chosen, tests).await,
        }
    }

    async fn having_description(&mut self, of: Places, tests: &[DescriptionTest]) -> Result<Places> {
        self.spend(of.len())?;
        let all: Vec<u32> = of.iter().collect();
        let mut passed = Vec::new();
        for places in all.chunks(BATCH) {
            let rows = self.loaded.at(self.session, places).await?;
            let is_so = |it: &&Row| descriptions(it.said.root()).any(|own| tests.iter().all(|test| test.passes(&own)));
            passed.extend(rows.iter().filter(is_so).map(|it| it.place..it.place + 1));
        }
        Ok(Places::of(passed))
    }

    fn needs_origins(&self) -> Result<()> {
        match self.loaded.about.properties.iter().any(|it| it == EFFECTIVE_TIME) {
            true => Ok(()),
            false => {
                let told = format!(
                    "Since when concepts and descriptions of {} are as they are, their modules and dialects, was not kept when it was loaded: load it again.",
                    shown(&self.loaded.url)
                );
                Err(Failure::new(IssueType::NotSupported, told))
            }
        }
    }
}

/// The descriptions of a concept; the name that is shown among them.
fn descriptions(concept: Value<'_>) -> impl Iterator<Item = Description<'_>> {
    let designations = concept.get("designation").into_iter().flat_map(Value::each);
    let shown = concept.str("display").filter(|shown| !designations.clone().any(|it| it.str("value") == Some(shown)));
    let named = shown.map(|term| Description { term, ..Description::default() });
    named.into_iter().chain(designations.map(description))
}

fn description(designation: Value<'_>) -> Description<'_> {
    let origin = designation.get(ORIGIN);
    let text = |name: &str| origin.and_then(|it| it.str(name));
    let dialects = origin.and_then(|it| it.get("dialect")).into_iter().flat_map(Value::each);
    Description {
        term: designation.str("value").unwrap_or_default(),
        language: designation.str("language"),
        kind: designation.get("use").and_then(|it| it.str("code")),
        module: text("module"),
        time: text("time"),
        dialects: dialects.filter_map(|it| Some((it.str("set")?, it.get("preferred").is_some()))).collect(),
    }
}
