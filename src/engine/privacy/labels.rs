//! Security labels (security-labels.html): whether `meta.security` has one, or an element, of which confidentiality has levels.

use fhir::mask::SAYS_LABELLED;
use fhir::search::{Clause, ParamId, Shelf, Test, TokenTest};

/// Levels of confidentiality, rising.
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

/// A code, perhaps of a system.
pub(crate) type Coding<'a> = (Option<&'a str>, &'a str);

/// Whose labels a condition on labels is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// The resource's.
    Resource,
    /// One element's, which stand under [`element_labels`].
    Element,
    /// Those of all of a resource's elements: what denies one of them denies, and of what permits some it cannot be told which.
    Elements,
}

/// Under this number stand the labels of an element of a type while it is asked whether consents withhold it.
pub(crate) fn element_labels(of: &str) -> ParamId {
    ParamId::of(of, "_element-security")
}

/// An element's labels, with the level of confidentiality of its resource where it has none.
pub(crate) fn with_level<'a>(own: &[Coding<'a>], resource: impl Iterator<Item = Coding<'a>>) -> Vec<Coding<'a>> {
    let has_level = own.iter().any(|it| level(*it).is_some());
    own.iter().copied().chain(resource.filter(|it| !has_level && level(*it).is_some())).collect()
}

/// That a resource says that elements have labels, and was stored before these were read.
pub(super) fn unread(of: &str) -> Test {
    let says_so = Test::Token(ParamId::of(of, "_security"), token((Some(SAYS_LABELLED.0), SAYS_LABELLED.1)));
    Test::All(vec![Clause::Any(vec![says_so]), Clause::None(vec![has_inline(of)])])
}

/// That a resource has elements with labels, as far as that was read.
pub(super) fn has_inline(of: &str) -> Test {
    Test::Present(ParamId::inline_labels(of), Shelf::Key)
}

/// That a resource has this label, or is of a higher level of confidentiality.
pub(super) fn from(param: ParamId, label: Coding<'_>) -> Vec<Test> {
    let Some(level) = level(label) else { return vec![Test::Token(param, token(label))] };
    let levels = LEVELS.get(level..).unwrap_or_default();
    from_inline(param, label).into_iter().chain(unlabelled(param, levels)).collect()
}

/// That a resource has this label, or is of this level of confidentiality at the most: the highest of several counts.
pub(super) fn up_to(param: ParamId, label: Coding<'_>) -> Vec<Test> {
    let Some(level) = level(label) else { return vec![Test::Token(param, token(label))] };
    let (levels, higher) = LEVELS.split_at(level + 1);
    let of = |levels: &[&str]| levels.iter().map(|it| of_level(param, it)).collect();
    let test = Test::All(vec![Clause::Any(of(levels)), Clause::None(of(higher))]);
    [test].into_iter().chain(unlabelled(param, levels)).collect()
}

/// Whether who needs a clearance for one label needs it for another: the same, or a higher level of confidentiality.
pub(super) fn is_from(needed: Coding<'_>, label: Coding<'_>) -> bool {
    match (level(needed), level(label)) {
        (Some(needed), Some(level)) => level >= needed,
        _ => needed == label,
    }
}

/// Whether labels make of a resource without a level of confidentiality, which is of level `N`, one of a lower level.
pub(crate) fn is_lowered<'a>(former: impl Iterator<Item = Coding<'a>>, new: impl Iterator<Item = Coding<'a>>) -> bool {
    let normal = LEVELS.iter().position(|it| *it == "N");
    former.filter_map(level).next().is_none() && new.filter_map(level).max().is_some_and(|it| Some(it) < normal)
}

/// That an element of a resource has this label, or one of a higher level. One without a label is as the resource is.
pub(super) fn from_inline(param: ParamId, label: Coding<'_>) -> Vec<Test> {
    match level(label) {
        Some(level) => LEVELS.get(level..).unwrap_or_default().iter().map(|it| of_level(param, it)).collect(),
        None => vec![Test::Token(param, token(label))],
    }
}

fn level((system, code): Coding<'_>) -> Option<usize> {
    LEVELS.iter().position(|it| *it == code && system == Some(CONFIDENTIALITY))
}

fn of_level(param: ParamId, level: &str) -> Test {
    Test::Token(param, TokenTest::Coding(CONFIDENTIALITY.into(), level.to_owned()))
}

/// What has no level is of level `N`.
fn unlabelled(param: ParamId, levels: &[&str]) -> Option<Test> {
    let any = Test::Token(param, TokenTest::System(CONFIDENTIALITY.into()));
    levels.contains(&"N").then(|| Test::All(vec![Clause::None(vec![any])]))
}

/// The test for a code.
pub(super) fn token((system, code): Coding<'_>) -> TokenTest {
    match system {
        Some(system) => TokenTest::Coding(system.to_owned(), code.to_owned()),
        None => TokenTest::Code(code.to_owned()),
    }
}
