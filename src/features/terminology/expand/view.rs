//! Which codes of a value set are given, and what of each.

use super::super::asked::flag;
use engine::{Call, Narrow};
use fhir::terminology::{Designation, Member, in_language, unversioned};
use fhir::{Failure, Result};
use serde_json::{Value as Json, json};

/// What the parameters of a call ask for.
pub(super) struct View {
    text: String,
    /// The words of `filter`, in lower case.
    words: Vec<String>,
    language: Option<String>,
    /// Uses and languages of the designations wanted; none: all.
    designations: Vec<String>,
    excluded: Vec<String>,
    has_designations: bool,
    is_active_only: bool,
    is_selectable_only: bool,
    is_flat: bool,
}

impl View {
    pub(super) fn of(call: &Call<'_>) -> View {
        let texts = |name: &str| call.arguments.texts(name).map(str::to_owned).collect::<Vec<_>>();
        let words = call.arguments.text("filter").unwrap_or_default().to_lowercase();
        let designations = texts("designation");
        let is_selectable_only = flag(call, "excludeNotForUI");
        View {
            text: call.arguments.text("filter").unwrap_or_default().to_owned(),
            is_flat: flag(call, "excludeNested") || is_selectable_only || !words.trim().is_empty(),
            words: words.split_whitespace().map(str::to_owned).collect(),
            language: call.arguments.text("displayLanguage").map(str::to_owned),
            has_designations: flag(call, "includeDesignations") || !designations.is_empty(),
            designations,
            excluded: texts("exclude-system"),
            is_active_only: flag(call, "activeOnly"),
            is_selectable_only,
        }
    }

    /// What it leaves of the codes of a loaded code system; `None` if it leaves out code systems.
    pub(super) fn narrow(&self) -> Option<Narrow> {
        self.excluded.is_empty().then(|| Narrow {
            text: self.text.clone(),
            is_active_only: self.is_active_only,
            is_selectable_only: self.is_selectable_only,
        })
    }

    /// The text that names are filtered by.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether codes stand beside one another, whatever their hierarchy is.
    pub(super) fn is_flat(&self) -> bool {
        self.is_flat
    }

    /// Whether a code is given.
    pub(super) fn has(&self, member: &Member) -> bool {
        let is_left_out = self.is_active_only && member.is_inactive()
            || self.is_selectable_only && member.is_abstract()
            || self.excluded.iter().any(|it| is_of(member, it));
        !is_left_out && self.words.iter().all(|word| has_word(member, word))
    }

    /// `ValueSet.expansion.contains`, without what it contains.
    pub(super) fn entry(&self, member: &Member) -> Result<Json> {
        let mut entry = json!({ "system": &*member.system });
        for (name, is_so) in [("abstract", member.is_abstract()), ("inactive", member.is_inactive())] {
            if is_so {
                entry[name] = true.into();
            }
        }
        entry["code"] = member.code().into();
        let translated = self.language.as_deref().and_then(|it| in_language(all(member), it));
        if let Some(display) = translated.or(member.display()) {
            entry["display"] = display.into();
        }
        if self.has_designations {
            let wanted = member.designations().filter(|it| self.wants(it));
            let designations = wanted.map(designation).collect::<Result<Vec<_>>>()?;
            if !designations.is_empty() {
                entry["designation"] = designations.into();
            }
        }
        Ok(entry)
    }

    /// `designation` names a use or a language as `system|code`; the system of languages is `urn:ietf:bcp:47`.
    fn wants(&self, designation: &Designation) -> bool {
        let is = |token: &String| {
            let (system, code) = token.split_once('|').unwrap_or(("", token));
            let is_language = system == "urn:ietf:bcp:47" && designation.language.as_deref() == Some(code);
            let usage = designation.usage.as_ref().and_then(|it| serde_json::from_str::<Json>(it).ok());
            let is_use = usage.is_some_and(|it| it["code"] == code && it["system"] == system);
            is_language || is_use
        };
        self.designations.is_empty() || self.designations.iter().any(is)
    }
}

fn all(member: &Member) -> impl Iterator<Item = &Designation> + Clone {
    member.designations().collect::<Vec<_>>().into_iter()
}

/// Whether a code is of the code system with this canonical.
fn is_of(member: &Member, canonical: &str) -> bool {
    let (system, version) = unversioned(canonical);
    let known = member.code_system().and_then(|it| it.version.as_deref());
    *member.system == *system && version.is_none_or(|it| known == Some(it))
}

fn has_word(member: &Member, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    has(member.code()) || member.display().is_some_and(has) || member.designations().any(|it| has(&it.value))
}

fn designation(designation: &Designation) -> Result<Json> {
    let mut out = json!({});
    if let Some(language) = &designation.language {
        out["language"] = language.as_str().into();
    }
    if let Some(usage) = &designation.usage {
        out["use"] = serde_json::from_str(usage).map_err(Failure::internal)?;
    }
    out["value"] = designation.value.as_str().into();
    Ok(out)
}
