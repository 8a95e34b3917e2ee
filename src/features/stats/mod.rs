//! `$stats` (observation-operation-stats.html): statistics over the measurements of a subject.

mod asked;
mod measured;
mod regression;
mod statistic;

use asked::Asked;
use engine::{Access, Answer, Call, Extra, Operation};
use fhir::primitive::datetime;
use fhir::units::UCUM;
use fhir::{Failure, IssueType, Result};
use measured::{Group, Measured};
use regression::Line;
use serde_json::{Value as Json, json};
use statistic::{Statistic, Tells};
use store::{Branch, Key, Plan};

/// Observations that are looked through at once.
const BATCH: usize = 1000;
/// The code system of statistics.
const STATISTICS: &str = "http://terminology.hl7.org/CodeSystem/observation-statistics";
/// Why a statistic has no value (datatypes of a component: dataAbsentReason).
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/observation-stats.json"),
        demands: &[(Access::Search, "Observation"), (Access::Read, "Observation")],
        extras: &[Extra::Narrowed],
        run: |call| Box::pin(stats(call)),
    }
}

async fn stats(call: Call<'_>) -> Result<Answer> {
    call.demand_shown("Observation", &["code", "value", "effective", "component", "hasMember"])?;
    let asked = Asked::of(&call)?;
    let measured = measured(&call, &asked).await?;
    let mut parts: Vec<String> = Vec::new();
    for group in measured.told() {
        parts.push(format!(r#"{{"name":"statistics","resource":{}}}"#, told(&asked, group)?));
    }
    for source in &measured.sources {
        let body = std::str::from_utf8(&source.body).map_err(Failure::internal)?;
        parts.push(format!(r#"{{"name":"source","resource":{body}}}"#));
    }
    let parameters = format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, parts.join(","));
    Ok(Answer::new(200, parameters))
}

async fn measured<'c>(call: &'c Call<'_>, asked: &Asked<'_>) -> Result<Measured<'c>> {
    let most = call.engine.settings().max_includes;
    let wanted = asked.sources.min(most + 1);
    let mut measured = Measured::new(call.ctx.base(), &asked.codes, wanted);
    let branch = call.findable(Branch { of: "Observation".into(), filter: asked.filter(call)?, sort: Vec::new() })?;
    let mut plan = Plan { branches: vec![branch], after: None, limit: BATCH };
    loop {
        let page = call.search(&plan).await?;
        page.found.into_iter().try_for_each(|it| measured.observation(it, &asked.codes))?;
        plan.after = page.next;
        if plan.after.is_none() {
            break;
        }
    }
    let members: Vec<Key> = measured.members.drain().collect();
    for batch in members.chunks(BATCH) {
        call.readable(batch).await?.into_iter().try_for_each(|it| measured.member(it))?;
    }
    if measured.sources.len() > most {
        let told = "There are more source observations than this server gives at once; give a limit.";
        return Err(Failure::new(IssueType::TooCostly, told));
    }
    measured.groups.iter_mut().for_each(|it| it.values.sort_by(f64::total_cmp));
    Ok(measured)
}

/// The Observation that tells the statistics of a code.
fn told(asked: &Asked<'_>, group: &Group) -> Result<Json> {
    let mut coding = json!({ "code": group.code.code });
    if let Some(system) = &group.code.system {
        coding["system"] = system.as_str().into();
    }
    let mut observation = json!({
        "resourceType": "Observation",
        "status": "final",
        "code": { "coding": [coding] },
        "subject": { "reference": asked.subject },
    });
    if let Some((low, high)) = asked.period {
        observation["effectivePeriod"] = period(low, high);
    }
    let components: Vec<Vec<Json>> = asked.statistics.iter().map(|it| components(it, group)).collect::<Result<_>>()?;
    observation["component"] = components.concat().into();
    Ok(observation)
}

/// A Period; an end that is open has no element.
fn period(low: i64, high: i64) -> Json {
    let mut period = json!({});
    if low > i64::MIN {
        period["start"] = datetime::instant(low).into();
    }
    if high < i64::MAX {
        period["end"] = datetime::instant(high).into();
    }
    period
}

/// The components of a statistic: one, but two of a regression.
fn components(statistic: &Statistic, group: &Group) -> Result<Vec<Json>> {
    let unit = group.unit.as_ref().map(|(code, name)| (code.clone(), name.clone()));
    let with = |unit: Option<(String, String)>, value: Option<f64>| quantity(statistic, value.zip(unit));
    let component = match statistic.tells {
        Tells::Count => with_value(statistic, "valueInteger", group.values.len().into()),
        Tells::TotalCount => with_value(statistic, "valueInteger", group.total.into()),
        Tells::Quantity(compute) => with(unit, compute(&group.values))?,
        Tells::Square(compute) => with(changed(unit, |it| format!("({it})2")), compute(&group.values))?,
        Tells::Number(compute) => with(Some(("1".to_owned(), "1".to_owned())), compute(&group.values))?,
        Tells::Line => {
            let Some(line) = Line::through(&group.points) else { return Ok(vec![with(None, None)?]) };
            let mut gradient = with(changed(unit.clone(), |it| format!("({it})/d")), Some(line.gradient))?;
            gradient["code"]["text"] = "Regression: gradient over time".into();
            let mut intercept = with(unit, Some(line.intercept))?;
            let origin = datetime::instant(line.origin);
            intercept["code"]["text"] = format!("Regression: intercept at {origin}").into();
            return Ok(vec![gradient, intercept]);
        }
    };
    Ok(vec![component])
}

/// Code and name of a unit, changed.
fn changed(unit: Option<(String, String)>, change: impl Fn(&str) -> String) -> Option<(String, String)> {
    unit.map(|(code, name)| (change(&code), change(&name)))
}

fn with_value(statistic: &Statistic, name: &str, value: Json) -> Json {
    let coding = json!({ "system": STATISTICS, "code": statistic.code, "display": statistic.display });
    json!({ "code": { "coding": [coding] }, name: value })
}

/// A component with a quantity, or with the reason why there is none.
fn quantity(statistic: &Statistic, value: Option<(f64, (String, String))>) -> Result<Json> {
    Ok(match value {
        Some((value, (code, name))) => {
            let quantity = json!({ "value": rounded(value)?, "unit": name, "system": UCUM, "code": code });
            with_value(statistic, "valueQuantity", quantity)
        }
        None => {
            let reason = json!({ "system": ABSENT, "code": "not-applicable", "display": "Not Applicable" });
            with_value(statistic, "dataAbsentReason", json!({ "coding": [reason] }))
        }
    })
}

/// A number in twelve digits: more than measurements have, fewer than show how computers add.
fn rounded(value: f64) -> Result<serde_json::Number> {
    let rounded: f64 = format!("{value:.11e}").parse().map_err(Failure::internal)?;
    format!("{rounded}").parse().map_err(Failure::internal)
}
