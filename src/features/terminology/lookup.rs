//! `$lookup` (codesystem-operation-lookup.html): what a code system says of a code.

use super::Parameters;
use super::asked::{self, Asked, needed_system, versioned};
use engine::{Answer, Around, Call};
use fhir::outcome::shown;
use fhir::terminology::{CodeSystem, Concept, Designation, in_language};
use fhir::{Failure, IssueType, Result};
use serde_json::Value as Json;

pub(super) async fn lookup(call: Call<'_>) -> Result<Answer> {
    let Asked { system, version, code, .. } = asked::code(&call.arguments)?;
    let url = versioned(needed_system(system.as_deref())?, version.as_deref());
    let resolver = &mut asked::resolver(&call).await?;
    let system = asked::with_url(resolver, &url, &[&code], Around::Neighbours).await?;
    if let Some(grammar) = system.grammar.filter(|it| it.has(&code)) {
        return Ok(bare(&system, &grammar.name(&code).unwrap_or(code)));
    }
    let concept = system.find(&code).ok_or_else(|| no_code(&system, &code))?;
    let wanted = Wanted(call.arguments.texts("property").collect());
    let translated = call.arguments.text("displayLanguage").and_then(|it| in_language(concept.designations.iter(), it));
    let display = translated.or(concept.display.as_deref()).unwrap_or(&concept.code);
    let mut out = Parameters::default();
    out.add("name", "valueString", Some(system.name.as_deref().unwrap_or(&system.url)));
    out.add("version", "valueString", system.version.as_deref());
    out.add("display", "valueString", Some(display));
    for designation in concept.designations.iter().filter(|it| wanted.designation(it)) {
        out.parts("designation", parts_of(designation)?);
    }
    properties(&system, concept, &wanted, &mut out)?;
    Ok(out.answer())
}

/// Of a code that a grammar tells, nothing is known but perhaps its name.
fn bare(system: &CodeSystem, display: &str) -> Answer {
    let mut out = Parameters::default();
    out.add("name", "valueString", Some(system.name.as_deref().unwrap_or(&system.url)));
    out.add("display", "valueString", Some(display));
    out.answer()
}

/// The properties asked for; none: all.
struct Wanted<'c>(Vec<&'c str>);

impl Wanted<'_> {
    fn has(&self, property: &str) -> bool {
        self.0.is_empty() || self.0.contains(&property)
    }

    /// `lang.de` asks for the names in German.
    fn designation(&self, designation: &Designation) -> bool {
        let languages = self.0.iter().filter_map(|it| it.strip_prefix("lang."));
        self.has("designation") || languages.into_iter().any(|it| in_language([designation].into_iter(), it).is_some())
    }
}

fn parts_of(designation: &Designation) -> Result<Parameters> {
    let mut parts = Parameters::default();
    let usage = designation.usage.as_ref().map(|it| serde_json::from_str::<Json>(it)).transpose();
    parts.add("language", "valueCode", designation.language.as_deref());
    parts.add("use", "valueCoding", usage.map_err(Failure::internal)?);
    parts.add("value", "valueString", Some(designation.value.as_str()));
    Ok(parts)
}

fn properties(system: &CodeSystem, concept: &Concept, wanted: &Wanted<'_>, out: &mut Parameters) -> Result<()> {
    let mut add = |code: &str, member: &str, value: Json, description: Option<&str>| {
        if wanted.has(code) {
            let mut parts = Parameters::default();
            parts.add("code", "valueCode", Some(code)).add("value", member, Some(value));
            parts.add("description", "valueString", description);
            out.parts("property", parts);
        }
    };
    if let Some(definition) = &concept.definition {
        add("definition", "valueString", definition.as_str().into(), None);
    }
    let (parents, children) = concept.neighbours(system);
    for (code, neighbours) in [("parent", parents), ("child", children)] {
        for it in neighbours {
            add(code, "valueCode", it.code.as_str().into(), it.display.as_deref());
        }
    }
    for property in concept.properties.iter().filter(|it| !matches!(it.code.as_str(), "parent" | "child")) {
        let value = serde_json::from_str(&property.json).map_err(Failure::internal)?;
        add(&property.code, &property.member, value, None);
    }
    if concept.is_inactive() && !concept.properties.iter().any(|it| it.code == "inactive") {
        add("inactive", "valueBoolean", true.into(), None);
    }
    Ok(())
}

/// That a code system has no such code, as far as is known here.
pub(super) fn no_code(system: &CodeSystem, code: &str) -> Failure {
    let (url, code) = (shown(&system.url), shown(code));
    let told = match system.is_whole() || system.grammar.is_some() {
        true => format!("The code system {url} has no code {code}."),
        false => format!("The code {code} is not here; of {url} this server does not have all codes."),
    };
    Failure::new(IssueType::NotFound, told)
}
