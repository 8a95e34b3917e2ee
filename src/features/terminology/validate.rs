//! `$validate-code` of a code system (codesystem-operation-validate-code.html) and of a value set
//! (valueset-operation-validate-code.html).

use super::Parameters;
use super::asked::{self, Asked, flag, needed_system};
use super::lookup::no_code;
use engine::{Answer, Call, Resolver};
use fhir::outcome::shown;
use fhir::terminology::{CodeSystem, Designation, ValueSet, in_language};
use fhir::{Failure, IssueType, Result};

/// What is told of one code.
enum Verdict {
    /// It is valid; the name to show.
    Valid(Option<String>),
    /// It is not: why, and the name to show if there is such a code.
    Not(String, Option<String>),
}

pub(super) async fn in_code_system(call: Call<'_>) -> Result<Answer> {
    let all = asked::codes(&call.arguments, "url", "version")?;
    let codes: Vec<&str> = all.iter().map(|it| it.code.as_str()).collect();
    let system = asked::code_system(&call, &mut asked::resolver(&call).await?, &codes).await?;
    let mut verdicts = Vec::new();
    for asked in all {
        verdicts.push(of_system(&call, &system, &asked)?);
    }
    Ok(told(verdicts))
}

pub(super) async fn in_value_set(call: Call<'_>) -> Result<Answer> {
    let mut resolver = asked::resolver(&call).await?;
    let set = asked::value_set(&call, &mut resolver).await?;
    let mut verdicts = Vec::new();
    for asked in asked::codes(&call.arguments, "system", "systemVersion")? {
        verdicts.push(of_set(&call, &mut resolver, &set, &asked).await?);
    }
    Ok(told(verdicts))
}

/// One code that is valid is enough (of the codings of a CodeableConcept).
fn told(verdicts: Vec<Verdict>) -> Answer {
    let mut out = Parameters::default();
    let (valid, invalid): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|it| matches!(it, Verdict::Valid(_)));
    if let Some(Verdict::Valid(display)) = valid.into_iter().next() {
        out.add("result", "valueBoolean", Some(true)).add("display", "valueString", display);
        return out.answer();
    }
    let mut messages = Vec::new();
    let mut shown = None;
    for verdict in invalid {
        if let Verdict::Not(message, display) = verdict {
            messages.push(message);
            shown = shown.or(display);
        }
    }
    out.add("result", "valueBoolean", Some(false)).add("message", "valueString", Some(messages.join(" ")));
    out.add("display", "valueString", shown);
    out.answer()
}

fn of_system(call: &Call<'_>, system: &CodeSystem, asked: &Asked) -> Result<Verdict> {
    if asked.system.as_ref().is_some_and(|it| *it != system.url) {
        return Ok(Verdict::Not(format!("The code {} is of another code system.", shown(&asked.code)), None));
    }
    let Some(concept) = system.find(&asked.code) else {
        let told = no_code(system, &asked.code);
        return match system.has(&asked.code) {
            Some(true) => Ok(Verdict::Valid(system.grammar.and_then(|it| it.name(&asked.code)))),
            Some(false) => Ok(Verdict::Not(told.to_string(), None)),
            // What is not here may yet be a code of the system.
            None => Err(told.with_status(422)),
        };
    };
    let names = Names { display: concept.display.as_deref(), designations: concept.designations.iter().collect() };
    Ok(verdict(call, asked, &names, concept.is_abstract()))
}

async fn of_set(call: &Call<'_>, resolver: &mut Resolver<'_>, set: &ValueSet, asked: &Asked) -> Result<Verdict> {
    let system = needed_system(asked.system.as_deref())?;
    let Some(member) = resolver.member(set, Some(system), &asked.code).await? else {
        let (code, url) = (shown(&asked.code), shown(&set.url));
        return Ok(Verdict::Not(format!("The code {code} of {} is not in the value set {url}.", shown(system)), None));
    };
    let known = member.code_system().and_then(|it| it.version.as_deref());
    if let (Some(wanted), Some(known)) = (&asked.version, known)
        && wanted != known
    {
        let told = format!("This server has {} in version {}, not {}.", shown(system), shown(known), shown(wanted));
        return Err(Failure::new(IssueType::NotSupported, told));
    }
    let names = Names { display: member.display(), designations: member.designations().collect() };
    Ok(verdict(call, asked, &names, member.is_abstract()))
}

/// The names of a code.
struct Names<'n> {
    display: Option<&'n str>,
    designations: Vec<&'n Designation>,
}

impl Names<'_> {
    /// Case makes no difference between names, nor does the space around them.
    fn have(&self, name: &str) -> bool {
        let same = |it: &str| it.trim().to_lowercase() == name.trim().to_lowercase();
        self.display.is_some_and(same) || self.designations.iter().any(|it| same(&it.value))
    }

    fn shown(&self, language: Option<&str>) -> Option<String> {
        let translated = language.and_then(|it| in_language(self.designations.iter().copied(), it));
        translated.or(self.display).map(str::to_owned)
    }
}

fn verdict(call: &Call<'_>, asked: &Asked, names: &Names<'_>, is_abstract: bool) -> Verdict {
    let display = names.shown(call.arguments.text("displayLanguage"));
    let code = shown(&asked.code);
    if is_abstract && !flag(call, "abstract") {
        let told = format!("The code {code} only groups others; with abstract=true it is allowed.");
        return Verdict::Not(told, display);
    }
    match &asked.display {
        Some(name) if !names.have(name) => {
            Verdict::Not(format!("{} is no name of the code {code}.", shown(name)), display)
        }
        _ => Verdict::Valid(display),
    }
}
