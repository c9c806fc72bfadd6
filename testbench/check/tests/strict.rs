//! The committed captures with VPC files that allow only what they need (`vectors/vpc/strict`): nothing is dropped that should pass. And with each
//! rule removed, exactly the frames are dropped that belong to it: as the model says, as the cards say, and as it stands here in plain words.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use nitro_card::config::Config;
use nitro_check::whole::interpreted;
use nitro_replay::capture::{self, CapturedFrame};
use nitro_replay::plan::{Planner, Timing};
use nitro_replay::report::{FrameVerdict, Outcome};
use nitro_replay::runner::{self, Disturbance};
use nitro_replay::session::{EngineKind, Options, mapping_capacity, replay};
use nitro_vpc::Vpc;

/// A rule of the file, in its order, and what is dropped without it: kinds of frames and the reason.
struct Rule {
    name: &'static str,
    drops: &'static [(&'static str, &'static str)],
}

/// A capture, what is dropped in any case, and the rules of its file: ACL egress, ACL ingress, then those of the group `web`, egress first.
struct Strict {
    capture: &'static str,
    always: &'static [(&'static str, &'static str)],
    rules: &'static [Rule],
}

/// ARP replies from outside are for the guests of a real network: this card answers itself.
const ARP: (&str, &str) = ("rx arp", "no_broadcast");

const fn rule(name: &'static str, drops: &'static [(&'static str, &'static str)]) -> Rule {
    Rule { name, drops }
}

const SG: &str = "security_group";
const NACL: &str = "nacl";
/// Without it the connection is never made, so its replies are new, and no rule admits them.
const WEB: [Rule; 3] = [
    rule("acl out tcp 8080", &[("tx 10.0.1.20 tcp 8080", NACL), ("rx 10.0.1.20 tcp 8080", SG)]),
    rule("acl in tcp ephemeral", &[("rx 10.0.1.20 tcp 8080", NACL)]),
    rule("out tcp 8080", &[("tx 10.0.1.20 tcp 8080", SG), ("rx 10.0.1.20 tcp 8080", SG)]),
];

const STRICT: &[Strict] = &[
    Strict {
        capture: "arp-nd",
        always: &[ARP, ("tx arp 10.0.0.77", "arp_unanswered"), ("tx nd fd00:10::77", "nd_unanswered")],
        rules: &[
            rule("out icmp echo", &[("tx 10.0.0.20 icmp 8", SG), ("rx 10.0.0.20 icmp 0", SG)]),
            rule("out icmpv6 echo", &[("tx fd00:10::20 icmpv6 128", SG), ("rx fd00:10::20 icmpv6 129", SG)]),
            rule("in icmp reply", &[("rx 10.0.0.1 icmp 0", SG)]),
            rule("in icmpv6 reply", &[("rx fd00:10::1 icmpv6 129", SG)]),
            rule("in advertisement", &[("rx fd00:10::* icmpv6 136", SG)]),
        ],
    },
    Strict {
        capture: "dns",
        always: &[ARP],
        rules: &[
            rule("acl out udp 53", &[("tx 10.0.1.20 udp 53", NACL), ("rx 10.0.1.20 udp 53", SG)]),
            rule("acl in udp ephemeral", &[("rx 10.0.1.20 udp 53", NACL)]),
            rule("out udp 53", &[("tx 10.0.1.20 udp 53", SG), ("rx 10.0.1.20 udp 53", SG)]),
        ],
    },
    Strict { capture: "http-short", always: &[ARP], rules: &WEB },
    Strict { capture: "tcp-bulk", always: &[ARP], rules: &WEB },
    Strict {
        capture: "jumbo",
        always: &[ARP],
        rules: &[
            rule("acl out tcp 8080", WEB[0].drops),
            rule("acl in tcp ephemeral", WEB[1].drops),
            rule("out tcp 8080", WEB[2].drops),
            rule("out icmp echo", &[("tx 10.0.0.20 icmp 8", SG), ("rx 10.0.0.20 icmp 0", SG)]),
        ],
    },
    Strict {
        capture: "ping",
        always: &[ARP],
        rules: &[
            rule("acl out icmp echo", &[("tx 10.0.1.20 icmp 8", NACL), ("rx 10.0.1.20 icmp 0", SG)]),
            rule("acl in icmp reply", &[("rx 10.0.1.20 icmp 0", NACL)]),
            rule("out icmp echo, peer", &[("tx 10.0.1.20 icmp 8", SG), ("rx 10.0.1.20 icmp 0", SG)]),
            rule("out icmp echo, neighbour", &[("tx 10.0.0.20 icmp 8", SG), ("rx 10.0.0.20 icmp 0", SG)]),
            rule("in icmp echo", &[("rx 10.0.0.20 icmp 8", SG), ("tx 10.0.0.20 icmp 0", SG)]),
        ],
    },
    Strict {
        capture: "ping6",
        always: &[],
        rules: &[
            rule("acl out echo", &[("tx fd00:10:0:1::20 icmpv6 128", NACL), ("rx fd00:10:0:1::20 icmpv6 129", SG)]),
            rule("acl in reply", &[("rx fd00:10:0:1::20 icmpv6 129", NACL)]),
            rule("out echo, neighbour", &[("tx fd00:10::20 icmpv6 128", SG), ("rx fd00:10::20 icmpv6 129", SG)]),
            rule("out echo, peer", &[("tx fd00:10:0:1::20 icmpv6 128", SG), ("rx fd00:10:0:1::20 icmpv6 129", SG)]),
            rule("in echo", &[("rx fd00:10::20 icmpv6 128", SG), ("tx fd00:10::20 icmpv6 129", SG)]),
            rule("in advertisement", &[("rx fd00:10::* icmpv6 136", SG)]),
        ],
    },
    Strict {
        capture: "ping-fragmented",
        always: &[ARP],
        rules: &[
            // Without connection the reply is new; the later fragments follow the first one.
            rule(
                "out icmp echo",
                &[
                    ("tx 10.0.0.20 icmp 8", SG),
                    ("tx 10.0.0.20 icmp fragment", SG),
                    ("rx 10.0.0.20 icmp 0", SG),
                    ("rx 10.0.0.20 icmp fragment", SG),
                ],
            ),
            rule(
                "out icmpv6 echo",
                &[
                    ("tx fd00:10::20 icmpv6 128", SG),
                    ("tx fd00:10::20 icmpv6 fragment", SG),
                    ("rx fd00:10::20 icmpv6 129", SG),
                    ("rx fd00:10::20 icmpv6 fragment", SG),
                ],
            ),
            rule("in advertisement", &[("rx fd00:10::* icmpv6 136", SG)]),
        ],
    },
    Strict {
        capture: "traceroute",
        always: &[ARP],
        // Errors about what was dropped are about nothing.
        rules: &[
            rule(
                "acl out udp probes",
                &[
                    ("tx 10.0.1.20 udp 334*", NACL),
                    ("rx 10.0.1.20 icmp 3 udp 334*", SG),
                    ("rx 10.0.0.1 icmp 11 udp 334*", SG),
                ],
            ),
            rule("acl out udp 9", &[("tx 10.0.1.20 udp 9", NACL), ("rx 10.0.1.20 icmp 3 udp 9", SG)]),
            rule(
                "acl out echo",
                &[("tx 10.0.1.20 icmp 8", NACL), ("rx 10.0.1.20 icmp 0", SG), ("rx 10.0.0.1 icmp 11 icmp 8", SG)],
            ),
            rule(
                "acl out udp probes over IPv6",
                &[
                    ("tx fd00:10:0:1::20 udp 334*", NACL),
                    ("rx fd00:10:0:1::20 icmpv6 1 udp 334*", SG),
                    ("rx fd00:10::1 icmpv6 3 udp 334*", SG),
                ],
            ),
            rule("acl in reply", &[("rx 10.0.1.20 icmp 0", NACL)]),
            rule("acl in port unreachable", &[("rx 10.0.1.20 icmp 3 udp *", NACL)]),
            rule("acl in port unreachable over IPv6", &[("rx fd00:10:0:1::20 icmpv6 1 udp *", NACL)]),
            rule(
                "out udp probes",
                &[
                    ("tx 10.0.1.20 udp 334*", SG),
                    ("rx 10.0.1.20 icmp 3 udp 334*", SG),
                    ("rx 10.0.0.1 icmp 11 udp 334*", SG),
                ],
            ),
            rule("out udp 9", &[("tx 10.0.1.20 udp 9", SG), ("rx 10.0.1.20 icmp 3 udp 9", SG)]),
            rule(
                "out echo",
                &[("tx 10.0.1.20 icmp 8", SG), ("rx 10.0.1.20 icmp 0", SG), ("rx 10.0.0.1 icmp 11 icmp 8", SG)],
            ),
            rule(
                "out udp probes over IPv6",
                &[
                    ("tx fd00:10:0:1::20 udp 334*", SG),
                    ("rx fd00:10:0:1::20 icmpv6 1 udp 334*", SG),
                    ("rx fd00:10::1 icmpv6 3 udp 334*", SG),
                ],
            ),
            rule("in advertisement", &[("rx fd00:10::* icmpv6 136", SG)]),
        ],
    },
];

const GUEST: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 5];

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// What a datagram's upper layer is called: the protocol, and the port of the side that is not the guest's or the type of a message.
fn upper(protocol: u8, bytes: &[u8], remote_is_source: bool) -> String {
    let port = |at: [usize; 2]| word(bytes, at[usize::from(!remote_is_source)]);
    match protocol {
        6 => format!("tcp {}", port([0, 2])),
        17 => format!("udp {}", port([0, 2])),
        1 if matches!(bytes[0], 3 | 11) => format!("icmp {} {}", bytes[0], quoted(&bytes[8..])),
        1 => format!("icmp {}", bytes[0]),
        58 if bytes[0] < 128 => format!("icmpv6 {} {}", bytes[0], quoted(&bytes[8..])),
        58 => format!("icmpv6 {}", bytes[0]),
        other => panic!("the captures have no protocol {other}"),
    }
}

/// The guest's packet that an error quotes.
fn quoted(bytes: &[u8]) -> String {
    let (protocol, header) =
        if bytes[0] >> 4 == 4 { (bytes[9], 4 * usize::from(bytes[0] & 15)) } else { (bytes[6], 40) };
    upper(protocol, &bytes[header..], false)
}

/// The kind of a frame in plain words; none if it is neither from the guest nor for it.
fn kind(frame: &[u8]) -> Option<String> {
    let tx = frame[6..12] == GUEST;
    if !tx && frame[..6] != GUEST {
        return None;
    }
    let path = if tx { "tx" } else { "rx" };
    let ip = &frame[14..];
    let (remote, protocol, start, fragment) = match word(frame, 12) {
        0x0806 if tx => return Some(format!("tx arp {}", Ipv4Addr::new(ip[24], ip[25], ip[26], ip[27]))),
        0x0806 => return Some("rx arp".to_owned()),
        0x0800 => {
            let at = if tx { 16 } else { 12 };
            let remote = IpAddr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
            (remote, ip[9], 4 * usize::from(ip[0] & 15), word(ip, 6) & 0x1fff > 0)
        }
        0x86dd => {
            let at = if tx { 24 } else { 8 };
            let remote = Ipv6Addr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap());
            match ip[6] {
                44 => (remote.into(), ip[40], 48, word(ip, 42) >> 3 > 0),
                58 if ip[40] == 135 => {
                    let target = Ipv6Addr::from(<[u8; 16]>::try_from(&ip[48..64]).unwrap());
                    return Some(format!("{path} nd {target}"));
                }
                protocol => (remote.into(), protocol, 40, false),
            }
        }
        other => panic!("the captures have no EtherType {other:#x}"),
    };
    let rest = match (fragment, protocol) {
        (true, 1) => "icmp fragment".to_owned(),
        (true, _) => "icmpv6 fragment".to_owned(),
        (false, _) => upper(protocol, &ip[start..], !tx),
    };
    Some(format!("{path} {remote} {rest}"))
}

/// The kind is of this pattern, in which one `*` stands for anything.
fn fits(kind: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => kind.len() + 1 >= pattern.len() && kind.starts_with(begin) && kind.ends_with(end),
        None => kind == pattern,
    }
}

/// Which frames are dropped and why, as it stands above.
fn stated(frames: &[CapturedFrame], lists: [&[(&str, &str)]; 2]) -> Vec<(usize, String)> {
    let mut drops = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let Some(kind) = kind(&frame.bytes) else { continue };
        let reason = lists.iter().flat_map(|list| *list).find(|(pattern, _)| fits(&kind, pattern));
        drops.extend(reason.map(|(_, reason)| (number, (*reason).to_owned())));
    }
    drops
}

fn dropped(verdicts: &[FrameVerdict]) -> Vec<(usize, String)> {
    verdicts.iter().filter_map(|verdict| Some((verdict.packet, verdict.reason?.name().to_owned()))).collect()
}

fn on_model(vpc: &Vpc, frames: &[CapturedFrame]) -> Outcome {
    let options = Options {
        config: Config::Line,
        engine: EngineKind::Model,
        timing: Timing::Dense,
        disturbance: Disturbance::default(),
        reply_after: 20,
        from: None,
        trace: None,
    };
    replay(vpc, frames, &options, &mut |_| ()).unwrap()
}

fn on_card(config: Config, vpc: &Vpc, frames: &[CapturedFrame]) -> Outcome {
    let plan = Planner::new(vpc, None).plan(frames, Timing::Dense, mapping_capacity(config));
    runner::run(vpc, &plan, &mut interpreted(config), Disturbance::default(), 20, &mut |_| ()).unwrap()
}

/// Removes the nth rule, in the order of [`Strict`]; false if there are no more.
fn remove(vpc: &mut Vpc, mut number: usize) -> bool {
    macro_rules! take {
        ($list:expr) => {
            let list = $list;
            if number < list.len() {
                list.remove(number);
                return true;
            }
            number -= list.len();
        };
    }
    take!(&mut vpc.nacls[0].egress);
    take!(&mut vpc.nacls[0].ingress);
    take!(&mut vpc.groups[0].egress);
    let list = &mut vpc.groups[0].ingress;
    number < list.len() && {
        list.remove(number);
        true
    }
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// Runs each capture with its file, and with each rule of it removed.
fn check(run: impl Fn(&Vpc, &[CapturedFrame]) -> Outcome) {
    for Strict { capture, always, rules } in STRICT {
        let frames = capture::read(&vectors().join(format!("captures/{capture}.pcap"))).unwrap();
        let vpc = Vpc::read(&vectors().join(format!("vpc/strict/{capture}.toml"))).unwrap();
        let wanted = stated(&frames, [always, &[]]);
        assert_eq!(dropped(&run(&vpc, &frames).verdicts), wanted, "{capture}");
        for (number, rule) in rules.iter().enumerate() {
            let mut without = vpc.clone();
            assert!(remove(&mut without, number), "{capture}: there is no rule for {}", rule.name);
            let wanted = stated(&frames, [always, rule.drops]);
            assert!(wanted.len() > stated(&frames, [always, &[]]).len(), "{capture}: nobody needs {}", rule.name);
            let found = dropped(&run(&without, &frames).verdicts);
            let show = |drops: &[(usize, String)]| {
                let line = |(number, reason): &(usize, String)| {
                    format!("{number} {}: {reason}", kind(&frames[*number].bytes).unwrap_or_default())
                };
                drops.iter().map(line).collect::<Vec<_>>()
            };
            assert_eq!(show(&found), show(&wanted), "{capture} without {}", rule.name);
        }
        assert!(!remove(&mut vpc.clone(), rules.len()), "{capture}: a rule of the file is not in the list");
    }
}

#[test]
fn in_the_model() {
    check(on_model);
}

#[test]
fn in_the_line_card() {
    check(|vpc, frames| on_card(Config::Line, vpc, frames));
}

#[test]
fn in_the_edge_card() {
    check(|vpc, frames| on_card(Config::Edge, vpc, frames));
}
