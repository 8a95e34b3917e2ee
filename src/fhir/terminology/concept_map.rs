//! ConceptMap (conceptmap.html): from the codes of one code system to those of another.

use crate::json::Value;

/// A concept map, read.
#[derive(Debug, Default)]
pub struct ConceptMap {
    /// Canonical URL.
    pub url: Option<String>,
    /// The value set that it maps from, where it names one.
    pub source: Option<String>,
    /// The value set that it maps to, where it names one.
    pub target: Option<String>,
    groups: Vec<Group>,
}

/// From one code system to another.
#[derive(Debug)]
struct Group {
    source: Option<String>,
    /// The version of the code system that it maps from, where it says one.
    version: Option<String>,
    target: Option<String>,
    target_version: Option<String>,
    rows: Vec<Row>,
    unmapped: Option<Unmapped>,
}

/// A code and one of its targets.
#[derive(Debug)]
struct Row {
    code: String,
    to: Option<Mapped>,
    /// `dependsOn`: other elements that must have these codes.
    depends: Vec<Product>,
}

/// What becomes of codes that a group has not (conceptmap.html#unmapped).
#[derive(Debug)]
enum Unmapped {
    /// The same code.
    Provided,
    /// This code.
    Fixed(Mapped),
    /// Another map tells.
    OtherMap(String),
}

/// A code that another one is mapped to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// How the target stands to the source (valueset-concept-map-equivalence.html).
    pub equivalence: String,
    /// The code system of the target.
    pub system: Option<String>,
    /// The target.
    pub code: String,
    /// Its name.
    pub display: Option<String>,
    /// What else the target needs to be the same: JSON of `product`.
    pub products: Vec<Product>,
}

/// `ConceptMap.group.element.target.product`: another element that gets a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The element.
    pub property: String,
    /// The code system.
    pub system: Option<String>,
    /// The code.
    pub value: String,
    /// Its name.
    pub display: Option<String>,
}

impl Product {
    /// Whether one of these says the same of the element. A code without a system is of whatever system the element has.
    fn is_among(&self, given: &[Product]) -> bool {
        let is_of = |it: &Product| self.system.is_none() || it.system.is_none() || self.system == it.system;
        given.iter().any(|it| it.property == self.property && it.value == self.value && is_of(it))
    }
}

impl Mapped {
    /// Whether there is a translation in it at all.
    pub fn is_match(&self) -> bool {
        !matches!(self.equivalence.as_str(), "unmatched" | "disjoint")
    }
}

/// What is to be translated.
#[derive(Clone, Copy, Debug)]
pub struct Translate<'a> {
    /// The code system.
    pub system: &'a str,
    /// Its version, if it is said.
    pub version: Option<&'a str>,
    /// The code.
    pub code: &'a str,
    /// Only into this code system.
    pub to: Option<&'a str>,
    /// From the map's targets to its sources.
    pub is_reverse: bool,
    /// The codes of other elements, on which some of the map's targets depend.
    pub dependencies: &'a [Product],
}

/// What a map tells of a code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// The targets.
    pub found: Vec<Mapped>,
    /// Maps that tell of codes which this one has not, by their canonical URLs.
    pub others: Vec<String>,
    /// Elements on whose codes further targets depend.
    pub lacking: Vec<String>,
}

impl ConceptMap {
    /// Reads a ConceptMap resource.
    pub fn read(resource: Value<'_>) -> ConceptMap {
        let either = |uri: &str, canonical: &str| resource.str(uri).or(resource.str(canonical)).map(str::to_owned);
        ConceptMap {
            url: resource.str("url").map(str::to_owned),
            source: either("sourceUri", "sourceCanonical"),
            target: either("targetUri", "targetCanonical"),
            groups: each(resource, "group").map(group).collect(),
        }
    }

    /// The codes that a code is mapped to.
    pub fn translate(&self, asked: &Translate<'_>) -> Translation {
        let mut translation = Translation::default();
        for group in &self.groups {
            let (from, to) = match asked.is_reverse {
                false => (&group.source, &group.target),
                true => (&group.target, &group.source),
            };
            let is_from = from.as_deref().is_none_or(|it| it == asked.system);
            let version = if asked.is_reverse { &group.target_version } else { &group.version };
            let is_from =
                is_from && (asked.version.is_none() || version.is_none() || version.as_deref() == asked.version);
            let is_to = asked.to.is_none_or(|wanted| to.as_deref() == Some(wanted));
            match (is_from && is_to, asked.is_reverse) {
                (false, _) => {}
                (true, false) => group.forward(asked, &mut translation),
                (true, true) => group.backward(asked.code, &mut translation),
            }
        }
        translation
    }
}

impl Group {
    fn forward(&self, asked: &Translate<'_>, translation: &mut Translation) {
        let (code, mut is_mapped) = (asked.code, false);
        for row in self.rows.iter().filter(|it| it.code == code) {
            is_mapped = true;
            let lacking: Vec<&Product> = row.depends.iter().filter(|it| !it.is_among(asked.dependencies)).collect();
            if !lacking.is_empty() {
                translation.lacking.extend(lacking.into_iter().map(|it| it.property.clone()));
                continue;
            }
            translation.found.extend(row.to.iter().map(|to| Mapped { system: self.target.clone(), ..to.clone() }));
        }
        let system = || self.target.clone();
        match &self.unmapped {
            Some(_) if is_mapped => {}
            Some(Unmapped::Provided) => translation.found.push(Mapped {
                equivalence: "equal".to_owned(),
                system: system(),
                code: code.to_owned(),
                ..Mapped::default()
            }),
            Some(Unmapped::Fixed(to)) => translation.found.push(Mapped { system: system(), ..to.clone() }),
            Some(Unmapped::OtherMap(url)) => translation.others.push(url.clone()),
            None => {}
        }
    }

    fn backward(&self, code: &str, translation: &mut Translation) {
        for row in &self.rows {
            let Some(to) = row.to.as_ref().filter(|it| it.code == code) else { continue };
            translation.found.push(Mapped {
                equivalence: inverse(&to.equivalence).to_owned(),
                system: self.source.clone(),
                code: row.code.clone(),
                ..Mapped::default()
            });
        }
    }
}

/// An equivalence, seen from the other side.
fn inverse(equivalence: &str) -> &str {
    match equivalence {
        "wider" => "narrower",
        "narrower" => "wider",
        "subsumes" => "specializes",
        "specializes" => "subsumes",
        other => other,
    }
}

fn each<'v>(value: Value<'v>, name: &str) -> impl Iterator<Item = Value<'v>> + use<'v> {
    value.get(name).into_iter().flat_map(Value::each)
}

fn group(group: Value<'_>) -> Group {
    let text = |name: &str| group.str(name).map(str::to_owned);
    let rows = each(group, "element").flat_map(|element| {
        let code = element.str("code").unwrap_or_default().to_owned();
        let mut targets: Vec<_> =
            each(element, "target").map(|it| (Some(mapped(it)), products(it, "dependsOn"))).collect();
        if targets.is_empty() {
            targets.push((None, Vec::new()));
        }
        targets.into_iter().map(move |(to, depends)| Row { code: code.clone(), to, depends })
    });
    Group {
        source: text("source"),
        version: text("sourceVersion"),
        target: text("target"),
        target_version: text("targetVersion"),
        rows: rows.collect(),
        unmapped: group.get("unmapped").and_then(unmapped),
    }
}

/// `product` or `dependsOn` of a target.
fn products(target: Value<'_>, name: &str) -> Vec<Product> {
    let product = |it: Value<'_>| {
        let text = |name: &str| it.str(name).map(str::to_owned);
        Some(Product {
            property: text("property")?,
            system: text("system"),
            value: text("value")?,
            display: text("display"),
        })
    };
    each(target, name).filter_map(product).collect()
}

fn mapped(target: Value<'_>) -> Mapped {
    let text = |name: &str| target.str(name).map(str::to_owned);
    Mapped {
        equivalence: text("equivalence").unwrap_or_else(|| "relatedto".to_owned()),
        system: None,
        code: text("code").unwrap_or_default(),
        display: text("display"),
        products: products(target, "product"),
    }
}

fn unmapped(unmapped: Value<'_>) -> Option<Unmapped> {
    match unmapped.str("mode")? {
        "provided" => Some(Unmapped::Provided),
        "fixed" => Some(Unmapped::Fixed(mapped(unmapped))),
        "other-map" => Some(Unmapped::OtherMap(unmapped.str("url")?.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    fn map(unmapped: &str) -> ConceptMap {
        let json = format!(
            r#"{{"group": [{{"source": "urn:a", "target": "urn:b", "element": [
                {{"code": "1", "target": [{{"code": "x", "equivalence": "wider"}}, {{"code": "y", "equivalence": "equal"}}]}},
                {{"code": "2", "target": [{{"equivalence": "unmatched"}}]}},
                {{"code": "3"}}], "unmapped": {unmapped}}}]}}"#
        );
        ConceptMap::read(Doc::parse(json).unwrap().root())
    }

    fn told(map: &ConceptMap, asked: Translate<'_>) -> Vec<String> {
        let translation = map.translate(&asked);
        let of = |it: &Mapped| format!("{}:{}:{}", it.equivalence, it.system.as_deref().unwrap_or_default(), it.code);
        translation.found.iter().map(of).chain(translation.others).collect()
    }

    const fn asked(code: &'static str) -> Translate<'static> {
        Translate { system: "urn:a", version: None, code, to: None, is_reverse: false, dependencies: &[] }
    }

    #[test]
    fn a_code_has_its_targets_in_both_directions() {
        let map = map(r#"{"mode": "provided"}"#);
        assert_eq!(told(&map, asked("1")), ["wider:urn:b:x", "equal:urn:b:y"]);
        assert_eq!(told(&map, Translate { to: Some("urn:c"), ..asked("1") }), [""; 0]);
        assert_eq!(told(&map, Translate { system: "urn:z", ..asked("1") }), [""; 0]);
        let back = Translate { system: "urn:b", code: "x", is_reverse: true, ..asked("x") };
        assert_eq!(told(&map, back), ["narrower:urn:a:1"]);
        assert!(!map.translate(&asked("2")).found[0].is_match());
    }

    /// conceptmap.html#ConceptMap.group.element.target.dependsOn
    #[test]
    fn a_target_that_depends_on_another_element_needs_its_code() {
        let json = r#"{"group": [{"source": "urn:a", "target": "urn:b", "element": [{"code": "1", "target": [
            {"code": "left", "equivalence": "equal", "dependsOn": [{"property": "urn:side", "system": "urn:s", "value": "l"}]},
            {"code": "any", "equivalence": "wider"}]}]}]}"#;
        let map = ConceptMap::read(Doc::parse(json).unwrap().root());
        let given = |system: &str, value: &str| {
            let (property, system) = ("urn:side".to_owned(), Some(system.to_owned()));
            [Product { property, system, value: value.to_owned(), display: None }]
        };
        assert_eq!(told(&map, asked("1")), ["wider:urn:b:any"]);
        assert_eq!(map.translate(&asked("1")).lacking, ["urn:side"]);
        for (system, value, count) in [("urn:s", "l", 2), ("urn:s", "r", 1), ("urn:other", "l", 1)] {
            let dependencies = given(system, value);
            assert_eq!(
                told(&map, Translate { dependencies: &dependencies, ..asked("1") }).len(),
                count,
                "{system} {value}"
            );
        }
    }

    #[test]
    fn what_is_not_mapped_goes_by_the_groups_rule() {
        for (rule, expected) in [
            (r#"{"mode": "provided"}"#, "equal:urn:b:9"),
            (r#"{"mode": "fixed", "code": "z"}"#, "relatedto:urn:b:z"),
            (r#"{"mode": "other-map", "url": "urn:map"}"#, "urn:map"),
        ] {
            assert_eq!(told(&map(rule), asked("9")), [expected]);
            // A code that the map has, and says nothing of, is not one that it has not.
            assert_eq!(told(&map(rule), asked("3")), [""; 0]);
        }
    }
}
