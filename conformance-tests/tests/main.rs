//! All sections in one test program, so that one server serves them all.

mod access;
mod bundle;
mod capabilities;
mod conditional;
mod create;
mod delete;
mod durability;
mod history;
mod http;
mod limits;
mod patch;
mod program;
mod r4_examples;
mod read;
mod search_composite;
mod search_date;
mod search_frame;
mod search_joins;
mod search_near;
mod search_number;
mod search_paging;
mod search_string;
mod search_token;
mod synthea;
mod transaction;
mod update;
