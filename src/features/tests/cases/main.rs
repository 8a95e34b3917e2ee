//! Operations, called as clients call them: through the engine, on a store.

mod audit;
mod compartments;
mod demanded;
mod demo;
mod ecl;
mod ecl_filters;
mod ecl_values;
mod everything;
mod graphql;
mod house;
mod lastn;
mod loaded;
mod meta;
mod own_params;
mod parameters;
mod parameters_of_records;
mod registry;
mod sharing;
mod snapshot;
mod stats;
mod summary;
mod terminology;
mod unique;
mod validate;
