//! What a call of `$stats` asks for.

use super::statistic::Statistic;
use engine::Call;
use fhir::json::Value;
use fhir::primitive::datetime;
use fhir::search::{Clause, Filter, ParamId, RangeTest, Test, TokenTest};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};

/// Microseconds of an hour.
const HOUR: f64 = 3_600_000_000.0;

/// Which measurements, and what of them.
pub(super) struct Asked<'c> {
    pub(super) subject: &'c str,
    pub(super) codes: Vec<Code>,
    pub(super) statistics: Vec<Statistic>,
    /// In microseconds.
    pub(super) period: Option<(i64, i64)>,
    /// The most source observations to return.
    pub(super) sources: usize,
}

/// A code of measurements; without a system it is of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) system: Option<String>,
    pub(super) code: String,
}

impl Code {
    /// The code of a Coding that has one.
    pub(super) fn of(coding: Value<'_>) -> Option<Code> {
        Some(Code { system: coding.str("system").map(str::to_owned), code: coding.str("code")?.to_owned() })
    }

    /// Whether a CodeableConcept has it.
    pub(super) fn is_in(&self, concept: Option<Value<'_>>) -> bool {
        let codings = concept.and_then(|it| it.get("coding")).into_iter().flat_map(Value::each);
        let mut codings = codings.filter_map(Code::of);
        codings.any(|it| it.code == self.code && (self.system.is_none() || self.system == it.system))
    }
}

impl<'c> Asked<'c> {
    /// Reads the parameters.
    pub(super) fn of(call: &'c Call<'_>) -> Result<Asked<'c>> {
        let arguments = &call.arguments;
        let is_included = arguments.text("include") == Some("true");
        let limit = arguments.text("limit").and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
        Ok(Asked {
            subject: arguments.text("subject").unwrap_or_default(),
            codes: codes(call)?,
            statistics: arguments.texts("statistic").map(statistic).collect::<Result<_>>()?,
            period: period(call)?,
            sources: if is_included { limit } else { 0 },
        })
    }

    /// The observations that may have measurements.
    pub(super) fn filter(&self, call: &Call<'_>) -> Result<Filter> {
        let of = r4().resource("Observation").ok_or_else(|| Failure::internal("R4 has observations"))?;
        let query = call.query(of);
        let subject = query.clause("subject", &escaped(self.subject));
        let mut filter = vec![subject.map_err(|it| Failure::new(IssueType::Value, it.told()))?];
        let param = ParamId::of("Observation", "combo-code");
        let tests = self.codes.iter().map(|it| match &it.system {
            Some(system) => Test::Token(param, TokenTest::Coding(system.clone(), it.code.clone())),
            None => Test::Token(param, TokenTest::Code(it.code.clone())),
        });
        filter.push(Clause::Any(tests.collect()));
        if let Some((low, high)) = self.period {
            let date = ParamId::of("Observation", "date");
            filter.push(Clause::Any(vec![Test::Date(date, vec![RangeTest::Overlaps(low, high)])]));
        }
        Ok(filter)
    }
}

/// `code` with `system`, and `coding`.
fn codes(call: &Call<'_>) -> Result<Vec<Code>> {
    let system = call.arguments.text("system").map(str::to_owned);
    let mut codes: Vec<Code> =
        call.arguments.texts("code").map(|it| Code { system: system.clone(), code: it.to_owned() }).collect();
    for coding in call.arguments.elements("coding") {
        let told = "The parameter coding has no code.";
        codes.push(Code::of(coding).ok_or_else(|| Failure::new(IssueType::Required, told))?);
    }
    if codes.is_empty() {
        return Err(Failure::new(IssueType::Required, "$stats needs the parameter code or coding."));
    }
    let mut once: Vec<Code> = Vec::with_capacity(codes.len());
    for code in codes {
        if !once.contains(&code) {
            once.push(code);
        }
    }
    Ok(once)
}

fn statistic(code: &str) -> Result<Statistic> {
    Statistic::named(code).ok_or_else(|| {
        let told = format!("A statistic is one of {}.", Statistic::codes().join(", "));
        Failure::new(IssueType::NotSupported, told)
    })
}

/// `duration` up to now, or else `period`.
fn period(call: &Call<'_>) -> Result<Option<(i64, i64)>> {
    let refused = |told: &str| Err(Failure::new(IssueType::Value, told));
    if let Some(duration) = call.arguments.text("duration") {
        let now = call.engine.now_micros();
        return match duration.parse::<f64>() {
            Ok(hours) if hours > 0.0 => Ok(Some((now.saturating_sub((hours * HOUR) as i64), now))),
            _ => refused("The parameter duration is a number of hours greater than 0."),
        };
    }
    let Some(period) = call.arguments.elements("period").next() else { return Ok(None) };
    let end = |name| period.str(name).and_then(datetime::range);
    match (end("start"), end("end")) {
        (None, None) => refused("The parameter period has neither start nor end."),
        (start, end) => Ok(Some((start.map_or(i64::MIN, |it| it.low), end.map_or(i64::MAX, |it| it.high)))),
    }
}

/// A value as a search parameter takes it (search.html#escaping).
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | '$' | ',' | '|') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
