//! Writes into the records of others. A resource may be in the compartments of several patients at once
//! (compartmentdefinition-patient.html): whoever may write in that of one does not put something into another's by naming their own as well,
//! as who recorded or told it.

use super::{Access, Level, Scopes};
use crate::audit::each_patient;
use crate::{Context, Engine};
use fhir::json::{Value, write_compact};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use store::{Key, Stored};

impl Scopes {
    /// The only patient in whose records something of a type is written by what is granted, if there is such.
    fn only_writes_of(&self, of: &str) -> Option<&str> {
        let writes = |it: &super::Grant| it.has(Access::Create) || it.has(Access::Update);
        let mut granted = self.grants.iter().filter(|it| (it.of == "*" || it.of == of) && writes(it));
        granted.all(|it| it.level == Level::Patient).then(|| self.patient()).flatten()
    }
}

impl Engine {
    /// Fails with 403 where a resource would come into the record of a patient in whose the caller writes nothing. Whose it was
    /// already, it may stay.
    pub(crate) fn demand_of_own(
        &self,
        ctx: &Context,
        key: &Key,
        former: Option<&Stored>,
        resource: Value<'_>,
    ) -> Result<()> {
        let only = ctx.caller.scopes.only_writes_of(&key.of);
        let limits = ctx.limits.as_ref().filter(|it| it.is_of_some());
        if only.is_none() && limits.is_none() {
            return Ok(());
        }
        let mut known: FxHashSet<&str> = FxHashSet::default();
        if let Some(former) = former {
            each_patient(&key.of, &key.id, &former.body, ctx.base(), |id| _ = known.insert(id));
        }
        let is_own = |id: &str| only.is_none_or(|it| it == id) && limits.is_none_or(|it| it.is_mine(id));
        let (mut body, mut is_allowed) = (String::new(), true);
        write_compact(&mut body, resource);
        each_patient(&key.of, &key.id, body.as_bytes(), ctx.base(), |id| {
            // A patient who is new is nobody's yet.
            let is_itself = key.of == "Patient" && key.id == id;
            is_allowed &= is_itself || known.contains(id) || is_own(id);
        });
        if is_allowed {
            return Ok(());
        }
        let told = "It names a patient in whose record you write nothing, beside one in whose you may: it would be in both. Leave the \
                    other one out.";
        Err(Failure::new(IssueType::Forbidden, told))
    }
}
