//! Terms of one parameter whose words an automaton takes.

use std::fmt;
use std::sync::Arc;
use tantivy::query::{AutomatonWeight, DfaWrapper, EnableScoring, Query, Weight};
use tantivy::schema::Field;
use tantivy_fst::Automaton;

/// A query for all documents with a term that begins with `lead` and goes on as `rest` says.
#[derive(Clone)]
pub(super) struct Under {
    field: Field,
    terms: Arc<Terms>,
}

struct Terms {
    lead: Vec<u8>,
    rest: Rest,
}

/// How a term goes on.
pub(super) enum Rest {
    /// In whatever way.
    Any,
    /// As a word that the automaton takes.
    Near(DfaWrapper),
}

impl Under {
    pub(super) fn new(field: Field, lead: String, rest: Rest) -> Under {
        Under { field, terms: Arc::new(Terms { lead: lead.into_bytes(), rest }) }
    }
}

/// Shows no word: words are values of resources.
impl fmt::Debug for Under {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Under")
    }
}

impl Query for Under {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(AutomatonWeight::<Terms>::new(self.field, self.terms.clone())))
    }
}

#[derive(Clone, Copy)]
pub(super) enum State {
    /// So many bytes of the lead were read.
    Lead(usize),
    /// The lead was read.
    Rest(u32),
    /// Nothing that comes can match.
    Out,
}

impl Terms {
    fn behind(&self, read: usize) -> State {
        match &self.rest {
            _ if read < self.lead.len() => State::Lead(read),
            Rest::Any => State::Rest(0),
            Rest::Near(word) => State::Rest(word.start()),
        }
    }
}

impl Automaton for Terms {
    type State = State;

    fn start(&self) -> State {
        self.behind(0)
    }

    fn is_match(&self, state: &State) -> bool {
        match (state, &self.rest) {
            (State::Rest(_), Rest::Any) => true,
            (State::Rest(state), Rest::Near(word)) => word.is_match(state),
            _ => false,
        }
    }

    fn can_match(&self, state: &State) -> bool {
        match (state, &self.rest) {
            (State::Rest(state), Rest::Near(word)) => word.can_match(state),
            (state, _) => !matches!(state, State::Out),
        }
    }

    fn accept(&self, state: &State, byte: u8) -> State {
        match (*state, &self.rest) {
            (State::Lead(read), _) if self.lead.get(read) == Some(&byte) => self.behind(read + 1),
            (State::Rest(state), Rest::Any) => State::Rest(state),
            (State::Rest(state), Rest::Near(word)) => State::Rest(word.accept(&state, byte)),
            _ => State::Out,
        }
    }
}
