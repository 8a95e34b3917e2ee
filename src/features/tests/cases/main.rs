//! Operations, called as clients call them: through the engine, on a store.

mod compartments;
mod demanded;
mod demo;
mod ecl;
mod everything;
mod house;
mod lastn;
mod loaded;
mod own_params;
mod registry;
mod sharing;
mod snapshot;
mod stats;
mod terminology;
mod unique;
mod validate;
