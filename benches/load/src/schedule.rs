//! The order of the requests: each template as often as its weight says, spread evenly, the same in every run.

/// An endless sequence of template indices.
pub struct Schedule {
    order: Vec<usize>,
    next: usize,
}

impl Schedule {
    /// Lays out one period of `weights` by smooth weighted round robin: 9 and 1 give nine of the first around one of
    /// the second, 2 and 2 alternate.
    pub fn new(weights: &[u32]) -> Self {
        let total: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
        let mut credit = vec![0i64; weights.len()];
        let mut order = Vec::with_capacity(total as usize);
        for _ in 0..total {
            let mut best = 0;
            for (index, &weight) in weights.iter().enumerate() {
                credit[index] += i64::from(weight);
                if credit[index] > credit[best] {
                    best = index;
                }
            }
            credit[best] -= total;
            order.push(best);
        }
        Self { order, next: 0 }
    }

    /// The template of the next request.
    pub fn next(&mut self) -> usize {
        let template = self.order[self.next];
        self.next += 1;
        if self.next == self.order.len() {
            self.next = 0;
        }
        template
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(weights: &[u32], length: usize) -> Vec<usize> {
        let mut schedule = Schedule::new(weights);
        (0..length).map(|_| schedule.next()).collect()
    }

    #[test]
    fn each_period_holds_the_weights_exactly() {
        let order = period(&[9, 1], 30);
        for ten in order.chunks(10) {
            assert_eq!(ten.iter().filter(|&&template| template == 1).count(), 1);
        }
    }

    #[test]
    fn equal_weights_alternate() {
        assert_eq!(period(&[1, 1], 4), [0, 1, 0, 1]);
        assert_eq!(period(&[3], 3), [0, 0, 0]);
    }
}
