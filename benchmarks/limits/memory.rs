//! Limit (a): axum answering from memory what the server answered before.

use super::{answer, serve};
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Answers by path and query.
#[derive(Default)]
pub struct Answers(FxHashMap<String, Bytes>);

impl Answers {
    /// Notes an answer.
    pub fn add(&mut self, target: &str, body: Vec<u8>) {
        self.0.insert(target.to_owned(), body.into());
    }

    /// Writes them to a file: for each `TARGET LENGTH`, a line end, and the body.
    pub fn save(&self, file: &Path) -> Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
        for (target, body) in &self.0 {
            writeln!(out, "{target} {}", body.len())?;
            out.write_all(body)?;
        }
        Ok(out.flush()?)
    }

    /// Reads what [`Answers::save`] wrote.
    pub fn read(file: &Path) -> Result<Answers> {
        let mut bytes = Vec::new();
        std::fs::File::open(file)?.read_to_end(&mut bytes)?;
        let all = Bytes::from(bytes);
        let mut answers = Answers::default();
        let mut at = 0;
        while at < all.len() {
            let end = all[at..].iter().position(|it| *it == b'\n').context("a line without an end")? + at;
            let (target, length) =
                std::str::from_utf8(&all[at..end])?.rsplit_once(' ').context("a line without a length")?;
            let (start, length) = (end + 1, length.parse::<usize>()?);
            answers.0.insert(target.to_owned(), all.slice(start..start + length));
            at = start + length;
        }
        Ok(answers)
    }
}

/// Answers GET from memory, and anything else by sending the body back.
pub async fn run(file: &Path) -> Result<()> {
    let answers = Arc::new(Answers::read(file)?);
    serve(Router::new().fallback(respond).with_state(answers)).await
}

async fn respond(State(answers): State<Arc<Answers>>, method: Method, uri: Uri, body: Bytes) -> Response {
    if method != Method::GET {
        return answer(201, body);
    }
    let target = uri.path_and_query().map_or("", |it| it.as_str());
    match answers.0.get(target) {
        Some(body) => answer(200, body.clone()),
        None => answer(404, Bytes::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers");
        let mut answers = Answers::default();
        answers.add("/Patient?name=a", b"{\n}".to_vec());
        answers.add("/Patient/1", b"{}".to_vec());
        answers.save(&file).unwrap();
        assert_eq!(Answers::read(&file).unwrap().0, answers.0);
    }
}
