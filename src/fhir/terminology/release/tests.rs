use super::*;
use crate::terminology::CodeSystem;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Metals: brass is beneath two.
fn metals() -> Draft {
    let mut draft = Draft::new("urn:metals", "Metals");
    draft.is_case_sensitive = false;
    for (code, name) in
        [("m", "Metal"), ("c", "Copper"), ("z", "Zinc, or spelter"), ("b", "Brass \"alloy\""), ("x", "Not a metal")]
    {
        let mut concept = DraftConcept::named(code, name);
        concept.say("alloy", DraftValue::Flag(code == "b"));
        assert!(draft.add(concept).unwrap());
    }
    for (child, parent) in [("c", "m"), ("z", "m"), ("b", "c"), ("b", "z"), ("b", "z")] {
        assert!(draft.link(child, parent));
    }
    draft
}

fn codes(arranged: &Arranged, places: &Places) -> Vec<String> {
    let mut codes: Vec<String> = places.iter().map(|it| arranged.row(it).unwrap().0.to_owned()).collect();
    codes.sort();
    codes
}

#[test]
fn what_is_above_and_beneath_is_told() {
    let arranged = metals().arranged().unwrap();
    assert_eq!(arranged.len(), 5);
    let links = |code: &str| {
        let rows = (0..arranged.len() as u32).filter_map(|it| arranged.row(it));
        rows.into_iter().find(|it| it.0 == code).unwrap().1
    };
    for (code, parents, children, above, below) in [
        ("m", "", "cz", "", "bcz"),
        ("c", "m", "b", "m", "b"),
        ("z", "m", "b", "m", "b"),
        ("b", "cz", "", "cmz", ""),
        ("x", "", "", "", ""),
    ] {
        let links = links(code);
        assert_eq!(Links::read(&links.write()).unwrap(), links);
        for (found, expected) in
            [(&links.parents, parents), (&links.children, children), (&links.above, above), (&links.below, below)]
        {
            assert_eq!(codes(&arranged, found).concat(), expected, "{code}");
        }
    }
}

#[test]
fn words_and_values_are_posted() {
    let arranged = metals().arranged().unwrap();
    let posted = arranged.posted();
    let found = |property: &str, term: &str| {
        let found = posted.iter().find(|it| it.property == property && it.term == term);
        found.map(|it| codes(&arranged, &it.places).concat())
    };
    assert_eq!(found("", "metal").as_deref(), Some("mx"));
    assert_eq!(found("", "spelter").as_deref(), Some("z"));
    assert_eq!(found("alloy", "true").as_deref(), Some("b"));
    assert_eq!(found("alloy", "").as_deref(), Some("bcmxz"));
    assert_eq!(found("alloy", "maybe"), None);
    assert!(posted.is_sorted_by(|a, b| (&a.property, &a.term) < (&b.property, &b.term)));
}

#[test]
fn a_slice_is_a_code_system_of_what_was_asked() {
    let arranged = metals().arranged().unwrap();
    let row = |it: u32| {
        let (_, links, said) = arranged.row(it).unwrap();
        Row::read(it.into(), &links.write(), &said).unwrap()
    };
    let about = About::read(&arranged.about.write()).unwrap();
    assert_eq!((&about, &about.properties[..]), (&arranged.about, &["alloy".to_owned()][..]));
    let rows: Vec<Row> = (0..4).map(row).collect();
    let system = CodeSystem::of_release("urn:metals", "2", &about, &rows);
    assert_eq!(system.find("B").map(|it| it.display.as_deref()), Some(Some("Brass \"alloy\"")));
    assert_eq!(system.at_or_above("b").unwrap().len(), 4);
    assert_eq!((system.has("x"), system.is_whole()), (Some(false), true));
}

#[test]
fn a_circle_is_refused() {
    let mut draft = metals();
    draft.link("m", "b");
    assert!(draft.arranged().err().unwrap().to_string().contains("circle"));
    let mut draft = metals();
    draft.link("x", "x");
    assert!(draft.arranged().is_err());
    assert!(!metals().link("m", "nothing"));
}

proptest! {
    /// What is beneath a concept is what its children are and have beneath them, and above is the other way round.
    #[test]
    fn links_are_the_closure(edges in proptest::collection::vec((0_usize..30, 0_usize..30), 0..80)) {
        let mut draft = Draft::default();
        for at in 0..30 {
            draft.add(DraftConcept::named(&at.to_string(), "")).unwrap();
        }
        let edges: Vec<(usize, usize)> = edges.into_iter().filter(|(a, b)| a < b).collect();
        for (parent, child) in &edges {
            draft.link(&child.to_string(), &parent.to_string());
        }
        let mut below = vec![BTreeSet::new(); 30];
        for at in (0..30).rev() {
            for (_, child) in edges.iter().filter(|it| it.0 == at) {
                let more = below[*child].clone();
                below[at].extend(more);
                below[at].insert(*child);
            }
        }
        let arranged = draft.arranged().unwrap();
        let of = |places: &Places| places.iter().map(|it| arranged.row(it).unwrap().0.parse().unwrap()).collect();
        for (code, links, _) in (0..30).map(|it| arranged.row(it).unwrap()) {
            let at: usize = code.parse().unwrap();
            let found: BTreeSet<usize> = of(&links.below);
            prop_assert_eq!(&found, &below[at]);
            let above: BTreeSet<usize> = of(&links.above);
            prop_assert_eq!(above, (0..30).filter(|it| below[*it].contains(&at)).collect::<BTreeSet<_>>());
        }
    }
}
