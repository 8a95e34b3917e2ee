//! How surely a user was told to be who it is: the methods (`amr`, RFC 8176) and the classes that they make (`acr`, OpenID
//! Connect Core section 2).

/// One factor was proved: a password.
pub const ONE: &str = "https://medisync.dev/acr/one-factor";
/// Two were proved: a password and a one-time code, or a passkey whose device knew its user.
pub const TWO: &str = "https://medisync.dev/acr/two-factors";
/// All classes.
pub const CLASSES: [&str; 2] = [ONE, TWO];

/// What somebody has proved who signs in.
#[derive(Clone)]
pub struct Proved {
    /// The methods.
    pub amr: Vec<String>,
    /// The sign-on by a provider, if it was one.
    pub sign_on: Option<String>,
    /// The sign-in of the same browser that goes on.
    pub goes_on: Option<String>,
}

impl From<Vec<String>> for Proved {
    fn from(amr: Vec<String>) -> Proved {
        Proved { amr, sign_on: None, goes_on: None }
    }
}

/// Says that several factors were proved.
const MANY: &str = "mfa";

/// The methods of somebody who gave a password.
pub fn password() -> Vec<String> {
    vec!["pwd".to_owned()]
}

/// The methods of somebody who comes from an account of another tenant: none that counts here.
pub fn linked() -> Vec<String> {
    vec!["linked".to_owned()]
}

/// The same, with a one-time code.
pub fn with_code(before: &[String]) -> Vec<String> {
    with(before, &["otp", MANY])
}

/// The same, with a passkey whose device made sure who its user is. One that may be copied between devices is kept by
/// software, one that may not by hardware.
pub fn with_passkey(before: &[String], is_synced: bool) -> Vec<String> {
    with(before, &[if is_synced { "swk" } else { "hwk" }, "user", MANY])
}

fn with(before: &[String], more: &[&str]) -> Vec<String> {
    let new = more.iter().filter(|it| !before.iter().any(|known| known == *it));
    before.iter().cloned().chain(new.map(|it| (*it).to_owned())).collect()
}

/// Whether two factors were proved.
pub fn is_two(amr: &[String]) -> bool {
    amr.iter().any(|it| it == MANY)
}

/// The class that these methods make.
pub fn class(amr: &[String]) -> &'static str {
    if is_two(amr) { TWO } else { ONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_factors_make_another_class() {
        assert_eq!(class(&password()), ONE);
        let both = with_code(&with_code(&password()));
        assert_eq!(with_passkey(&[], false).join(" "), "hwk user mfa");
        assert_eq!((class(&both), both.join(" ")), (TWO, "pwd otp mfa".into()));
    }
}
