//! How a database is reached.

use sqlx::postgres::PgConnectOptions;
use std::str::FromStr;

/// In a URL: a pooler between gives each transaction any of the database's sessions, so that nothing is kept in one.
const POOLING: &str = "pooling=transaction";

/// Where a database is, and what is between.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) options: PgConnectOptions,
    /// Nothing may be kept in a session: what is set is set within each transaction, and no statement is kept for the next.
    pub(super) is_pooled: bool,
}

impl FromStr for Target {
    type Err = sqlx::Error;

    fn from_str(url: &str) -> Result<Target, sqlx::Error> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (ours, others): (Vec<&str>, Vec<&str>) = parameters.split('&').partition(|it| *it == POOLING);
        let options: PgConnectOptions = format!("{address}?{}", others.join("&")).parse()?;
        let is_pooled = !ours.is_empty();
        // What is slow shows in the log of requests; a statement's text tells an operator nothing.
        let options = sqlx::ConnectOptions::disable_statement_logging(options.application_name("medisync"));
        let options = options.statement_cache_capacity(if is_pooled { 0 } else { 512 });
        Ok(Target { options, is_pooled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_a_pooler() {
        let target = |url: &str| url.parse::<Target>().unwrap();
        assert!(!target("postgres://u@db/m").is_pooled);
        let pooled = target("postgres://u@db:6432/m?sslmode=disable&pooling=transaction");
        assert!(pooled.is_pooled);
        assert_eq!((pooled.options.get_host(), pooled.options.get_port()), ("db", 6432));
        assert_eq!(pooled.options.get_database(), Some("m"));
    }
}
