//! Paging (http.html#paging).

use conformance_tests::{Client, samples::*};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// `count` Patients of one identifier; their ids.
async fn crowd(client: &Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.create(&patient("crowd")).await);
    }
    ids
}

/// http.html#paging: `_count` is a maximum, the next links lead through everything once.
#[tokio::test]
async fn next_links_lead_through_everything_once() {
    let client = Client::fresh();
    let mut ids = crowd(&client, 11).await;
    let mut page = client.search("Patient?identifier=crowd&_count=3").await;
    let mut seen = Vec::new();
    loop {
        assert!(page.ids().len() <= 3);
        seen.extend(page.ids());
        let Some(next) = page.link("next").map(str::to_owned) else { break };
        page = client.page(&next).await;
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
}

/// http.html#paging: writes meanwhile neither repeat nor hide what did not change.
#[tokio::test]
async fn writing_while_paging_neither_repeats_nor_hides() {
    let client = Client::fresh();
    for sort in ["", "&_sort=birthdate", "&_sort=-_lastUpdated", "&_sort=family"] {
        let ids = crowd(&client, 12).await;
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut page = client.search(&format!("Patient?identifier=crowd&_count=3{sort}")).await;
        loop {
            for id in page.ids() {
                *seen.entry(id).or_default() += 1;
            }
            let Some(next) = page.link("next").map(str::to_owned) else { break };
            if seen.len() < 15 {
                client.create(&patient("crowd")).await;
                client.delete(&format!("Patient/{}", ids[0])).await.expect_in(200..=204);
            }
            page = client.page(&next).await;
        }
        for id in &ids[1..] {
            assert_eq!(seen.get(id), Some(&1), "{sort}: {id}");
        }
        for id in ids {
            client.delete(&format!("Patient/{id}")).await.expect_in(200..=204);
        }
    }
}

/// http.html#paging: the last page is an address away, and from there the previous links lead back through everything once.
#[tokio::test]
async fn previous_links_lead_back_through_everything_once() {
    let client = Client::fresh();
    let ids = crowd(&client, 9).await;
    for sort in ["", "&_sort=birthdate", "&_sort=-_lastUpdated", "&_sort=family", "&_sort=-gender"] {
        let first = client.search(&format!("Patient?identifier=crowd&_count=3{sort}")).await;
        assert!(first.link("previous").is_none());
        let mut page = client.page(first.link("last").expect("a last link")).await;
        assert!(page.link("next").is_none());
        let mut seen = Vec::new();
        loop {
            seen.extend(page.ids());
            let Some(previous) = page.link("previous").map(str::to_owned) else { break };
            page = client.page(&previous).await;
        }
        assert_eq!(page.ids(), first.ids(), "{sort}");
        assert_eq!(seen.len(), ids.len(), "{sort}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), ids.iter().cloned().collect(), "{sort}");
    }
}

/// Creates resources in one transaction; their ids.
async fn created(client: &Client, resources: impl Iterator<Item = Value>) -> Vec<String> {
    let entries =
        resources.map(|it| entry("POST", it["resourceType"].as_str().unwrap_or_default(), client.marked(&it)));
    let done = client.bundle("transaction", entries.collect()).await.expect(200).json();
    let id = |it: &Value| it["response"]["location"].as_str()?.split('/').rev().nth(2).map(str::to_owned);
    done["entry"].as_array().into_iter().flatten().filter_map(id).collect()
}

/// Patients of one identifier, more than a server may care to go through, and two Observations of each; the ids of these.
async fn observed(client: &Client, patients: usize) -> BTreeSet<String> {
    let people = created(client, (0..patients).map(|_| patient("observed"))).await;
    assert_eq!(people.len(), patients);
    let subject = |id: &String| json!({"subject": {"reference": format!("Patient/{id}")}});
    let observations = people.iter().chain(&people).map(|it| with(observation("chained"), subject(it)));
    created(client, observations).await.into_iter().collect()
}

/// http.html#paging, search.html#chaining: pages of what a chain finds through many resources hold each match once,
/// whatever is written meanwhile, and lead back as they led on.
#[tokio::test]
async fn pages_of_a_chain_through_many_hold_each_match_once() {
    let client = Client::fresh();
    let ids = observed(&client, 80).await;
    let first = client.search("Observation?subject:Patient.identifier=observed&_count=11").await;
    let (mut on, mut page) = (first.ids(), first.clone());
    while let Some(next) = page.link("next").map(str::to_owned) {
        let person = client.create(&patient("observed")).await;
        let subject = json!({"subject": {"reference": format!("Patient/{person}")}});
        let other = client.create(&with(observation("chained"), subject)).await;
        client.delete(&format!("Observation/{other}")).await.expect_in(200..=204);
        page = client.page(&next).await;
        on.extend(page.ids());
    }
    assert_eq!(on.len(), ids.len());
    assert_eq!(on.iter().cloned().collect::<BTreeSet<_>>(), ids);
    let (mut back, mut address) = (Vec::new(), first.link("last").map(str::to_owned));
    while let Some(here) = address {
        page = client.page(&here).await;
        back.extend(page.ids().into_iter().rev());
        address = page.link("previous").map(str::to_owned);
    }
    back.reverse();
    assert_eq!(back, on);
}

/// Addresses are logged on their way: a page link tells none of the values that the result is ordered by.
#[tokio::test]
async fn a_page_link_tells_no_values() {
    use base64::Engine as _;
    let client = Client::fresh();
    for given in ["Zacharias-of-the-long-name-that-fills-more-than-a-block", "Zenobia"] {
        let name = json!([{ "family": "Ordered", "given": [given] }]);
        client.create(&with(patient("ordered"), json!({ "name": name, "birthDate": "1961-02-03" }))).await;
    }
    for order in ["given", "-given", "family,birthdate"] {
        let page = client.search(&format!("Patient?identifier=ordered&_sort={order}&_count=1")).await;
        for relation in ["next", "last"] {
            let link = page.link(relation).expect("a link");
            let (_, token) = link.split_once("_page=").expect("a token");
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).expect("base64");
            let told = String::from_utf8_lossy(&bytes).to_lowercase();
            assert!(!["zach", "zeno", "ordered"].iter().any(|it| told.contains(it)), "{order}: {relation}: {told}");
        }
        assert_eq!(client.found(&format!("Patient?identifier=ordered&_sort={order}&_count=1")).await.len(), 2);
    }
}

/// A page link is the server's own: one that was changed is refused, not obeyed.
#[tokio::test]
async fn a_tampered_page_link_is_refused() {
    let client = Client::fresh();
    crowd(&client, 4).await;
    let page = client.search("Patient?identifier=crowd&_count=1").await;
    let next = page.link("next").expect("a next link").to_owned();
    let (start, token) = next.rsplit_once('=').expect("the link ends with its token");
    let flipped: String = token
        .char_indices()
        .map(|(at, it)| match (at == token.len() / 2, it) {
            (true, 'A') => 'B',
            (true, _) => 'A',
            (false, it) => it,
        })
        .collect();
    for changed in [format!("{start}={flipped}"), format!("{start}=x"), format!("{next}AA")] {
        client.get(&changed).await.expect_outcome(400..=403);
    }
    client.get(&next).await.expect(200);
}

/// http.html#paging: a page has the includes of its own matches.
#[tokio::test]
async fn every_page_has_its_own_includes() {
    let client = Client::fresh();
    for number in 0..4 {
        let person = client.create(&patient(&number.to_string())).await;
        let subject = json!({"subject": {"reference": format!("Patient/{person}")}});
        client.create(&with(observation("paged"), subject)).await;
    }
    let mut page = client.search("Observation?code=paged&_include=Observation:subject&_count=2").await;
    let mut pages = 0;
    loop {
        let mut subjects: Vec<&str> =
            page.matches().iter().filter_map(|it| it["subject"]["reference"].as_str()).collect();
        subjects.sort_unstable();
        assert_eq!(page.included(), subjects);
        pages += usize::from(!subjects.is_empty());
        let Some(next) = page.link("next").map(str::to_owned) else { break };
        page = client.page(&next).await;
    }
    assert_eq!(pages, 2);
}

/// search.html#count: a server may give fewer than were asked for, but says how to go on.
#[tokio::test]
async fn a_huge_count_is_no_error() {
    let client = Client::fresh();
    let ids = crowd(&client, 3).await;
    let page = client.search("Patient?identifier=crowd&_count=100000000").await;
    assert_eq!(page.ids().len(), ids.len());
    assert_eq!(page.link("next"), None);
}
