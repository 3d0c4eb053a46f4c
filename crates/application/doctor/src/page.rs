//! The page that a browser gets under `--debug` in place of a bare 500 when a script fails.

use std::fmt::Write as _;

use crate::{Finding, Mend};

/// The look of every page for developers; the traceback pages in Python use the same file.
const STYLE: &str = include_str!("../../../../python/millau/debug_page.css");

/// Of the script's own error output, the end is shown.
const SHOWN: usize = 16 * 1024;

/// A whole HTML page, everything in it escaped: a heading, the findings, and the end of what the script wrote to its
/// standard error.
pub fn page(heading: &str, findings: &[Finding], stderr: &[u8]) -> String {
    let mut page = String::with_capacity(8 * 1024);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body><header><p>Millau doctor</p><h1>{title}</h1></header><main>\n",
        title = escaped(heading)
    );
    for finding in findings {
        let _ = write!(
            page,
            "<section class=\"finding {severity}\"><h2><span class=\"tag\">{severity}</span> {what}</h2>\
             <dl><dt>Where</dt><dd><code>{place}</code></dd><dt>Why</dt><dd>{why}</dd><dt>Mend</dt><dd>{mend}</dd></dl>\
             </section>",
            severity = finding.severity.name(),
            what = escaped(&finding.what),
            place = escaped(&finding.place.to_string()),
            why = escaped(&finding.why),
            mend = mend(&finding.mend),
        );
    }
    if !stderr.is_empty() {
        let tail = &stderr[stderr.len().saturating_sub(SHOWN)..];
        let text = String::from_utf8_lossy(tail);
        let _ = writeln!(
            page,
            "<section><h2>What the script wrote to its error output</h2><pre>{}</pre></section>",
            escaped(&text)
        );
    }
    page.push_str("</main><footer>This page is shown because of <code>--debug</code>; never use that in public.</footer></body></html>\n");
    page
}

fn mend(mend: &Mend) -> String {
    match mend {
        Mend::Advice(text) => escaped(text),
        Mend::Command(_) | Mend::Safe(_) => format!("<pre class=\"command\">{}</pre>", escaped(&mend.command())),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            character if character.is_control() => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Problem};

    #[test]
    fn nothing_that_a_script_says_becomes_markup() {
        let attack = "<script>alert('x')</script>\"&";
        let finding = Finding::error(
            Problem::Exception,
            Place::Line(attack.into(), 3),
            attack,
            attack,
            Mend::Command(attack.into()),
        );
        let page = page(attack, &[finding], attack.as_bytes());
        assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;").count(), 7);
    }

    #[test]
    fn the_end_of_a_long_error_output_is_shown() {
        let stderr = [vec![b'a'; 100_000], b"the end".to_vec()].concat();
        let page = page("x", &[], &stderr);
        assert!(page.contains("the end") && page.len() < 40_000);
    }
}
