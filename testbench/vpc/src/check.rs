//! From the file as written to the checked [`Vpc`]: every value parsed, every name resolved, every limit held.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use nitro_wire::policy::{MAX_NACL_RULES, MAX_SECURITY_RULES, Protocol, Timeouts};
use toml::Spanned;

use crate::address;
use crate::error::{Problem, VpcError};
use crate::file::{self, ProtocolText, Text};
use crate::policy::{Nacl, NaclRule, Peer, SecurityGroup, SecurityRule};
use crate::types::{Card, Cidr, Eni, Host, Mac, Mapping, MappingKey, Subnet, TokenKeys, Vpc, VpcNetwork};

/// Groups that rules may refer to: the bits that a mapping has for them.
const MAX_REFERRED_GROUPS: usize = 64;
/// Groups per ENI (VPC quotas, "Security groups").
const MAX_GROUPS: usize = 16;

/// A problem and where it is in the file.
struct Located(Range<usize>, Problem);

type Checked<T> = Result<T, Located>;

/// Applies a parser to a value, keeping the value's place for the error.
fn at<T>(text: &Text, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Checked<T> {
    parse(text.get_ref()).map_err(|problem| Located(text.span(), problem))
}

fn fail<T, S>(place: &Spanned<S>, problem: Problem) -> Checked<T> {
    Err(Located(place.span(), problem))
}

/// Named things of one kind, in the order of the file.
struct Names<'a> {
    kind: &'static str,
    names: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn new(kind: &'static str, texts: impl Iterator<Item = &'a Text>) -> Checked<Self> {
        let mut names = Vec::new();
        for text in texts {
            let name = text.get_ref().as_str();
            if name.is_empty() {
                return fail(
                    text,
                    Problem::Malformed { what: "name", value: String::new(), expected: "at least one character" },
                );
            }
            if names.contains(&name) {
                return fail(text, Problem::Duplicate { kind, name: name.to_owned() });
            }
            names.push(name);
        }
        Ok(Self { kind, names })
    }

    fn find(&self, text: &Text) -> Checked<usize> {
        self.names.iter().position(|name| name == text.get_ref()).ok_or_else(|| {
            let known = if self.names.is_empty() { "none".to_owned() } else { self.names.join(", ") };
            Located(text.span(), Problem::UnknownName { kind: self.kind, name: text.get_ref().clone(), known })
        })
    }
}

fn range(value: &Spanned<u64>, what: &'static str, from: u64, to: u64, words: &'static str) -> Checked<u32> {
    let number = *value.get_ref();
    match u32::try_from(number) {
        Ok(small) if (from..=to).contains(&number) => Ok(small),
        _ => fail(value, Problem::OutOfRange { what, value: number, range: words }),
    }
}

fn token_keys(keys: &Spanned<BTreeMap<String, Text>>) -> Checked<TokenKeys> {
    let mut parsed = TokenKeys::new();
    for (epoch, key) in keys.get_ref() {
        let Ok(number) = epoch.parse::<u8>() else {
            return fail(
                key,
                Problem::Malformed { what: "token epoch", value: epoch.clone(), expected: "a number from 0 to 255" },
            );
        };
        if parsed.insert(number, at(key, address::key)?).is_some() {
            return fail(key, Problem::Duplicate { kind: "token epoch", name: number.to_string() });
        }
    }
    if parsed.is_empty() {
        return fail(keys, Problem::OutOfRange { what: "the number of token keys", value: 0, range: "at least 1" });
    }
    if parsed.len() > 2 {
        return fail(keys, Problem::TooMany { what: "token_keys".into(), count: parsed.len(), of: "epochs", most: 2 });
    }
    Ok(parsed)
}

fn card(card: &file::Card) -> Checked<Card> {
    let query_on_miss = match &card.miss {
        None => true,
        Some(text) => match text.get_ref().as_str() {
            "query" => true,
            "drop" => false,
            other => {
                let problem = Problem::Malformed {
                    what: "miss mode",
                    value: other.to_owned(),
                    expected: "\"query\" or \"drop\"",
                };
                return fail(text, problem);
            }
        },
    };
    Ok(Card {
        underlay_ip: at(&card.underlay_ip, address::host_ip)?,
        underlay_mac: at(&card.underlay_mac, address::mac)?,
        next_hop_mac: at(&card.next_hop_mac, address::mac)?,
        gateway_mac: at(&card.gateway_mac, address::mac)?,
        token_keys: token_keys(&card.token_keys)?,
        query_on_miss,
        strict_tcp: card.strict_tcp,
    })
}

fn vpcs(entries: &[file::VpcEntry]) -> Checked<Vec<VpcNetwork>> {
    let mut networks: Vec<VpcNetwork> = Vec::new();
    for entry in entries {
        let vni = range(&entry.vni, "vni", 1, 0xff_ffff, "from 1 to 16777215 (24 bits)")?;
        if networks.iter().any(|network| network.vni == vni) {
            return fail(&entry.vni, Problem::Duplicate { kind: "vni", name: vni.to_string() });
        }
        let mut cidrs: Vec<Cidr> = Vec::new();
        for text in entry.cidrs.get_ref() {
            let cidr = at(text, address::cidr)?;
            disjoint(text, cidr, cidrs.iter().copied())?;
            cidrs.push(cidr);
        }
        networks.push(VpcNetwork { name: entry.name.get_ref().clone(), vni, cidrs });
    }
    Ok(networks)
}

fn disjoint(text: &Text, cidr: Cidr, mut others: impl Iterator<Item = Cidr>) -> Checked<()> {
    match others.find(|other| other.overlaps(cidr)) {
        Some(other) => fail(text, Problem::Overlap { a: cidr.to_string(), b: other.to_string() }),
        None => Ok(()),
    }
}

fn subnets(
    entries: &[file::Subnet],
    networks: &[VpcNetwork],
    vpc_names: &Names<'_>,
    nacl_names: &Names<'_>,
) -> Checked<Vec<Subnet>> {
    let mut subnets: Vec<Subnet> = Vec::new();
    for entry in entries {
        let vpc = vpc_names.find(&entry.vpc)?;
        let mut cidrs: Vec<Cidr> = Vec::new();
        for text in entry.cidrs.get_ref() {
            let cidr = at(text, address::cidr)?;
            if !networks[vpc].cidrs.iter().any(|outer| outer.contains_all(cidr)) {
                let outer = format!("a CIDR of VPC `{}`", networks[vpc].name);
                return fail(text, Problem::NotInside { inner: cidr.to_string(), outer });
            }
            let neighbours =
                subnets.iter().filter(|subnet| subnet.vpc == vpc).flat_map(|subnet| subnet.cidrs.iter().copied());
            disjoint(text, cidr, neighbours)?;
            if cidrs.iter().any(|other| other.address.is_ipv4() == cidr.address.is_ipv4()) {
                let what = format!("subnet `{}`", entry.name.get_ref());
                return fail(text, Problem::TooMany { what, count: 2, of: "CIDRs of one family", most: 1 });
            }
            let longest = if cidr.address.is_ipv4() { 28 } else { 124 };
            if cidr.length > longest {
                let problem = Problem::OutOfRange {
                    what: "the prefix length of a subnet",
                    value: u64::from(cidr.length),
                    range: "at most 28 (IPv4) or 124 (IPv6), since the first four addresses are reserved",
                };
                return fail(text, problem);
            }
            cidrs.push(cidr);
        }
        if cidrs.is_empty() {
            return fail(&entry.cidrs, Problem::OutOfRange { what: "the number of cidrs", value: 0, range: "1 or 2" });
        }
        let nacl = entry.nacl.as_ref().map(|name| nacl_names.find(name)).transpose()?;
        subnets.push(Subnet { name: entry.name.get_ref().clone(), vpc, cidrs, nacl });
    }
    Ok(subnets)
}

fn protocol(
    text: &Spanned<ProtocolText>,
    ports: Option<&Text>,
    icmp: Option<&Spanned<file::Icmp>>,
) -> Checked<Protocol> {
    const EXPECTED: &str = "\"all\", \"tcp\", \"udp\", \"icmp\", \"icmpv6\" or a number from 0 to 255";
    let malformed = |value: &str| Problem::Malformed { what: "protocol", value: value.to_owned(), expected: EXPECTED };
    let number = match text.get_ref() {
        ProtocolText::Number(number) => {
            Some(u8::try_from(*number).map_err(|_| Located(text.span(), malformed(&number.to_string())))?)
        }
        ProtocolText::Name(name) => name.parse::<u8>().ok(),
    };
    let name = match (text.get_ref(), number) {
        (_, Some(6)) => "tcp",
        (_, Some(17)) => "udp",
        (_, Some(1)) => "icmp",
        (_, Some(58)) => "icmpv6",
        (_, Some(_)) => "number",
        (ProtocolText::Name(name), None) => name.as_str(),
        (ProtocolText::Number(_), None) => "number",
    };
    if let Some(ports) = ports.filter(|_| !matches!(name, "tcp" | "udp")) {
        let problem = Problem::Conflict {
            what: "ports",
            with: format!("protocol {name}"),
            instead: "ports are for tcp and udp only",
        };
        return fail(ports, problem);
    }
    if let Some(icmp) = icmp.filter(|_| !matches!(name, "icmp" | "icmpv6")) {
        let problem = Problem::Conflict {
            what: "icmp",
            with: format!("protocol {name}"),
            instead: "icmp is for icmp and icmpv6 only",
        };
        return fail(icmp, problem);
    }
    let ports = ports.map(|text| at(text, address::ports)).transpose()?.unwrap_or((0, u16::MAX));
    let icmp = icmp.map(|icmp| (icmp.get_ref().kind, icmp.get_ref().code));
    Ok(match (name, number) {
        ("all", _) => Protocol::All,
        ("tcp", _) => Protocol::Tcp(ports.0, ports.1),
        ("udp", _) => Protocol::Udp(ports.0, ports.1),
        ("icmp", _) => Protocol::Icmp(icmp),
        ("icmpv6", _) => Protocol::Icmpv6(icmp),
        (_, Some(number)) => Protocol::Number(number),
        (other, None) => return fail(text, malformed(other)),
    })
}

fn nacl_rules(name: &Text, rules: &[file::NaclRule], direction: &'static str) -> Checked<Vec<NaclRule>> {
    if rules.len() > MAX_NACL_RULES {
        let what = format!("nacl `{}`", name.get_ref());
        let of = if direction == "ingress" { "ingress rules" } else { "egress rules" };
        return fail(name, Problem::TooMany { what, count: rules.len(), of, most: MAX_NACL_RULES });
    }
    let mut parsed: Vec<NaclRule> = Vec::new();
    for rule in rules {
        let number = range(&rule.rule, "rule", 1, 32_766, "from 1 to 32766")?;
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        if parsed.iter().any(|other| other.rule == number) {
            return fail(&rule.rule, Problem::Duplicate { kind: "rule", name: number.to_string() });
        }
        let allow = match rule.action.get_ref().as_str() {
            "allow" => true,
            "deny" => false,
            other => {
                let problem =
                    Problem::Malformed { what: "action", value: other.to_owned(), expected: "\"allow\" or \"deny\"" };
                return fail(&rule.action, problem);
            }
        };
        let protocol = protocol(&rule.protocol, rule.ports.as_ref(), rule.icmp.as_ref())?;
        parsed.push(NaclRule { rule: number, allow, protocol, cidr: at(&rule.cidr, address::cidr)? });
    }
    parsed.sort_by_key(|rule| rule.rule);
    Ok(parsed)
}

/// The prefix lists by name: entries and the size that each counts as.
fn prefix_lists(entries: &[file::PrefixList]) -> Checked<Vec<(Vec<Cidr>, usize)>> {
    let mut lists = Vec::new();
    for entry in entries {
        let max_entries = range(&entry.max_entries, "max_entries", 1, 1000, "from 1 to 1000")? as usize;
        if entry.cidrs.len() > max_entries {
            let what = format!("prefix list `{}`", entry.name.get_ref());
            return fail(
                &entry.name,
                Problem::TooMany { what, count: entry.cidrs.len(), of: "entries", most: max_entries },
            );
        }
        let cidrs = entry.cidrs.iter().map(|text| at(text, address::cidr)).collect::<Checked<_>>()?;
        lists.push((cidrs, max_entries));
    }
    Ok(lists)
}

/// What security rules may refer to.
struct Peers<'a> {
    list_names: Names<'a>,
    lists: Vec<(Vec<Cidr>, usize)>,
    group_names: &'a Names<'a>,
}

impl Peers<'_> {
    fn rules(&self, rules: &[file::SecurityRule]) -> Checked<Vec<SecurityRule>> {
        rules
            .iter()
            .map(|rule| {
                let protocol = protocol(&rule.protocol, rule.ports.as_ref(), rule.icmp.as_ref())?;
                let peer = rule.peer.get_ref();
                let peer = match (&peer.cidr, &peer.prefix_list, &peer.group) {
                    (Some(text), None, None) => Peer::Cidr(at(text, address::cidr)?),
                    (None, Some(name), None) => {
                        let (cidrs, max_entries) = self.lists[self.list_names.find(name)?].clone();
                        Peer::PrefixList { cidrs, max_entries }
                    }
                    (None, None, Some(name)) => Peer::Group(self.group_names.find(name)?),
                    _ => {
                        let problem = Problem::Conflict {
                            what: "peer",
                            with: "none or several of cidr, prefix_list and group".into(),
                            instead: "give exactly one",
                        };
                        return fail(&rule.peer, problem);
                    }
                };
                Ok(SecurityRule { protocol, peer })
            })
            .collect()
    }
}

fn timeouts(entry: Option<&file::Timeouts>) -> Checked<Timeouts> {
    let mut timeouts = Timeouts::default();
    let Some(entry) = entry else { return Ok(timeouts) };
    let any = (1, 432_000, "from 1 to 432000 seconds");
    for (value, slot, what, (from, to, words)) in [
        (
            &entry.tcp_established,
            &mut timeouts.tcp_established,
            "tcp_established",
            (60, 432_000, "from 60 to 432000 seconds"),
        ),
        (&entry.tcp_transient, &mut timeouts.tcp_transient, "tcp_transient", any),
        (&entry.udp, &mut timeouts.udp, "udp", (30, 60, "from 30 to 60 seconds")),
        (&entry.udp_stream, &mut timeouts.udp_stream, "udp_stream", (60, 180, "from 60 to 180 seconds")),
        (&entry.icmp, &mut timeouts.icmp, "icmp", any),
        (&entry.other, &mut timeouts.other, "other", any),
    ] {
        if let Some(value) = value {
            *slot = range(value, what, from, to, words)?;
        }
    }
    Ok(timeouts)
}

/// What ENIs and mappings are checked against.
struct World<'a> {
    card: &'a Card,
    networks: &'a [VpcNetwork],
    vpc_names: &'a Names<'a>,
    subnets: &'a [Subnet],
    subnet_names: &'a Names<'a>,
    groups: &'a [SecurityGroup],
    group_names: &'a Names<'a>,
}

impl World<'_> {
    fn groups_of(&self, texts: &[Text], vpc: usize, owner: &str) -> Checked<Vec<usize>> {
        let mut indexes = Vec::new();
        for text in texts {
            let index = self.group_names.find(text)?;
            if self.groups[index].vpc != vpc {
                let problem = Problem::VpcMismatch {
                    a: owner.to_owned(),
                    vpc_a: self.networks[vpc].name.clone(),
                    b: format!("security group `{}`", text.get_ref()),
                    vpc_b: self.networks[self.groups[index].vpc].name.clone(),
                };
                return fail(text, problem);
            }
            if indexes.contains(&index) {
                return fail(text, Problem::Duplicate { kind: "group", name: text.get_ref().clone() });
            }
            indexes.push(index);
        }
        Ok(indexes)
    }

    fn enis(&self, entries: &[file::Eni]) -> Checked<Vec<Eni>> {
        let mut enis: Vec<Eni> = Vec::new();
        for entry in entries {
            let eni = self.eni(entry, &enis)?;
            enis.push(eni);
        }
        Ok(enis)
    }

    fn eni(&self, entry: &file::Eni, others: &[Eni]) -> Checked<Eni> {
        let name = entry.name.get_ref().clone();
        let subnet_index = self.subnet_names.find(&entry.subnet)?;
        let subnet = &self.subnets[subnet_index];
        let mac: Mac = at(&entry.mac, address::mac)?;
        if others.iter().any(|other| other.mac == mac) || mac == self.card.gateway_mac {
            return fail(&entry.mac, Problem::Duplicate { kind: "MAC address", name: entry.mac.get_ref().clone() });
        }
        let mut ips: Vec<IpAddr> = Vec::new();
        for text in entry.ips.get_ref() {
            let ip = at(text, address::host_ip)?;
            let Some(cidr) = subnet.cidrs.iter().find(|cidr| cidr.contains(ip)) else {
                let outer = format!("a CIDR of subnet `{}`", subnet.name);
                return fail(text, Problem::NotInside { inner: ip.to_string(), outer });
            };
            if cidr.reserves(ip) {
                return fail(text, Problem::Reserved { address: ip.to_string(), subnet: cidr.to_string() });
            }
            let taken = others
                .iter()
                .filter(|other| self.subnets[other.subnet].vpc == subnet.vpc)
                .any(|other| other.ips.contains(&ip));
            if taken || ips.contains(&ip) {
                return fail(text, Problem::Duplicate { kind: "address", name: ip.to_string() });
            }
            ips.push(ip);
        }
        if ips.is_empty() {
            return fail(&entry.ips, Problem::OutOfRange { what: "the number of ips", value: 0, range: "at least 1" });
        }
        let groups = self.groups_of(&entry.groups, subnet.vpc, &format!("ENI `{name}`"))?;
        if groups.len() > MAX_GROUPS {
            let what = format!("ENI `{name}`");
            return fail(
                &entry.name,
                Problem::TooMany { what, count: groups.len(), of: "security groups", most: MAX_GROUPS },
            );
        }
        self.check_product(entry, &groups)?;
        let max_connections = match &entry.max_connections {
            Some(value) => range(value, "max_connections", 0, u64::from(u32::MAX), "from 0 to 4294967295")?,
            None => u32::MAX,
        };
        let source_dest_check = entry.source_dest_check;
        let timeouts = timeouts(entry.timeouts.as_ref())?;
        Ok(Eni { name, subnet: subnet_index, mac, ips, groups, source_dest_check, max_connections, timeouts })
    }

    fn check_product(&self, entry: &file::Eni, groups: &[usize]) -> Checked<()> {
        let count = |rules: &[SecurityRule]| rules.iter().map(|rule| rule.peer.count()).sum::<usize>();
        let largest = |rules: fn(&SecurityGroup) -> &[SecurityRule]| {
            groups.iter().map(|&group| count(rules(&self.groups[group]))).max().unwrap_or(0)
        };
        let directions = [("ingress", largest(|group| &group.ingress)), ("egress", largest(|group| &group.egress))];
        for (direction, rules) in directions {
            if groups.len() * rules > MAX_SECURITY_RULES {
                let eni = entry.name.get_ref().clone();
                return fail(&entry.name, Problem::TooManyRules { eni, groups: groups.len(), rules, direction });
            }
        }
        Ok(())
    }

    fn underlay(&self, text: &Text) -> Checked<IpAddr> {
        let ip = at(text, address::host_ip)?;
        if ip.is_ipv4() != self.card.underlay_ip.is_ipv4() {
            return fail(text, Problem::UnderlayFamily { a: ip.to_string(), b: self.card.underlay_ip.to_string() });
        }
        Ok(ip)
    }

    fn hosts(&self, entries: &[file::Host]) -> Checked<Vec<Host>> {
        let mut hosts: Vec<Host> = Vec::new();
        for entry in entries {
            let underlay_ip = self.underlay(&entry.underlay_ip)?;
            if underlay_ip == self.card.underlay_ip || hosts.iter().any(|host| host.underlay_ip == underlay_ip) {
                return fail(&entry.underlay_ip, Problem::Duplicate { kind: "host", name: underlay_ip.to_string() });
            }
            let token_keys = match &entry.token_keys {
                Some(keys) => token_keys(keys)?,
                None => self.card.token_keys.clone(),
            };
            hosts.push(Host { underlay_ip, token_keys });
        }
        Ok(hosts)
    }

    fn mappings(&self, entries: &[file::Mapping], enis: &[Eni]) -> Checked<Vec<Mapping>> {
        let mut mappings: Vec<Mapping> = Vec::new();
        for entry in entries {
            let vpc = self.vpc_names.find(&entry.vpc)?;
            let (text, key) = match (&entry.ip, &entry.cidr) {
                (Some(text), None) => (text, MappingKey::Address(at(text, address::host_ip)?)),
                (None, Some(text)) => (text, MappingKey::Prefix(at(text, address::cidr)?)),
                _ => {
                    let with = "none or both of ip and cidr".to_owned();
                    return fail(
                        &entry.mac,
                        Problem::Conflict { what: "mapping", with, instead: "give exactly one of them" },
                    );
                }
            };
            let own = matches!(key, MappingKey::Address(ip)
                if enis.iter().any(|eni| self.subnets[eni.subnet].vpc == vpc && eni.ips.contains(&ip)));
            if own || mappings.iter().any(|other| other.vpc == vpc && other.key == key) {
                return fail(text, Problem::Duplicate { kind: "mapping", name: text.get_ref().clone() });
            }
            let owner = format!("mapping `{}`", text.get_ref());
            mappings.push(Mapping {
                vpc,
                key,
                mac: at(&entry.mac, address::mac)?,
                host: self.underlay(&entry.host)?,
                groups: self.groups_of(&entry.groups, vpc, &owner)?,
                srd: entry.srd,
            });
        }
        Ok(mappings)
    }
}

fn resolve(file: &file::File) -> Checked<Vpc> {
    let card = card(&file.card)?;
    let vpc_names = Names::new("VPC", file.vpc.iter().map(|entry| &entry.name))?;
    let nacl_names = Names::new("nacl", file.nacl.iter().map(|entry| &entry.name))?;
    let subnet_names = Names::new("subnet", file.subnet.iter().map(|entry| &entry.name))?;
    let group_names = Names::new("security group", file.security_group.iter().map(|entry| &entry.name))?;
    let list_names = Names::new("prefix list", file.prefix_list.iter().map(|entry| &entry.name))?;
    Names::new("ENI", file.eni.iter().map(|entry| &entry.name))?;

    let networks = vpcs(&file.vpc)?;
    let nacls = file
        .nacl
        .iter()
        .map(|entry| {
            let ingress = nacl_rules(&entry.name, &entry.ingress, "ingress")?;
            let egress = nacl_rules(&entry.name, &entry.egress, "egress")?;
            Ok(Nacl { name: entry.name.get_ref().clone(), ingress, egress })
        })
        .collect::<Checked<Vec<_>>>()?;
    let subnets = subnets(&file.subnet, &networks, &vpc_names, &nacl_names)?;
    let peers = Peers { list_names, lists: prefix_lists(&file.prefix_list)?, group_names: &group_names };
    let groups = file
        .security_group
        .iter()
        .map(|entry| {
            let vpc = vpc_names.find(&entry.vpc)?;
            let (ingress, egress) = (peers.rules(&entry.ingress)?, peers.rules(&entry.egress)?);
            Ok(SecurityGroup { name: entry.name.get_ref().clone(), vpc, ingress, egress })
        })
        .collect::<Checked<Vec<_>>>()?;
    let referred = crate::policy::referred_groups(&groups).len();
    if let Some(place) = file.security_group.first().filter(|_| referred > MAX_REFERRED_GROUPS) {
        let what = "the file".to_owned();
        let of = "security groups that rules refer to";
        return fail(&place.name, Problem::TooMany { what, count: referred, of, most: MAX_REFERRED_GROUPS });
    }
    let world = World {
        card: &card,
        networks: &networks,
        vpc_names: &vpc_names,
        subnets: &subnets,
        subnet_names: &subnet_names,
        groups: &groups,
        group_names: &group_names,
    };
    let enis = world.enis(&file.eni)?;
    let hosts = world.hosts(&file.host)?;
    let mappings = world.mappings(&file.mapping, &enis)?;
    Ok(Vpc { card, vpcs: networks, nacls, subnets, groups, enis, hosts, mappings })
}

impl Vpc {
    /// Parses and checks the text of a VPC file; `path` is for messages.
    ///
    /// # Errors
    /// The first mistake found, with its line.
    pub fn parse(text: &str, path: &Path) -> Result<Self, VpcError> {
        let error = |place: Range<usize>, problem| {
            let line = 1 + text.get(..place.start).unwrap_or_default().matches('\n').count();
            VpcError { file: path.to_owned(), line, problem: Arc::new(problem) }
        };
        let file = toml::from_str::<file::File>(text)
            .map_err(|e| error(e.span().unwrap_or(0..0), Problem::Toml(e.message().trim().to_owned())))?;
        resolve(&file).map_err(|Located(place, problem)| error(place, problem))
    }

    /// Reads, parses and checks a VPC file.
    ///
    /// # Errors
    /// If it cannot be read as UTF-8 text, or the first mistake found.
    pub fn read(path: &Path) -> Result<Self, VpcError> {
        let text = std::fs::read_to_string(path).map_err(|e| VpcError {
            file: path.to_owned(),
            line: 1,
            problem: Arc::new(Problem::Unreadable(e)),
        })?;
        Self::parse(&text, path)
    }
}
