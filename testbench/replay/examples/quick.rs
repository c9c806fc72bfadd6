//! Compares the interpreted card with the model on captures (for development).
use nitro_card::config::Config;
use nitro_replay::capture;
use nitro_replay::plan::Timing;
use nitro_replay::report::OutputFrame;
use nitro_replay::runner::Disturbance;
use nitro_replay::session::{EngineKind, Options, REPLY_AFTER, replay};
use nitro_vpc::Vpc;
use std::path::Path;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let config = Config::from_name(&args[0]).unwrap();
    let vpc = Vpc::read(Path::new(&args[1])).unwrap();
    for name in &args[2..] {
        let frames = capture::read(Path::new(name)).unwrap();
        let run = |engine| {
            let options = Options {
                config,
                engine,
                timing: Timing::Dense,
                disturbance: Disturbance::default(),
                reply_after: REPLY_AFTER,
                from: None,
                trace: None,
            };
            replay(&vpc, &frames, &options, &mut |_| ())
        };
        let model = run(EngineKind::Model).unwrap();
        match run(EngineKind::Interpreted) {
            Err(error) => println!("{name}: {error}"),
            Ok(card) => {
                let mut bad = 0;
                for (a, b) in card.verdicts.iter().zip(&model.verdicts) {
                    let x = (a.packet, a.path, &a.eni, a.verdict, a.reason, a.flow);
                    let y = (b.packet, b.path, &b.eni, b.verdict, b.reason, b.flow);
                    if x != y {
                        bad += 1;
                        if bad < 6 {
                            println!("  {x:?}\n  {y:?}");
                        }
                    }
                }
                for (name, value) in &model.counters {
                    let found = card.counters.get(name);
                    if found != Some(value) {
                        println!("  {name}: {found:?} in the card, {value} in the model");
                    }
                }
                let bytes = |frames: &[OutputFrame]| {
                    let mut frames: Vec<_> = frames.iter().map(|frame| (frame.eni, frame.bytes.clone())).collect();
                    frames.sort();
                    frames
                };
                println!(
                    "{name}: {} verdicts, {bad} differ, clocks {:?}, net {} {}, same {}, guests {} {}, same {}",
                    card.verdicts.len(),
                    card.clocks,
                    card.net.len(),
                    model.net.len(),
                    bytes(&card.net) == bytes(&model.net),
                    card.guest.len(),
                    model.guest.len(),
                    bytes(&card.guest) == bytes(&model.guest)
                );
            }
        }
    }
}
