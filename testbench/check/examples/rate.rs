//! Checks random cards and prints how fast that goes (for development): configuration, cards, packets of each, first seed.
use std::time::Instant;

use nitro_card::config::Config;
use nitro_check::{Tally, check, random_case, shrink};

fn main() {
    let mut args = std::env::args().skip(1);
    let config = args.next().and_then(|name| Config::from_name(&name)).unwrap_or(Config::Tiny);
    let mut number = |default: u64| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (cards, packets, seed) = (number(20), number(200), number(1));
    let packets = usize::try_from(packets).unwrap_or(200);
    let (start, mut tally) = (Instant::now(), Tally::default());
    for seed in seed..seed + cards {
        let case = match random_case(config, seed, packets) {
            Ok(case) => case,
            Err(error) => {
                println!("seed {seed}: no case: {error}");
                continue;
            }
        };
        match check(&case) {
            Ok(one) => tally.add(&one),
            Err(error) => {
                println!("{}: {error}", case.description);
                if let Some((few, last)) = shrink(&case, 200, |case| check(case).err()) {
                    println!("cut short: {last}\n{}", serde_json::to_string(&few).unwrap_or_default());
                }
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{tally:#?}");
    println!("{} packets, {} clocks in {seconds:.1} s", tally.packets, tally.clocks);
}
