//! CGI scripts: what is wrong with each, mended where that is asked for and safe, and run where that is asked for.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use millau_config::Examination;
use millau_doctor::{Finding, Options, Problem, Severity, diagnose_script, try_script};

use super::counted;

/// A mend may bring the next problem to light: a shebang that can be read now may name no interpreter. More rounds than
/// this would mean that two mends undo one another.
const ROUNDS: usize = 4;

pub(super) struct Scripts<'a> {
    pub(super) examination: &'a Examination,
    pub(super) options: &'a Options,
}

#[derive(Default)]
struct Count {
    errors: usize,
    warnings: usize,
    mended: usize,
}

impl Count {
    fn add(&mut self, finding: &Finding) {
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => {}
        }
    }
}

impl Scripts<'_> {
    /// `true`: no error is left in any of them.
    pub(super) fn all(&self, scripts: &[PathBuf], out: &mut impl Write) -> io::Result<bool> {
        let mut count = Count::default();
        // The directories above are the same for all scripts in one.
        let mut told = Vec::new();
        for script in scripts {
            self.one(script, &mut told, &mut count, out)?;
        }
        self.summary(scripts.len(), &count, out)?;
        Ok(count.errors == 0)
    }

    fn one(&self, script: &Path, told: &mut Vec<Finding>, count: &mut Count, out: &mut impl Write) -> io::Result<()> {
        let mut findings = diagnose_script(script, self.options);
        let mut refused: Vec<Finding> = Vec::new();
        if self.examination.fix {
            for _ in 0..ROUNDS {
                let mut has_changed = false;
                for finding in &findings {
                    // What was refused once, here or for another script, is not tried again.
                    let is_known = refused.contains(finding) || told.iter().any(|other| is_told_by(finding, other));
                    if finding.mend.safe().is_none() || is_known {
                        continue;
                    }
                    match mend(finding, out)? {
                        Outcome::Done => (has_changed, count.mended) = (true, count.mended + 1),
                        Outcome::DoneBefore => {}
                        Outcome::Refused => refused.push(finding.clone()),
                    }
                }
                if !has_changed {
                    break;
                }
                findings = diagnose_script(script, self.options);
            }
        }
        findings.retain(|finding| !told.iter().any(|other| is_told_by(finding, other)));
        for finding in &findings {
            count.add(finding);
            if !refused.contains(finding) {
                writeln!(out, "{finding}\n")?;
            }
        }
        let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
        told.append(&mut findings);
        if self.examination.run && !has_errors {
            self.trial(script, count, out)?;
        } else if self.examination.run {
            writeln!(out, "{}: not run, for it could not answer\n", script.display())?;
        }
        Ok(())
    }

    fn trial(&self, script: &Path, count: &mut Count, out: &mut impl Write) -> io::Result<()> {
        let trial = try_script(script, self.options, self.examination.time_limit);
        if let Some(answer) = &trial.answer {
            writeln!(out, "{}: it answered: {}", script.display(), printable(answer))?;
        }
        for finding in &trial.findings {
            count.add(finding);
            writeln!(out, "{finding}\n")?;
        }
        let stderr = String::from_utf8_lossy(&trial.stderr);
        let lines: Vec<&str> = stderr.trim_end().lines().collect();
        if !lines.is_empty() {
            writeln!(out, "the end of its error output:")?;
            for line in &lines[lines.len().saturating_sub(20)..] {
                writeln!(out, "  | {}", printable(line))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn summary(&self, scripts: usize, count: &Count, out: &mut impl Write) -> io::Result<()> {
        let mut parts = vec![counted(count.errors, "error"), counted(count.warnings, "warning")];
        if count.mended > 0 {
            parts.push(format!("{} mended", count.mended));
        }
        if count.errors + count.warnings + count.mended == 0 {
            parts = vec!["nothing is wrong".to_owned()];
        }
        let not_run = if self.examination.run { "" } else { " (looked at, not run: --run runs each once)" };
        writeln!(out, "{}, as {}: {}{not_run}", counted(scripts, "script"), self.options.user.name, parts.join(", "))
    }
}

/// The directories above scripts are theirs in common, and so is what serves them.
fn is_told_by(finding: &Finding, other: &Finding) -> bool {
    finding == other
        || finding.problem == Problem::NotServedAsCgi && finding.problem == other.problem && finding.mend == other.mend
}

/// What came of a mend.
enum Outcome {
    Done,
    /// Another mend has had the same effect.
    DoneBefore,
    Refused,
}

/// Shows the command, then does the same.
fn mend(finding: &Finding, out: &mut impl Write) -> io::Result<Outcome> {
    let Some(safe) = finding.mend.safe() else { return Ok(Outcome::DoneBefore) };
    writeln!(out, "{finding}")?;
    out.flush()?;
    match safe.apply() {
        Ok(true) => writeln!(out, "  done\n").map(|()| Outcome::Done),
        Ok(false) => writeln!(out, "  done with the one before\n").map(|()| Outcome::DoneBefore),
        Err(error) => writeln!(out, "  not done: {error}\n").map(|()| Outcome::Refused),
    }
}

/// Without what a script's words could do to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
