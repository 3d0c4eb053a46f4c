//! The rules of RFC 3875 §6, read plainly and slowly over a whole output, for comparison.

use millau_cgi::{Defect, Kind};

use crate::output::Outcome;

/// Fails when the decoder has come to something else than a plain reading of the rules. (Not for a status line.)
pub(crate) fn assert_agrees(output: &[u8], limit: usize, found: &Outcome) {
    let text: String = output.iter().map(|byte| char::from(*byte)).collect();
    match (response(&text, limit), found) {
        (Some(plain), Ok(seen)) => {
            let fields: Vec<(String, String)> =
                seen.response.fields.iter().map(|(name, value)| (latin1(name), latin1(value))).collect();
            let body = latin1(&seen.body);
            let found = (seen.kind, seen.response.status, latin1(&seen.response.reason), fields, body);
            let Plain { kind, status, reason, fields, body } = plain;
            let reason = reason.unwrap_or_else(|| millau_gateway::reason_phrase(status).into());
            assert_eq!(found, (kind, status, reason, fields, body));
        }
        (None, Err(defect)) => assert!(*defect != Defect::Empty || output.is_empty()),
        (plain, found) => panic!("plainly {plain:?}, but {found:?}"),
    }
}

#[derive(Debug)]
struct Plain {
    kind: Kind,
    status: u16,
    reason: Option<String>,
    fields: Vec<(String, String)>,
    body: String,
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn response(output: &str, limit: usize) -> Option<Plain> {
    let mut rest = output;
    let mut lines = Vec::new();
    loop {
        let (line, after) = rest.split_once('\n')?;
        rest = after;
        match line.strip_suffix('\r').unwrap_or(line) {
            "" => break,
            line => lines.push(line),
        }
    }
    if output.chars().count() - rest.chars().count() > limit || output.starts_with("HTTP/") {
        return None;
    }
    let mut fields = Vec::new();
    for line in &lines {
        let (name, value) = line.split_once(':')?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(is_token) {
            return None;
        }
        let value = value.trim_matches([' ', '\t']);
        if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return None;
        }
        let once = ["location", "content-type"].iter().any(|once| name.eq_ignore_ascii_case(once));
        let again = |(other, said): &(String, String)| {
            let is_status =
                name.eq_ignore_ascii_case("status") && value.get(..3).is_some_and(|code| said.starts_with(code));
            other.eq_ignore_ascii_case(name) && (is_status || (once && said == value))
        };
        if !fields.iter().any(again) {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let all = |wanted: &str| -> Vec<String> {
        fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone()).collect()
    };
    let (statuses, locations, types) = (all("status"), all("location"), all("content-type"));
    let is_number =
        |text: &String| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u64>().is_ok();
    if [&statuses, &locations, &types].iter().any(|values| values.len() > 1)
        || locations.iter().any(|location| location.is_empty())
        || !all("content-length").iter().all(is_number)
    {
        return None;
    }
    let has_type = types.iter().any(|value| !value.is_empty());
    let (status, reason) = match statuses.first() {
        Some(status) => {
            let code = status.get(..3).filter(|code| code.chars().all(|c| c.is_ascii_digit()))?;
            let reason = &status[3..];
            if !(reason.is_empty() || reason.starts_with([' ', '\t'])) {
                return None;
            }
            let reason = reason.trim_matches([' ', '\t']);
            (code.parse().ok()?, Some(reason.to_owned()).filter(|reason| !reason.is_empty()))
        }
        None if !locations.is_empty() => (302, None),
        None if has_type => (200, None),
        None => return None,
    };
    let kind = match (locations.first(), statuses.is_empty()) {
        (None, _) => Kind::Document,
        (Some(_), false) => Kind::ClientRedirectWithDocument,
        (Some(location), true) if location.starts_with('/') && !location.contains('#') => Kind::LocalRedirect,
        (Some(_), true) => Kind::ClientRedirect,
    };
    let may_have_body = has_type || [204, 205, 304].contains(&status) || (statuses.is_empty() && !locations.is_empty());
    if status < 200 || (!may_have_body && !rest.is_empty()) {
        return None;
    }
    fields.retain(|(name, _)| !name.eq_ignore_ascii_case("status"));
    Some(Plain { kind, status, reason, fields, body: rest.to_owned() })
}
