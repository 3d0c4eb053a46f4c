//! What was counted in the measured time, and how it is printed.

use crate::histogram::Histogram;

/// Why a request was not answered as it should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No connection could be made.
    Connect,
    /// A response with another status.
    Status,
    /// A response with a body of another length.
    Length,
    /// Bytes that are no HTTP/1 response.
    Malformed,
    /// The connection ended before the response did.
    Broken,
}

const FAULTS: [(Fault, &str); 5] = [
    (Fault::Connect, "connect"),
    (Fault::Status, "status"),
    (Fault::Length, "length"),
    (Fault::Malformed, "malformed"),
    (Fault::Broken, "broken"),
];

/// The counts of one stretch of time.
pub struct Tally {
    classes: Vec<(String, Histogram)>,
    faults: [u64; FAULTS.len()],
    /// Kept connections that the server closed under a request before it sent a byte; the request was sent again.
    pub stale: u64,
    /// Connections made.
    pub connects: u64,
    /// Responses after which the server did not close although it was asked to.
    pub left_open: u64,
}

impl Tally {
    /// Nothing counted yet, in these classes.
    pub fn new(classes: &[String]) -> Self {
        Self {
            classes: classes.iter().map(|name| (name.clone(), Histogram::new())).collect(),
            faults: [0; FAULTS.len()],
            stale: 0,
            connects: 0,
            left_open: 0,
        }
    }

    /// Counts a right response.
    pub fn answered(&mut self, class: usize, nanoseconds: u64) {
        self.classes[class].1.record(nanoseconds);
    }

    /// Counts a fault.
    pub fn failed(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    /// The members of the result object, without its braces.
    pub fn json(&self, seconds: f64) -> String {
        let requests: u64 = self.classes.iter().map(|(_, histogram)| histogram.count()).sum();
        let errors: u64 = self.faults.iter().sum();
        let faults: Vec<String> =
            FAULTS.iter().map(|&(fault, name)| format!("\"{name}\":{}", self.faults[fault as usize])).collect();
        let classes: Vec<String> = self
            .classes
            .iter()
            .map(|(name, histogram)| format!("\"{name}\":{}", class_json(histogram, seconds)))
            .collect();
        format!(
            "\"seconds\":{seconds:.6},\"requests\":{requests},\"rate\":{:.1},\"errors\":{errors},\"faults\":{{{}}},\
             \"stale\":{},\"connects\":{},\"left_open\":{},\"classes\":{{{}}}",
            requests as f64 / seconds,
            faults.join(","),
            self.stale,
            self.connects,
            self.left_open,
            classes.join(",")
        )
    }
}

fn class_json(histogram: &Histogram, seconds: f64) -> String {
    let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
    format!(
        "{{\"count\":{},\"rate\":{:.1},\"mean_ms\":{:.4},\"p50_ms\":{:.4},\"p90_ms\":{:.4},\"p99_ms\":{:.4},\
         \"p999_ms\":{:.4},\"max_ms\":{:.4}}}",
        histogram.count(),
        histogram.count() as f64 / seconds,
        histogram.mean() / 1e6,
        milliseconds(histogram.percentile(0.5)),
        milliseconds(histogram.percentile(0.9)),
        milliseconds(histogram.percentile(0.99)),
        milliseconds(histogram.percentile(0.999)),
        milliseconds(histogram.max())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_are_named_in_their_order() {
        for (index, (fault, _)) in FAULTS.iter().enumerate() {
            assert_eq!(*fault as usize, index);
        }
    }

    #[test]
    fn right_responses_and_errors_are_apart() {
        let mut tally = Tally::new(&["fast".to_owned(), "slow".to_owned()]);
        tally.answered(0, 1_000_000);
        tally.answered(0, 1_000_000);
        tally.answered(1, 50_000_000);
        tally.failed(Fault::Length);
        let json = tally.json(2.0);
        assert!(json.contains("\"requests\":3,\"rate\":1.5,\"errors\":1,"), "{json}");
        assert!(json.contains("\"length\":1"), "{json}");
        assert!(json.contains("\"slow\":{\"count\":1,\"rate\":0.5,\"mean_ms\":50.0000"), "{json}");
    }
}
