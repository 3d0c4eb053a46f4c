//! The repository's own checks: `cargo xtask tidy`.

mod finding;
mod tidy;
mod tree;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy

tidy    check the floors, the crates that may be used where, module docs, file names,
        file sizes, forbidden text and the code map; prints what to do about each finding";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn tidy() -> ExitCode {
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        eprintln!("error: xtask is not inside the repository; run it from a checkout");
        return ExitCode::FAILURE;
    };
    let read = tree::Tree::read(root).and_then(|tree| Ok((tree, workspace::Workspace::read(root)?)));
    let (tree, workspace) = match read {
        Ok(both) => both,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::FAILURE;
        }
    };

    let findings = tidy::check(&tree, &workspace);
    for finding in &findings {
        eprintln!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    println!(
        "tidy: {} files, {} crates; {errors} errors, {warnings} warnings",
        tree.files().len(),
        workspace.members().len(),
    );
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
