//! What expression constraints choose from a loaded code system: sets of places, of which relations are read only for those
//! concepts that a refinement is about.

use super::filters::Chooser;
use fhir::terminology::ecl::{Attribute, ConceptTest, Constraint, End, Kin, Refinement, Test, ValueAttribute, Way};
use fhir::terminology::release::{CONCRETE, CONCRETES, Links, Places, RELATIONS, Relation};
use fhir::{Failure, IssueType, Result};
use std::future::Future;
use std::pin::Pin;
use store::Terms;

/// Concepts and parts of the table of relations that one expression may read.
pub(super) const BUDGET: usize = 50_000;
/// What reading a part of the table costs of that.
const PART: usize = 10;
/// The most values that are no concepts.
const MOST_VALUES: usize = 100_000;
/// Concepts that are read at once.
pub(super) const BATCH: usize = 500;

/// An evaluation that may go into itself; how deep, reading the expression has bounded.
type Chosen<'f, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'f>>;

impl Chooser<'_> {
    /// What an expression chooses among these concepts.
    pub(super) async fn constrained(&mut self, expression: &str, within: &Places) -> Result<Places> {
        self.loaded.needs_subsumption()?;
        let constraint = Constraint::read(expression)?;
        self.those(&constraint, within).await
    }

    /// What a constraint chooses. It is right within these concepts, and need not be for others.
    fn those<'f>(&'f mut self, of: &'f Constraint, within: &'f Places) -> Chosen<'f, Places> {
        Box::pin(async move {
            Ok(match of {
                Constraint::Any => self.in_use().await?,
                Constraint::Concept(code) => Places::one(self.loaded.links(self.session, code).await?.0),
                Constraint::Members(sets) => self.members_of(sets).await?,
                Constraint::Targets(sets) => self.targets(sets).await?,
                Constraint::Listed(listed) => self.listed(listed, within).await?,
                Constraint::Related(kin, of) => self.related(*kin, of).await?,
                Constraint::Ends(end, of) => self.ends(*end, of).await?,
                Constraint::All(parts) => {
                    let mut chosen = within.clone();
                    for part in parts {
                        chosen = self.those(part, &chosen).await?.and(&chosen);
                    }
                    chosen
                }
                Constraint::Either(parts) => {
                    let mut chosen = Places::default();
                    for part in parts {
                        chosen = chosen.or(&self.those(part, within).await?);
                    }
                    chosen
                }
                Constraint::Without(these, those) => {
                    let chosen = self.those(these, within).await?.and(within);
                    chosen.without(&self.those(those, &chosen).await?)
                }
                Constraint::Refined(focus, refinement) => {
                    let focus = self.those(focus, within).await?.and(within);
                    let test = self.test(refinement).await?;
                    self.passing(&focus, &test).await?
                }
                Constraint::Values(of, kinds) => {
                    let (sources, kinds) = (self.all(of).await?, self.all(kinds).await?);
                    self.values(&sources, &kinds).await?
                }
                Constraint::Described(of, tests) => {
                    let chosen = self.those(of, within).await?.and(within);
                    self.described(chosen, tests).await?
                }
                Constraint::Supplemented(of, supplement) => self.supplemented(of, supplement).await?,
                Constraint::Filtered(of, test) => {
                    let chosen = match (&**of, test) {
                        (Constraint::Any, ConceptTest::Active(false)) => self.everything(),
                        _ => self.those(of, within).await?,
                    };
                    chosen.and(&self.passing_filter(test).await?)
                }
            })
        })
    }

    /// What a constraint chooses in all.
    pub(super) async fn all(&mut self, of: &Constraint) -> Result<Places> {
        let everything = self.everything();
        self.those(of, &everything).await
    }

    async fn in_use(&self) -> Result<Places> {
        Ok(self.everything().without(&self.posted("inactive", "true").await?))
    }

    async fn members_of(&mut self, sets: &Constraint) -> Result<Places> {
        match sets {
            Constraint::Any => self.posted_members("*").await,
            Constraint::Concept(code) => self.members(code).await,
            several => {
                let sets = self.all(several).await?;
                let mut members = Places::default();
                for places in sets.iter().collect::<Vec<_>>().chunks(BATCH) {
                    self.spend(places.len() * 2)?;
                    let places: Vec<i64> = places.iter().map(|it| i64::from(*it)).collect();
                    for row in self.session.concepts_at(self.loaded.number, &places).await? {
                        members = members.or(&self.posted_members(&row.code).await?);
                    }
                }
                Ok(members)
            }
        }
    }

    async fn posted_members(&self, set: &str) -> Result<Places> {
        self.posted(fhir::terminology::release::MEMBERSHIP, set).await
    }

    pub(super) async fn related(&mut self, kin: Kin, of: &Constraint) -> Result<Places> {
        match of {
            Constraint::Any if kin.has_self => self.in_use().await,
            Constraint::Any => self.posted(if kin.way == Way::Below { "parent" } else { "child" }, "").await,
            Constraint::Concept(code) => {
                let (place, links) = self.loaded.links(self.session, code).await?;
                let related = kin_of(kin, &links);
                Ok(if kin.has_self { related.or(&Places::one(place)) } else { related.clone() })
            }
            several => {
                let of = self.all(several).await?;
                self.related_to(kin, of).await
            }
        }
    }

    /// Those of these with none of them above, or beneath.
    async fn ends(&mut self, end: End, of: &Constraint) -> Result<Places> {
        let of = self.all(of).await?;
        let way = if end == End::Top { Way::Below } else { Way::Above };
        let others = self.related_to(Kin { way, is_direct: false, has_self: false }, of.clone()).await?;
        Ok(of.without(&others))
    }

    /// Each concept is read, but for those whose own kin another one has among its.
    async fn related_to(&mut self, kin: Kin, of: Places) -> Result<Places> {
        let mut found = Places::default();
        let mut left = of.clone();
        while !left.is_empty() {
            let places = left.page(0, BATCH);
            self.spend(places.len())?;
            let rows: Vec<i64> = places.iter().map(|it| i64::from(*it)).collect();
            for row in self.session.concepts_at(self.loaded.number, &rows).await? {
                found = found.or(kin_of(kin, &Links::read(&row.links)?));
            }
            left = left.without(&Places::of(places.into_iter().map(|it| it..it + 1).collect()));
            if !kin.is_direct {
                left = left.without(&found);
            }
        }
        Ok(if kin.has_self { found.or(&of) } else { found })
    }

    /// A refinement with the concepts that it names.
    fn test<'f>(&'f mut self, of: &'f Refinement) -> Chosen<'f, Test> {
        Box::pin(async move {
            Ok(match of {
                Refinement::All(parts) => Test::All(self.tests(parts).await?),
                Refinement::Either(parts) => Test::Either(self.tests(parts).await?),
                Refinement::Group(count, inner) => Test::Group(*count, Box::new(self.test(inner).await?)),
                Refinement::Attribute(attribute) => self.attribute(attribute).await?,
                Refinement::Value(value) => {
                    let (kinds, values) = (self.all(&value.name).await?, Some(self.concretes(value).await?));
                    Test::Attribute { count: value.count, kinds, is_in: true, values }
                }
            })
        })
    }

    async fn tests(&mut self, of: &[Refinement]) -> Result<Vec<Test>> {
        let mut tests = Vec::new();
        for part in of {
            tests.push(self.test(part).await?);
        }
        Ok(tests)
    }

    async fn attribute(&mut self, of: &Attribute) -> Result<Test> {
        let kinds = self.all(&of.name).await?;
        if of.is_reverse {
            let sources = self.all(&of.values).await?;
            let sources = if of.is_in { sources } else { self.everything().without(&sources) };
            return Ok(Test::At(self.values(&sources, &kinds).await?));
        }
        let values = match &*of.values {
            Constraint::Any => None,
            some => Some(self.all(some).await?),
        };
        Ok(Test::Attribute { count: of.count, kinds, is_in: of.is_in, values })
    }

    /// The numbers of the values that are asked for.
    async fn concretes(&self, of: &ValueAttribute) -> Result<Places> {
        let all = self.loaded.posted(self.session, CONCRETES, Terms::Begins(""), MOST_VALUES + 1).await?;
        if all.len() > MOST_VALUES {
            let told = format!("The code system has more than {MOST_VALUES} values that are no concepts.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        if all.is_empty() {
            let told =
                "The code system has no values that are numbers, texts or booleans; if its files do, load it again.";
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        let meant = all.iter().filter(|it| !it.0.is_empty() && of.has(&it.0));
        Ok(Places::of(meant.flat_map(|it| it.1.ranges().iter().cloned()).collect()))
    }

    /// Those of these concepts that pass.
    async fn passing(&mut self, of: &Places, test: &Test) -> Result<Places> {
        let (mut seen, mut passed) = (Places::default(), Places::default());
        for part in self.relations(of).await? {
            for relations in part.chunk_by(|a, b| a.source == b.source) {
                let place = relations.first().map_or(0, |it| it.source);
                seen.push(place..place + 1);
                if of.has(place) && test.passes(place, relations) {
                    passed.push(place..place + 1);
                }
            }
        }
        let without = of.without(&seen);
        let passing = without.iter().filter(|it| test.passes(*it, &[])).map(|it| it..it + 1);
        Ok(passed.or(&Places::of(passing.collect())))
    }

    /// The values that these concepts have of such attributes.
    async fn values(&mut self, sources: &Places, kinds: &Places) -> Result<Places> {
        let mut values = Vec::new();
        for part in self.relations(sources).await? {
            let meant = part.iter().filter(|it| it.value < CONCRETE && sources.has(it.source) && kinds.has(it.kind));
            values.extend(meant.map(|it| it.value..it.value + 1));
        }
        Ok(Places::of(values))
    }

    /// The parts of the table that have the relations of these concepts.
    async fn relations(&mut self, of: &Places) -> Result<Vec<Vec<Relation>>> {
        let mut parts = Vec::new();
        let terms = Relation::terms(of);
        self.spend(terms.len() * PART)?;
        for term in terms {
            let found = self.session.postings(self.loaded.number, RELATIONS, Terms::Is(&term), 1).await?;
            for (_, bytes) in found {
                parts.push(Relation::read(&bytes).ok_or_else(|| Failure::internal("a table of relations is broken"))?);
            }
        }
        Ok(parts)
    }

    /// Accounts for what is going to be read.
    pub(super) fn spend(&mut self, count: usize) -> Result<()> {
        match self.budget.checked_sub(count) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Failure::new(
                IssueType::TooCostly,
                "The expression constraint asks about more concepts than this server looks at for one.",
            )),
        }
    }
}

fn kin_of(kin: Kin, links: &Links) -> &Places {
    match (kin.way, kin.is_direct) {
        (Way::Below, true) => &links.children,
        (Way::Below, false) => &links.below,
        (Way::Above, true) => &links.parents,
        (Way::Above, false) => &links.above,
    }
}
