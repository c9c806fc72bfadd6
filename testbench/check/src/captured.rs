//! Frames of real stacks, for a random card: the packets of `vectors/captures` with the card's addresses in place of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::OnceLock;

use nitro_components::bench::Random;
use nitro_model::{parse, wrap};
use nitro_replay::capture;
use nitro_wire::control::{CardConfig, Eni};

use crate::noise;
use crate::rules::{peers, pick};
use crate::talk::sender;
use crate::whole::Frame;

macro_rules! captures {
    ($($name:literal)*) => {
        [$(include_bytes!(concat!("../../../vectors/captures/", $name, ".pcap")).as_slice()),*]
    };
}

const CAPTURES: [&[u8]; 9] =
    captures!("arp-nd" "dns" "http-short" "jumbo" "ping" "ping-fragmented" "ping6" "tcp-bulk" "traceroute");

/// The guest that the captures were made at, and those that it talked to (`vectors/captures/make.sh`).
const GUEST_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 5];
const GUEST: (Ipv4Addr, Ipv6Addr) = (Ipv4Addr::new(10, 0, 0, 5), Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 5));
const PEERS: [(Ipv4Addr, Ipv6Addr); 2] = [
    (Ipv4Addr::new(10, 0, 1, 20), Ipv6Addr::new(0xfd00, 0x10, 0, 1, 0, 0, 0, 0x20)),
    (Ipv4Addr::new(10, 0, 0, 20), Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, 0x20)),
];
/// Of longer frames most are left out: they take long and are all alike.
const LONG_BYTES: usize = 1600;

/// The frames from or to the guest, capture by capture.
fn captured() -> &'static [Vec<Vec<u8>>] {
    static FRAMES: OnceLock<Vec<Vec<Vec<u8>>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        let of_guest = |bytes: &Vec<u8>| bytes.get(6..12) == Some(&GUEST_MAC) || bytes.get(..6) == Some(&GUEST_MAC);
        let frames = |bytes: &[u8]| {
            let frames = capture::parse(bytes, Path::new("capture")).unwrap_or_default();
            frames.into_iter().map(|frame| frame.bytes).filter(of_guest).collect()
        };
        CAPTURES.iter().map(|bytes| frames(bytes)).collect()
    })
}

/// Puts one sequence of bytes in the place of another, everywhere.
fn replace(frame: &mut [u8], old: &[u8], new: &[u8]) {
    let mut at = 0;
    while at + old.len() <= frame.len() {
        if &frame[at..at + old.len()] == old {
            frame[at..at + old.len()].copy_from_slice(new);
            at += old.len();
        } else {
            at += 1;
        }
    }
}

/// A captured frame as one of this interface, sound or with faults; its notes say which. None if the interface has no address of its family.
pub fn frame(random: &mut Random, card: &CardConfig) -> Option<(Frame, String)> {
    let captures = captured();
    let capture = usize::try_from(random.below(captures.len() as u64)).unwrap_or(0);
    let number = usize::try_from(random.below(captures[capture].len() as u64)).unwrap_or(0);
    let mut bytes = captures[capture].get(number)?.clone();
    if bytes.len() > LONG_BYTES && random.chance(0.9) {
        bytes.truncate(LONG_BYTES - 100);
    }
    let eni: &Eni = card.enis.get(usize::try_from(random.below(card.enis.len() as u64)).unwrap_or(0))?;
    let from_guest = bytes.get(6..12) == Some(&GUEST_MAC);
    let (peer4, peer6) = (pick(random, &peers(false)), pick(random, &peers(true)));
    replace(&mut bytes, &GUEST_MAC, &eni.mac);
    for (own, (old4, old6)) in [(true, GUEST), (false, PEERS[0]), (false, PEERS[1])] {
        let new = |ipv6: bool| match (own, ipv6) {
            (true, _) => address_of(eni, ipv6),
            (false, true) => peer6,
            (false, false) => peer4,
        };
        if let IpAddr::V4(new) = new(false) {
            replace(&mut bytes, &old4.octets(), &new.octets());
        }
        if let IpAddr::V6(new) = new(true) {
            replace(&mut bytes, &old6.octets(), &new.octets());
        }
    }
    let ipv6 = parse(&bytes).is_ipv6;
    eni.ips.iter().find(|ip| ip.is_ipv6() == ipv6)?;
    noise::mend(&mut bytes);
    let faulty = random.chance(0.4);
    if faulty {
        noise::damage(random, &mut bytes);
    }
    let note = format!("capture {capture}, frame {number}{}", if faulty { ", with faults" } else { "" });
    if from_guest {
        return Some((Frame::tx(eni.number, bytes), note));
    }
    let wrapped = wrap(&sender(card, eni), &bytes).ok()?;
    Some((Frame::rx(wrapped, false), note))
}

/// An address of the interface, or an unspecified one.
fn address_of(eni: &Eni, ipv6: bool) -> IpAddr {
    let none = if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    eni.ips.iter().copied().find(|ip| ip.is_ipv6() == ipv6).unwrap_or(none)
}
