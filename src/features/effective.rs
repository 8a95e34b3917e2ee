//! The time of an observation (observation.html, `effective[x]`).

use fhir::json::Value;
use fhir::primitive::datetime;

/// When the observation was true: the latest moment that `effective[x]` names, in microseconds since the epoch.
pub(crate) fn effective(observation: Value<'_>) -> Option<i64> {
    let moment = |text: Option<&str>| text.and_then(datetime::range).map(|it| it.low);
    let period = observation.get("effectivePeriod");
    let events = observation.get("effectiveTiming").and_then(|it| it.get("event"));
    moment(observation.str("effectiveDateTime"))
        .or_else(|| moment(observation.str("effectiveInstant")))
        .or_else(|| moment(period.and_then(|it| it.str("end").or(it.str("start")))))
        .or_else(|| events.into_iter().flat_map(Value::each).filter_map(|it| moment(it.as_str())).max())
}
