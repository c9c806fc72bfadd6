//! Checks random cards on the interpreter and says how fast that goes (for development): configuration, VPC files, packets, seed.
use std::time::Instant;

use nitro_card::config::Config;
use nitro_check::Soak;
use nitro_check::whole::interpreted;

fn main() {
    let mut args = std::env::args().skip(1);
    let config = args.next().and_then(|name| Config::from_name(&name)).unwrap_or(Config::Tiny);
    let mut number = |default: u64| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let soak = Soak { config, cards: number(20), packets: number(4000), seed: number(1) };
    let start = Instant::now();
    match soak.run(|| Ok(interpreted(config)), |_| ()) {
        Ok(soaked) => {
            println!("{soaked:#?}\n{} packets in {:.1} s", soaked.tally.packets, start.elapsed().as_secs_f64())
        }
        Err(found) => println!("{found}\n{}", serde_json::to_string(&found.case).unwrap_or_default()),
    }
}
