//! The start page and the files that pages refer to.

use super::{Server, answer, page};
use crate::demo::users::{APP, PASSWORD, REDIRECTS, USERS};
use crate::pages::{self, DemoView, Link, StartView, TenantView};
use crate::tenants;
use ::fhir::{Failure, IssueType, Result};
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The most tenants on the start page.
const MOST_TENANTS: usize = 50;

/// What to try on a tenant's records.
const SEARCHES: [Link<'static>; 6] = [
    Link { label: "Patients by name", href: "Patient?_sort=family" },
    Link { label: "The schedule: free slots", href: "Slot?status=free&_sort=start&_include=Slot:schedule" },
    Link { label: "Appointments, with their patients", href: "Appointment?_sort=date&_include=Appointment:patient" },
    Link {
        label: "Prescriptions that are active",
        href: "MedicationRequest?status=active&_include=MedicationRequest:subject",
    },
    Link {
        label: "Diagnostic reports, newest first",
        href: "DiagnosticReport?_sort=-date&_include=DiagnosticReport:result",
    },
    Link { label: "Electrocardiograms", href: "Observation?code=11524-6" },
];

const DOCUMENTS: [Link<'static>; 4] = [
    Link { label: "FHIR R4, the standard", href: "https://hl7.org/fhir/R4/" },
    Link { label: "Its RESTful API", href: "https://hl7.org/fhir/R4/http.html" },
    Link { label: "Its search", href: "https://hl7.org/fhir/R4/search.html" },
    Link {
        label: "Scopes of access tokens",
        href: "https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html",
    },
];

/// `GET /`
pub async fn start(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let shown = async {
        let origin = server.addresses.origin(&parts)?;
        let tenants = tenants(&server, &origin).await?;
        Ok(page(&server, &origin, &tenants))
    };
    shown.await.unwrap_or_else(|failure: Failure| answer::failure(&failure))
}

fn page(server: &Server, origin: &str, shown: &[(String, String)]) -> Response {
    let shown: Vec<TenantView<'_>> =
        shown.iter().map(|(name, base)| TenantView { name, base, searches: &SEARCHES }).collect();
    let users: Vec<_> = USERS.iter().map(|it| (it.title, it.username, it.fhir_user)).collect();
    let account = format!("{origin}/auth/{}/account", tenants::DEMO);
    let configuration = format!("{origin}/fhir/{}/.well-known/smart-configuration", tenants::DEMO);
    let demo = server.demo.as_ref().filter(|_| server.gate.issuer().is_some());
    let page = pages::start(&StartView {
        version: env!("CARGO_PKG_VERSION"),
        origin,
        authentication: server.gate.issuer().is_some(),
        scope: page::READING,
        tenants: &shown,
        demo: demo.map(|demo| DemoView {
            users: &users,
            password: PASSWORD,
            account: &account,
            client_id: APP,
            redirects: &REDIRECTS,
            configuration: &configuration,
            mails: demo.mails.as_deref().map(|it| it.display().to_string()),
        }),
        documents: &DOCUMENTS,
    });
    page::response(200, page)
}

/// Names and bases of the tenants to show. Who a server's customers are is nobody's business where requests need a
/// token: only the demo is shown there.
async fn tenants(server: &Server, origin: &str) -> Result<Vec<(String, String)>> {
    let names = server.engine.store().tenants().await?;
    let is_open = server.gate.issuer().is_none();
    let shown = names.into_iter().filter(|it| is_open || it == tenants::DEMO).take(MOST_TENANTS);
    Ok(shown.map(|name| (name.clone(), format!("{origin}/fhir/{name}"))).collect())
}

/// `GET /assets/{name}`
pub async fn asset(Path(name): Path<String>) -> Response {
    match pages::asset(&name) {
        Some((content_type, content)) => {
            ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "public, max-age=3600")], Bytes::from_static(content))
                .into_response()
        }
        None => answer::failure(&Failure::new(IssueType::NotFound, "There is no such file.")),
    }
}
