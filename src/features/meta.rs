//! `$meta`, `$meta-add` and `$meta-delete` (resource-operations.html): the profiles, tags and security labels of a resource,
//! told and changed without the rest of it; and those that resources of a type, or of all types, have. A change is an update, by the way of
//! every update, so that what a version said stays what it said: of a version that was, its meta is told and not changed.

mod in_use;

use engine::{Access, Answer, Call, Extra, HERE, Headers, Operation, Place, Request, Verb};
use fhir::json::{Doc, Value, quote, write_replacing};
use fhir::{Failure, IssueType, Result};
use store::Stored;

/// How often a change is tried anew if others write the resource at the same time.
const ATTEMPTS: usize = 8;

/// The operations.
pub(crate) fn operations() -> [Operation; 3] {
    const CHANGES: &[(Access, &str)] = &[(Access::Read, HERE), (Access::Update, HERE)];
    [
        Operation {
            definition: include_str!("../../profiles/operations/resource-meta.json"),
            demands: &[(Access::Read, HERE)],
            extras: &[Extra::ByItsParts, Extra::Versions],
            run: |call| Box::pin(tell(call)),
        },
        Operation {
            definition: include_str!("../../profiles/operations/resource-meta-add.json"),
            demands: CHANGES,
            extras: &[Extra::Narrowed, Extra::Versions],
            run: |call| Box::pin(change(call, added)),
        },
        Operation {
            definition: include_str!("../../profiles/operations/resource-meta-delete.json"),
            demands: CHANGES,
            extras: &[Extra::Narrowed, Extra::Versions],
            run: |call| Box::pin(change(call, without)),
        },
    ]
}

fn instance<'c>(call: &'c Call<'_>) -> Result<&'c Stored> {
    call.instance.as_ref().ok_or_else(|| Failure::new(IssueType::NotSupported, "The operation is for one resource."))
}

async fn tell(call: Call<'_>) -> Result<Answer> {
    match &call.instance {
        Some(stored) => told(&stored.body),
        None => Ok(answer(&in_use::meta(&call).await?)),
    }
}

/// The meta of a stored resource.
fn told(body: &[u8]) -> Result<Answer> {
    let doc = parsed(body)?;
    Ok(answer(doc.root().get("meta").map_or("{}", Value::raw)))
}

fn answer(meta: &str) -> Answer {
    let parameter = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"return","valueMeta":{meta}}}]}}"#);
    Answer::new(200, parameter)
}

fn parsed(body: &[u8]) -> Result<Doc> {
    let text = std::str::from_utf8(body).map_err(Failure::internal)?;
    Doc::parse(text).map_err(Failure::internal)
}

/// An item of one of the three lists: as JSON, with a profile's `_` companion.
type Items<'m> = Vec<(Value<'m>, Option<Value<'m>>)>;

/// What becomes of a list's items with those that are given.
type Change = for<'m> fn(Items<'m>, &Items<'m>) -> Items<'m>;

/// Tags and labels are the same by system and code, profiles by their URL.
fn is_same(one: Value<'_>, other: Value<'_>) -> bool {
    match one.str("code").is_some() {
        true => one.str("code") == other.str("code") && one.str("system") == other.str("system"),
        false => one.same(other),
    }
}

fn added<'m>(mut there: Items<'m>, given: &Items<'m>) -> Items<'m> {
    for item in given {
        if !there.iter().any(|it| is_same(it.0, item.0)) {
            there.push(*item);
        }
    }
    there
}

fn without<'m>(mut there: Items<'m>, given: &Items<'m>) -> Items<'m> {
    there.retain(|item| !given.iter().any(|it| is_same(it.0, item.0)));
    there
}

async fn change(call: Call<'_>, how: Change) -> Result<Answer> {
    if let Place::Version { key, .. } = &call.at {
        let told = format!(
            "A version that was is not changed, nor are its tags and labels: call ${} on {key}, which makes a new one.",
            call.code()
        );
        return Err(Failure::new(IssueType::NotSupported, told).with_status(405));
    }
    let given = call.arguments.elements("meta").next();
    let given = given.ok_or_else(|| Failure::new(IssueType::Required, "The parameter meta is missing."))?;
    let mut current = instance(&call)?.clone();
    let key = current.key.clone();
    for _ in 0..ATTEMPTS {
        let doc = parsed(&current.body)?;
        let Some(body) = changed(&doc, given, how) else { return told(&current.body) };
        let headers = Headers { if_match: Some(format!("W/\"{}\"", current.version)), ..Headers::default() };
        let request =
            Request { verb: Verb::Put, path: key.to_string(), query: String::new(), headers, body: body.into() };
        match call.engine.perform(call.ctx, request).await {
            Ok(answer) => return told(&answer.body),
            Err(failure) if failure.status == 412 => {
                let gone = || Failure::new(IssueType::Deleted, "The resource was deleted meanwhile.");
                let mut found = call.readable(std::slice::from_ref(&key)).await?;
                current = found.pop().filter(|it| !it.is_deleted()).ok_or_else(gone)?;
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::new(IssueType::Conflict, "Others kept changing the resource; nothing was changed. Try again."))
}

/// The resource with its meta changed; `None` if nothing of it changes.
fn changed(doc: &Doc, given: Value<'_>, how: Change) -> Option<String> {
    let meta = doc.root().get("meta")?;
    let lists = ["profile", "security", "tag"].map(|name| {
        let there = items(meta, name);
        let after = how(there.clone(), &items(given, name));
        let is_changed = there.len() != after.len();
        (name, after, is_changed)
    });
    if !lists.iter().any(|it| it.2) {
        return None;
    }
    let is_list = |it: &Value<'_>| matches!(it.key(), "profile" | "_profile" | "security" | "tag");
    let rest = meta.children().filter(|it| !is_list(it)).map(|it| member(it.key(), it.raw()));
    let members: Vec<String> = rest.chain(lists.iter().flat_map(|(name, items, _)| written(name, items))).collect();
    let mut out = String::with_capacity(doc.source().len() + given.raw().len());
    write_replacing(&mut out, doc.root(), &|it| {
        (it.index() == meta.index()).then(|| format!("{{{}}}", members.join(",")))
    });
    Some(out)
}

/// The items of a list of a meta, each with its companion.
fn items<'m>(meta: Value<'m>, name: &str) -> Items<'m> {
    let companions = meta.get(&format!("_{name}"));
    let list = meta.get(name).into_iter().flat_map(Value::each).enumerate();
    let companion = |at| companions.and_then(|it| it.item(at)).filter(|it| !it.is_null());
    list.filter(|(_, it)| !it.is_null()).map(|(at, it)| (it, companion(at))).collect()
}

/// The members that a list is written as; none where it is empty.
fn written(name: &str, items: &Items<'_>) -> Vec<String> {
    let list = |texts: Vec<&str>| format!("[{}]", texts.join(","));
    let mut members = Vec::new();
    if !items.is_empty() {
        members.push(member(name, &list(items.iter().map(|it| it.0.raw()).collect())));
    }
    if items.iter().any(|it| it.1.is_some()) {
        let companions = items.iter().map(|it| it.1.map_or("null", Value::raw)).collect();
        members.push(member(&format!("_{name}"), &list(companions)));
    }
    members
}

fn member(name: &str, raw: &str) -> String {
    format!("{}:{raw}", quote(name))
}
