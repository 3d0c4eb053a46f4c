//! ETag and Last-Modified of a file, and what a client's conditions say about them (RFC 9110 §13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millau_gateway::Fields;

/// What identifies this state of a file.
pub(crate) struct Validators {
    /// A strong entity tag: the time in nanoseconds, the size and the inode change whenever a file is written or replaced.
    pub(crate) entity_tag: String,
    /// Whole seconds, as they travel; never in the future (RFC 9110 §8.8.2.1).
    pub(crate) modified: SystemTime,
}

/// What the conditions of a request ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The file.
    Send,
    /// Nothing but "304 Not Modified".
    NotModified,
    /// "412 Precondition Failed".
    Failed,
}

impl Validators {
    pub(crate) fn new(modified: SystemTime, size: u64, inode: u64, now: SystemTime) -> Self {
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let entity_tag = format!("\"{:x}-{size:x}-{inode:x}\"", since.as_nanos());
        let modified = UNIX_EPOCH + Duration::from_secs(since.as_secs());
        Self { entity_tag, modified: modified.min(now) }
    }

    /// Evaluates the conditions of a GET or HEAD in the order of RFC 9110 §13.2.2.
    pub(crate) fn judge(&self, fields: &Fields) -> Verdict {
        if fields.get(b"if-match").is_some() {
            if !self.matches(fields, b"if-match", false) {
                return Verdict::Failed;
            }
        } else if let Some(since) = date(fields.get(b"if-unmodified-since"))
            && self.modified > since
        {
            return Verdict::Failed;
        }
        if fields.get(b"if-none-match").is_some() {
            return if self.matches(fields, b"if-none-match", true) { Verdict::NotModified } else { Verdict::Send };
        }
        match date(fields.get(b"if-modified-since")) {
            Some(since) if self.modified <= since => Verdict::NotModified,
            _ => Verdict::Send,
        }
    }

    /// Whether a Range field counts: If-Range names this very state of the file (RFC 9110 §13.1.5), or is absent.
    pub(crate) fn range_applies(&self, fields: &Fields) -> bool {
        match fields.get(b"if-range") {
            None => true,
            // A weak tag never matches here.
            Some(tag) if tag.starts_with(b"\"") => tag == self.entity_tag.as_bytes(),
            Some(other) => date(Some(other)) == Some(self.modified),
        }
    }

    fn matches(&self, fields: &Fields, name: &[u8], weak: bool) -> bool {
        fields.get_all(name).flat_map(|list| list.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).any(|tag| {
            let tag = if weak { tag.strip_prefix(b"W/").unwrap_or(tag) } else { tag };
            tag == b"*" || tag == self.entity_tag.as_bytes()
        })
    }
}

/// A date that cannot be read is as good as none (RFC 9110 §13.1.3).
fn date(value: Option<&[u8]>) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value?).ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validators() -> Validators {
        let now = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        Validators::new(UNIX_EPOCH + Duration::new(1_000_000_000, 5), 16, 255, now)
    }

    fn verdict(conditions: &[(&str, &str)]) -> Verdict {
        let mut fields = Fields::default();
        for (name, value) in conditions {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        validators().judge(&fields)
    }

    const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
    const SAME: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const TAG: &str = "\"de0b6b3a7640005-10-ff\"";

    #[test]
    fn the_tag_changes_with_time_size_and_inode() {
        assert_eq!(validators().entity_tag, TAG);
    }

    #[test]
    fn a_time_in_the_future_is_not_told() {
        let now = UNIX_EPOCH + Duration::from_secs(10);
        assert_eq!(Validators::new(UNIX_EPOCH + Duration::from_secs(99), 0, 0, now).modified, now);
    }

    #[test]
    fn conditions_are_judged_in_the_order_of_the_rfc() {
        use Verdict::{Failed, NotModified, Send};
        assert_eq!(verdict(&[]), Send);
        assert_eq!(verdict(&[("If-None-Match", TAG)]), NotModified);
        assert_eq!(verdict(&[("If-None-Match", "\"x\", W/\"de0b6b3a7640005-10-ff\"")]), NotModified);
        assert_eq!(verdict(&[("If-None-Match", "\"x\""), ("If-None-Match", TAG)]), NotModified);
        assert_eq!(verdict(&[("If-None-Match", "*")]), NotModified);
        assert_eq!(verdict(&[("If-None-Match", "\"x\""), ("If-Modified-Since", SAME)]), Send, "the tag decides");
        assert_eq!(verdict(&[("If-Modified-Since", SAME)]), NotModified);
        assert_eq!(verdict(&[("If-Modified-Since", BEFORE)]), Send);
        assert_eq!(verdict(&[("If-Modified-Since", "yesterday")]), Send);
        assert_eq!(verdict(&[("If-Match", TAG)]), Send);
        assert_eq!(verdict(&[("If-Match", "\"x\"")]), Failed);
        assert_eq!(verdict(&[("If-Match", "W/\"de0b6b3a7640005-10-ff\"")]), Failed, "a strong comparison");
        assert_eq!(verdict(&[("If-Unmodified-Since", BEFORE)]), Failed);
        assert_eq!(verdict(&[("If-Match", TAG), ("If-Unmodified-Since", BEFORE)]), Send, "the tag decides");
    }

    #[test]
    fn a_range_counts_only_for_the_state_that_the_client_has() {
        let applies = |value: &str| {
            let mut fields = Fields::default();
            fields.push(b"If-Range", value.as_bytes());
            validators().range_applies(&fields)
        };
        assert!(validators().range_applies(&Fields::default()));
        assert!(applies(TAG) && applies(SAME));
        assert!(!applies(BEFORE) && !applies("\"x\"") && !applies("W/\"de0b6b3a7640005-10-ff\"") && !applies("?"));
    }
}
