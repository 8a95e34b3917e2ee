//! A Bundle's entries as a table, and its pages as links (bundle.html, http.html#paging).

use super::href::{Href, destination};
use super::html::Html;
use super::json::grouped;
use super::summary::{status, summary, title};
use fhir::json::Value;

/// How many entries the table has.
const ROWS: usize = 500;

/// Draws what a Bundle holds.
pub(super) fn entries(bundle: Value<'_>, base: &str) -> Html {
    let mut html = Html::default();
    let count = bundle.get("entry").map_or(0, Value::len);
    html.raw(
        "<section aria-labelledby=\"entries\"><div class=\"bar\"><h2 id=\"entries\">Entries</h2><p class=\"quiet\">",
    );
    html.text(&counts(bundle, count)).raw("</p>");
    paging(&mut html, bundle);
    html.raw("</div>");
    if count > 0 {
        table_head(&mut html);
        for entry in bundle.get("entry").into_iter().flat_map(Value::each).take(ROWS) {
            row(&mut html, entry, base, bundle.str("type") == Some("history"));
        }
        html.raw("</tbody></table></div>");
    }
    if count > ROWS {
        html.raw("<p class=\"note\">The first ").text(&grouped(ROWS)).raw(" entries are listed.</p>");
    }
    html.raw("</section>");
    html
}

/// The roles are what the elements have anyway, said aloud because a narrow page lays them out as blocks.
fn table_head(html: &mut Html) {
    html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"entries\">")
        .raw("<table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">");
    for name in ["Resource", "Summary", "Status", "Last updated"] {
        html.raw("<th scope=\"col\" role=\"columnheader\">").raw(name).raw("</th>");
    }
    html.raw("</tr></thead><tbody role=\"rowgroup\">");
}

/// How many entries are here, and of how many.
fn counts(bundle: Value<'_>, count: usize) -> String {
    let here = grouped(count);
    match bundle.get("total").and_then(|it| it.as_number()?.parse().ok()) {
        Some(total) => format!("{here} on this page, {} in all", grouped(total)),
        None => format!("{here} in this Bundle"),
    }
}

/// The links to the other pages of a search or history.
fn paging(html: &mut Html, bundle: Value<'_>) {
    let mut links = Html::default();
    for (relations, words) in [
        (&["first"] as &[&str], "First"),
        (&["previous", "prev"], "Previous"),
        (&["next"], "Next"),
        (&["last"], "Last"),
    ] {
        let link = bundle
            .get("link")
            .into_iter()
            .flat_map(Value::each)
            .find(|it| it.str("relation").is_some_and(|it| relations.contains(&it)));
        if let Some(href) = link.and_then(|it| Href::new(it.str("url")?)) {
            links.raw("<a class=\"button\"").href(&href).raw(">").raw(words).raw("</a>");
        }
    }
    if !links.is_empty() {
        html.raw("<nav class=\"actions\" aria-label=\"Pages\">").push(&links).raw("</nav>");
    }
}

fn row(html: &mut Html, entry: Value<'_>, base: &str, is_history: bool) {
    let resource = entry.get("resource");
    let response = entry.get("response");
    html.raw("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">");
    address(html, entry, base, is_history);
    html.raw("</th><td role=\"cell\">");
    if let Some(mode) = entry.get("search").and_then(|it| it.str("mode")).filter(|it| *it != "match") {
        html.raw("<span class=\"chip\">").text(mode).raw("</span> ");
    }
    if let Some(request) = entry.get("request") {
        html.raw("<span class=\"chip\">").text(request.str("method").unwrap_or_default()).raw("</span> ");
    }
    let about = resource.or_else(|| response?.get("outcome"));
    html.text(&about.map(summary).unwrap_or_default()).raw("</td><td role=\"cell\">");
    let state = response.and_then(|it| it.str("status").map(str::to_owned)).or_else(|| status(resource?));
    if let Some(state) = state {
        html.raw("<span class=\"chip\">").text(&state).raw("</span>");
    }
    html.raw("</td><td role=\"cell\" class=\"when\">");
    let updated = resource.and_then(|it| it.get("meta")?.str("lastUpdated"));
    if let Some(updated) = updated.or_else(|| response?.str("lastModified")) {
        html.push(&instant(updated));
    }
    html.raw("</td></tr>");
}

/// The entry's resource as a link: to the version in a history, else to what is current.
fn address(html: &mut Html, entry: Value<'_>, base: &str, is_history: bool) {
    let resource = entry.get("resource");
    let location = entry.get("response").and_then(|it| it.str("location"));
    let asked = entry.get("request").and_then(|it| it.str("url"));
    let Some(words) = resource.and_then(title).or_else(|| location.or(asked).map(str::to_owned)) else {
        html.raw("<span class=\"quiet\">no resource</span>");
        return;
    };
    let version = resource.filter(|_| is_history).and_then(|it| it.get("meta")?.str("versionId"));
    let href = match version {
        Some(version) => destination(base, "reference", &format!("{words}/_history/{version}")),
        None => entry
            .str("fullUrl")
            .and_then(|it| destination(base, "fullUrl", it))
            .or_else(|| destination(base, "reference", &words)),
    };
    html.link_or_text(href.as_ref(), &words);
    if let Some(version) = version {
        html.raw(" <span class=\"quiet\">version ").text(version).raw("</span>");
    }
}

/// An instant, readable by people and by programs.
pub(super) fn instant(text: &str) -> Html {
    let mut html = Html::default();
    let shown = text.split_once('T').map(|(date, time)| {
        let clock = time.split(['.', 'Z', '+', '-']).next().unwrap_or(time);
        let zone = time.rfind(['+', '-']).and_then(|at| time.get(at..)).unwrap_or("UTC");
        format!("{date} {clock} {zone}")
    });
    html.raw("<time").attr("datetime", text).attr("title", text).raw(">");
    html.text(shown.as_deref().unwrap_or(text)).raw("</time>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    const BASE: &str = "http://here/fhir/demo";

    fn of(text: &str) -> String {
        entries(Doc::parse(text).unwrap().root(), BASE).into_string()
    }

    #[test]
    fn a_search_shows_matches_and_pages() {
        let html = of(r#"{"type":"searchset","total":1200,
            "link":[{"relation":"self","url":"http://here/s"},{"relation":"next","url":"http://here/n?p=1&q=2"},
                    {"relation":"previous","url":"javascript:alert(1)"}],
            "entry":[{"fullUrl":"http://here/fhir/demo/Patient/1","search":{"mode":"match"},
                      "resource":{"resourceType":"Patient","id":"1","active":true,"name":[{"family":"Doe"}],
                                  "meta":{"lastUpdated":"2026-01-02T03:04:05Z"}}},
                     {"search":{"mode":"include"},"resource":{"resourceType":"Group","id":"2"}}]}"#);
        assert!(html.contains("2 on this page, 1,200 in all"));
        assert!(html.contains("href=\"http://here/fhir/demo/Patient/1\" rel=\"noreferrer\">Patient/1</a>"));
        assert!(html.contains("href=\"http://here/fhir/demo/Group/2\""));
        assert!(html.contains("href=\"http://here/n?p=1&amp;q=2\"") && html.contains("Next"));
        assert!(html.contains("Doe") && html.contains("active") && html.contains("2026-01-02 03:04:05 UTC"));
        assert!(html.contains("include") && !html.contains("javascript"));
    }

    #[test]
    fn a_history_leads_to_versions() {
        let html = of(r#"{"type":"history","entry":[
            {"fullUrl":"http://here/fhir/demo/Patient/1","request":{"method":"PUT","url":"Patient/1"},
             "resource":{"resourceType":"Patient","id":"1","meta":{"versionId":"3"}}},
            {"request":{"method":"DELETE","url":"Patient/1"},"response":{"status":"204","lastModified":"2026-01-02T03:04:05Z"}}]}"#);
        assert!(html.contains("href=\"http://here/fhir/demo/Patient/1/_history/3\""));
        assert!(html.contains("DELETE") && html.contains("204"));
    }

    #[test]
    fn a_response_shows_locations() {
        let html = of(
            r#"{"type":"transaction-response","entry":[{"response":{"status":"201 Created","location":"Patient/1/_history/1"}}]}"#,
        );
        assert!(html.contains("href=\"http://here/fhir/demo/Patient/1/_history/1\"") && html.contains("201 Created"));
    }

    #[test]
    fn many_entries_are_cut() {
        let html = of(&format!(r#"{{"entry":[{}]}}"#, vec![r#"{"resource":{}}"#; ROWS + 1].join(",")));
        assert_eq!(html.matches("role=\"rowheader\"").count(), ROWS);
        assert!(html.contains("The first 500 entries"));
    }
}
