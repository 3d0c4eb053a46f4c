//! What a check has to say: where, what is wrong, and what to do about it.

use std::fmt;

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    severity: Severity,
    place: String,
    problem: String,
    remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl Finding {
    /// A broken rule: the check fails.
    pub(crate) fn error(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Error, place, problem, remedy)
    }

    /// Worth a look: printed, and the check passes.
    pub(crate) fn warning(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, problem, remedy)
    }

    fn new(
        severity: Severity,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    #[cfg(test)]
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    #[cfg(test)]
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}\n  {}", self.place, self.problem, self.remedy)
    }
}
