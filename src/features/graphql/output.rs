//! The answer, in the order of the query; numbers keep their digits.

use fhir::json::write_string;

/// A value of an answer.
#[derive(Clone, Debug)]
pub(super) enum Out {
    Null,
    /// JSON text of a primitive.
    Raw(String),
    List(Vec<Out>),
    Object(Members),
}

/// The members of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(Vec<Member>);

#[derive(Clone, Debug)]
struct Member {
    key: String,
    out: Out,
    /// `@singleton`: in what is flattened it is no list.
    is_single: bool,
}

impl Members {
    pub(super) fn add(&mut self, key: &str, out: Out) {
        self.0.push(Member { key: key.to_owned(), out, is_single: false });
    }

    pub(super) fn add_single(&mut self, key: &str, out: Out) {
        self.0.push(Member { key: key.to_owned(), out, is_single: true });
    }

    /// Adds the members of values that are flattened into this object (`@flatten`): those of one key as a list, in order; of
    /// single ones the first. `@slice` gives the members of each value a name behind their own.
    pub(super) fn flatten(&mut self, all: Vec<(Members, Option<String>)>) {
        let mut merged: Vec<(Member, Vec<Out>)> = Vec::new();
        for (members, slice) in all {
            for mut member in members.0 {
                if let Some(slice) = &slice {
                    member.key = format!("{}.{slice}", member.key);
                }
                let outs = match std::mem::replace(&mut member.out, Out::Null) {
                    Out::List(items) => items,
                    Out::Null => Vec::new(),
                    one => vec![one],
                };
                match merged.iter_mut().find(|it| it.0.key == member.key) {
                    Some(same) => same.1.extend(outs),
                    None => merged.push((member, outs)),
                }
            }
        }
        for (member, outs) in merged {
            let out = match member.is_single {
                true => outs.into_iter().next().unwrap_or(Out::Null),
                false => Out::List(outs),
            };
            self.0.push(Member { out, ..member });
        }
    }
}

impl Out {
    /// As JSON.
    pub(super) fn written(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// As deep as the query, whose depth is bounded.
    fn write(&self, text: &mut String) {
        match self {
            Out::Null => text.push_str("null"),
            Out::Raw(raw) => text.push_str(raw),
            Out::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    text.push(if at == 0 { '[' } else { ',' });
                    item.write(text);
                }
                text.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Out::Object(Members(members)) => {
                for (at, member) in members.iter().enumerate() {
                    text.push(if at == 0 { '{' } else { ',' });
                    write_string(text, &member.key);
                    text.push(':');
                    member.out.write(text);
                }
                text.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}
