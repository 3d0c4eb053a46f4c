//! A file that says how it is to be served: a script in place of a target, whose words take its place on the command line
//! (`millau_config::script_words`), or a PasteDeploy file with a server of its own (`millau_config::PasteServer`).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use millau_config::PasteServer;

/// More than this is no script.
const LONGEST: u64 = 64 * 1024;

/// More of a PasteDeploy file is not looked at.
const LONGEST_INI: u64 = 1024 * 1024;

/// Puts the words of the script that the kernel has called us for into the command line and makes its directory the current
/// one. Command lines without a script are left as they are.
///
/// # Errors
/// A text for whoever wrote the script.
pub(crate) fn expand(mut arguments: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let [command, path, ..] = arguments.as_slice() else { return Ok(arguments) };
    let is_cgi = command == "cgi";
    if !is_cgi && command != "serve" {
        return Ok(arguments);
    }
    let path = Path::new(path).to_owned();
    let Some(text) = read(&path)? else { return Ok(arguments) };
    let words = millau_config::script_words(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(directory) = path.parent().filter(|directory| *directory != OsStr::new("")) {
        std::env::set_current_dir(directory)
            .map_err(|error| format!("cannot change to the script's directory '{}': {error}", directory.display()))?;
    }
    // What follows the script of a CGI program may come from the client: a query without '=' is handed over as arguments
    // (RFC 3875 §4.4).
    let rest = if is_cgi { Vec::new() } else { arguments.split_off(2) };
    arguments.truncate(1);
    arguments.extend(words);
    arguments.extend(rest);
    Ok(arguments)
}

/// What the `[server:main]` of a `paste:FILE.ini` says that is to be served, if Millau is the server that it names. A file
/// that cannot be read says nothing here; loading it says why.
pub(crate) fn paste_server(arguments: &[OsString]) -> PasteServer {
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let target = words.iter().find_map(|word| word.strip_prefix("paste:"));
    let Some(file) = target.filter(|_| words.first() == Some(&"serve")) else { return PasteServer::default() };
    let directory = words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix("--chdir") {
        Some("") => words.get(index + 1).copied(),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    let file = file.split_once('#').map_or(file, |(file, _)| file);
    let path = Path::new(directory.unwrap_or(".")).join(file);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(LONGEST_INI).read_to_string(&mut text));
    let here = path.canonicalize().ok().and_then(|path| Some(path.parent()?.to_str()?.to_owned()));
    match (read, here) {
        (Ok(_), Some(here)) => PasteServer::read(file, &text, &here),
        _ => PasteServer::default(),
    }
}

/// The text of a script; `None` where there is no file, or one that is no script.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let cannot = |error| format!("cannot read the script '{}': {error}", path.display());
    if !path.is_file() {
        return Ok(None);
    }
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut text)).map_err(cannot)?;
    if !millau_config::is_script(path, &text) {
        return Ok(None);
    }
    if text.len() as u64 > LONGEST {
        return Err(format!("the script '{}' is longer than {LONGEST} bytes", path.display()));
    }
    Ok(Some(text))
}
