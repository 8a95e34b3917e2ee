//! A user or a client is taken away, with all that is kept for it: what it could come in by first, the rest behind that.

use super::account::{self, Account};
use super::app_state::AppState;
use super::client::Client;
use super::clinics;
use super::factor::Factors;
use super::factor::passkey::Owner;
use super::federation::Identity;
use super::kept::{self, Entry, Kept};
use super::{sign_ins, standing};
use crate::clock;
use fhir::Result;
use store::{LedgerChange, Session};

/// The most that one commit takes away.
const AT_ONCE: usize = 200;

/// Takes a user away: the account, sign-ins with what apps were granted in them, second factors, who the user is for providers and in
/// other tenants, and what apps keep about the resources that the user is. The resource itself stays. `false` if there is no
/// such user.
pub async fn user(session: &dyn Session, username: &str) -> Result<bool> {
    let Some(account) = account::find(session, username).await? else { return Ok(false) };
    let Entry { key: username, value: Account { fhir_user, .. }, .. } = &account;
    let acted_as: Vec<String> =
        standing::all(session, &account.value, clock::now_ms()).await?.into_iter().map(|it| it.fhir_user).collect();
    let is_own = |it: &String| it == fhir_user || acted_as.contains(it);
    // While the account is there, what was not reached can be reached again.
    for (link, tenant) in clinics::list(session, username).await? {
        clinics::end(session, &link, &tenant).await?;
    }
    remove(session, kept::find::<Factors>(session, username).await?.iter().map(Entry::delete).collect()).await?;
    remove(session, whose::<Identity>(session, |_, it| it.account == *username).await?).await?;
    remove(session, whose::<Owner>(session, |_, it| it.account == *username).await?).await?;
    remove(session, whose::<AppState>(session, |_, it| it.topic.subject.as_ref().is_some_and(is_own)).await?).await?;
    let mut last = sign_ins::end_all(session, username).await?;
    last.push(account.delete());
    kept::decided(kept::write(session, last).await?)?;
    Ok(true)
}

/// Takes a client away, with all that it was granted and what it keeps here, which goes even where the client is gone already:
/// a second try finds what a first one left. `false` if there is no such client.
pub async fn client(session: &dyn Session, id: &str) -> Result<bool> {
    let client = kept::find::<Client>(session, id).await?;
    remove(session, client.iter().map(Entry::delete).collect()).await?;
    let own = format!("{id}/");
    remove(session, whose::<AppState>(session, |key, _| key.starts_with(&own)).await?).await?;
    Ok(client.is_some())
}

/// The changes that take away all of a kind that are somebody's, by key and value.
async fn whose<T: Kept>(session: &dyn Session, is: impl Fn(&str, &T) -> bool) -> Result<Vec<LedgerChange>> {
    let all = kept::all::<T>(session).await?;
    Ok(all.into_iter().filter(|it| is(&it.key, &it.value)).map(|it| it.delete()).collect())
}

async fn remove(session: &dyn Session, mut changes: Vec<LedgerChange>) -> Result<()> {
    while !changes.is_empty() {
        let part = changes.split_off(changes.len().saturating_sub(AT_ONCE));
        kept::decided(kept::write(session, part).await?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::app_state::{self, Topic};
    use crate::config::{File, StoreFlags};
    use crate::{database, tenants};
    use serde_json::Map;

    #[tokio::test]
    async fn what_is_kept_for_somebody_goes_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = StoreFlags::default().resolve(&File::default()).unwrap();
        settings.database = format!("sqlite:{}", folder.path().display()).parse().unwrap();
        let store = database::open(&settings).await.unwrap();
        let tenant = tenants::create(&*store, "north").await.unwrap().unwrap();
        let session = &*store.open(&tenant).await.unwrap();
        let account = account::tests::account();
        let identity = Identity { provider: "staff".into(), account: "ana".into() };
        let changes = vec![
            kept::insert("ana", &account, None).unwrap(),
            kept::insert("ana", &Factors::default(), None).unwrap(),
            kept::insert("whoever", &identity, None).unwrap(),
        ];
        assert!(kept::write(session, changes).await.unwrap());
        let topic = |subject: &str| Topic { system: "x".into(), code: "y".into(), subject: Some(subject.into()) };
        for (client, subject) in [("a", "Practitioner/1"), ("a", "Practitioner/2"), ("b", "Practitioner/2")] {
            let (_, change) = app_state::create(session, client, topic(subject), Map::new(), 0).await.unwrap();
            assert!(kept::write(session, vec![change]).await.unwrap());
        }
        let left = async || {
            let all = kept::all::<AppState>(session).await.unwrap();
            all.iter().map(|it| it.key.split('/').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert!(user(session, "Ana").await.unwrap() && !user(session, "ana").await.unwrap());
        assert_eq!(left().await, ["a", "b"]);
        assert!(kept::find::<Factors>(session, "ana").await.unwrap().is_none());
        assert!(kept::find::<Identity>(session, "whoever").await.unwrap().is_none());
        assert!(!client(session, "a").await.unwrap());
        assert_eq!(left().await, ["b"]);
        store.close().await;
    }
}
