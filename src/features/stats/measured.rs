//! The measurements of `$stats`, by code: of observations, of their components, and of the members of panels.

use super::asked::Code;
use crate::effective::effective;
use fhir::json::{Doc, Value};
use fhir::search::Target;
use fhir::units::{UCUM, convert};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use store::{Key, Stored};

/// The measurements of one code.
pub(super) struct Group {
    pub(super) code: Code,
    /// In rising order, once all are known.
    pub(super) values: Vec<f64>,
    /// Time, in microseconds since the epoch, and value of those that have a time.
    pub(super) points: Vec<(i64, f64)>,
    /// UCUM code and name of their unit.
    pub(super) unit: Option<(String, String)>,
    /// How many there are, those without a valid value included.
    pub(super) total: usize,
    /// Whether its code is only that of panels, whose parts have the measurements.
    is_panel: bool,
}

/// All measurements that were found.
pub(super) struct Measured<'c> {
    base: &'c str,
    pub(super) groups: Vec<Group>,
    /// The observations that they come from, as many as are wanted.
    pub(super) sources: Vec<Stored>,
    wanted: usize,
    seen: FxHashSet<Key>,
    /// Members of panels that are to be read.
    pub(super) members: FxHashSet<Key>,
}

impl<'c> Measured<'c> {
    /// Nothing yet of these codes; `wanted` source observations are kept.
    pub(super) fn new(base: &'c str, codes: &[Code], wanted: usize) -> Measured<'c> {
        let groups = codes.iter().cloned().map(Group::new).collect();
        Measured {
            base,
            groups,
            sources: Vec::new(),
            wanted,
            seen: FxHashSet::default(),
            members: FxHashSet::default(),
        }
    }

    /// What there is something to say of: all codes but those of panels without a measurement of their own.
    pub(super) fn told(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|it| !it.is_panel || it.total > 0)
    }

    /// Takes the measurements of an observation that has one of the codes; `codes` are those asked for.
    pub(super) fn observation(&mut self, stored: Stored, codes: &[Code]) -> Result<()> {
        let doc = parse(&stored)?;
        let root = doc.root();
        if !self.counts(root, &stored) {
            return Ok(());
        }
        let is_own = codes.iter().any(|it| it.is_in(root.get("code")));
        let members = self.members_of(root);
        let components: Vec<Value<'_>> = root.get("component").into_iter().flat_map(Value::each).collect();
        if is_own && root.get("valueQuantity").is_none() && !(components.is_empty() && members.is_empty()) {
            self.group(root.get("code")).into_iter().for_each(|it| it.is_panel = true);
        } else if is_own {
            self.measure(root, root)?;
        }
        for component in components {
            if is_own || codes.iter().any(|it| it.is_in(component.get("code"))) {
                self.measure(component, root)?;
            }
        }
        if is_own {
            self.members.extend(members);
        }
        self.source(stored);
        Ok(())
    }

    /// Takes the measurement of a panel's member.
    pub(super) fn member(&mut self, stored: Stored) -> Result<()> {
        let doc = parse(&stored)?;
        if self.counts(doc.root(), &stored) {
            self.measure(doc.root(), doc.root())?;
            self.source(stored);
        }
        Ok(())
    }

    fn source(&mut self, stored: Stored) {
        if self.sources.len() < self.wanted {
            self.sources.push(stored);
        }
    }

    /// Whether an observation counts: once, and unless it was entered in error.
    fn counts(&mut self, observation: Value<'_>, stored: &Stored) -> bool {
        observation.str("status") != Some("entered-in-error") && self.seen.insert(stored.key.clone())
    }

    fn members_of(&self, observation: Value<'_>) -> Vec<Key> {
        let members = observation.get("hasMember").into_iter().flat_map(Value::each);
        let targets = members.filter_map(|it| it.str("reference")).map(|it| Target::parse(it, self.base));
        let keys = targets.filter_map(|it| match it {
            Target::Local { of: of @ "Observation", id } => Some(Key::new(of, id)),
            _ => None,
        });
        keys.collect()
    }

    /// The group of a code; what was not asked for by itself, the parts of panels, gets one of its own.
    fn group(&mut self, concept: Option<Value<'_>>) -> Option<&mut Group> {
        if let Some(at) = self.groups.iter().position(|it| it.code.is_in(concept)) {
            return self.groups.get_mut(at);
        }
        let code = concept?.get("coding").into_iter().flat_map(Value::each).find_map(Code::of)?;
        self.groups.push(Group::new(code));
        self.groups.last_mut()
    }

    /// Takes the value of an observation or of one of its components. A modifier extension may change what it means,
    /// so that it is no valid measurement.
    fn measure(&mut self, part: Value<'_>, observation: Value<'_>) -> Result<()> {
        let Some(group) = self.group(part.get("code")) else { return Ok(()) };
        group.total += 1;
        let is_modified = [part, observation].iter().any(|it| it.get("modifierExtension").is_some());
        match part.get("valueQuantity").and_then(quantity) {
            Some(quantity) if !is_modified => group.add(quantity, effective(observation)),
            _ => Ok(()),
        }
    }
}

impl Group {
    fn new(code: Code) -> Group {
        Group { code, values: Vec::new(), points: Vec::new(), unit: None, total: 0, is_panel: false }
    }

    /// Takes a value, in the unit of the first; fails where its own measures something else, for then no statistic of
    /// both means anything.
    fn add(&mut self, (value, unit, name): (&str, &str, &str), time: Option<i64>) -> Result<()> {
        let (own, _) = self.unit.get_or_insert_with(|| (unit.to_owned(), name.to_owned()));
        let number = if own == unit { value.parse().ok() } else { converted(value, unit, own) };
        let Some(number) = number else {
            let told = format!(
                "The measurements of {} are in {own} and in {unit}, which cannot be taken together; ask for a period with one unit.",
                self.code.code
            );
            return Err(Failure::new(IssueType::BusinessRule, told));
        };
        self.values.push(number);
        self.points.extend(time.map(|it| (it, number)));
        Ok(())
    }
}

/// Value, UCUM code and name of the unit of a quantity that is a measurement: one without comparator.
fn quantity(value: Value<'_>) -> Option<(&str, &str, &str)> {
    if value.get("comparator").is_some() || value.str("system") != Some(UCUM) {
        return None;
    }
    let code = value.str("code")?;
    Some((value.get("value")?.as_number()?, code, value.str("unit").unwrap_or(code)))
}

fn converted(value: &str, from: &str, to: &str) -> Option<f64> {
    convert(value.parse().ok()?, from, to)?.to_string().parse().ok()
}

fn parse(stored: &Stored) -> Result<Doc> {
    Doc::parse(std::str::from_utf8(&stored.body).map_err(Failure::internal)?).map_err(Failure::internal)
}
