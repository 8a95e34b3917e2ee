use super::listen::Answering;
use super::*;
use crate::auth::{Claims, Mode};
use crate::config::{AuthFlags, File, HttpFlags, LimitFlags, NetworkFlags, SignInFlags, StoreFlags};
use crate::{clock, database, tenants};
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use store::Tenant;
use tempfile::TempDir;

/// A server over a database of its own, with tenants `north` and `south`.
struct House {
    server: Arc<Server>,
    north: Tenant,
    _folder: TempDir,
}

impl House {
    async fn new() -> House {
        House::with(|_| ()).await
    }

    async fn with(set: impl FnOnce(&mut config::Http)) -> House {
        let folder = tempfile::tempdir().unwrap();
        let file = File::default();
        let mut store = StoreFlags::default().resolve(&file).unwrap();
        store.database = format!("sqlite:{}", folder.path().display()).parse().unwrap();
        let limits = LimitFlags::default().resolve(&file).unwrap();
        let mut http = HttpFlags::default().resolve(&file).unwrap();
        set(&mut http);
        let sign_in = SignInFlags::default().resolve(&file).unwrap();
        let network = NetworkFlags::default().resolve(&file).unwrap();
        let issuer = AuthFlags::default().resolve(&file).unwrap().issuer;
        let database = database::open(&store).await.unwrap();
        let north = tenants::create(&*database, "north").await.unwrap().unwrap();
        tenants::create(&*database, "south").await.unwrap().unwrap();
        let engine = Arc::new(database::engine(database.clone(), limits.engine(&store)));
        let gate = Gate::new(engine.clone(), Mode::Tokens { issuer });
        let others = (&sign_in, &network);
        let server = Arc::new(Server::new(engine, gate, &http, &limits, None, others, None).unwrap());
        House { server, north, _folder: folder }
    }

    /// A token for tenant north, which can read and search.
    async fn token(&self, scope: &str) -> String {
        let now = clock::now_ms() / 1000;
        let claims = Claims {
            iss: Claims::issuer("medisync", "north"),
            aud: Claims::audience("north"),
            sub: "nurse".into(),
            tenant: "north".into(),
            roles: Vec::new(),
            scope: scope.into(),
            iat: now,
            exp: now + 60,
            jti: "1".into(),
            ..Claims::default()
        };
        let known = self.server.gate.known(self.north.name()).await.unwrap();
        claims.sign(known.keys.signing(clock::now_ms()).unwrap()).unwrap()
    }

    async fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(uri).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.server.clone().answers().answer(request.body(Body::from(body)).unwrap()).await
    }

    async fn get(&self, uri: &str, headers: &[(&str, &str)]) -> Response<Body> {
        self.send("GET", uri, headers, "").await
    }
}

async fn body(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

async fn is_outcome(response: Response<Body>) -> bool {
    body(response).await.starts_with(br#"{"resourceType":"OperationOutcome""#)
}

#[tokio::test]
async fn a_token_opens_its_own_tenant_only() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.token("system/*.rs").await);
    let token = [("authorization", bearer.as_str())];
    assert_eq!(house.get("/fhir/north/Patient", &token).await.status(), 200);
    let refused = house.get("/fhir/south/Patient", &token).await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    assert_eq!(house.get("/fhir/Patient", &[token[0], ("x-tenant-id", "north")]).await.status(), 200);
    assert_eq!(house.get("/fhir/north/Patient", &[token[0], ("x-tenant-id", "south")]).await.status(), 400);
}

#[tokio::test]
async fn what_a_server_can_do_is_public_and_nothing_else() {
    let house = House::new().await;
    for uri in ["/fhir/north/metadata", "/fhir/north/openapi.json", "/livez", "/readyz", "/metrics", "/"] {
        assert_eq!(house.get(uri, &[]).await.status(), 200, "{uri}");
    }
    for uri in [
        "/fhir/north",
        "/fhir/north/Patient",
        "/fhir/north/Patient/1",
        "/fhir/north/_history",
        "/fhir/north/metadata/1",
    ] {
        assert_eq!(house.get(uri, &[]).await.status(), 401, "{uri}");
        // What is remembered of a public request opens no other.
        assert_eq!(house.get(uri, &[("authorization", "public")]).await.status(), 401, "{uri}");
    }
    assert_eq!(house.send("POST", "/fhir/north/metadata", &[], "").await.status(), 401);
}

#[tokio::test]
async fn what_is_remembered_of_a_token_opens_nothing_else() {
    let house = House::new().await;
    let gate = &house.server.gate;
    let bearer = format!("Bearer {}", house.token("system/*.rs").await);
    assert!(gate.admit("north", "/fhir/north", Some(&bearer), false, None).await.is_ok());
    assert!(gate.admit("south", "/fhir/north", Some(&bearer), false, None).await.is_err());
    assert!(gate.admit("north", "/fhir/north", Some(&format!("{bearer}x")), false, None).await.is_err());
}

#[tokio::test]
async fn answers_say_how_to_treat_them() {
    let house = House::new().await;
    let response = house.get("/fhir/north/metadata", &[("x-request-id", "abc"), ("accept-encoding", "gzip")]).await;
    let headers = response.headers();
    for (name, value) in [
        ("content-type", "application/fhir+json;charset=utf-8"),
        ("content-encoding", "gzip"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", "abc"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let page = house.get("/fhir/north/metadata", &[("accept", "text/html")]).await;
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
}

#[tokio::test]
async fn refusals_are_outcomes() {
    let house = House::with(|http| http.max_body = config::Size(10)).await;
    let bearer = format!("Bearer {}", house.token("system/*.*").await);
    let token = ("authorization", bearer.as_str());
    let json = ("content-type", "application/fhir+json");
    for (method, uri, headers, body, status) in [
        ("GET", "/nowhere", &[][..], "", 404),
        ("GET", "/fhir/nobody/Patient", &[], "", 404),
        ("TRACE", "/fhir/north/Patient", &[token], "", 405),
        ("GET", "/fhir/north/Patient", &[token, ("accept", "text/turtle")], "", 406),
        ("POST", "/fhir/north/Patient", &[token, json], "{\"more\":\"than ten bytes\"}", 413),
        ("POST", "/fhir/north/Patient", &[token, json, ("content-encoding", "br")], "{}", 415),
        ("POST", "/fhir/north/Patient/_search", &[token, json], "name=x", 415),
    ] {
        let response = house.send(method, uri, headers, body).await;
        assert_eq!(response.status(), status, "{method} {uri}");
        assert_eq!(response.headers().contains_key("allow"), status == 405);
        assert!(is_outcome(response).await, "{method} {uri}");
    }
}

/// A server with one more route.
async fn with_route(house: &House, handler: axum::routing::MethodRouter) -> Response<Body> {
    let routes = Router::new().route("/test", handler);
    Answers { server: house.server.clone(), routes }.answer(Request::get("/test").body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_panic_ends_as_an_answer() {
    let house = House::new().await;
    async fn broken() -> StatusCode {
        panic!("Mr Miller's record")
    }
    let response = with_route(&house, get(broken)).await;
    assert_eq!(response.status(), 500);
    let told = body(response).await;
    assert!(told.starts_with(b"{\"resourceType\":\"OperationOutcome\"") && !told.windows(6).any(|it| it == b"Miller"));
}

#[tokio::test]
async fn a_request_ends_in_time() {
    let house = House::with(|http| http.request_time = "20ms".parse().unwrap()).await;
    let response = with_route(&house, get(std::future::pending::<StatusCode>)).await;
    assert_eq!(response.status(), 503);
    assert!(is_outcome(response).await);
}

const APP: &str = "https://app.example.org";

fn text(response: &Response<Body>, name: &str) -> String {
    response.headers().get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// fetch.spec.whatwg.org#http-cors-protocol
#[tokio::test]
async fn pages_of_named_origins_may_call_from_a_browser() {
    let house = House::with(|http| http.cors_origins = APP.parse().unwrap()).await;
    let asks = [("access-control-request-method", "PUT"), ("access-control-request-headers", "authorization,if-match")];
    let preflight = async |origin| {
        let headers = [asks.as_slice(), &[("origin", origin)]].concat();
        house.send("OPTIONS", "/fhir/north/Patient/1", &headers, "").await
    };
    let allowed = preflight(APP).await;
    assert_eq!((allowed.status(), text(&allowed, "access-control-allow-origin").as_str()), (StatusCode::OK, APP));
    assert!(text(&allowed, "access-control-allow-methods").contains("PUT"));
    assert!(text(&allowed, "access-control-allow-headers").contains("if-match"));
    assert_eq!(text(&preflight("https://evil.example").await, "access-control-allow-origin"), "");
    // Errors too can be read.
    let refused = house.get("/fhir/north/Patient/1", &[("origin", APP)]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(text(&refused, "access-control-allow-origin"), APP);
    let exposed = text(&refused, "access-control-expose-headers");
    for name in ["etag", "location", "content-location", "last-modified", "x-request-id"] {
        assert!(exposed.contains(name), "{name} is not among {exposed}");
    }
    assert!(text(&refused, "vary").contains("origin"));
}

#[tokio::test]
async fn without_the_setting_no_other_origin_may_call() {
    let house = House::new().await;
    let answer = house.get("/fhir/north/Patient", &[("origin", APP)]).await;
    assert_eq!(text(&answer, "access-control-allow-origin"), "");
    let open = House::with(|http| http.cors_origins = "any".parse().unwrap()).await;
    let answer = open.get("/fhir/north/metadata", &[("origin", APP)]).await;
    assert_eq!(text(&answer, "access-control-allow-origin"), "*");
}

#[test]
fn every_address_of_the_server_has_a_row_in_the_access_matrix() {
    for (method, path, _) in SERVED {
        route::matrix::has_row(method, path);
    }
}

#[tokio::test]
async fn what_is_got_takes_no_other_method() {
    let house = House::new().await;
    for (_, path, _) in SERVED.into_iter().filter(|(method, ..)| *method == "GET") {
        let answer = house.send("POST", &path.replace("{name}", "x"), &[], "").await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}
