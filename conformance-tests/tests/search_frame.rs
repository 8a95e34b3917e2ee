//! What surrounds every search: links, handling, sorting, totals, summaries (search.html).

use conformance_tests::{Bundle, Client, Labelled, samples::*, unique};
use serde_json::{Value, json};

/// http.html#search, bundle.html#searchset
#[tokio::test]
async fn a_search_gives_a_searchset_with_full_urls_and_a_self_link() {
    let client = Client::fresh();
    let id = client.create(&patient("frame")).await;
    let page = client.search("Patient?identifier=frame").await;
    assert_eq!((&page.0["resourceType"], &page.0["type"]), (&json!("Bundle"), &json!("searchset")));
    assert_eq!(page.entries()[0]["fullUrl"], format!("{}/Patient/{id}", client.base));
    let own = page.link("self").expect("a self link");
    assert!(own.starts_with(&client.base) && own.contains("identifier=frame"), "{own}");
    assert_eq!(client.page(own).await.ids(), [id]);
}

/// http.html#search: POST to `_search` with a form, with parameters in the address too.
#[tokio::test]
async fn a_search_by_post_is_the_same() {
    let client = Client::fresh();
    let word = unique();
    let id = client.create(&with(patient(&word), json!({"gender": "female"}))).await;
    let form = "application/x-www-form-urlencoded";
    let search = async |path: &str, body: &str| {
        Bundle(client.call("POST", path).body(form, body.to_owned()).send().await.expect(200).json()).ids().join(" ")
    };
    let identifier = format!("identifier={word}");
    assert_eq!(search("Patient/_search", &format!("identifier=urn%3Asample%7C{word}")).await, id);
    assert_eq!(search("Patient/_search?gender=female", &identifier).await, id);
    assert_eq!(search("Patient/_search?gender=male", &identifier).await, "");
    assert_eq!(search("Patient/_search", &format!("{identifier}&name=ada+s")).await, "");
    let call = client.call("POST", "Patient/_search").body("text/plain", "identifier=posted");
    call.send().await.expect_outcome(415..=415);
    client.call("POST", "Dragon/_search").body(form, "").send().await.expect_outcome(404..=404);
}

/// search.html#errors: an unknown parameter is told in an outcome and left out of the self link.
#[tokio::test]
async fn an_unknown_parameter_is_told_when_lenient() {
    let client = Client::fresh();
    let id = client.create(&patient("lenient")).await;
    for query in ["identifier=lenient&colour=red", "identifier=lenient&colour:exact=red"] {
        let call = client.call("GET", &format!("Patient?{query}")).header("prefer", "handling=lenient");
        let page = Bundle(call.send().await.expect(200).json());
        assert!(page.ids().contains(&id));
        let outcomes = page.with_mode("outcome");
        assert_eq!(outcomes.len(), 1, "{}", page.0);
        assert_eq!(outcomes[0]["resourceType"], "OperationOutcome");
        let own = page.link("self").expect("a self link");
        assert!(own.contains("identifier=lenient") && !own.contains("colour"), "{own}");
    }
}

/// search.html#errors: `Prefer: handling=strict` refuses what is unknown.
#[tokio::test]
async fn an_unknown_parameter_is_refused_when_strict() {
    let client = Client::fresh();
    let strict = async |path: &str| client.call("GET", path).header("prefer", "handling=strict").send().await;
    for query in [
        "Patient?colour=red",
        "Patient?code=x",
        "Patient?_sort=colour",
        "Observation?_revinclude=Patient:colour",
        "Patient?_contained=both",
    ] {
        strict(query).await.expect_outcome(400..=400);
    }
    strict("Patient?name=x&_count=5&_sort=-birthdate&_total=none&_summary=true&_contained=false").await.expect(200);
}

/// search.html#errors: a malformed value of a known parameter is refused however lenient.
#[tokio::test]
async fn a_malformed_value_is_always_400() {
    let client = Client::fresh();
    for query in [
        "_count=few",
        "_count=-1",
        "_summary=some",
        "_contained=some",
        "_total=all",
        "_lastUpdated=x",
        "birthdate=x",
        "active:missing=x",
    ] {
        let call = client.call("GET", &format!("Patient?{query}")).header("prefer", "handling=lenient");
        call.send().await.expect_outcome(400..=400);
    }
}

fn sortable(label: &'static str, family: Option<&str>, born: Option<&str>) -> (&'static str, Value) {
    let mut person = json!({"resourceType": "Patient"});
    if let Some(family) = family {
        person["name"] = json!([{"family": family}]);
    }
    if let Some(born) = born {
        person["birthDate"] = json!(born);
    }
    (label, person)
}

/// search.html#sort: both directions, several keys, and what lacks the key comes last.
#[tokio::test]
async fn matches_are_sorted_and_what_is_missing_comes_last() {
    let client = Client::fresh();
    let people = vec![
        sortable("b2", Some("Baker"), Some("1990-02-02")),
        sortable("none", None, None),
        sortable("a", Some("adams"), Some("1985")),
        sortable("c", Some("Cook"), Some("2001-01-01")),
        sortable("b1", Some("Baker"), Some("1970-05-05")),
    ];
    let stored = Labelled::create(&client, people).await;
    for (sort, expected) in [
        ("family,birthdate", "a b1 b2 c none"),
        ("family,-birthdate", "a b2 b1 c none"),
        ("-family,birthdate", "c b1 b2 a none"),
        ("birthdate", "b1 a b2 c none"),
        ("-birthdate", "c b2 a b1 none"),
    ] {
        let page = client.search(&format!("Patient?_sort={sort}&_count=50")).await;
        assert_eq!(stored.names(&page.ids()), expected, "{sort}");
    }
    let times = async |sort: &str| {
        let page = client.search(&format!("Patient?_sort={sort}")).await;
        let time = |resource: &&Value| resource["meta"]["lastUpdated"].as_str().map(str::to_owned);
        page.matches().iter().filter_map(time).collect::<Vec<_>>()
    };
    let (forward, backward) = (times("_lastUpdated").await, times("-_lastUpdated").await);
    assert!(forward.is_sorted() && backward.iter().rev().is_sorted() && forward.len() == 5, "{forward:?} {backward:?}");
    let mut by_id = client.search("Patient?_sort=_id").await.ids();
    assert!(by_id.is_sorted());
    by_id.reverse();
    assert_eq!(client.search("Patient?_sort=-_id").await.ids(), by_id);
}

/// search.html#sort with paging: the pages together are in the order of the whole.
#[tokio::test]
async fn a_sorted_search_keeps_its_order_over_pages() {
    let client = Client::fresh();
    for number in 0..9 {
        let family = (number < 7).then(|| format!("Name{}", number % 3));
        client.create(&sortable("", family.as_deref(), None).1).await;
    }
    for sort in ["family", "-family"] {
        let whole = client.search(&format!("Patient?_sort={sort}&_count=50")).await.ids();
        let mut page = client.search(&format!("Patient?_sort={sort}&_count=2")).await;
        let mut ids = page.ids();
        while let Some(next) = page.link("next").map(str::to_owned) {
            page = client.page(&next).await;
            ids.extend(page.ids());
        }
        assert_eq!((ids.len(), &ids), (9, &whole), "{sort}");
    }
}

/// search.html#total: `none`, `accurate`, `estimate`; search.html#count: `_count=0` is `_summary=count`.
#[tokio::test]
async fn totals_are_given_as_asked() {
    let client = Client::fresh();
    for _ in 0..5 {
        client.create(&patient("total")).await;
    }
    let total = async |more: &str| {
        let page = client.search(&format!("Patient?identifier=total{more}")).await;
        (page.ids().len(), page.total())
    };
    assert_eq!(total("&_total=accurate&_count=2").await, (2, Some(5)));
    // "There is no need to populate the total count": but what is given is true.
    assert!(matches!(total("&_total=none").await, (5, None | Some(5))));
    assert_eq!(total("&_summary=count").await, (0, Some(5)));
    assert_eq!(total("&_count=0").await, (0, Some(5)));
    assert!(total("&_total=estimate").await.1.is_some());
}

/// search.html#summary, search.html#elements: parts of resources, marked SUBSETTED, with mandatory elements.
#[tokio::test]
async fn summaries_and_elements_cut_the_matches() {
    let client = Client::fresh();
    let text = json!({"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">text</div>"});
    client.create(&with(observation("cut"), json!({"text": text, "note": [{"text": "n"}], "valueString": "v"}))).await;
    let cut = async |more: &str| {
        let page = client.search(&format!("Observation?code=cut&{more}")).await;
        let resource = page.matches()[0].clone();
        let tags = resource["meta"]["tag"].as_array().cloned().unwrap_or_default();
        (resource, tags.iter().any(|tag| tag["code"] == "SUBSETTED"))
    };
    let (summary, marked) = cut("_summary=true").await;
    assert!(marked && summary["note"].is_null() && summary["text"].is_null() && summary["valueString"] == "v");
    let (elements, marked) = cut("_elements=note").await;
    assert!(marked && elements["note"].is_array() && elements["valueString"].is_null());
    assert_eq!(elements["status"], "final", "mandatory elements stay: {elements}");
    let (text, marked) = cut("_summary=text").await;
    assert!(marked && text["text"].is_object() && text["note"].is_null() && text["status"] == "final");
    let (data, marked) = cut("_summary=data").await;
    assert!(marked && data["text"].is_null() && data["note"].is_array());
    let (whole, marked) = cut("_summary=false").await;
    assert!(!marked && whole["text"].is_object() && whole["note"].is_array());
}

/// http.html#search: over all types at the base, `_type` names some of them.
#[tokio::test]
async fn a_search_of_the_system_goes_over_types() {
    let client = Client::fresh();
    let person = client.create(&patient("whole")).await;
    let seen = client.create(&observation("whole")).await;
    let found = async |query: &str| {
        let ids = client.found(query).await;
        (ids.contains(&person), ids.contains(&seen))
    };
    let ids = format!("_id={person},{seen}");
    assert_eq!(found(&format!("?{ids}")).await, (true, true));
    assert_eq!(found(&format!("?{ids}&_type=Patient")).await, (true, false));
    assert_eq!(found(&format!("?{ids}&_type=Patient,Observation")).await, (true, true));
    client.get("?_type=Dragon").await.expect_outcome(400..=404);
    let form =
        client.call("POST", "_search").body("application/x-www-form-urlencoded", format!("{ids}&_type=Observation"));
    assert_eq!(Bundle(form.send().await.expect(200).json()).ids(), [seen]);
}

/// http.html#search: nothing found is an empty searchset, not an error.
#[tokio::test]
async fn nothing_found_is_no_error() {
    let client = Client::fresh();
    let page = client.search("Patient?identifier=nobody&_total=accurate").await;
    assert_eq!((page.entries().len(), page.total()), (0, Some(0)));
    assert!(page.0["entry"].is_null(), "an empty array is no FHIR JSON: {}", page.0);
}

/// A search that could use no index says so, by the names of its parameters.
#[tokio::test]
async fn a_search_without_an_index_says_so() {
    let client = Client::fresh();
    client.create(&patient("seen")).await;
    for (query, told) in [
        ("Patient?name:contains=amp", Some("name:contains")),
        ("Patient?gender:not=male&birthdate:missing=true", Some("gender:not, birthdate:missing")),
        ("Patient?gender:not=male&family=sample", None),
        ("Patient?name=sample&_sort=gender", Some("_sort")),
        ("Patient", None),
    ] {
        let answer = client.get(query).await.expect(200);
        assert_eq!(answer.header("x-search-unindexed"), told, "{query}");
    }
}
