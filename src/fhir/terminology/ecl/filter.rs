//! Filters (`{{ … }}`) of concepts, and of the descriptions that concepts have: what is asked of them, and whether a description
//! is so.

use super::value::Comparison;
use super::wording::Wording;

/// Values of which something has to be one, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// Whether it is one of these, or none of these.
    pub is_in: bool,
    /// The values.
    pub any: Vec<T>,
}

impl<T> Choice<T> {
    fn passes(&self, is: impl Fn(&T) -> bool) -> bool {
        self.any.iter().any(is) == self.is_in
    }
}

/// Days that another one is compared with, as YYYYMMDD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// How it stands to them.
    pub comparison: Comparison,
    /// The days; with several, to any of them.
    pub any: Vec<String>,
}

impl Days {
    /// Whether a day, as YYYYMMDD, is so.
    pub fn has(&self, day: &str) -> bool {
        self.comparison.holds(self.any.iter().map(|it| day.cmp(it)))
    }
}

/// A reference set of a language or dialect, in which a description is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The code of the reference set.
    pub set: String,
    /// Whether it must be preferred there, or only acceptable; `None` is either.
    pub is_preferred: Option<bool>,
}

/// What is asked of a concept (`{{ C … }}`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConceptTest {
    /// `active`: whether it is in use.
    Active(bool),
    /// `definitionStatus`: whether it is defined by what is said of it.
    Defined(bool),
    /// `moduleId`
    Module(Choice<String>),
    /// `effectiveTime`
    Time(Days),
}

/// What is asked of a description (`{{ … }}`, `{{ D … }}`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescriptionTest {
    /// `term`
    Term(Choice<Wording>),
    /// `language`
    Language(Choice<String>),
    /// `type`, by codes
    Kind(Choice<String>),
    /// `dialect`
    Dialect(Choice<Dialect>),
    /// `moduleId`
    Module(Choice<String>),
    /// `effectiveTime`
    Time(Days),
}

/// A description, as far as it is kept.
#[derive(Clone, Debug, Default)]
pub struct Description<'d> {
    /// What it says.
    pub term: &'d str,
    /// Its language.
    pub language: Option<&'d str>,
    /// The code of its type.
    pub kind: Option<&'d str>,
    /// Its module.
    pub module: Option<&'d str>,
    /// Since when it is as it is.
    pub time: Option<&'d str>,
    /// The reference sets of languages that it is in, and whether it is preferred there.
    pub dialects: Vec<(&'d str, bool)>,
}

impl DescriptionTest {
    /// Whether a description is so. What is not known of it is not so.
    pub fn passes(&self, it: &Description<'_>) -> bool {
        let is_one = |choice: &Choice<String>, own: Option<&str>| {
            own.is_some_and(|own| choice.passes(|it| it.eq_ignore_ascii_case(own)))
        };
        match self {
            DescriptionTest::Term(choice) => choice.passes(|wording| wording.is_in(it.term)),
            DescriptionTest::Language(choice) => is_one(choice, it.language),
            DescriptionTest::Kind(choice) => is_one(choice, it.kind),
            DescriptionTest::Module(choice) => is_one(choice, it.module),
            DescriptionTest::Time(days) => it.time.is_some_and(|own| days.has(own)),
            DescriptionTest::Dialect(choice) => choice.passes(|sought| {
                let fits = |own: &(&str, bool)| own.0 == sought.set && sought.is_preferred.is_none_or(|is| is == own.1);
                it.dialects.iter().any(fits)
            }),
        }
    }

    /// Whether it is about what was not kept of descriptions at first.
    pub fn is_of_origin(&self) -> bool {
        matches!(self, DescriptionTest::Dialect(_) | DescriptionTest::Module(_) | DescriptionTest::Time(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::ecl::Constraint;

    fn description() -> Description<'static> {
        Description {
            term: "Heart attack",
            language: Some("en"),
            kind: Some("900000000000013009"),
            module: Some("900000000000207008"),
            time: Some("20200131"),
            dialects: vec![("900000000000509007", true), ("900000000000508004", false)],
        }
    }

    #[test]
    fn a_description_is_what_all_filters_say() {
        for (filter, passes) in [
            ("term = \"heart\"", true),
            ("term = \"lung\"", false),
            ("term != \"lung\"", true),
            ("term = (\"lung\" \"heart att\")", true),
            ("term = (\"lung\" wild:\"*attack\")", true),
            ("term = wild:\"heart\"", false),
            ("language = en", true),
            ("language != (DE EN)", false),
            ("type = syn", true),
            ("type = fsn", false),
            ("type = (fsn syn)", true),
            ("typeId = 900000000000013009 |Synonym|", true),
            ("typeId != (900000000000013009 900000000000003001)", false),
            ("dialect = en-us", true),
            ("dialect = en-us (prefer)", true),
            ("dialect = en-gb (prefer)", false),
            ("dialect = en-gb (accept)", true),
            ("dialect = en-gb (prefer accept)", true),
            ("dialect != en-au", true),
            ("dialect = (en-au en-gb (accept))", true),
            ("dialectId = 900000000000508004 (900000000000549004)", true),
            ("moduleId = 900000000000207008", true),
            ("moduleId = 900000000000012004", false),
            ("effectiveTime >= \"20200101\"", true),
            ("effectiveTime < \"20200101\"", false),
            ("effectiveTime = (\"20200101\" \"20200131\")", true),
            ("active = true", true),
            ("term = \"heart\", language = en, type = syn", true),
            ("term = \"heart\", type = fsn", false),
        ] {
            let read = Constraint::read(&format!("1 {{{{ {filter} }}}}")).unwrap_or_else(|it| panic!("{filter}: {it}"));
            let Constraint::Described(_, tests) = read else { panic!("{filter}: {read:?}") };
            assert_eq!(tests.iter().all(|it| it.passes(&description())), passes, "{filter}");
        }
    }
}
