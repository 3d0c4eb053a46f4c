//! The page that `--debug` shows for an uncaught exception.

use std::fmt::Write as _;

use millau_gateway::{Exchange, Response};
use pyo3::prelude::*;
use pyo3::types::PyDict;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1d2330;background:#f5f6f8}\
header{background:#8c1d18;color:#fff;padding:1.5rem 2rem}header h1{margin:0;font-size:1.4rem;overflow-wrap:anywhere}\
main{padding:1rem 2rem;max-width:70rem}pre{background:#fff;border:1px solid #d5d9e0;border-radius:6px;padding:1rem;\
overflow:auto;font:14px/1.45 ui-monospace,monospace}table{border-collapse:collapse;font-size:14px}\
td{border-top:1px solid #d5d9e0;padding:.25rem .75rem .25rem 0;vertical-align:top;overflow-wrap:anywhere}\
td:first-child{font-family:ui-monospace,monospace;white-space:nowrap}";

/// Answers with the traceback and the request's variables, all escaped.
pub(super) fn answer(exchange: Exchange, traceback: &str, environ: &Bound<'_, PyDict>) {
    let title = traceback.lines().rev().find(|line| !line.starts_with(' ')).unwrap_or("Exception");
    let mut rows: Vec<(String, String)> = environ
        .iter()
        .map(|(key, value)| (key.to_string(), value.repr().map_or_else(|_| "?".into(), |text| text.to_string())))
        .collect();
    rows.sort();
    let mut page = String::with_capacity(8192);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><header><h1>{title}</h1></header><main><h2>Traceback</h2><pre>{trace}</pre><h2>environ</h2><table>",
        title = escaped(title),
        trace = escaped(traceback),
    );
    for (key, value) in rows {
        let shortened: String = value.chars().take(1000).collect();
        let _ = writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escaped(&key), escaped(&shortened));
    }
    page.push_str("</table><p>This page is shown because of <code>--debug</code>; never use that in public.</p></main></body></html>\n");
    let mut response = Response::new(500);
    response.fields.push(b"Content-Type", b"text/html; charset=utf-8");
    response.fields.push(b"Cache-Control", b"no-store");
    exchange.respond(&response, page.as_bytes());
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
            character => out.push(character),
        }
    }
    out
}
