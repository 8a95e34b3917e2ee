//! Pages that say one thing, such as that a token is needed.

use super::html::Html;
use super::layout::{Layout, reason};
use super::{MessageView, Page, UnauthorizedView};

/// A page with a heading, what it means, and commands that help.
pub fn message(view: &MessageView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"message\"><p class=\"status bad\">")
        .show(view.status)
        .raw(" ")
        .raw(reason(view.status))
        .raw("</p><h1>")
        .text(view.heading)
        .raw("</h1>");
    for paragraph in view.paragraphs {
        html.raw("<p>").text(paragraph).raw("</p>");
    }
    for command in view.commands {
        html.command(command);
    }
    html.raw("<p><a href=\"/\">To the start page</a></p></article>");
    Layout { title: view.heading, tenant: None }.page(&html)
}

/// The page for a browser that asks without a valid token (RFC 6750 section 3).
pub fn unauthorized(view: &UnauthorizedView<'_>) -> Page {
    let about = format!(
        "Tenant {} answers only requests that carry a bearer token, and a browser that follows a link sends none. \
         Ask with a program that sets the Authorization header. Whoever runs this server issues a token by:",
        view.tenant
    );
    message(&MessageView {
        status: 401,
        heading: "A bearer token is needed",
        paragraphs: &[view.reason, &about],
        commands: &[
            &token_command(view.tenant, view.scope),
            &format!("curl -H \"Authorization: Bearer $TOKEN\" {}", shell(view.url)),
        ],
    })
}

/// The command that puts a tenant's token into the shell's `TOKEN`.
pub(super) fn token_command(tenant: &str, scope: &str) -> String {
    format!("TOKEN=$(medisync token --tenant {} --scope {})", shell(tenant), shell(scope))
}

/// `text` as one word of a POSIX shell. A page may be asked for under any address: what it offers to be
/// pasted must not run what somebody wrote into a link.
pub(super) fn shell(text: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let printable: String = text.chars().filter(|it| !it.is_control()).collect();
    format!("'{}'", printable.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unauthorized_reader_learns_how_to_get_a_token() {
        let page = unauthorized(&UnauthorizedView {
            tenant: "demo",
            url: "http://here/fhir/demo/Patient?name=<x>",
            reason: "The request has no Authorization header.",
            scope: "user/*.rs",
        });
        assert!(page.body.contains("401 Unauthorized"));
        assert!(page.body.contains("medisync token --tenant demo --scope &#39;user/*.rs&#39;"));
        assert!(page.body.contains("The request has no Authorization header."));
        assert!(page.body.contains("name=&lt;x&gt;"));
    }

    #[test]
    fn a_link_cannot_smuggle_commands_into_a_shell() {
        assert_eq!(shell("north-1"), "north-1");
        assert_eq!(shell("http://here/x?a=1&b=$(id)"), "'http://here/x?a=1&b=$(id)'");
        assert_eq!(shell("a';id;'\n"), "'a'\\'';id;'\\'''");
        assert_eq!(shell(""), "''");
    }
}
