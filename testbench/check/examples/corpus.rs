//! Writes beginnings of a corpus for the fuzz target `packets`: frames of random cases. Argument: the folder.
use std::path::Path;

use nitro_card::config::Config;
use nitro_check::fuzz::packets_bytes;
use nitro_check::{Act, random_case};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "vectors/fuzz/packets".to_owned());
    std::fs::create_dir_all(&folder)?;
    for seed in 0..12_u8 {
        // Any frames do: the target sends them to cards of its own.
        let Ok(case) = random_case(Config::Tiny, 1000 + u64::from(seed), 8) else { continue };
        let frames: Vec<_> = case
            .acts
            .iter()
            .flat_map(|act| if let Act::Turn { frames, .. } = act { frames.as_slice() } else { &[] })
            .map(|sent| sent.frame.clone())
            .filter(|frame| frame.bytes.len() < 600)
            .collect();
        std::fs::write(Path::new(&folder).join(format!("seed-{seed}")), packets_bytes(seed, &frames))?;
    }
    Ok(())
}
