//! When the plan wants to be woken: never too late, and never at once for ever.

use super::*;

#[test]
fn the_earliest_deadline_counts() {
    let mut bench = Bench::serving(rules(2));
    assert_eq!(bench.sleep(), None);
    bench.order(Order::Reload);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(120)), "the load");
    bench.now += Duration::from_secs(20);
    bench.loaded(2);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(120)), "the new workers");
    bench.up(2, 2);
    bench.up(2, 3);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(30)), "the draining ones");
    bench.killed(2, 103);
    bench.up(2, 2);
    bench.killed(2, 105);
    assert_eq!(bench.sleep(), Some(Duration::from_millis(500)), "the next start");
}

#[test]
fn two_generations_drain_each_with_its_own_deadline() {
    let mut bench = Bench::serving(rules(1));
    bench.order(Order::Reload);
    bench.loaded(2);
    bench.up(2, 1);
    bench.seconds(10);
    bench.order(Order::Reload);
    bench.loaded(3);
    bench.up(3, 2);
    assert_eq!(deeds(bench.seconds(20)), ["kill 101"]);
    assert_eq!(deeds(bench.seconds(10)), ["kill 102"]);
}

#[test]
fn a_worker_has_a_moment_to_end_where_requests_have_none() {
    let mut bench = Bench::serving(Rules { graceful: Duration::ZERO, ..rules(1) });
    bench.order(Order::Stop);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(1)));
    assert_eq!(deeds(bench.seconds(1)), ["kill 101"]);
    assert_eq!(bench.sleep(), None);
}
