//! SampledData as traces on paper, whatever resource it stands in (datatypes.html#SampledData).

mod draw;
mod series;

use super::html::Html;
use draw::figure;
use fhir::json::Value;
use series::Series;

/// Draws every SampledData of a resource; empty if there is none.
pub(super) fn figures(resource: Value<'_>) -> Html {
    let all = series::series(resource);
    let mut html = Html::default();
    if all.is_empty() {
        return html;
    }
    html.raw("<section aria-labelledby=\"waveforms\"><h2 id=\"waveforms\">Waveforms</h2>");
    // Traces of one clock and one unit share a sheet, so that they can be compared.
    for (number, group) in all.chunk_by(Series::is_comparable).enumerate() {
        html.push(&figure(number, group));
    }
    html.raw("</section>");
    html
}
