//! A script in place of a target: what it says takes its place on the command line. See `millau_config::script_words` for
//! the form.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// More than this is no script.
const LONGEST: u64 = 64 * 1024;

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
