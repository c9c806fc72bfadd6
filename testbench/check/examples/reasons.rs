//! Makes `vectors/check/reasons`: for each reason that is named, a small case in which the card drops for it. Arguments: folder, reasons.
use std::path::Path;

use nitro_card::config::Config;
use nitro_check::whole::{Frame, Strictness};
use nitro_check::{Act, Case, Sent, Serving, World, check, random_case, reduce, setup, write_case};
use nitro_model::checksum::checksum;
use nitro_wire::DropReason;
use nitro_wire::formats::{ETHERNET, IPV4, UDP};
use nitro_wire::policy::{Peer, Prefix, Protocol, SecurityRule};

/// Cases that are tried for a reason.
const CASES: u64 = 100;
/// Tries in which a case is made small.
const TRIES: u32 = 600;

/// A datagram of the first interface from this port.
fn datagram(port: u16) -> Option<Frame> {
    let fields = [("version", 4), ("ihl", 5), ("total_length", 28), ("ttl", 64), ("protocol", 17)];
    let addresses = [("src", 0x0a00_0005), ("dst", 0x0a00_0014)];
    let mut ip = IPV4.pack(&[fields.as_slice(), &addresses].concat()).ok()?;
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let macs = [("dst", 0x0a00_0000_0001), ("src", 0x0a10_0000_0005), ("ethertype", 0x0800)];
    let udp = UDP.pack(&[("src_port", port.into()), ("dst_port", 9), ("length", 8)]).ok()?;
    Some(Frame::tx(0, [ETHERNET.pack(&macs).ok()?, ip, udp].concat()))
}

/// Many new flows at once, and rules that take long: more wait than the room has place for.
fn rush() -> Option<Case> {
    let mut card = setup::config();
    card.mappings.truncate(4);
    let rule = |port| SecurityRule {
        protocol: Protocol::Udp(port, port),
        peer: Peer::Prefix(Prefix { address: setup::v4(20), length: 32 }),
    };
    card.enis.truncate(1);
    card.enis[0].policy.egress = (0..50).map(|number| rule(1000 + 2 * number)).collect();
    let sent = |port| Some(Sent { note: format!("from port {port}"), frame: datagram(port)? });
    let frames = (2000..2090).map(sent).collect::<Option<Vec<_>>>()?;
    Some(Case {
        strictness: Strictness::RoomMayBeFull,
        acts: vec![Act::Turn { frames, during: None }],
        world: World::Card(Box::new(card)),
        ..Case::empty(Config::Tiny, String::new())
    })
}

/// A packet whose destination the mapping service says nothing of.
fn unanswered() -> Option<Case> {
    let mut card = setup::config();
    card.mappings.clear();
    card.query_on_miss = true;
    let sent = Sent { note: "its destination is asked for".to_owned(), frame: datagram(2000)? };
    Some(Case {
        service: Some(Serving { most_clocks: 0, known: Vec::new(), silent: vec![setup::v4(20)] }),
        acts: vec![Act::Run, Act::Turn { frames: vec![sent], during: None }, Act::Ticks(1)],
        world: World::Card(Box::new(card)),
        ..Case::empty(Config::Tiny, String::new())
    })
}

/// Many packets whose destinations must be asked for, and a service that takes its time.
fn questions() -> Option<Case> {
    let mut case = unanswered()?;
    let sent = |host: u8| {
        let mut frame = datagram(2000)?;
        frame.bytes[33] = host;
        frame.bytes[24..26].fill(0);
        let sum = checksum(&frame.bytes[14..34]);
        frame.bytes[24..26].copy_from_slice(&sum.to_be_bytes());
        Some(Sent { note: format!("to 10.0.0.{host}"), frame })
    };
    let frames = (100..130).map(sent).collect::<Option<Vec<_>>>()?;
    case.service = Some(Serving { most_clocks: 2000, known: Vec::new(), silent: Vec::new() });
    case.acts = vec![Act::Turn { frames, during: None }];
    case.strictness = Strictness::RoomMayBeFull;
    Some(case)
}

/// A case that may drop for this reason.
fn candidate(reason: DropReason, seed: u64) -> Option<Case> {
    match reason {
        DropReason::NewFlowQueueFull => rush(),
        DropReason::MappingTimeout => unanswered(),
        DropReason::MissBufferFull => questions(),
        _ => random_case(Config::Tiny, seed, 150).ok(),
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next() else { return println!("expected a folder and names of drop reasons") };
    for name in args {
        let Some(reason) = DropReason::from_name(&name) else {
            println!("{name} is no drop reason");
            continue;
        };
        let drops = |case: &Case| check(case).is_ok_and(|tally| tally.drops(reason) > 0);
        match (1..CASES).filter_map(|seed| candidate(reason, seed)).find(drops) {
            None => println!("{name}: not in {CASES} cases"),
            Some(case) => {
                let small = reduce(case, TRIES, drops);
                let case = Case { description: format!("Drops for {name}: {}", reason.description()), ..small };
                match write_case(&case, &Path::new(&folder).join(format!("{name}.json"))) {
                    Ok(()) => println!("{name}: {} packets", case.packets()),
                    Err(error) => println!("{error}"),
                }
            }
        }
    }
}
