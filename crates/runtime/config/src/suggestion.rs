//! "Did you mean": the known word that a mistyped one resembles most.

/// How alike two words must be, from 0 to 1, before one is offered for the other.
const ALIKE: f64 = 0.75;

/// The candidate that resembles `word` most, if one resembles it enough.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean 'candidate'?`, or nothing.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |candidate| format!("; did you mean '{candidate}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_the_nearest_word_and_nothing_far_fetched() {
        let levels = ["debug", "info", "warning", "error"];
        assert_eq!(nearest("warn", levels), Some("warning"));
        assert_eq!(nearest("ERORR", levels), Some("error"));
        assert_eq!(nearest("loud", levels), None);
        assert_eq!(hint("inf", levels), "; did you mean 'info'?");
        assert_eq!(hint("loud", levels), "");
    }
}
