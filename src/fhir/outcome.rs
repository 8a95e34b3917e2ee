//! What went wrong, in FHIR's words: issues, and the failure that carries them.
//!
//! One type serves every room ([`Failure`]); the issue's code gives the HTTP status, in one table.

use crate::json::quote;
use std::fmt;

/// OperationOutcome.issue.severity (valueset-issue-severity.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

impl Severity {
    /// The code in the resource.
    pub fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

macro_rules! issue_types {
    ($($name:ident $code:literal $status:literal,)*) => {
        /// OperationOutcome.issue.code (valueset-issue-type.html).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum IssueType { $($name),* }

        impl IssueType {
            /// The code in the resource.
            pub fn code(self) -> &'static str {
                match self { $(IssueType::$name => $code),* }
            }

            /// The HTTP status of an answer that fails for this reason (http.html#status-codes).
            pub fn status(self) -> u16 {
                match self { $(IssueType::$name => $status),* }
            }
        }
    };
}

issue_types! {
    Invalid "invalid" 400,
    Structure "structure" 400,
    Required "required" 400,
    Value "value" 400,
    Invariant "invariant" 400,
    Security "security" 403,
    Login "login" 401,
    Unknown "unknown" 401,
    Expired "expired" 401,
    Forbidden "forbidden" 403,
    Suppressed "suppressed" 403,
    Processing "processing" 400,
    NotSupported "not-supported" 400,
    Duplicate "duplicate" 409,
    MultipleMatches "multiple-matches" 412,
    NotFound "not-found" 404,
    Deleted "deleted" 410,
    TooLong "too-long" 413,
    CodeInvalid "code-invalid" 400,
    Extension "extension" 400,
    TooCostly "too-costly" 422,
    BusinessRule "business-rule" 422,
    Conflict "conflict" 409,
    Transient "transient" 503,
    LockError "lock-error" 503,
    NoStore "no-store" 503,
    Exception "exception" 500,
    Timeout "timeout" 503,
    Incomplete "incomplete" 500,
    Throttled "throttled" 429,
    Informational "informational" 200,
}

/// One OperationOutcome.issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of problem it is.
    pub code: IssueType,
    /// A sentence a person can act on. Never quotes more of the input than the name of an element, a
    /// parameter or a code.
    pub diagnostics: String,
    /// FHIRPath of the element, such as `Patient.name[0].given[1]`; empty where there is none.
    pub expression: String,
}

impl Issue {
    /// An error about the request as a whole.
    pub fn error(code: IssueType, diagnostics: impl Into<String>) -> Issue {
        Issue { severity: Severity::Error, code, diagnostics: diagnostics.into(), expression: String::new() }
    }

    /// A warning.
    pub fn warning(code: IssueType, diagnostics: impl Into<String>) -> Issue {
        Issue { severity: Severity::Warning, ..Issue::error(code, diagnostics) }
    }

    /// A note.
    pub fn information(diagnostics: impl Into<String>) -> Issue {
        Issue { severity: Severity::Information, ..Issue::error(IssueType::Informational, diagnostics) }
    }

    /// The same issue, about the element at this FHIRPath.
    pub fn at(mut self, expression: impl Into<String>) -> Issue {
        self.expression = expression.into();
        self
    }
}

/// Why an interaction was not carried out. Nothing was changed.
#[derive(Debug)]
pub struct Failure {
    /// What is told to the caller; never empty.
    pub issues: Vec<Issue>,
    /// HTTP status.
    pub status: u16,
    /// What lies behind it, for the log at the edge only.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of whatever may fail with issues.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure with one issue; its code gives the status.
    pub fn new(code: IssueType, diagnostics: impl Into<String>) -> Failure {
        Failure::of(vec![Issue::error(code, diagnostics)])
    }

    /// A failure with these issues; the first error's code gives the status.
    pub fn of(issues: Vec<Issue>) -> Failure {
        let first = issues.iter().find(|it| it.severity <= Severity::Error).or(issues.first());
        let status = first.map_or(500, |it| it.code.status());
        Failure { issues, status, cause: None }
    }

    /// The same failure with another status, where http.html asks for one that its code does not give.
    pub fn with_status(mut self, status: u16) -> Failure {
        self.status = status;
        self
    }

    /// Something broke in here: the caller learns that, the log learns what.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        let mut failure =
            Failure::new(IssueType::Exception, "The server failed to carry out the request; nothing was changed.");
        failure.cause = Some(cause.into());
        failure
    }

    /// The issue's code that stands for the whole.
    pub fn code(&self) -> IssueType {
        self.issues.first().map_or(IssueType::Exception, |it| it.code)
    }

    /// The OperationOutcome.
    pub fn to_json(&self) -> String {
        outcome(&self.issues)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, issue) in self.issues.iter().enumerate() {
            let gap = if i > 0 { "; " } else { "" };
            match issue.expression.as_str() {
                "" => write!(f, "{gap}{}", issue.diagnostics)?,
                at => write!(f, "{gap}{at}: {}", issue.diagnostics)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|it| it as _)
    }
}

/// An OperationOutcome resource (operationoutcome.html) with these issues.
pub fn outcome(issues: &[Issue]) -> String {
    let mut out = String::from(r#"{"resourceType":"OperationOutcome","issue":["#);
    for (i, issue) in issues.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&format!(
            r#"{{"severity":"{}","code":"{}","diagnostics":{}"#,
            issue.severity.code(),
            issue.code.code(),
            quote(&issue.diagnostics)
        ));
        if !issue.expression.is_empty() {
            out.push_str(&format!(r#","expression":[{}]"#, quote(&issue.expression)));
        }
        out.push('}');
    }
    out.push_str("]}");
    out
}

/// A name from the outside, fit to be said back in an issue: short, and without characters that could mislead a reader of
/// a log.
pub fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}
