//! From SampledData to measured values.

use crate::pages::summary::words;
use fhir::json::Value;

/// How many traces a page draws.
const TRACES: usize = 32;
/// How many samples of a trace a page draws.
const SAMPLES: usize = 200_000;
/// Values beyond this are no measurements, and arithmetic on them would overflow.
const LARGEST: f64 = 1e15;
/// How lead names of IEEE 11073-10101 begin; what follows is what a reader of an ECG knows them by.
const LEAD_PREFIXES: [&str; 2] = ["MDC_ECG_ELEC_POTL_", "MDC_ECG_LEAD_"];

/// One trace.
#[derive(Debug, PartialEq)]
pub(super) struct Series {
    /// What was measured.
    pub(super) label: String,
    /// The unit of the samples; empty where the resource names none.
    pub(super) unit: String,
    /// Milliseconds from one sample to the next.
    pub(super) period: f64,
    /// The values; `None` where the device reported an error.
    pub(super) samples: Vec<Option<f64>>,
}

impl Series {
    /// Whether both can be drawn at one scale.
    pub(super) fn is_comparable(&self, other: &Series) -> bool {
        self.period == other.period && self.unit == other.unit
    }

    /// The least and greatest value, if there is any.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        self.samples.iter().flatten().fold(None, |extent, value| match extent {
            None => Some((*value, *value)),
            Some((least, greatest)) => Some((value.min(least), value.max(greatest))),
        })
    }
}

/// The traces of everything in `resource` that has the shape of SampledData.
pub(super) fn series(resource: Value<'_>) -> Vec<Series> {
    let overall = label(resource);
    let mut all = Vec::new();
    for holder in resource.descendants().filter(|it| it.is_object()) {
        for data in holder.children().filter(|it| it.str("data").is_some()) {
            all.extend(traces(data, label(holder).or_else(|| overall.clone())));
            if all.len() >= TRACES {
                all.truncate(TRACES);
                return all;
            }
        }
    }
    all
}

/// What the samples next to a `code` are.
fn label(holder: Value<'_>) -> Option<String> {
    let words = words(holder.get("code")?)?;
    let lead = LEAD_PREFIXES.iter().find_map(|it| words.strip_prefix(it));
    Some(lead.map_or(words.clone(), str::to_owned))
}

/// The traces of one SampledData; none if the value is something else or cannot be drawn.
fn traces(data: Value<'_>, label: Option<String>) -> Vec<Series> {
    let Some(samples) = data.str("data") else { return Vec::new() };
    let Some(origin) = data.get("origin") else { return Vec::new() };
    let Some(period) = number(data, "period").filter(|it| *it > 0.0) else { return Vec::new() };
    let dimensions = data.get("dimensions").and_then(|it| it.as_number()?.parse::<usize>().ok()).unwrap_or(1);
    if dimensions == 0 || dimensions > TRACES {
        return Vec::new();
    }
    let scale = Scale {
        origin: number(origin, "value").unwrap_or(0.0),
        factor: number(data, "factor").unwrap_or(1.0),
        lower: number(data, "lowerLimit"),
        upper: number(data, "upperLimit"),
    };
    let label = label.unwrap_or_else(|| data.key().to_owned());
    let unit = origin.str("unit").or_else(|| origin.str("code")).unwrap_or_default();
    // The dimensions are interlaced: all samples of one point in time stand together.
    let mut columns = vec![Vec::new(); dimensions];
    for (at, sample) in samples.split_ascii_whitespace().take(SAMPLES * dimensions).enumerate() {
        if let Some(column) = columns.get_mut(at % dimensions) {
            column.push(scale.value(sample));
        }
    }
    let named = |at: usize| if dimensions == 1 { label.clone() } else { format!("{label} ({})", at + 1) };
    let all = columns.into_iter().enumerate();
    all.map(|(at, samples)| Series { label: named(at), unit: unit.to_owned(), period, samples })
        .filter(|it| it.extent().is_some())
        .collect()
}

/// How a sample becomes a value.
struct Scale {
    origin: f64,
    factor: f64,
    lower: Option<f64>,
    upper: Option<f64>,
}

impl Scale {
    /// A sample's value; a limit where the device could not see further, `None` for an error.
    fn value(&self, sample: &str) -> Option<f64> {
        let value = match sample {
            "E" => return None,
            "L" => self.lower?,
            "U" => self.upper?,
            number => number.parse::<f64>().ok()? * self.factor + self.origin,
        };
        (value.abs() < LARGEST).then_some(value)
    }
}

fn number(value: Value<'_>, element: &str) -> Option<f64> {
    value.get(element)?.as_number()?.parse().ok().filter(|it: &f64| it.abs() < LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    fn of(text: &str) -> Vec<Series> {
        series(Doc::parse(text).unwrap().root())
    }

    #[test]
    fn samples_are_scaled_and_marks_understood() {
        let all =
            of(r#"{"code":{"text":"Flow"},"valueSampledData":{"origin":{"value":10,"unit":"l"},"period":4,"factor":2,
                "lowerLimit":-1,"upperLimit":99,"dimensions":1,"data":"0 1 E L U -2.5 nonsense"}}"#);
        let samples = vec![Some(10.0), Some(12.0), None, Some(-1.0), Some(99.0), Some(5.0), None];
        assert_eq!(all, [Series { label: "Flow".into(), unit: "l".into(), period: 4.0, samples }]);
    }

    #[test]
    fn dimensions_are_interlaced() {
        let all = of(r#"{"x":{"origin":{"value":0},"period":1,"dimensions":2,"data":"1 10 2 20 3 30"}}"#);
        assert_eq!(all.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), ["x (1)", "x (2)"]);
        assert_eq!(all[1].samples, [Some(10.0), Some(20.0), Some(30.0)]);
    }

    #[test]
    fn leads_have_their_short_names() {
        let all = of(r#"{"component":[{"code":{"coding":[{"display":"MDC_ECG_ELEC_POTL_II"}]},
                "valueSampledData":{"origin":{"value":0},"period":1,"dimensions":1,"data":"1"}}]}"#);
        assert_eq!(all[0].label, "II");
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        for data in [
            r#"{"origin":{"value":0},"period":0,"dimensions":1,"data":"1 2"}"#,
            r#"{"origin":{"value":0},"period":1,"dimensions":0,"data":"1 2"}"#,
            r#"{"origin":{"value":0},"period":1,"dimensions":4000000000,"data":"1 2"}"#,
            r#"{"origin":{"value":1e300},"period":1,"dimensions":1,"data":"E NaN inf 1e300"}"#,
            r#"{"period":1,"data":"1 2"}"#,
        ] {
            assert_eq!(of(&format!(r#"{{"x":{data}}}"#)), [], "{data} was drawn");
        }
    }

    #[test]
    fn traces_are_capped() {
        let one = r#"{"x":{"origin":{"value":0},"period":1,"dimensions":20,"data":"1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"}}"#;
        assert_eq!(of(&format!("[{one},{one}]")).len(), TRACES);
    }
}
