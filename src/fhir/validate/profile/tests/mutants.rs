//! Mutants: for each rule of each of our profiles, its example with just that rule broken is refused for just that.
//!
//! The rules are those that the compiler made, so that none can be forgotten: a rule that the example does not show,
//! or that nothing here knows how to break, fails the test.

use super::ours::{EXAMPLES, EXTENDED, errors, url_of};
use super::*;
use crate::validate::profile::element::Max;
use crate::validate::profile::rules::{Child, Proof, Shown, Slice, Slicing, Test, TypeRule};

/// A broken example.
struct Mutant {
    /// The rule that is broken.
    rule: String,
    resource: Json,
    code: IssueType,
    /// What the issue says, or where it is.
    words: String,
}

/// What breaks an invariant: where below its element, and what is put there.
fn breaker(key: &str) -> Option<(&'static str, Json)> {
    Some(match key {
        "medisync-name" => ("", json!({ "text": "X" })),
        "medisync-phone" => ("", json!("call me")),
        "medisync-email" => ("", json!("nobody")),
        "medisync-booked" => ("/start", json!("2020-03-01T09:00:00Z")),
        "medisync-reason" => ("", json!("  cough  ")),
        "medisync-quantity" => ("", json!(0)),
        "medisync-signal" => ("/component", json!([{ "code": { "text": "rate" }, "valueInteger": 66 }])),
        "medisync-rate" => ("/component/1/valueSampledData/period", json!(4)),
        "medisync-conclusion" => ("/conclusion", Json::Null),
        "medisync-breach" => ("", json!("fatal")),
        "medisync-document" => ("/url", Json::Null),
        "minValue" => ("", json!(-1)),
        "maxValue" => ("", json!(13)),
        _ => return None,
    })
}

/// Gathers mutants of one example.
struct Breaking<'e> {
    example: &'e Json,
    mutants: Vec<Mutant>,
    /// The profiles whose rules were broken.
    seen: &'e mut Vec<String>,
}

impl Breaking<'_> {
    fn mutant(&mut self, rule: String, resource: Json, code: IssueType, words: impl Into<String>) {
        self.mutants.push(Mutant { rule, resource, code, words: words.into() });
    }

    /// The example with another value at a place; without it, if that is null.
    fn with(&self, pointer: &str, value: Json) -> Json {
        let mut changed = self.example.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {pointer}"));
        match (parent, value) {
            (Json::Object(members), Json::Null) => drop(members.remove(name).unwrap()),
            (Json::Object(members), value) => drop(members.insert(name.into(), value)),
            (Json::Array(items), Json::Null) => drop(items.remove(name.parse().unwrap())),
            (Json::Array(items), value) => items[name.parse::<usize>().unwrap()] = value,
            _ => panic!("nothing at {pointer}"),
        }
        changed
    }

    /// Rules on the value at a place and below it.
    fn rules(&mut self, rules: &'static Rules, at: &str, name: &str) {
        self.own(rules, at, name);
        if rules.value.is_some() {
            self.mutant(format!("{name} value"), self.changed(at), IssueType::Value, "what the profile fixes");
        }
        rules.children.iter().for_each(|it| self.child(it, at, name));
    }

    /// Rules on a value itself, but for what is fixed.
    fn own(&mut self, rules: &'static Rules, at: &str, name: &str) {
        for invariant in &rules.invariants {
            let (below, value) = breaker(invariant.key()).unwrap_or_else(|| panic!("{name}: {}", invariant.key()));
            let resource = self.with(&format!("{at}{below}"), value);
            self.mutant(format!("{name} {}", invariant.key()), resource, IssueType::Invariant, invariant.key());
        }
        if let Some(most) = rules.max_length {
            let resource = self.with(at, "x".repeat(most as usize + 1).into());
            self.mutant(format!("{name} maxLength"), resource, IssueType::Value, "must have at most");
        }
        if let Some(binding) = &rules.binding {
            let resource = self.with(&format!("{at}/coding/0/code"), "mutant".into());
            self.mutant(format!("{name} binding"), resource, IssueType::CodeInvalid, &*binding.value_set);
        }
        let of_extensions = rules.types.iter().flat_map(|it| &it.profiles);
        of_extensions.for_each(|url| self.extension(url, at, name));
        self.types(&rules.types, at, name);
        self.targets(&rules.types, at, name);
    }

    /// The example with the primitive values of what is fixed at a place changed.
    fn changed(&self, at: &str) -> Json {
        let code = ["/coding/0/code", ""].iter().map(|it| format!("{at}{it}"));
        let code = code.into_iter().find(|it| self.example.pointer(it).is_some_and(Json::is_string)).unwrap();
        // A code that R4 has wherever one of ours is fixed.
        self.with(&code, "other".into())
    }

    /// The rules of an extension; by its url its definition was found.
    fn extension(&mut self, url: &str, at: &str, name: &str) {
        self.seen.push(url.to_owned());
        let Some(Ok(profile)) = Profiles::built_in().find(url) else { panic!("{name}: {url}") };
        let below = profile.rules.children.iter().filter(|it| &*it.name != "url");
        below.for_each(|it| self.child(it, at, name));
    }

    /// Another type of a choice.
    fn types(&mut self, types: &[TypeRule], at: &str, name: &str) {
        let (parent, member) = at.rsplit_once('/').unwrap_or_default();
        let (other, value) = match name.rsplit('.').next() {
            Some("value") if member == "valueString" => ("valueInteger", json!(1)),
            Some("value") => ("valueString", json!("mutant")),
            Some("effective") => ("effectiveInstant", json!("2026-03-01T10:15:00Z")),
            _ => return,
        };
        if !types.is_empty() {
            let mut resource = self.with(at, Json::Null);
            resource.pointer_mut(parent).unwrap()[other] = value;
            self.mutant(format!("{name} type"), resource, IssueType::Structure, "must have the type");
        }
    }

    /// A reference to what R4 allows there and the profile does not: another type, or a resource that does not meet the
    /// profile that it has to meet.
    fn targets(&mut self, types: &[TypeRule], at: &str, name: &str) {
        let targets: Vec<&str> = types.iter().flat_map(|it| &it.targets).map(|it| &**it).collect();
        let Some(first) = targets.first() else { return };
        let pointer = format!("{at}/reference");
        let (resource, words) = match Profiles::built_in().find(first) {
            Some(profile) => {
                let of = &r4().of(profile.as_ref().ok().unwrap().of).name;
                let mut resource = self.with(&pointer, "#c".into());
                resource["contained"] = json!([plain(of)]);
                (resource, "points to must meet")
            }
            None => {
                let (of, element) = name.split_once('.').unwrap();
                let of = r4().of(r4().resource(of).unwrap());
                let allowed = of.element(element).unwrap().targets.iter().map(|it| &r4().of(*it).name);
                let other = allowed.into_iter().find(|it| !targets.contains(&&*format!("{}{it}", compile::CORE)));
                (self.with(&pointer, format!("{}/other", other.unwrap()).into()), "must point to")
            }
        };
        self.mutant(format!("{name} target"), resource, IssueType::Value, words);
    }

    fn child(&mut self, child: &'static Child, parent: &str, of: &str) {
        let name = format!("{of}.{}", child.name);
        let key = self.key(parent, &child.name);
        let whole = format!("{parent}/{}", key.unwrap_or_else(|| panic!("{name}: the example does not show it")));
        let of_parent = &self.example.pointer(&whole).unwrap();
        let places: Vec<String> = match of_parent {
            Json::Array(items) => (0..items.len()).map(|it| format!("{whole}/{it}")).collect(),
            _ => vec![whole.clone()],
        };
        if child.min > 0 {
            let mut resource = self.with(&whole, Json::Null);
            let holder = resource.pointer_mut(parent).unwrap();
            if holder.get("url").is_some() && &*child.name == "value" {
                // An extension has extensions where it has no value (ext-1).
                holder["extension"] = json!([{ "url": "http://e/x", "valueString": "x" }]);
            }
            self.mutant(format!("{name} min"), resource, IssueType::Required, format!("{} is required", child.name));
        }
        if let Max::Times(most) = child.max {
            let many = vec![self.example.pointer(&places[0]).unwrap().clone(); most as usize + 1];
            self.mutant(
                format!("{name} max"),
                self.with(&whole, many.into()),
                IssueType::Structure,
                "may be there at most",
            );
        }
        self.rules(&child.rules, &places[0], &name);
        if let Some(slicing) = &child.slicing {
            self.slices(slicing, &whole, &places, &name);
        }
    }

    /// The member of an object that has an element, whatever the type of a choice.
    fn key(&self, parent: &str, name: &str) -> Option<String> {
        let members = self.example.pointer(parent)?.as_object()?;
        let is_of = |key: &&String| {
            key.strip_prefix(name).is_some_and(|it| it.is_empty() || it.starts_with(|it: char| it.is_uppercase()))
        };
        members.keys().find(is_of).cloned()
    }

    fn slices(&mut self, slicing: &'static Slicing, whole: &str, places: &[String], name: &str) {
        assert_eq!(slicing.problem, None, "{name}");
        for slice in &slicing.slices {
            let called = format!("{name}:{}", slice.name);
            let place = places.iter().find(|it| self.is_in(slice, it));
            let place = place.unwrap_or_else(|| panic!("{called}: the example does not show it"));
            let short = called.rsplit('.').next().unwrap();
            if slice.min > 0 {
                let resource = match places.len() {
                    1 => self.with(whole, Json::Null),
                    _ => self.with(place, Json::Null),
                };
                self.mutant(format!("{called} min"), resource, IssueType::Required, format!("{short} is required"));
            }
            if let Max::Times(most) = slice.max {
                let mut items = self.example.pointer(whole).unwrap().as_array().unwrap().clone();
                items.extend(vec![self.example.pointer(place).unwrap().clone(); most as usize]);
                let resource = self.with(whole, items.into());
                self.mutant(format!("{called} max"), resource, IssueType::Structure, format!("{short} may be there"));
            }
            self.in_slice(slice, place, &called);
        }
    }

    /// The rules of a slice. What its discriminator looks at tells where a value belongs: with another one there it is
    /// in no slice, and what is missing is a value of the slice.
    fn in_slice(&mut self, slice: &'static Slice, place: &str, called: &str) {
        let paths: Vec<&str> = slice.tests.iter().map(|it| it.path.text()).collect();
        let short = called.rsplit('.').next().unwrap();
        for path in &paths {
            let at = if *path == "$this" { place.to_owned() } else { format!("{place}/{path}") };
            if slice.min > 0 {
                let words = format!("{short} is required");
                self.mutant(format!("{called} {path}"), self.changed(&at), IssueType::Required, words);
            }
        }
        self.own(&slice.rules, place, called);
        let others = slice.rules.children.iter().filter(|it| !paths.contains(&&*it.name));
        others.for_each(|it| self.child(it, place, called));
    }

    /// Whether the value at a place shows what tells a slice.
    fn is_in(&self, slice: &Slice, place: &str) -> bool {
        let shows = |test: &Test| {
            let at =
                if test.path.text() == "$this" { place.to_owned() } else { format!("{place}/{}", test.path.text()) };
            let Some(found) = self.example.pointer(&at) else { return false };
            let found = Doc::parse(found.to_string()).unwrap();
            let fits = |it: &Shown| matches!(it, Shown::Wanted(wanted) if wanted.fits(found.root()));
            matches!(&test.wanted, Proof::Value(all) if all.iter().all(fits))
        };
        slice.tests.iter().all(shows)
    }
}

/// A resource that R4 finds valid, and no profile of ours.
fn plain(of: &str) -> Json {
    let mut resource = json!({ "resourceType": of, "id": "c" });
    if of == "Observation" {
        resource["status"] = "final".into();
        resource["code"] = json!({ "text": "pulse" });
    }
    resource
}

/// What is wrong with what is said of mutants.
fn wrongs(id: &str, mutants: Vec<Mutant>) -> Vec<String> {
    let mut wrong = Vec::new();
    for Mutant { rule, resource, code, words } in mutants {
        let found = errors(&resource);
        let is_right = matches!(&found[..], [one] if one.code == code && one.diagnostics.contains(&words));
        if !is_right {
            wrong.push(format!("{id}: {rule}: {found:#?}, not {code:?} {words}"));
        }
    }
    wrong
}

#[test]
fn every_rule_of_our_profiles_refuses_its_mutant() {
    let (mut count, mut wrong, mut seen) = (0, Vec::new(), Vec::new());
    let whole = EXAMPLES.iter().map(|(id, json)| (id, None, json));
    for (id, at, json) in whole.chain(EXTENDED.iter().map(|(id, at, json)| (id, Some(at), json))) {
        let example: Json = serde_json::from_str(json).unwrap();
        let mut breaking = Breaking { example: &example, mutants: Vec::new(), seen: &mut seen };
        match (at, Profiles::built_in().find(&url_of(id))) {
            (Some(at), _) => breaking.extension(&url_of(id), at, "Extension"),
            (None, Some(Ok(profile))) => {
                breaking.seen.push(url_of(id));
                breaking.rules(&profile.rules, "", &r4().of(profile.of).name);
            }
            _ => panic!("{id}"),
        }
        count += breaking.mutants.len();
        wrong.extend(wrongs(id, breaking.mutants));
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(Profiles::ours().iter().all(|(id, _)| seen.contains(&url_of(id))), "{seen:?}");
    assert!(count > 130, "{count} mutants");
}
