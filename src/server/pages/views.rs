//! What the pages are made from.

/// A FHIR answer to be shown.
pub struct ResourceView<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The tenant's FHIR base as clients see it (`https://host/fhir/demo`), without a closing slash.
    pub base: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The request's path and query as sent (`/fhir/demo/Patient?name=x`).
    pub target: &'a str,
    /// The answer's HTTP status.
    pub status: u16,
    /// The answer's body: a resource as JSON.
    pub body: &'a str,
    /// The search to offer, where the address belongs to a type.
    pub search: Option<SearchForm<'a>>,
}

/// A form that searches one type; values come from the request's query.
pub struct SearchForm<'a> {
    /// The type to search.
    pub resource_type: &'a str,
    /// The parameters to offer, the most used first.
    pub fields: &'a [SearchField<'a>],
}

/// One search parameter of a [`SearchForm`].
pub struct SearchField<'a> {
    /// The parameter's code (`birthdate`).
    pub name: &'a str,
    /// Its type as SearchParameter.type has it (`token`); decides the hint in the field.
    pub kind: &'a str,
    /// What it finds, in a few words; may be empty.
    pub about: &'a str,
}

/// The page at the server's root.
pub struct StartView<'a> {
    /// The server's version.
    pub version: &'a str,
    /// The server's own address (`http://127.0.0.1:8080`), without a closing slash.
    pub origin: &'a str,
    /// Whether requests need a bearer token.
    pub authentication: bool,
    /// A scope for the token commands that the page shows.
    pub scope: &'a str,
    /// The tenants to show.
    pub tenants: &'a [TenantView<'a>],
    /// The demo's users and app, where people may sign in as them.
    pub demo: Option<DemoView<'a>>,
    /// The documentation.
    pub documents: &'a [Link<'a>],
}

/// Who can sign in to the demo.
pub struct DemoView<'a> {
    /// Role, name and who it is, of each user.
    pub users: &'a [(&'a str, &'a str, &'a str)],
    /// The password of all of them.
    pub password: &'a str,
    /// Where they see that they are signed in.
    pub account: &'a str,
    /// The id of an app that can be used at once.
    pub client_id: &'a str,
    /// Where its answers may go.
    pub redirects: &'a [&'a str],
    /// The configuration that SMART apps begin with.
    pub configuration: &'a str,
    /// The folder that mails go into.
    pub mails: Option<String>,
}

/// One tenant on the start page.
pub struct TenantView<'a> {
    /// The tenant's name.
    pub name: &'a str,
    /// Its FHIR base, without a closing slash.
    pub base: &'a str,
    /// Requests to try: what they show, and their path and query below the base (`Patient?name=x`).
    pub searches: &'a [Link<'a>],
}

/// Words and where they lead.
pub struct Link<'a> {
    /// What the reader sees.
    pub label: &'a str,
    /// The address.
    pub href: &'a str,
}

/// A page that says one thing.
pub struct MessageView<'a> {
    /// The answer's HTTP status.
    pub status: u16,
    /// What happened, as a heading.
    pub heading: &'a str,
    /// What it means and how to go on, a paragraph each.
    pub paragraphs: &'a [&'a str],
    /// Commands that help, to be copied into a shell.
    pub commands: &'a [&'a str],
}

/// A request that lacks a valid token.
pub struct UnauthorizedView<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The address that was asked for, in full.
    pub url: &'a str,
    /// What is wrong with the token, or that there is none: one sentence.
    pub reason: &'a str,
    /// A scope for the token command.
    pub scope: &'a str,
}
