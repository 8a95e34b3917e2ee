//! A tenant with its authorization server, an app that asks, and a browser that a person sits before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance_tests::{Answer, Client, Program, encode, foreign_base, program, samples::*, skipped, unique};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Where apps of these cases take answers; nothing listens there.
pub const REDIRECT: &str = "https://app.example.org/back?x=1";
/// PKCE's secret.
pub const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-standard-43";

/// A new tenant of a server.
pub struct Place<'p> {
    pub program: &'p Program,
    pub root: String,
    pub tenant: String,
    /// May do everything over FHIR.
    pub admin: Client,
}

/// Somebody who signs in.
pub struct Person {
    pub name: String,
    pub password: String,
}

impl Place<'_> {
    /// A tenant of the shared server; none when the cases run against another server.
    pub fn new() -> Option<Place<'static>> {
        if foreign_base().is_some() {
            skipped("users are made for the server's own program only");
            return None;
        }
        let (program, root) = program();
        Some(Place::of(program, root))
    }

    /// A tenant of this server.
    pub fn of<'p>(program: &'p Program, root: &str) -> Place<'p> {
        let tenant = format!("smart-{}", unique());
        program.create_tenant(&tenant);
        let admin = Client::new(&format!("{root}/fhir/{tenant}"), Some(program.token(&tenant, "system/*.*")));
        Place { program, root: root.to_owned(), tenant, admin }
    }

    /// The authorization server.
    pub fn issuer(&self) -> String {
        format!("{}/auth/{}", self.root, self.tenant)
    }

    /// A client that holds this token, or none.
    pub fn with(&self, token: Option<&str>) -> Client {
        self.admin.with_token(token.map(str::to_owned))
    }

    /// A client whose token has these scopes, with this patient in context.
    pub fn acting_for(&self, patient: &str, scope: &str) -> Client {
        let issue = ["token", "--tenant", &self.tenant, "--scope", scope, "--patient", patient];
        self.with(Some(self.program.succeed(&issue).trim()))
    }

    /// A user who is this resource: a professional by rules that reach everything, others by the usual role.
    pub fn person(&self, is: &str) -> Person {
        let rules = ["--scope", "user/*.cruds patient/*.rs"];
        self.person_with(is, if is.starts_with("Practitioner/") { &rules } else { &[] })
    }

    /// A user who is this resource, with these roles or rules.
    pub fn person_with(&self, is: &str, given: &[&str]) -> Person {
        let name = format!("u{}", unique());
        let fixed = ["user", "create", "--tenant", &self.tenant, "--is", is, &name];
        let said = self.program.succeed(&[&fixed, given].concat());
        let password = said.trim().rsplit(' ').next().unwrap().to_owned();
        Person { name, password }
    }

    /// A Practitioner who signs in.
    pub async fn practitioner(&self) -> Person {
        let resource = json!({"resourceType": "Practitioner", "name": [{"family": "Weiss", "given": ["Ana"]}]});
        self.person(&format!("Practitioner/{}", self.admin.create(&resource).await))
    }

    /// A patient with an observation of this code; the patient's id.
    pub async fn patient(&self, family: &str) -> String {
        let id = self.admin.create(&with(patient(family), json!({"name": [{"family": family}]}))).await;
        let subject = json!({"subject": {"reference": format!("Patient/{id}")}});
        self.admin.create(&with(observation(family), subject)).await;
        id
    }

    /// Registers a client; gives its id, and its secret where it has one.
    pub fn register(&self, more: &[&str]) -> (String, Option<String>) {
        let fixed = ["client", "create", "--tenant", &self.tenant, "--name", "The app"];
        let said = self.program.succeed(&[&fixed, more].concat());
        let mut values = said.lines().map(|it| it.split(' ').nth(1).unwrap().to_owned());
        (values.next().unwrap(), values.next())
    }

    /// A public app that may have these scopes.
    pub fn app(&self, scope: &str) -> String {
        self.register(&["--public", "--redirect", REDIRECT, "--scope", scope]).0
    }

    /// What an app asks for.
    pub fn asked(&self, client: &str, scope: &str) -> Vec<(&'static str, String)> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        vec![
            ("response_type", "code".into()),
            ("client_id", client.into()),
            ("redirect_uri", REDIRECT.into()),
            ("scope", scope.into()),
            ("state", "a state & more".into()),
            ("nonce", "a nonce".into()),
            ("aud", self.admin.base.clone()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".into()),
        ]
    }

    /// POST of a form to an endpoint of the authorization server.
    pub async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Answer {
        self.with(None).call("POST", &format!("{}/{endpoint}", self.issuer())).body(FORM, query(form)).send().await
    }

    /// The token endpoint's answer to a code.
    pub async fn redeem(&self, client: &str, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.post("token", &form).await
    }

    /// The token endpoint's answer to a refresh token.
    pub async fn refresh(&self, client: &str, token: &str) -> Answer {
        self.post("token", &[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]).await
    }

    /// What a public app gets that a person lets in: the token endpoint's answer.
    pub async fn granted(&self, client: &str, person: &Person, scope: &str, chosen: Option<&str>) -> Value {
        let mut browser = Browser::new(self);
        let code = browser.let_in(person, &self.asked(client, scope), chosen).await;
        self.redeem(client, &code).await.expect(200).json()
    }
}

pub const FORM: &str = "application/x-www-form-urlencoded";

/// Pairs as a query or form.
pub fn query(pairs: &[(&str, impl AsRef<str>)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value.as_ref())));
    pairs.collect::<Vec<_>>().join("&")
}

/// A text of an answer's JSON.
#[track_caller]
pub fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{answer} has no {name}")).to_owned()
}

/// The parameters of an answer that redirects to the app.
#[track_caller]
pub fn told_app(answer: &Answer) -> Vec<(String, String)> {
    let location = answer.needed_header("location").to_owned();
    let query = location.strip_prefix(REDIRECT).unwrap_or_else(|| panic!("{location} is not the app's"));
    let decoded = |it: &str| {
        let mut bytes = it.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let hex: Vec<u8> = bytes.by_ref().take(2).collect();
                    out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                }
                other => out.push(other),
            }
        }
        String::from_utf8(out).unwrap()
    };
    let pairs = query.trim_start_matches('&').split('&').filter_map(|it| it.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// A parameter among those.
pub fn told<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// A browser, with its cookie.
pub struct Browser<'p> {
    place: &'p Place<'p>,
    pub cookie: Option<String>,
}

impl Browser<'_> {
    pub fn new<'p>(place: &'p Place<'p>) -> Browser<'p> {
        Browser { place, cookie: None }
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<String>, more: &[(&str, &str)]) -> Answer {
        let address = if path.starts_with('/') {
            format!("{}{path}", self.place.root)
        } else {
            format!("{}/{path}", self.place.issuer())
        };
        let mut call = self.place.with(None).call(method, &address);
        if let Some(cookie) = &self.cookie {
            call = call.header("cookie", cookie);
        }
        for (name, value) in more {
            call = call.header(name, value);
        }
        if let Some(form) = form {
            call = call.body(FORM, form);
        }
        let answer = call.send().await;
        if let Some(set) = answer.header("set-cookie") {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    /// Sends the form of a page, with more in it.
    pub async fn submit(&mut self, page: &Answer, path: &str, more: &[(&str, &str)]) -> Answer {
        self.submit_with(page, path, more, &[]).await
    }

    /// The same with headers.
    pub async fn submit_with(
        &mut self,
        page: &Answer,
        path: &str,
        more: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = hidden(&page.text());
        form.retain(|(name, _)| !more.iter().any(|(it, _)| it == name));
        form.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.send("POST", path, Some(query(&pairs)), headers).await
    }

    /// Asks for authorization.
    pub async fn ask(&mut self, asked: &[(&'static str, String)]) -> Answer {
        self.get(&format!("authorize?{}", query(asked))).await
    }

    /// Fills in the page that asks for name and password.
    pub async fn sign_in(&mut self, page: &Answer, person: &Person) -> Answer {
        self.submit(page, "sign-in", &[("username", &person.name), ("password", &person.password)]).await
    }

    /// Asks, signs in, and comes to the next page.
    pub async fn ask_as(&mut self, person: &Person, asked: &[(&'static str, String)]) -> Answer {
        let page = self.ask(asked).await.expect(200);
        let sent = self.sign_in(&page, person).await.expect(303);
        let next = sent.needed_header("location").to_owned();
        self.get(&next).await
    }

    /// Lets an app in, with a patient chosen where one is asked for; the code.
    pub async fn let_in(&mut self, person: &Person, asked: &[(&'static str, String)], chosen: Option<&str>) -> String {
        let mut page = self.ask_as(person, asked).await.expect(200);
        if let Some(chosen) = chosen {
            assert!(page.text().contains("Choose a patient"), "{}", page.text());
            page = self.submit(&page, "authorize", &[("action", "choose"), ("patient", chosen)]).await.expect(200);
        }
        let answer = self.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
        let told_app = told_app(&answer);
        assert_eq!(told(&told_app, "state"), Some("a state & more"));
        assert_eq!(told(&told_app, "iss"), Some(&*self.place.issuer()));
        told(&told_app, "code").expect("a code").to_owned()
    }
}

/// The hidden fields of a page's first form.
pub fn hidden(page: &str) -> Vec<(String, String)> {
    let form = page.split("</form>").next().unwrap_or_default();
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |it: &str| {
        let (name, rest) = it.split_once("\" value=\"")?;
        let value = rest.split_once('"')?.0;
        let plain = value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">");
        Some((name.to_owned(), plain.replace("&amp;", "&")))
    };
    fields.filter_map(field).collect()
}
