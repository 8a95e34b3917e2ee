//! A form that searches one type by its most used parameters (search.html).

use super::href::Href;
use super::html::Html;
use super::request::Asked;
use super::{SearchField, SearchForm};

/// Draws the form, filled with what was searched for.
pub(super) fn search_form(form: &SearchForm<'_>, base: &str, asked: &Asked<'_>) -> Html {
    let mut html = Html::default();
    let Some(action) = Href::below(base, form.resource_type) else { return html };
    let searched = form.fields.iter().any(|it| asked.parameter(it.name).is_some());
    html.raw("<details class=\"search\"").raw(if searched { " open" } else { "" }).raw("><summary>Search ");
    html.text(form.resource_type).raw("</summary><form method=\"get\" role=\"search\"");
    html.attr("action", action.as_str()).raw("><div class=\"fields\">");
    for field in form.fields {
        input(&mut html, field, asked);
    }
    input(&mut html, &SearchField { name: "_count", kind: "number", about: "entries to a page" }, asked);
    html.raw("</div><button type=\"submit\" class=\"button strong\">Search</button></form></details>");
    html
}

fn input(html: &mut Html, field: &SearchField<'_>, asked: &Asked<'_>) {
    html.raw("<label><span class=\"name\">").text(field.name).raw("</span><input type=\"text\" autocomplete=\"off\"");
    html.attr("name", field.name).attr("placeholder", hint(field.kind));
    html.attr("value", &asked.parameter(field.name).unwrap_or_default()).raw(">");
    if !field.about.is_empty() {
        html.raw("<span class=\"quiet\">").text(field.about).raw("</span>");
    }
    html.raw("</label>");
}

/// How a value of this type of parameter is written (search.html#ptypes).
fn hint(kind: &str) -> &'static str {
    match kind {
        "string" => "beginning of a text",
        "token" => "code or system|code",
        "date" => "ge2024-01-01",
        "reference" => "Type/id",
        "quantity" => "gt5.4|system|unit",
        "number" => "10",
        "uri" => "http://…",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_keeps_what_was_searched_for() {
        let fields = [SearchField { name: "name", kind: "string", about: "any part of the name" }];
        let form = SearchForm { resource_type: "Patient", fields: &fields };
        let base = "http://here/fhir/demo";
        let html = search_form(&form, base, &Asked::new(base, "/fhir/demo/Patient?name=%22%3Cb%3E")).into_string();
        assert!(html.contains("action=\"http://here/fhir/demo/Patient\""));
        assert!(html.contains("name=\"name\"") && html.contains("value=\"&quot;&lt;b&gt;\""));
        assert!(html.contains("<details class=\"search\" open>"));
    }
}
