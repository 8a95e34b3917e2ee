//! Tests that ask for one key of the index, and what tests on references want them to point to.

use super::filter::Filters;
use fhir::search::{ParamId, Shelf, Test, TokenTest, UnitTest};

impl Filters<'_> {
    /// The key that a test asks for, if it asks for one.
    pub(crate) fn key(&self, test: &Test) -> Option<i64> {
        match test {
            Test::Present(param, Shelf::Key) => Some(self.hash.present(*param)),
            Test::Token(param, token) => Some(self.token_key(*param, token)),
            Test::Uri(param, uri) => Some(self.hash.uri(*param, uri)),
            Test::Of(of) => Some(self.hash.type_key(of)),
            Test::Composite { .. } => self.key(&self.of_composite(test)?),
            _ => None,
        }
    }

    /// What a test on a reference wants it to point to.
    pub(crate) fn target(&self, test: &Test) -> Option<(ParamId, i64)> {
        match test {
            Test::Local { param, of, id } => Some((*param, self.hash.resource(of, id))),
            Test::Url(param, url) => Some((*param, self.hash.url(url))),
            Test::Composite { .. } => self.target(&self.of_composite(test)?),
            _ => None,
        }
    }

    /// A composite as the test on its last value, under the parameter that its first one makes; `None` of other tests.
    pub(crate) fn of_composite(&self, test: &Test) -> Option<Test> {
        let Test::Composite { param, first, last } = test else { return None };
        let first = self.key(first).or_else(|| self.target(first).map(|it| it.1))?;
        let param = self.hash.composite(*param, first);
        Some(match (**last).clone() {
            Test::Token(_, token) => Test::Token(param, token),
            Test::String(_, string) => Test::String(param, string),
            Test::Date(_, ranges) => Test::Date(param, ranges),
            Test::Number(_, range) => Test::Number(param, range),
            Test::Numbers(_, left, right) => Test::Numbers(param, left, right),
            Test::Quantity(_, unit, range) => Test::Quantity(param, unit, range),
            Test::Local { of, id, .. } => Test::Local { param, of, id },
            Test::Url(_, url) => Test::Url(param, url),
            Test::Uri(_, uri) => Test::Uri(param, uri),
            _ => return None,
        })
    }

    fn token_key(&self, param: ParamId, token: &TokenTest) -> i64 {
        match token {
            TokenTest::Code(code) => self.hash.code(param, code),
            TokenTest::Coding(system, code) => self.hash.coding(param, system, code),
            TokenTest::NoSystem(code) => self.hash.coding(param, "", code),
            TokenTest::System(system) => self.hash.system(param, system),
        }
    }

    pub(crate) fn unit_slot(&self, param: ParamId, unit: &UnitTest) -> i64 {
        match unit {
            UnitTest::Any => self.hash.number(param),
            UnitTest::Coded(system, code) => self.hash.coded_unit(param, system, code),
            UnitTest::Named(unit) => self.hash.named_unit(param, unit),
        }
    }
}
