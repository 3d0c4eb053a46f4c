//! Latencies in logarithmic buckets: constant memory, and percentiles that are at most 0.8 % too high.

/// Sub-buckets per power of two, as bits.
const BITS: u32 = 7;
const SUB_BUCKETS: usize = 1 << BITS;
const BUCKETS: usize = (64 - BITS as usize + 1) * SUB_BUCKETS;

/// Counts of latencies in nanoseconds.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, sum: 0, max: 0 }
    }

    /// Counts one latency.
    pub fn record(&mut self, nanoseconds: u64) {
        self.buckets[bucket(nanoseconds)] += 1;
        self.count += 1;
        self.sum += u128::from(nanoseconds);
        self.max = self.max.max(nanoseconds);
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest latency, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The arithmetic mean; 0 when nothing was counted.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The smallest bucket limit that `fraction` of the latencies do not exceed; 0 when nothing was counted.
    pub fn percentile(&self, fraction: f64) -> u64 {
        let wanted = (fraction * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_limit(index).min(self.max);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB_BUCKETS as u64 {
        return value as usize;
    }
    let exponent = 63 - value.leading_zeros();
    let shift = exponent - BITS;
    (shift as usize + 1) * SUB_BUCKETS + ((value >> shift) as usize & (SUB_BUCKETS - 1))
}

fn upper_limit(index: usize) -> u64 {
    if index < SUB_BUCKETS {
        return index as u64;
    }
    let shift = index / SUB_BUCKETS - 1;
    let low = ((SUB_BUCKETS + index % SUB_BUCKETS) as u64) << shift;
    low + ((1u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_own_limit_and_not_the_next_value() {
        for index in (0..BUCKETS - 1).step_by(13) {
            let limit = upper_limit(index);
            assert_eq!(bucket(limit), index);
            assert_eq!(bucket(limit + 1), index + 1);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_within_a_bucket_of_the_truth() {
        let mut histogram = Histogram::new();
        for value in 1..=100_000u64 {
            histogram.record(value * 1000);
        }
        for (fraction, truth) in [(0.5, 50_000_000.0), (0.99, 99_000_000.0), (0.999, 99_900_000.0)] {
            let got = histogram.percentile(fraction) as f64;
            assert!(got >= truth && got <= truth * 1.008, "{fraction}: {got} for {truth}");
        }
        assert_eq!(histogram.percentile(1.0), 100_000_000);
        assert_eq!(histogram.max(), 100_000_000);
    }

    #[test]
    fn nothing_counted_gives_zero() {
        assert_eq!(Histogram::new().percentile(0.99), 0);
        assert_eq!(Histogram::new().mean(), 0.0);
    }
}
