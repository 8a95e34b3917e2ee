//! What the members of SNOMED CT's reference sets say.

use super::{snomed, table};
use fhir::terminology::release::{MemberCell, MemberRows};

/// A map has fields of three kinds, which the name of its file tells.
const MAP: &str = "der2_iissscRefset_ExtendedMapSnapshot_INT_20240131.txt";
const MAPPED: [&str; 4] = [
    "id effectiveTime active moduleId refsetId referencedComponentId mapGroup mapPriority mapRule mapAdvice mapTarget correlationId",
    "a 20200101 1 100000001 447562003 100000003 1 1 TRUE ALWAYS J45.9 100000001",
    "b 20210101 0 900000000000207008 447562003 100000002 2 1 TRUE _ 100000002 447561005",
    "c 20210101 1 100000001 447562003 300000001 2 1 TRUE _ J45 447561005",
];

/// What the members of a reference set say is kept in the order of concepts, of those that are not in use, too.
#[test]
fn members_of_reference_sets_are_read_with_their_fields() {
    let arranged = snomed().with(MAP, &table(&MAPPED)).read().unwrap().arranged().unwrap();
    let code = |place: u32| arranged.row(place).unwrap().0.to_owned();
    let (_, fields, parts) = arranged.members().find(|it| it.0 == "447562003").unwrap();
    assert_eq!(
        fields.fields.join(" "),
        "active moduleId effectiveTime mapGroup mapPriority mapRule mapAdvice mapTarget correlationId"
    );
    let [part] = &parts[..] else { panic!("{}", parts.len()) };
    let rows = MemberRows::read(part).unwrap();
    let said: Vec<String> = rows
        .rows()
        .map(|row| {
            let cells = (0..fields.fields.len()).filter_map(|it| row.cell(it)).map(|it| match it {
                MemberCell::Concept(place) => format!("<{}>", code(place)),
                MemberCell::Text(text) => text.to_owned(),
            });
            format!("{}: {}", code(row.concept), cells.collect::<Vec<_>>().join("|"))
        })
        .collect();
    // Whose description is mapped, is not kept; what is no concept of the files, stays as it is written.
    let expected = [
        "100000002: 0|900000000000207008|20210101|2|1|TRUE| |100000002|447561005",
        "100000003: 1|<100000001>|20200101|1|1|TRUE|ALWAYS|J45.9|<100000001>",
    ];
    assert_eq!(said, expected);
    let sets: Vec<&str> = arranged.members().map(|it| it.0).collect();
    assert_eq!(sets, ["447562003", "723264001", "900000000000526001"], "languages are told of descriptions");
}

#[test]
fn files_of_one_reference_set_have_the_same_columns() {
    let other = table(&[
        "id effectiveTime active moduleId refsetId referencedComponentId other",
        "a 20200101 1 100000001 447562003 100000003 1",
    ]);
    let told =
        snomed().with(MAP, &table(&MAPPED)).with("der2_sRefset_OtherSnapshot_INT_20240131.txt", &other).refused();
    assert!(told.contains("line 2") && told.contains("447562003"), "{told}");
}
