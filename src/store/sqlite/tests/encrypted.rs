//! Logs in a file whose events a version wrote that encrypted nothing.

use super::audit::{bytes, faults, run, write, written};
use crate::audit::AuditKey;
use crate::contract::{WARD, secrets, ward};
use crate::keys::tests::random;

/// They are what was written, and are found; so is each byte that is changed of them.
#[tokio::test]
async fn events_of_a_version_that_encrypted_nothing() {
    let folder = written(3).await;
    let key = AuditKey::new(&secrets(WARD), random);
    let kept = bytes(&folder, "SELECT body FROM audit_row ORDER BY number").await;
    for (number, body) in (1..).zip(kept) {
        let plain: String = key.decrypted(&body.into()).iter().map(|it| format!("{it:02x}")).collect();
        run(&folder, &format!("UPDATE audit_row SET body = x'{plain}' WHERE number = {number}")).await;
    }
    assert_eq!(faults(&folder).await, []);
    let ward = ward(&folder).await;
    assert!(ward.session.audit_entry("1-1").await.unwrap().is_some());
    write(&ward, 3).await;
    ward.store.close().await;
    assert_eq!(faults(&folder).await, []);
    run(
        &folder,
        "UPDATE audit_row SET body = CAST(substr(body, 1, length(body) - 1) || x'20' AS BLOB) WHERE number = 2",
    )
    .await;
    assert_eq!(faults(&folder).await.len(), 1);
}
