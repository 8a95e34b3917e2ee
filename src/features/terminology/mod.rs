//! The operations of a terminology service (terminology-service.html) on the tenant's code systems, value sets and
//! concept maps, and on R4's.

mod asked;
mod closure;
mod context;
mod expand;
mod loading;
mod lookup;
mod parameters;
mod subsumes;
mod translate;
mod validate;

pub use loading::{LoadedRows, load_code_system};

use engine::{Access, Operation};
use parameters::Parameters;

/// The operations.
pub(crate) fn operations() -> [Operation; 7] {
    const OF_CODE_SYSTEMS: &[(Access, &str)] = &[(Access::Search, "CodeSystem")];
    const OF_VALUE_SETS: &[(Access, &str)] = &[(Access::Search, "ValueSet")];
    const OF_CONCEPT_MAPS: &[(Access, &str)] = &[(Access::Search, "ConceptMap")];
    [
        Operation {
            definition: include_str!("../../../profiles/operations/codesystem-lookup.json"),
            demands: OF_CODE_SYSTEMS,
            extras: &[],
            run: |call| Box::pin(lookup::lookup(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/codesystem-validate-code.json"),
            demands: OF_CODE_SYSTEMS,
            extras: &[],
            run: |call| Box::pin(validate::in_code_system(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/codesystem-subsumes.json"),
            demands: OF_CODE_SYSTEMS,
            extras: &[],
            run: |call| Box::pin(subsumes::subsumes(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/valueset-expand.json"),
            demands: OF_VALUE_SETS,
            extras: &[],
            run: |call| Box::pin(expand::expand(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/valueset-validate-code.json"),
            demands: OF_VALUE_SETS,
            extras: &[],
            run: |call| Box::pin(validate::in_value_set(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/conceptmap-translate.json"),
            demands: OF_CONCEPT_MAPS,
            extras: &[],
            run: |call| Box::pin(translate::translate(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/conceptmap-closure.json"),
            demands: &[(Access::Search, "ConceptMap"), (Access::Update, "ConceptMap")],
            extras: &[],
            run: |call| Box::pin(closure::closure(call)),
        },
    ]
}
