//! What the serving user may do with the script and the directories above it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::access::{Access, Class, EXECUTE, READ, WRITE};
use super::way;
use crate::mend::quoted;
use crate::user::{group_name_of, name_of};
use crate::{Finding, Mend, Place, Problem, SafeMend, User};

/// Looks at the file.
pub(super) fn file(path: &Path, facts: &Metadata, user: &User, is_binary: bool, findings: &mut Vec<Finding>) {
    let access = Access::of(path, facts);
    // A compiled program need not be read; an interpreter must read its script.
    let wanted = if is_binary { EXECUTE } else { READ | EXECUTE };
    let lacks = access.lacks(user, wanted);
    let state = format!("mode {:03o}, owner {}:{}", access.mode, name_of(access.uid), group_name_of(access.gid));
    if lacks & EXECUTE != 0 {
        findings.push(Finding::error(
            Problem::NotExecutable,
            Place::File(path.to_owned()),
            format!("the script is not executable for {} ({state})", user.name),
            "the web server starts a CGI script as a program, and the kernel starts only what has the execute bit \
             (Apache then logs 'Permission denied: exec of ... failed')",
            grant(path, &access, user, lacks, true),
        ));
    }
    if lacks & READ != 0 {
        findings.push(Finding::error(
            Problem::NotReadable,
            Place::File(path.to_owned()),
            format!("the script cannot be read by {} ({state})", user.name),
            "the interpreter runs as that user and opens the script to read it",
            grant(path, &access, user, lacks, true),
        ));
    }
    oddities(path, &access, is_binary, findings);
}

/// Looks at every directory on the way to the file, which belongs to `owner`.
pub(super) fn directories(path: &Path, owner: Option<u32>, user: &User, findings: &mut Vec<Finding>) {
    for folder in &way::to(path) {
        let Ok(facts) = folder.metadata() else { continue };
        let access = Access::of(folder, &facts);
        if access.lacks(user, EXECUTE) == 0 {
            continue;
        }
        // The home of root is closed for a reason, and the directories of others are theirs.
        let is_kept = folder == Path::new("/root") || folder == Path::new("/");
        let is_safe = Some(facts.uid()) == owner && !is_kept;
        findings.push(Finding::error(
            Problem::DirectoryClosed,
            Place::File(folder.clone()),
            format!(
                "{} may not go through this directory (mode {:03o}, owner {}:{})",
                user.name,
                access.mode,
                name_of(access.uid),
                group_name_of(access.gid)
            ),
            "to reach a file, a process needs the execute bit of every directory above it",
            grant(folder, &access, user, EXECUTE, is_safe),
        ));
    }
}

/// The narrowest change that grants what is lacking.
fn grant(path: &Path, access: &Access, user: &User, lacks: u32, is_safe: bool) -> Mend {
    let (class, _) = access.granted(user);
    let letters: String =
        [(READ, 'r'), (EXECUTE, 'x')].iter().filter(|(bit, _)| lacks & bit != 0).map(|(_, letter)| letter).collect();
    let everyone_reads = access.mode & 0o444 == 0o444;
    let (who, shift) = match class {
        // Whoever may read a script may as well execute it: what `chmod +x` does.
        _ if lacks == EXECUTE && everyone_reads || user.is_root() => ('a', None),
        Class::Owner => ('u', Some(6)),
        Class::Group => ('g', Some(3)),
        Class::Other => ('o', Some(0)),
        Class::List => {
            return Mend::Command(format!("setfacl -m u:{}:{letters} {}", user.name, quoted(path)));
        }
    };
    let symbolic = format!("{who}+{letters}");
    let add = shift.map_or(lacks << 6 | lacks << 3 | lacks, |shift| lacks << shift);
    let mend = SafeMend::Permissions { path: path.to_owned(), symbolic, add, remove: 0 };
    if is_safe { Mend::Safe(mend) } else { Mend::Command(mend.command()) }
}

fn oddities(path: &Path, access: &Access, is_binary: bool, findings: &mut Vec<Finding>) {
    if access.mode & 0o6000 != 0 {
        let (why, mend) = if is_binary {
            let text = "the program runs with the rights of its owner or group whoever asks for it, so that every fault in \
                        it is one of theirs";
            (text, Mend::Command(format!("chmod u-s,g-s {}", quoted(path))))
        } else {
            let text = "Linux ignores these bits for scripts, so that the script runs as the web server's user all the \
                        same; whoever set them expected something else (suEXEC refuses such a script altogether)";
            let mend =
                SafeMend::Permissions { path: path.to_owned(), symbolic: "u-s,g-s".into(), add: 0, remove: 0o6000 };
            (text, Mend::Safe(mend))
        };
        findings.push(Finding::warning(
            Problem::SetuidBits,
            Place::File(path.to_owned()),
            format!("the script has set-user-id or set-group-id bits (mode {:04o})", access.mode),
            why,
            mend,
        ));
    }
    if access.mode & 0o002 != 0 {
        let everyone = access.mode & WRITE;
        let mend = SafeMend::Permissions { path: path.to_owned(), symbolic: "o-w".into(), add: 0, remove: everyone };
        findings.push(Finding::warning(
            Problem::WritableByOthers,
            Place::File(path.to_owned()),
            format!("everybody on this machine may change the script (mode {:03o})", access.mode),
            "whoever changes it has the web server run what they like (suEXEC refuses such a script)",
            Mend::Safe(mend),
        ));
    }
}
