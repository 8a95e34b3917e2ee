//! Security labels.

use super::*;

/// security-labels.html: what has a label is seen by those who are cleared for it.
#[tokio::test]
async fn labels_need_a_clearance() {
    let Some(clinic) = Clinic::new().await else { return };
    let label =
        |code: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code });
    let clearance = |roles: &[&str]| {
        let mut parts = vec![json!({ "name": "label", "valueCoding": label("R") })];
        parts.extend(roles.iter().map(|role| json!({ "name": "role", "valueCode": role })));
        json!([{ "name": "clearance", "part": parts }])
    };
    for (id, code) in [("a", "R"), ("b", "V"), ("c", "N")] {
        for (of, id) in [("Patient", id.to_owned()), ("Observation", format!("o{id}"))] {
            let mut resource = clinic.admin.read(&format!("{of}/{id}")).await;
            resource["meta"]["security"] = json!([label(code)]);
            clinic.admin.put(&format!("{of}/{id}"), &resource).await.expect(200);
        }
    }
    let doctor = clinic.doctor();
    let seen = async |client: &Client| client.page("Observation?_sort=_id").await.ids();
    assert_eq!(seen(&doctor).await, ["oa", "ob", "oc"]);
    clinic.set(clearance(&["psychiatrist"])).await;
    assert_eq!(seen(&doctor).await, ["oc"]);
    doctor.get("Patient/b").await.expect(404);
    doctor.get("Patient/b/_history/2").await.expect(404);
    assert_eq!(doctor.page("Patient?_summary=count").await.total(), Some(1));
    let own = clinic.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    assert_eq!(seen(&own).await, ["oa"]);
    clinic.set(clearance(&[])).await;
    assert_eq!(seen(&doctor).await, ["oa", "ob", "oc"]);
}
