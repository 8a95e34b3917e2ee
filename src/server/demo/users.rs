//! The demo's users, one for each role, and its app. Their passwords stand on the start page.

use crate::auth::account::{self, NewAccount};
use crate::auth::client::{Client, ClientAuth};
use crate::auth::{brands, kept};
use crate::clock;
use fhir::Result;
use store::Session;

/// A user of the demo.
pub struct User {
    /// What the user is there.
    pub role: &'static str,
    /// The name to sign in with.
    pub username: &'static str,
    /// Who it is.
    pub fhir_user: &'static str,
}

/// The password of all of them.
pub const PASSWORD: &str = "a-demo-password";

/// The users.
pub const USERS: [User; 7] = [
    User { role: "Doctor", username: "lena", fhir_user: "Practitioner/lena-hoffmann" },
    User { role: "Nurse", username: "tomas", fhir_user: "Practitioner/tomas-silva" },
    User { role: "Pharmacist", username: "yuki", fhir_user: "Practitioner/yuki-tanaka" },
    User { role: "Laboratory technician", username: "olga", fhir_user: "Practitioner/olga-petrova" },
    User { role: "Receptionist", username: "grace", fhir_user: "Practitioner/grace-obi" },
    User { role: "Patient", username: "amina", fhir_user: "Patient/amina-diallo" },
    User { role: "Parent of a patient", username: "linh", fhir_user: "RelatedPerson/linh-nguyen" },
];

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
            account::create(session, NewAccount { username, fhir_user, scope: None, email }, PASSWORD).await?;
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
