//! SampledData (datatypes.html#SampledData): a series of measurements as a device took them.

use super::Decimal;
use fhir::json::{Value, quote};
use fhir::{Failure, IssueType, Result};
use std::fmt::Write as _;

/// FHIR's limit for a string (datatypes.html#string).
const MAX_TEXT: usize = 1024 * 1024;

/// One point of a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample<T> {
    /// What was measured.
    Value(T),
    /// `E`: nothing could be measured.
    Error,
    /// `L`: below the limit of detection.
    Below,
    /// `U`: above the limit of detection.
    Above,
}

/// How stored points stand for measured values: value = origin + factor × point.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The measured value of a point that is zero.
    pub origin: Decimal,
    /// UCUM code of the unit of measured values, such as `mV`; empty where the sender gave none.
    pub unit: String,
    /// Milliseconds from one point in time to the next.
    pub period: Decimal,
    /// What points are multiplied with; 1 when absent.
    pub factor: Option<Decimal>,
    /// Measured values below this are `L`.
    pub lower_limit: Option<Decimal>,
    /// Measured values above this are `U`.
    pub upper_limit: Option<Decimal>,
    /// How many values are measured at each point in time, interlaced in the data.
    pub dimensions: u32,
}

/// A series of points and how to understand them.
#[derive(Clone, PartialEq)]
pub struct SampledData {
    /// What the points stand for.
    pub scale: Scale,
    /// The points, exact.
    pub data: Vec<Sample<Decimal>>,
}

/// Prints nothing of the signal: it is a patient's.
impl std::fmt::Debug for SampledData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SampledData({} points)", self.data.len())
    }
}

fn refuse<T>(code: IssueType, problem: impl Into<String>) -> Result<T> {
    Err(Failure::new(code, problem))
}

impl Scale {
    fn factor(&self) -> f64 {
        self.factor.map_or(1.0, Decimal::to_f64)
    }

    /// The whole-numbered point nearest to a measured value. What is not a number is an error of
    /// measurement; what lies beyond a limit of detection is told as such.
    fn point(&self, value: f64) -> Result<Sample<Decimal>> {
        if value.is_nan() {
            return Ok(Sample::Error);
        }
        if self.lower_limit.is_some_and(|limit| value < limit.to_f64()) {
            return Ok(Sample::Below);
        }
        if self.upper_limit.is_some_and(|limit| value > limit.to_f64()) {
            return Ok(Sample::Above);
        }
        match Decimal::nearest((value - self.origin.to_f64()) / self.factor(), 0) {
            Some(point) => Ok(Sample::Value(point)),
            None => refuse(IssueType::Value, "A measured value is too large for this factor."),
        }
    }

    fn check(&self, points: usize) -> Result<()> {
        if self.factor() == 0.0 || self.period.to_f64() <= 0.0 || self.dimensions == 0 {
            return refuse(
                IssueType::Value,
                "A signal needs a factor other than 0, and a period and dimensions above 0.",
            );
        }
        if !points.is_multiple_of(self.dimensions as usize) {
            return refuse(IssueType::Value, "The number of points is not a multiple of the dimensions.");
        }
        Ok(())
    }
}

impl SampledData {
    /// Measured values as whole-numbered points: see [`SampledData::values`] for the way back.
    pub fn encode(values: &[f64], scale: Scale) -> Result<SampledData> {
        scale.check(values.len())?;
        let data = values.iter().map(|it| scale.point(*it)).collect::<Result<_>>()?;
        SampledData { scale, data }.within_limit()
    }

    /// The measured values, in the unit of the scale.
    pub fn values(&self) -> impl Iterator<Item = Sample<f64>> {
        let (origin, factor) = (self.scale.origin.to_f64(), self.scale.factor());
        self.data.iter().map(move |it| match it {
            Sample::Value(point) => Sample::Value(origin + factor * point.to_f64()),
            Sample::Error => Sample::Error,
            Sample::Below => Sample::Below,
            Sample::Above => Sample::Above,
        })
    }

    /// How long the signal lasts, in milliseconds.
    pub fn milliseconds(&self) -> f64 {
        let points = self.data.len() / self.scale.dimensions.max(1) as usize;
        points as f64 * self.scale.period.to_f64()
    }

    pub(super) fn within_limit(self) -> Result<SampledData> {
        match self.text().len() {
            0..=MAX_TEXT => Ok(self),
            _ => refuse(IssueType::TooLong, "The signal's data is longer than 1 MiB, FHIR's limit for a string."),
        }
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.data.len() * 4);
        for (i, sample) in self.data.iter().enumerate() {
            let gap = if i > 0 { " " } else { "" };
            // Writing to a String cannot fail.
            let _ = match sample {
                Sample::Value(point) => write!(text, "{gap}{point}"),
                Sample::Error => write!(text, "{gap}E"),
                Sample::Below => write!(text, "{gap}L"),
                Sample::Above => write!(text, "{gap}U"),
            };
        }
        text
    }

    /// The JSON of the datatype.
    pub fn to_json(&self) -> String {
        let Scale { origin, unit, period, factor, lower_limit, upper_limit, dimensions } = &self.scale;
        let unit = match unit.as_str() {
            "" => String::new(),
            code => format!(r#","unit":{0},"system":"http://unitsofmeasure.org","code":{0}"#, quote(code)),
        };
        let mut out = format!(r#"{{"origin":{{"value":{origin}{unit}}},"period":{period}"#);
        let optional = [("factor", factor), ("lowerLimit", lower_limit), ("upperLimit", upper_limit)];
        for (name, value) in optional.into_iter().filter_map(|(name, it)| it.map(|it| (name, it))) {
            out.push_str(&format!(r#","{name}":{value}"#));
        }
        out.push_str(&format!(r#","dimensions":{dimensions}"#));
        if !self.data.is_empty() {
            // An empty string is no FHIR string; a signal without points leaves its data out.
            out.push_str(&format!(r#","data":"{}""#, self.text()));
        }
        out.push('}');
        out
    }

    /// Reads the JSON of the datatype.
    pub fn read(json: Value<'_>) -> Result<SampledData> {
        let Some(origin) = json.get("origin") else {
            return refuse(IssueType::Required, "SampledData needs an origin.");
        };
        let dimensions = required(json, "dimensions")?.to_string().parse();
        let scale = Scale {
            origin: required(origin, "value")?,
            unit: origin.str("code").or(origin.str("unit")).unwrap_or_default().to_owned(),
            period: required(json, "period")?,
            factor: optional(json, "factor")?,
            lower_limit: optional(json, "lowerLimit")?,
            upper_limit: optional(json, "upperLimit")?,
            dimensions: dimensions
                .or_else(|_| refuse(IssueType::Value, "dimensions is not a positive whole number."))?,
        };
        let text = json.str("data").unwrap_or_default();
        if text.len() > MAX_TEXT {
            return refuse(IssueType::TooLong, "The signal's data is longer than 1 MiB, FHIR's limit for a string.");
        }
        let data = text.split_ascii_whitespace().map(sample).collect::<Result<Vec<_>>>()?;
        scale.check(data.len())?;
        Ok(SampledData { scale, data })
    }
}

fn sample(text: &str) -> Result<Sample<Decimal>> {
    Ok(match text {
        "E" => Sample::Error,
        "L" => Sample::Below,
        "U" => Sample::Above,
        text => match text.parse() {
            Ok(point) => Sample::Value(point),
            Err(_) => return refuse(IssueType::Value, "A point of the data is neither a decimal nor E, L or U."),
        },
    })
}

fn optional(json: Value<'_>, name: &str) -> Result<Option<Decimal>> {
    let Some(value) = json.get(name) else { return Ok(None) };
    match value.as_number().and_then(|it| it.parse().ok()) {
        Some(decimal) => Ok(Some(decimal)),
        None => refuse(IssueType::Value, format!("{name} is not a decimal of at most 18 digits.")),
    }
}

fn required(json: Value<'_>, name: &str) -> Result<Decimal> {
    match optional(json, name)? {
        Some(value) => Ok(value),
        None => refuse(IssueType::Required, format!("SampledData needs {name}.")),
    }
}
