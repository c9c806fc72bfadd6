//! Latency of a frame from one interface to another, and frames per clock.

use nitro_card::config::Config;
use nitro_card::nacl;
use nitro_card::rx_path::local_latency;
use nitro_card::tx_path;
use nitro_components::bench::{self, Packet, PacketSource, Sink};

use crate::datagrams::{Content, Datagram, ELSEWHERE, card};
use crate::whole::{Frame, Whole};
use crate::{CALM, acquaint};

/// Bytes of outer headers.
const HEADERS: usize = 70;

/// A frame of so many bytes of a known connection of interface 0.
fn known(to: usize, bytes: usize) -> Frame {
    Datagram::new(0, to, Content::Udp(7), bytes - 42).frame(&card())
}

/// Clocks, from that of the first beat in, at which beats left at `guest_tx` and `net_tx`, the frames offered without a pause.
fn beats(config: Config, frames: &[Frame]) -> [Vec<u64>; 2] {
    let card = card();
    let mut whole = Whole::new(config, &card, CALM);
    acquaint(&mut whole, &card);
    // Limits that were written in the present tick make every packet count anew.
    whole.pass_ticks(1).unwrap();
    let mut engine = whole.engine;
    let mut source = PacketSource::new(&engine, "guest_rx", 0.0, 1).unwrap();
    let mut sinks = ["guest_tx", "net_tx"].map(|port| Sink::new(&engine, port, &["tlast"], 0.0, 1).unwrap());
    frames.iter().for_each(|frame| source.push(&Packet { bytes: frame.bytes.clone(), tuser: frame.tuser.into() }));
    let (mut beats, mut left) = ([Vec::new(), Vec::new()], 0);
    for _ in 0..50_000 {
        let [guest_tx, net_tx] = &mut sinks;
        bench::clock(&mut engine, &mut [&mut source.stream], &mut [guest_tx, net_tx]).unwrap();
        for (sink, beats) in sinks.iter_mut().zip(&mut beats) {
            while let Some((clock, item)) = sink.pop() {
                beats.push(clock);
                left += usize::from(item[0][0] == 1);
            }
        }
        if left == frames.len() {
            return beats;
        }
    }
    panic!("{config}: {left} of {} frames left", frames.len());
}

/// From the first beat in to the first beat out, for frames of one beat: `line` 64 bytes. On narrower ports the rest of the frame
/// comes before its head twice.
#[test]
fn latency_is_that_of_both_paths() {
    let stated = (tx_path::LATENCY + local_latency(0)) as u64;
    let [guest, _] = beats(Config::Line, &[known(1, 64)]);
    println!("line: {} clocks, tx {}, rx {}", guest[0], tx_path::LATENCY, local_latency(0));
    assert_eq!(guest, [stated]);
    for config in [Config::Edge, Config::Tiny] {
        let dimensions = config.dimensions();
        let fold = nacl::fold(dimensions.enis_log2, dimensions.enis_log2 + 1 + dimensions.nacl_fold_log2);
        let [guest, _] = beats(config, &[known(1, 64)]);
        println!("{config}: {} clocks", guest[0]);
        assert_eq!(guest[0], (tx_path::LATENCY + local_latency(fold)) as u64 + 2 * (64 / 8 - 1));
    }
}

/// Frames of two beats and more fill the guests' port. Frames of one beat take two clocks each.
#[test]
fn the_port_limits_frames_of_more_than_a_beat() {
    for (config, bytes, clocks) in [
        (Config::Line, 60, 2),
        (Config::Line, 64, 2),
        (Config::Line, 128, 2),
        (Config::Line, 129, 3),
        (Config::Line, 1500, 24),
        (Config::Line, 9015, 141),
        (Config::Edge, 64, 8),
        (Config::Edge, 1500, 188),
    ] {
        let frames = vec![known(1, bytes); if bytes > 1000 { 30 } else { 300 }];
        let [guest, net] = beats(config, &frames);
        let per_frame = bytes.div_ceil(config.dimensions().beat_bytes());
        assert!(net.is_empty() && guest.len() == frames.len() * per_frame);
        let first_of_each: Vec<u64> = guest.iter().step_by(per_frame).copied().collect();
        assert!(
            first_of_each.windows(2).all(|pair| pair[1] - pair[0] == clocks),
            "{config} {bytes}: {first_of_each:?}"
        );
    }
}

/// Among packets for the underlay, frames for the other interface cost the clocks of their own beats in the memory, and no more.
#[test]
fn underlay_packets_lose_no_clock() {
    for (config, bytes) in [(Config::Line, 64), (Config::Line, 1500), (Config::Edge, 64), (Config::Edge, 1500)] {
        let frames: Vec<_> = (0..80).map(|number| known(if number % 2 == 0 { ELSEWHERE } else { 1 }, bytes)).collect();
        let [guest, net] = beats(config, &frames);
        let [own, wrapped] = [0, HEADERS].map(|more| (bytes + more).div_ceil(config.dimensions().beat_bytes()));
        assert_eq!((guest.len(), net.len()), (40 * own, 40 * wrapped));
        let first_of_each: Vec<u64> = net.iter().step_by(wrapped).copied().collect();
        let longest = first_of_each.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest <= Some((own + wrapped) as u64), "{config} {bytes}: {longest:?} clocks a pair");
    }
}
