//! The demo's users, one for each role, and its app. Their passwords stand on the start page.

use crate::auth::account::{self, NewAccount};
use crate::auth::client::{Client, ClientAuth, IdTokenAlgorithm};
use crate::auth::{brands, kept};
use crate::clock;
use fhir::Result;
use store::Session;

/// A user of the demo.
pub struct User {
    /// What the user is there.
    pub title: &'static str,
    /// The user's roles.
    pub roles: &'static [&'static str],
    /// The name to sign in with.
    pub username: &'static str,
    /// Who it is.
    pub fhir_user: &'static str,
}

/// The password of all of them.
pub const PASSWORD: &str = "a-demo-password";

/// The users.
pub const USERS: [User; 13] = [
    user("Owner", "ingrid", "Practitioner/ingrid-larsen", &["owner"]),
    user("Administrator", "pavel", "Practitioner/pavel-novak", &["admin"]),
    user("Manager", "noor", "Practitioner/noor-haddad", &["manager"]),
    user("Doctor", "lena", "Practitioner/lena-hoffmann", &["doctor"]),
    user("Nurse", "tomas", "Practitioner/tomas-silva", &["nurse"]),
    user("Receptionist", "grace", "Practitioner/grace-obi", &["receptionist"]),
    user("Billing", "chidi", "Practitioner/chidi-okafor", &["billing"]),
    user("Laboratory technician", "olga", "Practitioner/olga-petrova", &["lab_technician"]),
    user("Pharmacist", "yuki", "Practitioner/yuki-tanaka", &["pharmacist"]),
    user("Staff", "rosa", "Practitioner/rosa-mendes", &["staff"]),
    user(
        "Doctor in General Medicine, manager in Cardiology",
        "marta",
        "Practitioner/marta-kowalczyk",
        &["doctor@Organization/general-medicine", "manager@Organization/cardiology"],
    ),
    user("Patient", "amina", "Patient/amina-diallo", &["patient"]),
    user("Parent of a patient", "linh", "RelatedPerson/linh-nguyen", &["patient"]),
];

const fn user(
    title: &'static str,
    username: &'static str,
    fhir_user: &'static str,
    roles: &'static [&'static str],
) -> User {
    User { title, roles, username, fhir_user }
}

/// The Organization that it is.
const HOSPITAL: &str = "meridian-valley";
/// The id of the demo's app.
pub const APP: &str = "demo-app";
/// Where its answers may go: where development servers listen.
pub const REDIRECTS: [&str; 4] =
    ["http://localhost:3000/", "http://127.0.0.1:3000/", "http://localhost:5173/", "http://127.0.0.1:5173/"];
const SCOPE: &str = "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access \
                     patient/*.rs user/*.cruds";

/// Makes those that are not there.
pub async fn prepare(session: &dyn Session) -> Result<()> {
    for user in &USERS {
        if account::find(session, user.username).await?.is_none() {
            let (username, fhir_user) = (user.username.to_owned(), user.fhir_user.to_owned());
            // RFC 2606: nobody has an address there.
            let email = Some(format!("{username}@demo.example").parse()?);
            let roles = user.roles.iter().map(|it| it.parse()).collect::<Result<_>>()?;
            account::create(session, NewAccount { username, fhir_user, scope: None, roles, email }, PASSWORD).await?;
        }
    }
    if !brands::are_set(session).await? {
        brands::publish(session, vec![HOSPITAL.to_owned()], None).await?;
    }
    if kept::find::<Client>(session, APP).await?.is_none() {
        kept::write(session, vec![kept::insert(APP, &app(), None)?]).await?;
    }
    Ok(())
}

fn app() -> Client {
    Client {
        name: "Demo app".into(),
        redirect_uris: REDIRECTS.map(str::to_owned).into(),
        post_logout_redirect_uris: Vec::new(),
        id_tokens: IdTokenAlgorithm::default(),
        backchannel_logout_uri: None,
        grant_types: ["authorization_code", "refresh_token"].map(str::to_owned).into(),
        auth: ClientAuth::None,
        secret: None,
        jwks: None,
        jwks_uri: None,
        scope: SCOPE.into(),
        is_approved: true,
        is_self_made: false,
        introspects: false,
        created: clock::now_ms(),
    }
}
