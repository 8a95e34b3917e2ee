//! Records of PhysioNet: a WFDB header (`.hea`) and its signal file (`.dat`) in format 16, read into a
//! [`Recording`].
//!
//! The formats are described in the WFDB Applications Guide, header(5) and signal(5). Points are kept
//! exact; the factor is 1/gain to 15 places, which is below a ten-millionth of a point's height.

use super::{Decimal, Lead, Recording, Sample, SampledData, Scale};
use fhir::{Failure, IssueType, Result};

/// Digits behind the point of what a header gives only as a quotient.
const PLACES: u8 = 15;

/// What header(5) assumes where a gain is absent or 0, in units per millivolt.
const DEFAULT_GAIN: f64 = 200.0;

/// What header(5) assumes where the sampling frequency is absent.
const DEFAULT_FREQUENCY: &str = "250";

/// In format 16 this point means that the signal was not available.
const INVALID: i16 = i16::MIN;

/// What the record line says.
struct RecordLine {
    signals: usize,
    period: Decimal,
    samples: Option<usize>,
}

/// What a signal specification line says.
#[derive(PartialEq)]
struct SignalLine {
    file: String,
    gain: f64,
    baseline: f64,
    unit: String,
    checksum: Option<i16>,
    lead: Lead,
}

/// Reads a record of one segment whose signals all lie in one file.
pub fn read(header: &str, data: &[u8]) -> Result<Recording> {
    let mut lines = header.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    let record = record_line(lines.next().unwrap_or_default())?;
    let signals = lines.by_ref().take(record.signals).map(signal_line).collect::<Result<Vec<_>>>()?;
    if signals.len() != record.signals {
        return refuse("The header has fewer signal lines than it says.");
    }
    if signals.iter().any(|it| it.file != signals[0].file) {
        return refuse("The record's signals lie in several files; only one file is read.");
    }
    if signals.iter().enumerate().any(|(i, it)| signals[..i].iter().any(|other| other.lead == it.lead)) {
        return refuse("The header names a lead twice.");
    }
    let columns = columns(data, signals.len())?;
    let leads = signals.iter().zip(columns).map(|(line, points)| lead(line, points, &record));
    Ok(Recording { leads: leads.collect::<Result<_>>()? })
}

fn refuse<T>(problem: &str) -> Result<T> {
    Err(Failure::new(IssueType::Processing, problem))
}

/// `name[/segments] signals [frequency[/counter[(base)]] [samples …]]`
fn record_line(line: &str) -> Result<RecordLine> {
    let mut fields = line.split_ascii_whitespace();
    let name = fields.next().unwrap_or_default();
    if name.contains('/') {
        return refuse("The record has several segments; only records of one segment are read.");
    }
    let signals = fields.next().and_then(|it| it.parse().ok()).filter(|it| (1..=Lead::ALL.len()).contains(it));
    let Some(signals) = signals else {
        return refuse("The header's first line does not name a record of 1 to 12 signals.");
    };
    let frequency = fields.next().unwrap_or(DEFAULT_FREQUENCY);
    let frequency = leading_number(frequency, &['/']).filter(|it| *it > 0.0);
    let Some(period) = frequency.and_then(|it| Decimal::nearest(1000.0 / it, PLACES)) else {
        return refuse("The header's sampling frequency is not a positive number.");
    };
    let samples = fields.next().and_then(|it| it.parse().ok()).filter(|it| *it > 0);
    Ok(RecordLine { signals, period, samples })
}

/// `file format [gain[(baseline)][/unit] [resolution [zero [initial [checksum [block [description]]]]]]]`
fn signal_line(line: &str) -> Result<SignalLine> {
    let mut fields = line.split_ascii_whitespace();
    let file = fields.next().unwrap_or_default().to_owned();
    if fields.next() != Some("16") {
        return refuse("A signal is not in format 16, one sample per frame, without skew or offset.");
    }
    let scale = fields.next().unwrap_or("0");
    let (scale, unit) = scale.split_once('/').unwrap_or((scale, "mV"));
    if !["V", "mV", "uV", "nV"].contains(&unit) {
        return refuse("A signal's unit is not V, mV, uV or nV.");
    }
    let gain = leading_number(scale, &['(']).map(|it| if it == 0.0 { DEFAULT_GAIN } else { it });
    let zero = fields.nth(1);
    let baseline = match scale.split_once('(') {
        Some((_, rest)) => rest.strip_suffix(')'),
        None => Some(zero.unwrap_or("0")),
    };
    let baseline = baseline.and_then(|it| it.parse::<i32>().ok());
    let (Some(gain), Some(baseline)) = (gain, baseline) else {
        return refuse("A signal's gain or baseline is not a number.");
    };
    let checksum = fields.nth(1).and_then(|it| it.parse().ok());
    let description = fields.skip(1).collect::<Vec<_>>().join(" ");
    let Some(lead) = Lead::named(&description) else {
        return Err(Failure::new(
            IssueType::NotSupported,
            "A signal's description is not one of the twelve standard leads.",
        ));
    };
    Ok(SignalLine { file, gain, baseline: baseline.into(), unit: unit.to_owned(), checksum, lead })
}

/// The number before the first of `ends`.
fn leading_number(text: &str, ends: &[char]) -> Option<f64> {
    let number = text.split(ends).next()?;
    number.parse().ok().filter(|it: &f64| it.is_finite())
}

/// Format 16: little-endian two's complement, the signals' points interlaced.
fn columns(data: &[u8], signals: usize) -> Result<Vec<Vec<i16>>> {
    if !data.len().is_multiple_of(2 * signals) {
        return refuse("The signal file does not end at the end of a frame.");
    }
    let points = data.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]])).collect::<Vec<_>>();
    Ok((0..signals).map(|it| points.iter().skip(it).step_by(signals).copied().collect()).collect())
}

fn lead(line: &SignalLine, points: Vec<i16>, record: &RecordLine) -> Result<(Lead, SampledData)> {
    if record.samples.is_some_and(|it| it != points.len()) {
        return refuse("The signal file's length is not what the header says.");
    }
    let sum = points.iter().fold(0, |sum: i16, it| sum.wrapping_add(*it));
    if line.checksum.is_some_and(|it| it != sum) {
        return refuse("A signal's checksum is not what the header says.");
    }
    let decimals = (Decimal::nearest(1.0 / line.gain, PLACES), Decimal::nearest(-line.baseline / line.gain, PLACES));
    let (Some(factor), Some(origin)) = decimals else {
        return refuse("A signal's gain or baseline is out of range.");
    };
    let point = |it: i16| if it == INVALID { Sample::Error } else { Sample::Value(i32::from(it).into()) };
    let scale = Scale {
        origin,
        unit: line.unit.clone(),
        period: record.period,
        factor: Some(factor),
        lower_limit: None,
        upper_limit: None,
        dimensions: 1,
    };
    let signal = SampledData { scale, data: points.into_iter().map(point).collect() };
    Ok((line.lead, signal.within_limit()?))
}
