//! An OperationOutcome as a list of issues (operationoutcome.html).

use super::html::Html;
use super::summary::words;
use fhir::json::Value;

/// Draws the issues of an OperationOutcome.
pub(super) fn issues(outcome: Value<'_>) -> Html {
    let mut html = Html::default();
    html.raw("<section aria-labelledby=\"issues\"><h2 id=\"issues\">Issues</h2><ul class=\"issues\">");
    for issue in outcome.get("issue").into_iter().flat_map(Value::each) {
        one(&mut html, issue);
    }
    html.raw("</ul></section>");
    html
}

fn one(html: &mut Html, issue: Value<'_>) {
    let severity = issue.str("severity").unwrap_or("unknown");
    html.raw("<li class=\"issue ").raw(class(severity)).raw("\"><p><strong class=\"severity\">").text(severity);
    html.raw("</strong> ");
    if let Some(code) = issue.str("code") {
        html.raw("<code>").text(code).raw("</code>");
    }
    html.raw("</p>");
    let details = issue.get("details").and_then(words);
    for sentence in details.as_deref().into_iter().chain(issue.str("diagnostics")) {
        html.raw("<p class=\"sentence\">").text(sentence).raw("</p>");
    }
    // `location` is the deprecated twin of `expression`: shown only where it stands alone.
    let places = issue.get("expression").or_else(|| issue.get("location"));
    for place in places.into_iter().flat_map(Value::each).filter_map(Value::as_str) {
        html.raw("<p class=\"place\"><span class=\"quiet\">at</span> <code>").text(place).raw("</code></p>");
    }
    html.raw("</li>");
}

fn class(severity: &str) -> &'static str {
    match severity {
        "fatal" | "error" => "bad",
        "warning" => "warn",
        _ => "calm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    #[test]
    fn an_issue_says_what_and_where() {
        let doc = Doc::parse(
            r#"{"resourceType":"OperationOutcome","issue":[
                {"severity":"error","code":"required","details":{"text":"status is missing"},
                 "diagnostics":"Give one.","expression":["Observation.status","Observation"],"location":["/f:old"]},
                {"severity":"warning","code":"informational","diagnostics":"<b>Old</b>"}]}"#,
        )
        .unwrap();
        let html = issues(doc.root()).into_string();
        assert_eq!(html.matches("<li").count(), 2);
        for part in
            ["error", "<code>required</code>", "status is missing", "Give one.", "<code>Observation.status</code>"]
        {
            assert!(html.contains(part), "{part} is missing");
        }
        assert!(html.contains("issue warn") && html.contains("&lt;b&gt;Old&lt;/b&gt;"));
        assert!(!html.contains("/f:old"));
    }
}
