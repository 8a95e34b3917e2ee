//! Which scopes are granted, and what they mean to people.

use engine::{Access, Duties, Grant, Level};

/// Scopes that are not on resources: names, and what an app may do by them in words (openid, SMART
/// scopes-and-launch-context.html).
const PLAIN: [(&str, &str); 8] = [
    ("openid", "Know that it is you who signs in"),
    ("fhirUser", "Know who you are in this place's records"),
    ("profile", "Know your name"),
    ("launch", "Know what the program that starts it shows"),
    ("launch/patient", "Know which patient is chosen"),
    ("launch/encounter", "Know which visit is chosen"),
    ("online_access", "Keep this access as long as you are signed in"),
    ("offline_access", "Keep this access when you are away, until you sign out everywhere"),
];

/// The scopes that metadata lists.
pub fn supported() -> Vec<&'static str> {
    let on_resources = ["patient/*.rs", "user/*.cruds", "system/*.cruds"];
    PLAIN.iter().map(|(name, _)| *name).chain(on_resources).collect()
}

/// Whether a scope is one that a client can be registered with.
pub fn is_known(scope: &str) -> bool {
    PLAIN.iter().any(|(name, _)| *name == scope) || Grant::parse(scope).is_some()
}

/// Whether scopes are about the tenant as a whole, and not about what a person may do.
pub fn is_of_system(scope: &str) -> bool {
    scope.split_whitespace().filter_map(Grant::parse).any(|it| it.level == Level::System)
}

/// What everybody who has a say grants: the client's registration and, where there is a user, the user's roles. Levels
/// that `is_open` refuses are left out.
pub fn granted(asked: &str, of_client: &str, of_user: Option<&Duties>, is_open: impl Fn(Level) -> bool) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    for word in asked.split_whitespace() {
        let found = match Grant::parse(word) {
            Some(grant) if is_open(grant.level) => {
                let mut met = meets(std::slice::from_ref(&grant), of_client);
                if let Some(of_user) = of_user {
                    met = met.iter().flat_map(|it| of_user.grantable(it)).collect();
                }
                // Who asks in the words of version 1 is answered in them, where nothing was taken away.
                let is_whole = |it: &Grant| *it == grant && word.ends_with(".read");
                met.iter().map(|it| if is_whole(it) { word.to_owned() } else { it.to_string() }).collect()
            }
            Some(_) => Vec::new(),
            None if is_known(word) && of_client.split_whitespace().any(|it| it == word) => vec![word.to_owned()],
            None => Vec::new(),
        };
        granted.extend(found);
    }
    let mut seen = Vec::with_capacity(granted.len());
    granted.retain(|it| {
        !seen.contains(it) && {
            seen.push(it.clone());
            true
        }
    });
    granted
}

/// What some scopes and others both grant.
fn meets(some: &[Grant], others: &str) -> Vec<Grant> {
    let others: Vec<Grant> = others.split_whitespace().filter_map(Grant::parse).collect();
    some.iter().flat_map(|one| others.iter().filter_map(|other| one.meet(other))).collect()
}

/// A scope in words.
pub fn in_words(scope: &str) -> String {
    if let Some((_, words)) = PLAIN.iter().find(|(name, _)| *name == scope) {
        return (*words).to_owned();
    }
    let Some(grant) = Grant::parse(scope) else { return scope.to_owned() };
    let doing = [
        (Access::Create, "create"),
        (Access::Read, "read"),
        (Access::Update, "change"),
        (Access::Delete, "delete"),
        (Access::Search, "search"),
    ];
    let doing: Vec<&str> = doing.iter().filter(|(access, _)| grant.has(*access)).map(|(_, word)| *word).collect();
    let doing = match doing.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        all => all.concat(),
    };
    let what = match grant.of.as_str() {
        "*" => "all records".to_owned(),
        of => format!("records of the kind {}", spaced(of)),
    };
    let whose = match grant.level {
        Level::Patient => "of the chosen patient",
        Level::User => "that you may see",
        Level::System => "of this place",
    };
    let only = grant.criteria.map_or_else(String::new, |it| format!(", only those with {it}"));
    let without = match grant.masked.is_empty() {
        true => String::new(),
        false => format!(", without {}", grant.masked.join(", ")),
    };
    let mut words = format!("{doing} {what} {whose}{only}{without}");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// `MedicationRequest` as `medication request`.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_app(asked: &str, client: &str, user: &str) -> String {
        let user = Duties { own: user.to_owned(), ..Duties::default() };
        granted(asked, client, Some(&user), |it| it != Level::System).join(" ")
    }

    #[test]
    fn all_who_have_a_say_must_agree() {
        let client = "openid launch/patient patient/*.rs user/Patient.cruds system/*.rs";
        let user = "user/*.rs patient/*.rs";
        for (asked, given) in [
            ("openid fhirUser", "openid"),
            ("patient/*.*", "patient/*.rs"),
            ("patient/*.read", "patient/*.read"),
            ("patient/Observation.r patient/Observation.r", "patient/Observation.r"),
            ("user/Patient.write", ""),
            ("user/*.cruds", "user/Patient.rs"),
            ("system/*.rs", ""),
            ("nonsense", ""),
        ] {
            assert_eq!(of_app(asked, client, user), given, "{asked}");
        }
    }

    #[test]
    fn scopes_are_told_in_words() {
        for (scope, words) in [
            ("openid", "Know that it is you who signs in"),
            ("patient/*.rs", "Read and search all records of the chosen patient"),
            (
                "user/MedicationRequest.cud",
                "Create, change and delete records of the kind medication request that you may see",
            ),
            (
                "patient/Observation.s?category=laboratory",
                "Search records of the kind observation of the chosen patient, only those with category=laboratory",
            ),
        ] {
            assert_eq!(in_words(scope), words);
        }
    }
}
