//! Random VPC files: a card in one or two VPCs that use the same addresses, with groups, lists, ACLs, hosts and mappings.

use std::fmt::Write as _;
use std::net::IpAddr;

use nitro_card::config::Config;
use nitro_components::bench::Random;

use crate::case::Cached;
use crate::rules::{PORTS, peers, pick};

/// How large a file's parts may be for a card.
#[derive(Clone, Copy, Debug)]
struct Size {
    enis: u64,
    groups: u64,
    rules: u64,
    /// Rules of a security group that has many.
    many: u64,
}

fn size(config: Config) -> Size {
    match config {
        Config::Tiny => Size { enis: 2, groups: 2, rules: 4, many: 6 },
        Config::Edge => Size { enis: 2, groups: 3, rules: 6, many: 60 },
        Config::Line => Size { enis: 6, groups: 4, rules: 7, many: 240 },
    }
}

/// A VPC file without its policies, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Skeleton {
    /// Everything but groups, lists and ACLs.
    text: String,
    vpcs: u64,
    size: Size,
    /// Addresses to be in the mapping cache.
    pub cached: Vec<Cached>,
}

/// Network ACLs of a file.
const NACLS: u64 = 3;
/// Prefix lists of a file.
const LISTS: u64 = 2;
/// VNI of the first VPC.
const FIRST_VNI: u32 = 4432;

fn below(random: &mut Random, limit: u64) -> usize {
    usize::try_from(random.below(limit)).unwrap_or(0)
}

fn names(random: &mut Random, prefix: &str, count: u64, chance: f64) -> String {
    let names: Vec<String> =
        (0..count).filter(|_| random.chance(chance)).map(|number| format!("\"{prefix}{number}\"")).collect();
    names.join(", ")
}

impl Skeleton {
    /// A random one for a card. `few`: few connections are allowed for an interface. `queries`: a miss of the cache asks, else it drops.
    #[must_use]
    pub fn new(random: &mut Random, config: Config, few: bool, queries: bool) -> Self {
        let size = size(config);
        let vpcs = 1 + random.below(2);
        let underlay6 = random.chance(0.3);
        let underlay =
            |host: u64| if underlay6 { format!("2001:db8:0:1::{host:x}") } else { format!("100.64.0.{host}") };
        let mut text = String::new();
        card(random, &mut text, &underlay(1), queries);
        for vpc in 0..vpcs {
            let vni = u64::from(FIRST_VNI) + vpc;
            let _ =
                writeln!(text, "[[vpc]]\nname = \"v{vpc}\"\nvni = {vni}\ncidrs = [\"10.0.0.0/16\", \"fd00:10::/56\"]");
            for (name, v4, v6) in [("a", 0, "fd00:10::/64"), ("b", 7, "fd00:10:0:7::/64")] {
                let both = if random.chance(0.85) { format!(", \"{v6}\"") } else { String::new() };
                let _ = writeln!(text, "[[subnet]]\nname = \"{name}{vpc}\"\nvpc = \"v{vpc}\"");
                let _ = writeln!(text, "cidrs = [\"10.0.{v4}.0/24\"{both}]");
                if random.chance(0.55) {
                    let _ = writeln!(text, "nacl = \"n{}\"", random.below(NACLS));
                }
            }
        }
        let hosts = 1 + random.below(3);
        for host in 0..hosts {
            let _ = writeln!(text, "[[host]]\nunderlay_ip = \"{}\"", underlay(2 + host));
            if random.chance(0.5) {
                let _ = writeln!(
                    text,
                    "token_keys = {{ {} = \"{:016x}{:016x}\" }}",
                    random.below(256),
                    random.bits(),
                    random.bits()
                );
            }
        }
        let mut cached = Vec::new();
        for vpc in 0..vpcs {
            let host = underlay(2 + random.below(hosts));
            mappings(random, &mut text, vpc, size, &host);
            for ip in peers(false).into_iter().chain(peers(true)) {
                if random.chance(0.93) {
                    let path_mtu = random.chance(0.1).then(|| pick(random, &[68, 80, 600, 1280, 9001]));
                    let vni = FIRST_VNI + u32::try_from(vpc).unwrap_or(0);
                    cached.push(Cached { vni, ip, path_mtu, drop: random.chance(0.05) });
                }
            }
        }
        let mut skeleton = Self { text, vpcs, size, cached };
        let enis = 1 + random.below(size.enis);
        (0..enis).for_each(|eni| skeleton.eni(random, eni, few));
        skeleton
    }

    fn eni(&mut self, random: &mut Random, number: u64, few: bool) {
        let vpc = random.below(self.vpcs);
        let (subnet, v4, v6) = pick(random, &[("a", 0, "fd00:10:"), ("b", 7, "fd00:10:0:7:")]);
        let host = 64 + 2 * number;
        let mut ips = vec![format!("10.0.{v4}.{host}")];
        if random.chance(0.4) {
            ips.push(format!("10.0.{v4}.{}", host + 1));
        }
        // Not all subnets have a prefix of IPv6.
        let place = format!("name = \"{subnet}{vpc}\"");
        let has_v6 = self.text.split("[[").any(|part| part.contains(&place) && part.contains("fd00:10"));
        if has_v6 && random.chance(0.9) {
            ips.push(format!("{v6}:{host:x}"));
        }
        // Interfaces talk to one another.
        let vni = FIRST_VNI + u32::try_from(vpc).unwrap_or(0);
        for ip in ips.iter().filter_map(|ip| ip.parse().ok()) {
            if random.chance(0.9) {
                self.cached.push(Cached { vni, ip, path_mtu: None, drop: false });
            }
        }
        let ips: Vec<String> = ips.iter().map(|ip| format!("\"{ip}\"")).collect();
        let groups = names(random, &format!("g{vpc}-"), self.size.groups, 0.6);
        let text = &mut self.text;
        let _ = writeln!(text, "[[eni]]\nname = \"eni-{number}\"\nsubnet = \"{subnet}{vpc}\"");
        let _ =
            writeln!(text, "mac = \"0a:10:00:00:{:02x}:{number:02x}\"\nips = [{}]", random.below(256), ips.join(", "));
        let _ = writeln!(text, "groups = [{groups}]\nsource_dest_check = {}", random.chance(0.85));
        if few && random.chance(0.6) {
            let _ = writeln!(text, "max_connections = {}", random.below(6));
        }
        let mut seconds = |from: u64| from + random.below(4);
        let _ = writeln!(
            text,
            "timeouts = {{ tcp_established = {}, tcp_transient = {}, udp = {}, udp_stream = {}, icmp = {}, other = {} }}",
            seconds(60),
            seconds(1),
            seconds(30),
            seconds(60),
            seconds(1),
            seconds(1)
        );
    }

    /// The whole file, with random policies.
    #[must_use]
    pub fn with_policies(&self, random: &mut Random) -> String {
        let mut text = self.text.clone();
        for list in 0..LISTS {
            let cidrs: Vec<String> = (0..random.below(4)).map(|_| format!("\"{}\"", cidr(random))).collect();
            let _ =
                writeln!(text, "[[prefix_list]]\nname = \"l{list}\"\nmax_entries = 4\ncidrs = [{}]", cidrs.join(", "));
        }
        for nacl in 0..NACLS {
            let _ = writeln!(text, "[[nacl]]\nname = \"n{nacl}\"");
            for direction in ["ingress", "egress"] {
                acl_rules(random, &mut text, direction);
            }
        }
        for vpc in 0..self.vpcs {
            for group in 0..self.size.groups {
                let _ = writeln!(text, "[[security_group]]\nname = \"g{vpc}-{group}\"\nvpc = \"v{vpc}\"");
                for direction in ["ingress", "egress"] {
                    self.group_rules(random, &mut text, vpc, direction);
                }
            }
        }
        text
    }

    fn group_rules(&self, random: &mut Random, text: &mut String, vpc: u64, direction: &str) {
        if random.chance(0.2) {
            for cidr in ["0.0.0.0/0", "::/0"] {
                let _ = writeln!(
                    text,
                    "[[security_group.{direction}]]\nprotocol = \"all\"\npeer = {{ cidr = \"{cidr}\" }}"
                );
            }
            return;
        }
        let most = if random.chance(0.05) { self.size.many } else { self.size.rules };
        for _ in 0..random.below(most + 1) {
            let _ = writeln!(text, "[[security_group.{direction}]]");
            above_ip(random, text);
            let peer = match random.below(10) {
                0 if most == self.size.rules => format!("prefix_list = \"l{}\"", random.below(LISTS)),
                1 | 2 => format!("group = \"g{vpc}-{}\"", random.below(self.size.groups)),
                _ => format!("cidr = \"{}\"", cidr(random)),
            };
            let _ = writeln!(text, "peer = {{ {peer} }}");
        }
    }
}

fn card(random: &mut Random, text: &mut String, underlay_ip: &str, queries: bool) {
    let mut byte = || random.below(256);
    let _ = writeln!(text, "[card]\nunderlay_ip = \"{underlay_ip}\"");
    let _ = writeln!(text, "underlay_mac = \"02:00:64:{:02x}:{:02x}:01\"", byte(), byte());
    let _ = writeln!(text, "next_hop_mac = \"02:00:64:{:02x}:{:02x}:fe\"", byte(), byte());
    let _ = writeln!(text, "gateway_mac = \"0a:00:00:{:02x}:{:02x}:01\"", byte(), byte());
    let epoch = byte();
    let mut keys = vec![format!("{epoch} = \"{:016x}{:016x}\"", random.bits(), random.bits())];
    if random.chance(0.5) {
        keys.push(format!("{} = \"{:016x}{:016x}\"", (epoch + 1) % 256, random.bits(), random.bits()));
    }
    let _ = writeln!(text, "token_keys = {{ {} }}", keys.join(", "));
    let miss = if queries { "query" } else { "drop" };
    let _ = writeln!(text, "miss = \"{miss}\"\nstrict_tcp = {}", random.chance(0.35));
}

/// Mappings of most peers, some of them of prefixes.
fn mappings(random: &mut Random, text: &mut String, vpc: u64, size: Size, host: &str) {
    let entry = |random: &mut Random, text: &mut String, key: String| {
        let groups = names(random, &format!("g{vpc}-"), size.groups, 0.35);
        let mac = format!("0a:20:00:00:{:02x}:{:02x}", random.below(256), random.below(256));
        let _ = writeln!(
            text,
            "[[mapping]]\nvpc = \"v{vpc}\"\n{key}\nmac = \"{mac}\"\nhost = \"{host}\"\ngroups = [{groups}]"
        );
    };
    for ip in peers(false).into_iter().chain(peers(true)) {
        if random.chance(0.85) {
            entry(random, text, format!("ip = \"{ip}\""));
        }
    }
    for cidr in ["0.0.0.0/0", "10.0.9.0/24", "::/0", "fd00:10:0:9::/64"] {
        if random.chance(0.3) {
            entry(random, text, format!("cidr = \"{cidr}\""));
        }
    }
}

/// A prefix of one of the peers.
fn cidr(random: &mut Random) -> String {
    let ipv6 = random.chance(0.4);
    let address = pick(random, &peers(ipv6));
    let lengths: &[u8] = if ipv6 { &[0, 0, 32, 64, 127, 128] } else { &[0, 0, 8, 24, 31, 32] };
    let length = pick(random, lengths);
    let base = match address {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & nitro_wire::control::mask4(length)).into()),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & nitro_wire::control::mask6(length)).into()),
    };
    format!("{base}/{length}")
}

/// Protocol, ports, type and code of a rule.
fn above_ip(random: &mut Random, text: &mut String) {
    let ports = |random: &mut Random| match random.below(6) {
        0 => None,
        1 => Some("1024-65535".to_owned()),
        2 | 3 => Some(pick(random, &PORTS).to_string()),
        _ => {
            let (a, b) = (pick(random, &PORTS), pick(random, &PORTS));
            Some(format!("{}-{}", a.min(b), a.max(b)))
        }
    };
    let message = |random: &mut Random, types: &[u8]| {
        let code = if random.chance(0.4) { format!(", code = {}", pick(random, &[0, 1, 4])) } else { String::new() };
        random.chance(0.6).then(|| format!("icmp = {{ type = {}{code} }}", pick(random, types)))
    };
    let (protocol, more) = match random.below(12) {
        0..=2 => ("\"all\"".to_owned(), None),
        3..=5 => ("\"tcp\"".to_owned(), ports(random).map(|ports| format!("ports = \"{ports}\""))),
        6..=8 => ("\"udp\"".to_owned(), ports(random).map(|ports| format!("ports = \"{ports}\""))),
        9 => ("\"icmp\"".to_owned(), message(random, &[8, 0, 3])),
        10 => ("\"icmpv6\"".to_owned(), message(random, &[128, 129, 1])),
        _ => (pick(random, &[47, 50, 132]).to_string(), None),
    };
    let _ = writeln!(text, "protocol = {protocol}");
    if let Some(more) = more {
        let _ = writeln!(text, "{more}");
    }
}

/// Rules of an ACL, most of which end in one that allows the rest.
fn acl_rules(random: &mut Random, text: &mut String, direction: &str) {
    let count = if random.chance(0.1) { 38 } else { below(random, 7) };
    let mut numbers: Vec<u64> = Vec::new();
    while numbers.len() < count {
        let number = 1 + random.below(32_000);
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    let mut rule = |number: u64, action: &str, cidr: &str, protocol: &mut dyn FnMut(&mut String)| {
        let _ = writeln!(text, "[[nacl.{direction}]]\nrule = {number}\naction = \"{action}\"\ncidr = \"{cidr}\"");
        protocol(text);
    };
    let end = random.chance(0.8);
    for number in numbers {
        let action = if random.chance(0.6) { "allow" } else { "deny" };
        let cidr = cidr(random);
        rule(number, action, &cidr, &mut |text| above_ip(random, text));
    }
    if end {
        for (number, cidr) in [(32_765, "0.0.0.0/0"), (32_766, "::/0")] {
            rule(number, "allow", cidr, &mut |text| text.push_str("protocol = \"all\"\n"));
        }
    }
}
