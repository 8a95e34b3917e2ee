//! Traces on the paper that readers of ECGs know: millimetres, every fifth line strong, 25 mm a second
//! and 10 mm a millivolt where the samples allow it.

use super::series::Series;
use crate::pages::html::Html;
use std::fmt::Write;

/// The paper speed of an ECG, in millimetres a second.
const SPEED: f64 = 25.0;
/// The gain of an ECG, in millimetres a millivolt.
const GAIN: f64 = 10.0;
/// Longer recordings, in seconds, are drawn to fit the page instead.
const LONGEST: f64 = 60.0;
/// Slower samples, in milliseconds, are trends rather than waveforms.
const SLOWEST: f64 = 40.0;
/// The width, in millimetres, to which others are fitted.
const WIDTH: f64 = 250.0;
/// The height, in millimetres, to which a trace of an unknown gain is fitted.
const HEIGHT: f64 = 30.0;
/// The greatest height, in millimetres, of a trace of a known gain.
const TALLEST: f64 = 80.0;
/// A large square of the paper, in millimetres.
const SQUARE: f64 = 5.0;
/// How many pixels a millimetre takes.
const PIXELS: f64 = 4.0;

/// Millimetres for a second and for a unit.
struct Scale {
    speed: f64,
    gain: f64,
}

/// Draws comparable traces below each other on one sheet.
pub(super) fn figure(number: usize, group: &[Series]) -> Html {
    let Some(first) = group.first() else { return Html::default() };
    let longest = group.iter().map(|it| it.samples.len()).max().unwrap_or(0);
    let seconds = longest as f64 * first.period / 1_000.0;
    let scale = scale(group, seconds);
    let rows: Vec<Row<'_>> = group.iter().filter_map(|it| Row::new(it, &scale)).collect();
    let width = squares(seconds * scale.speed).max(60.0) + 2.0 * SQUARE;
    let height: f64 = rows.iter().map(|it| it.height).sum();
    let caption = caption(group, seconds, &scale);
    let mut html = Html::default();
    html.raw("<figure class=\"sheet\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Waveforms, scrollable\">");
    html.raw("<svg role=\"img\"").attr("aria-label", &caption).attr("viewBox", &format!("0 0 {width} {height}"));
    html.attr("width", &(width * PIXELS).to_string()).attr("height", &(height * PIXELS).to_string()).raw(">");
    paper(&mut html, number);
    let mut top = 0.0;
    for row in &rows {
        row.draw(&mut html, top, &scale);
        top += row.height;
    }
    html.raw("</svg></div><figcaption>").text(&caption).raw("</figcaption></figure>");
    html
}

/// The grid; its patterns are named by the figure, since names hold for the whole page.
fn paper(html: &mut Html, number: usize) {
    let (fine, strong) = (format!("fine-{number}"), format!("strong-{number}"));
    html.raw("<defs><pattern width=\"1\" height=\"1\" patternUnits=\"userSpaceOnUse\"").attr("id", &fine);
    html.raw("><path class=\"fine\" d=\"M1 0H0V1\"/></pattern>");
    html.raw("<pattern width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"").attr("id", &strong);
    html.raw("><path class=\"strong\" d=\"M5 0H0V5\"/></pattern></defs>");
    html.raw("<rect class=\"ground\" width=\"100%\" height=\"100%\"/>");
    for pattern in [&fine, &strong] {
        html.raw("<rect width=\"100%\" height=\"100%\"").attr("fill", &format!("url(#{pattern})")).raw("/>");
    }
}

/// A trace and the strip of paper it takes.
struct Row<'a> {
    series: &'a Series,
    greatest: f64,
    height: f64,
}

impl<'a> Row<'a> {
    fn new(series: &'a Series, scale: &Scale) -> Option<Row<'a>> {
        let (least, greatest) = series.extent()?;
        Some(Row {
            series,
            greatest,
            height: squares((greatest - least) * scale.gain).max(2.0 * SQUARE) + 2.0 * SQUARE,
        })
    }

    fn draw(&self, html: &mut Html, top: f64, scale: &Scale) {
        let step = self.series.period / 1_000.0 * scale.speed;
        let mut path = String::new();
        let mut joined = false;
        for (at, value) in thinned(&self.series.samples, step) {
            let Some(value) = value else {
                joined = false;
                continue;
            };
            let x = SQUARE + at as f64 * step;
            let y = top + 1.6 * SQUARE + (self.greatest - value) * scale.gain;
            // Writing to a String cannot fail.
            let _ = write!(path, "{}{x:.2} {y:.2}", if joined { "L" } else { "M" });
            joined = true;
        }
        html.raw("<path class=\"trace\"").attr("d", &path).raw("/><text class=\"lead-name\"");
        html.attr("x", &SQUARE.to_string()).attr("y", &format!("{:.2}", top + 4.6)).raw(">");
        html.text(&self.series.label).raw("</text>");
    }
}

/// The samples to draw: where many fall on one pixel, its least and greatest, in the order they came.
fn thinned(samples: &[Option<f64>], step: f64) -> Vec<(usize, Option<f64>)> {
    let crowd = (1.0 / PIXELS / step) as usize;
    if crowd < 3 {
        return samples.iter().copied().enumerate().collect();
    }
    let mut kept = Vec::with_capacity(samples.len() / crowd * 2 + 2);
    for (number, chunk) in samples.chunks(crowd).enumerate() {
        let at = number * crowd;
        let values = || chunk.iter().enumerate().filter_map(|(offset, it)| Some((at + offset, (*it)?)));
        let least = values().min_by(|a, b| a.1.total_cmp(&b.1));
        let greatest = values().max_by(|a, b| a.1.total_cmp(&b.1));
        match (least, greatest) {
            (Some(a), Some(b)) => {
                let (first, second) = if a.0 <= b.0 { (a, b) } else { (b, a) };
                kept.push((first.0, Some(first.1)));
                kept.push((second.0, Some(second.1)));
            }
            _ => kept.push((at, None)),
        }
    }
    kept
}

fn scale(group: &[Series], seconds: f64) -> Scale {
    let is_waveform = group.first().is_some_and(|it| it.period <= SLOWEST) && seconds <= LONGEST;
    let speed = if is_waveform { SPEED } else { round(WIDTH / seconds) };
    let range = group.iter().filter_map(Series::extent).map(|(least, greatest)| greatest - least).fold(0.0, f64::max);
    let known = group.first().and_then(|it| millivolts(&it.unit)).map(|it| it * GAIN);
    let mut gain = known.unwrap_or_else(|| if range > 0.0 { round(HEIGHT / range) } else { 1.0 });
    while range * gain > TALLEST {
        gain /= 2.0;
    }
    Scale { speed, gain }
}

/// How many millivolts a unit is, if it is one of electric potential (UCUM).
fn millivolts(unit: &str) -> Option<f64> {
    match unit {
        "mV" => Some(1.0),
        "uV" | "µV" | "μV" => Some(0.001),
        "V" => Some(1_000.0),
        _ => None,
    }
}

/// The next smaller of 1, 2 or 5 times a power of ten.
fn round(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].into_iter().find(|it| it * power <= value).unwrap_or(1.0) * power
}

/// `length` made up to whole large squares.
fn squares(length: f64) -> f64 {
    (length / SQUARE).ceil() * SQUARE
}

fn caption(group: &[Series], seconds: f64, scale: &Scale) -> String {
    let unit = group.first().map(|it| it.unit.as_str()).filter(|it| !it.is_empty());
    let traces = if group.len() == 1 { "1 trace".to_owned() } else { format!("{} traces", group.len()) };
    let (width, height) = (SQUARE / scale.speed, SQUARE / scale.gain);
    let mut caption = format!(
        "{traces}, {} s. A large square is {} s wide and {} {} high",
        short(seconds),
        short(width),
        short(height),
        unit.unwrap_or("(unit not given)")
    );
    if let Some(millivolts) = unit.and_then(millivolts) {
        let _ = write!(caption, " ({} mm/s, {} mm/mV)", short(scale.speed), short(scale.gain / millivolts));
    }
    caption.push('.');
    caption
}

/// A number with the digits a reader needs.
fn short(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { ((value * 1e4).round() / 1e4).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(unit: &str, period: f64, samples: &[Option<f64>]) -> Series {
        Series { label: "II".into(), unit: unit.into(), period, samples: samples.to_vec() }
    }

    /// The points of the first path drawn as a trace.
    fn path(html: &str) -> &str {
        html.split("class=\"trace\" d=\"").nth(1).and_then(|it| it.split('"').next()).unwrap()
    }

    #[test]
    fn an_ecg_has_its_paper_speed_and_gain() {
        let html = figure(0, &[trace("mV", 1_000.0 / 25.0, &[Some(0.0), Some(1.0), Some(0.0)])]).into_string();
        // 40 ms are 1 mm, 1 mV is 10 mm.
        assert_eq!(path(&html), "M5.00 18.00L6.00 8.00L7.00 18.00");
        assert!(html.contains("(25 mm/s, 10 mm/mV)"));
        assert!(html.contains(">II</text>"));
    }

    #[test]
    fn microvolts_are_drawn_like_millivolts() {
        let html = figure(0, &[trace("uV", 40.0, &[Some(0.0), Some(1_000.0)])]).into_string();
        assert_eq!(path(&html), "M5.00 18.00L6.00 8.00");
        assert!(html.contains("(25 mm/s, 10 mm/mV)"));
    }

    #[test]
    fn an_error_is_a_gap() {
        let html = figure(0, &[trace("mV", 40.0, &[Some(0.0), None, Some(0.0)])]).into_string();
        assert_eq!(path(&html), "M5.00 8.00M7.00 8.00");
    }

    #[test]
    fn slow_and_unknown_signals_fit_the_page() {
        let minute: Vec<_> = (0..600).map(|it| Some(f64::from(it % 50))).collect();
        let html = figure(0, &[trace("%", 60_000.0, &minute)]).into_string();
        let width = html.split("viewBox=\"0 0 ").nth(1).and_then(|it| it.split(' ').next()).unwrap();
        assert!((100.0..=WIDTH + 10.0).contains(&width.parse::<f64>().unwrap()), "{width}");
    }

    #[test]
    fn peaks_survive_thinning() {
        let mut samples = vec![Some(0.0); 100_000];
        samples[77_777] = Some(9.0);
        let kept = thinned(&samples, 0.001);
        assert!(kept.len() < 1_000);
        assert!(kept.contains(&(77_777, Some(9.0))));
    }

    #[test]
    fn a_flat_line_is_drawn() {
        let html = figure(0, &[trace("", 1e12, &[Some(1e14), Some(1e14)])]).into_string();
        assert!(!html.contains("NaN") && !html.contains("inf"));
    }
}
