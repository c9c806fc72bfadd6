//! The rx path in a card of which only the underlay's side is driven, against the golden model: every verdict, every delivered byte.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod stages;

use std::collections::BTreeMap;

use nitro_card::config::Config;
use nitro_check::{acls, noise, overlay, setup, whole};
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random};
use nitro_wire::control::CardConfig;

use setup::{LIFE, short_lived};
use whole::{Frame, Rates, Strictness, Whole};

/// Frames that are sent back to back: no more than the card can track connections.
const fn burst(config: Config) -> usize {
    match config {
        Config::Tiny => 14,
        Config::Edge | Config::Line => 400,
    }
}

/// Offers the frames and compares everything with the model.
fn check(whole: &mut Whole, config: Config, frames: &[Frame]) {
    for burst in frames.chunks(burst(config)) {
        whole.turn(burst, Strictness::RoomMayBeFull).unwrap_or_else(|error| panic!("{config}: {error}"));
        whole.pass_ticks(LIFE).unwrap();
    }
    whole.finish().unwrap_or_else(|error| panic!("{config}: {error}"));
}

fn random_frames(card: &CardConfig, count: usize, longest: u64, seed: u64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    std::iter::repeat_with(|| overlay::frame(&mut random, card, longest))
        .map(|(bytes, error)| Frame::rx(bytes, error))
        .take(count)
        .collect()
}

#[test]
fn random_frames_agree_with_the_model() {
    for config in [Config::Tiny, Config::Line] {
        let mut shown: BTreeMap<String, u32> = BTreeMap::new();
        for (seed, (ipv6, idle, pressure)) in
            (0..).zip([(false, 0.0, 0.0), (true, 0.0, 0.0), (false, 0.4, 0.4), (true, 0.1, 0.7)])
        {
            let card = short_lived(acls::with_acls(overlay::card(ipv6), seed));
            let mut whole = Whole::new(config, &card, Rates { idle, pressure, seed });
            check(&mut whole, config, &random_frames(&card, 400, 300, seed + 1));
            for (name, count) in whole.shown {
                *shown.entry(name).or_default() += count;
            }
        }
        let missing: Vec<_> = overlay::EXPECTED.iter().filter(|reason| !shown.contains_key(reason.name())).collect();
        assert!(missing.is_empty(), "{config}: the frames met {shown:?}, not {missing:?}");
        assert!(shown["Pass"] > 300, "{config}: only {} frames were delivered", shown["Pass"]);
    }
}

#[test]
fn long_frames_agree_with_the_model() {
    for config in [Config::Tiny, Config::Line] {
        let card = short_lived(overlay::card(false));
        let frames = random_frames(&card, 30, 9200, 77);
        let longest = frames.iter().map(|frame| frame.bytes.len()).max().unwrap();
        assert!(longest > 5000, "the longest frame has only {longest} bytes");
        check(&mut Whole::new(config, &card, Rates { idle: 0.0, pressure: 0.2, seed: 5 }), config, &frames);
    }
}

#[test]
fn reset_in_the_middle_of_everything_forgets_everything() {
    for config in [Config::Tiny, Config::Line] {
        let card = short_lived(overlay::card(false));
        let mut whole = Whole::new(config, &card, Rates { idle: 0.0, pressure: 0.0, seed: 1 });
        for clocks in [3, 50, 200, 1000] {
            let mut source = PacketSource::new(&whole.engine, "net_rx", 0.0, 1).unwrap();
            let mut sink = PacketSink::new(&whole.engine, "guest_tx", 0.5, 1).unwrap();
            for frame in random_frames(&card, 100, 300, clocks) {
                source.push(&Packet { bytes: frame.bytes, tuser: frame.tuser.into() });
            }
            for _ in 0..clocks {
                bench::clock(&mut whole.engine, &mut [&mut source.stream], &mut [&mut sink.stream]).unwrap();
            }
            whole = Whole::on(whole.engine, config, &card, Rates { idle: 0.1, pressure: 0.1, seed: 2 });
            check(&mut whole, config, &random_frames(&card, 40, 300, 7));
        }
    }
}
