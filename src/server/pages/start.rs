//! The page at the server's root: what this is, where the tenants are, and what to try.

use super::href::Href;
use super::html::Html;
use super::layout::Layout;
use super::message::{shell, token_command};
use super::{DemoView, Link, Page, StartView, TenantView};

/// The start page.
pub fn start(view: &StartView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<section class=\"hero\"><h1>MediSync</h1><p class=\"lead\">A multi-tenant HL7 FHIR R4 server: ")
        .raw("every record of a hospital or clinic, read and written by one standard interface.</p>")
        .raw("<p class=\"chips\"><span class=\"chip\">Version ")
        .text(view.version)
        .raw("</span><span class=\"chip\">FHIR 4.0.1</span>")
        .raw(match view.authentication {
            true => "<span class=\"chip good\">Authentication is on</span>",
            false => "<span class=\"chip bad\">Authentication is off</span>",
        })
        .raw("</p></section>");
    tenants(&mut html, view);
    access(&mut html, view);
    if let Some(demo) = &view.demo {
        sign_ins(&mut html, demo);
    }
    commands(&mut html, view);
    html.raw("<div class=\"columns\">");
    links(&mut html, "Documentation", view.documents);
    let health = ["/livez", "/readyz", "/metrics"].map(|it| format!("{}{it}", view.origin));
    let [alive, ready, metrics] = &health;
    links(
        &mut html,
        "Health of this server",
        &[
            Link { label: "Alive", href: alive },
            Link { label: "Ready for requests", href: ready },
            Link { label: "Metrics for Prometheus", href: metrics },
        ],
    );
    html.raw("</div>");
    Layout { title: "Start", tenant: None }.page(&html)
}

fn tenants(html: &mut Html, view: &StartView<'_>) {
    html.raw("<section aria-labelledby=\"tenants\"><h2 id=\"tenants\">Tenants</h2>");
    if view.tenants.is_empty() {
        html.raw("<p>There is no tenant to show. Whoever runs this server makes one by:</p>")
            .command("medisync tenant create NAME");
    }
    html.raw("<div class=\"cards\">");
    for tenant in view.tenants {
        card(html, tenant);
    }
    html.raw("</div></section>");
}

fn card(html: &mut Html, tenant: &TenantView<'_>) {
    html.raw("<article class=\"card\"><h3>").text(tenant.name).raw("</h3><p class=\"base\">");
    html.link_or_text(Href::below(tenant.base, "metadata").as_ref(), tenant.base).raw("</p>");
    if !tenant.searches.is_empty() {
        html.raw("<h4>To try</h4><ul class=\"tries\">");
        for search in tenant.searches {
            html.raw("<li>");
            html.link_or_text(Href::below(tenant.base, search.href).as_ref(), search.label);
            html.raw("<code>").text(search.href).raw("</code></li>");
        }
        html.raw("</ul>");
    }
    html.raw("</article>");
}

fn access(html: &mut Html, view: &StartView<'_>) {
    html.raw("<section aria-labelledby=\"access\"><h2 id=\"access\">Access</h2>");
    if !view.authentication {
        html.raw("<p>Authentication is off: every request is allowed. The server allows this only on a loopback ")
            .raw("address; start it without <code>--no-auth</code> for anything but trying it out.</p></section>");
        return;
    }
    html.raw("<p>Authentication is on: a request needs a bearer token of its tenant. A link followed in a browser ")
        .raw("carries none, so use <code>curl</code> or a program. Where this server runs, a token is made by:</p>")
        .command(&token_command(tenant_name(view), view.scope))
        .raw("</section>");
}

fn sign_ins(html: &mut Html, demo: &DemoView<'_>) {
    html.raw("<section aria-labelledby=\"users\"><h2 id=\"users\">Sign in to the demo</h2><p>Each of these users has the password <code>")
        .text(demo.password)
        .raw("</code> and can ")
        .link_or_text(Href::new(demo.account).as_ref(), "sign in")
        .raw(".</p><ul class=\"plain\">");
    for (role, username, fhir_user) in demo.users {
        html.raw("<li>")
            .text(role)
            .raw(": <code>")
            .text(username)
            .raw("</code> <span class=\"quiet\">")
            .text(fhir_user);
        html.raw("</span></li>");
    }
    html.raw("</ul><p>A SMART app can be used at once as the public client <code>")
        .text(demo.client_id)
        .raw("</code>, with answers to ")
        .text(&demo.redirects.join(" "))
        .raw(". It begins with the ")
        .link_or_text(Href::new(demo.configuration).as_ref(), "SMART configuration")
        .raw(".</p>");
    if let Some(mails) = &demo.mails {
        html.raw("<p>Mails are sent to nobody: they are files in the folder <code>").text(mails).raw("</code>.</p>");
    }
    html.raw("</section>");
}

fn tenant_name<'a>(view: &StartView<'a>) -> &'a str {
    view.tenants.first().map_or("NAME", |it| it.name)
}

fn commands(html: &mut Html, view: &StartView<'_>) {
    let base = match view.tenants.first() {
        Some(tenant) => tenant.base.to_owned(),
        None => format!("{}/fhir/NAME", view.origin),
    };
    let token = if view.authentication { " -H \"Authorization: Bearer $TOKEN\"" } else { "" };
    html.raw("<section aria-labelledby=\"shell\"><h2 id=\"shell\">From a shell</h2>");
    for (about, command) in [
        ("What this server can do", format!("curl {}", shell(&format!("{base}/metadata")))),
        ("Search, five to a page", format!("curl{token} {}", shell(&format!("{base}/Patient?_count=5")))),
        (
            "Store a resource",
            format!(
                "curl{token} -H 'Content-Type: application/fhir+json' \\\n  \
                 -d '{{\"resourceType\":\"Patient\",\"name\":[{{\"family\":\"Doe\",\"given\":[\"Jane\"]}}]}}' \\\n  \
                 {}",
                shell(&format!("{base}/Patient"))
            ),
        ),
    ] {
        html.raw("<h3 class=\"label\">").raw(about).raw("</h3>").command(&command);
    }
    html.raw("</section>");
}

fn links(html: &mut Html, heading: &'static str, links: &[Link<'_>]) {
    if links.is_empty() {
        return;
    }
    html.raw("<section><h2>").raw(heading).raw("</h2><ul class=\"plain\">");
    for link in links {
        html.raw("<li>").link_or_text(Href::new(link.href).as_ref(), link.label).raw("</li>");
    }
    html.raw("</ul></section>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(authentication: bool, tenants: &[TenantView<'_>]) -> String {
        start(&StartView {
            version: "1.2.3",
            origin: "http://here",
            authentication,
            scope: "user/*.rs",
            tenants,
            demo: authentication.then_some(DemoView {
                users: &[("Doctor", "lena", "Practitioner/1")],
                password: "open sesame",
                account: "http://here/auth/demo/account",
                client_id: "demo-app",
                redirects: &["http://localhost:3000/"],
                configuration: "http://here/fhir/demo/.well-known/smart-configuration",
                mails: Some("./data/mails".into()),
            }),
            documents: &[
                Link { label: "Guide", href: "https://docs.example/guide" },
                Link { label: "Trap", href: "javascript:alert(1)" },
            ],
        })
        .body
    }

    #[test]
    fn tenants_and_their_searches_are_links() {
        let searches = [Link { label: "Patients named Doe", href: "Patient?name=Doe&_count=5" }];
        let body = page(false, &[TenantView { name: "demo", base: "http://here/fhir/demo", searches: &searches }]);
        assert!(body.contains("href=\"http://here/fhir/demo/Patient?name=Doe&amp;_count=5\""));
        assert!(body.contains("href=\"http://here/fhir/demo/metadata\""));
        assert!(body.contains("href=\"http://here/readyz\""));
        assert!(body.contains("Authentication is off"));
        assert!(!body.contains("Bearer"));
    }

    #[test]
    fn with_authentication_the_token_command_is_shown() {
        let body = page(true, &[TenantView { name: "demo", base: "http://here/fhir/demo", searches: &[] }]);
        assert!(body.contains("medisync token --tenant demo"));
        assert!(body.contains("Bearer $TOKEN"));
        assert!(body.contains("<code>lena</code>") && body.contains("<code>open sesame</code>"));
    }

    #[test]
    fn without_tenants_the_page_says_how_to_make_one() {
        assert!(page(true, &[]).contains("medisync tenant create NAME"));
    }

    #[test]
    fn an_unsafe_document_link_is_only_words() {
        let body = page(true, &[]);
        assert!(body.contains("href=\"https://docs.example/guide\""));
        assert!(body.contains("Trap") && !body.contains("javascript:"));
    }
}
