//! A server has several addresses: what a caller sees does not depend on the one that they use (references.html#literal).

use super::*;

/// The same caller by another address of the same server.
fn by(clinic: &Clinic, base: &str) -> Client {
    let token = clinic.doctor().authorization().expect("a token");
    Client::new(base, token.strip_prefix("Bearer ").map(str::to_owned))
}

/// The addresses of the clinic's base, each with the tenant's name where a header has to say it.
fn addresses(clinic: &Clinic) -> [(String, Option<&str>); 3] {
    let root = clinic.admin.base.split("/fhir/").next().expect("a root").to_owned();
    let local = root.replace("127.0.0.1", "localhost");
    [
        (clinic.admin.base.clone(), None),
        (format!("{local}/fhir/{}", clinic.tenant), None),
        (format!("{root}/fhir"), Some(clinic.tenant.as_str())),
    ]
}

async fn get(client: &Client, tenant: Option<&str>, path: &str) -> Answer {
    let call = client.call("GET", path);
    match tenant {
        Some(tenant) => call.header("x-tenant-id", tenant).send().await,
        None => call.send().await,
    }
}

/// What refers to a patient here by an address of the server is that patient's by whichever address it is asked for.
#[tokio::test]
async fn no_other_address_shows_what_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    let subject = json!({ "reference": format!("{}/Patient/a", clinic.admin.base) });
    let of_a = |id: &str| with(observation("x"), json!({ "id": id, "subject": subject }));
    let moved = with(of_a("moved"), json!({ "subject": { "reference": "Patient/b" } }));
    for resource in [of_a("moved"), moved] {
        clinic.admin.put("Observation/moved", &resource).await.expect_in(200..=201);
    }
    clinic.admin.put("Observation/here", &of_a("here")).await.expect(201);
    let bundle = json!({
        "resourceType": "Bundle", "id": "kept", "type": "collection",
        "entry": [{ "fullUrl": format!("{}/Observation/q", clinic.admin.base), "resource": of_a("q") }]
    });
    clinic.admin.put("Bundle/kept", &bundle).await.expect(201);
    let hidden = ["Observation/moved/_history/1", "Observation/here", "Observation/here/_history/1", "Bundle/kept"];
    for (base, tenant) in addresses(&clinic) {
        for path in hidden {
            get(&by(&clinic, &base), tenant, path).await.expect(200);
        }
    }
    clinic.consent("a", json!({ "type": "deny" })).await;
    for (base, tenant) in addresses(&clinic) {
        let caller = by(&clinic, &base);
        for path in hidden {
            let status = get(&caller, tenant, path).await.status;
            assert_eq!(status, 404, "{path} by {base}");
        }
        get(&caller, tenant, "Observation/moved").await.expect(200);
    }
}

/// The log tells whose record it was by whichever address that was asked for.
#[tokio::test]
async fn a_patient_is_told_of_by_every_address() {
    let Some(clinic) = Clinic::new().await else { return };
    let subject = json!({ "reference": format!("{}/Patient/a", clinic.admin.base) });
    let seen = with(observation("x"), json!({ "id": "seen", "subject": subject }));
    clinic.admin.put("Observation/seen", &seen).await.expect(201);
    for (base, tenant) in addresses(&clinic) {
        get(&by(&clinic, &base), tenant, "Observation/seen").await.expect(200);
    }
    let reads = crate::audit::events(&clinic.admin, "patient=Patient/a&action=R&agent=Practitioner/d").await;
    assert_eq!(reads.len(), 3, "{reads:?}");
}

/// What refers to a resource here is stored so that it does under every address; what refers elsewhere as it was sent.
#[tokio::test]
async fn what_is_stored_refers_here_without_an_address() {
    let client = Client::fresh();
    if foreign_base().is_some() {
        return skipped("another server may do otherwise");
    }
    let (base, elsewhere) = (client.base.clone(), "https://elsewhere.example/fhir/Patient/1");
    let of = |reference: &str| with(observation("x"), json!({ "subject": { "reference": reference } }));
    for (sent, stored) in [
        (format!("{base}/Patient/1"), "Patient/1"),
        (format!("{base}/Patient/1/_history/2"), "Patient/1/_history/2"),
        (elsewhere.to_owned(), elsewhere),
        (format!("{base}s/Patient/1"), &*format!("{base}s/Patient/1")),
    ] {
        let id = client.create(&of(&sent)).await;
        let read = client.read(&format!("Observation/{id}")).await;
        assert_eq!(read["subject"]["reference"], stored, "{sent}");
    }
}
