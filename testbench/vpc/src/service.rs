//! The mapping service of a VPC file: where is this address of this VPC?

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use nitro_model::token;
use nitro_wire::MappingKind;
use nitro_wire::constants::GUEST_MTU;
use nitro_wire::control::{self, DEFAULT_CLOCKS_PER_TICK, ip_bits};
use nitro_wire::policy::EniPolicy;

use crate::policy::{self, SecurityGroup, SecurityRule, referred_groups};
use crate::types::{Cidr, MappingKey, TokenKeys, Vpc};

/// Seed of the hash tables. A deployed control plane draws it at random; here every run must be the same.
const HASH_KEY: [u8; 16] = *b"nitro hash seed\0";
/// Key of the flow hash, fixed for the same reason.
const FLOW_KEY: [u8; 16] = *b"nitro flow seed\0";
/// Seed of connection tracking, likewise.
const CONNTRACK_KEY: [u8; 16] = *b"nitro ct seed\0\0\0";

/// What the mapping service says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Where it is.
    Found(control::Mapping),
    /// Nothing has that address.
    Negative,
}

impl Answer {
    /// What a mapping cache keeps of the answer for this address: for ever, unless its owner says when it ends.
    #[must_use]
    pub fn entry(self, vni: u32, ip: IpAddr) -> control::Mapping {
        match self {
            Self::Found(mapping) => mapping,
            Self::Negative => control::Mapping {
                vni,
                route_table: 0,
                ip,
                kind: MappingKind::Negative,
                srd: false,
                path_mtu: GUEST_MTU,
                underlay_ip: ip,
                mac: [0; 6],
                token_epoch: 0,
                token: 0,
                groups: 0,
                version: 0,
                expiry: 0,
            },
        }
    }
}

/// Answers as the mapping service would, from what the VPC file says.
#[derive(Clone, Debug)]
pub struct MappingService {
    vpc: Vpc,
    addresses: HashMap<(usize, IpAddr), Place>,
    /// Group bits of each mapping of the file.
    prefix_groups: Vec<u64>,
}

/// Where an address is.
#[derive(Clone, Copy, Debug)]
struct Place {
    kind: MappingKind,
    mac: [u8; 6],
    host: IpAddr,
    srd: bool,
    groups: u64,
}

impl MappingService {
    /// The service for a checked VPC file.
    #[must_use]
    pub fn new(vpc: &Vpc) -> Self {
        let referred = referred_groups(&vpc.groups);
        let bits = |groups: &[usize]| {
            let set = referred.iter().enumerate().filter(|(_, group)| groups.contains(group));
            set.fold(0, |bits, (bit, _)| bits | 1 << bit)
        };
        let mut addresses = HashMap::new();
        for eni in &vpc.enis {
            let place = Place {
                kind: MappingKind::Instance,
                mac: eni.mac,
                host: vpc.card.underlay_ip,
                srd: false,
                groups: bits(&eni.groups),
            };
            addresses.extend(eni.ips.iter().map(|&ip| ((vpc.subnets[eni.subnet].vpc, ip), place)));
        }
        for mapping in &vpc.mappings {
            if let MappingKey::Address(ip) = mapping.key {
                let place = Place {
                    kind: MappingKind::Instance,
                    mac: mapping.mac,
                    host: mapping.host,
                    srd: mapping.srd,
                    groups: bits(&mapping.groups),
                };
                addresses.insert((mapping.vpc, ip), place);
            }
        }
        let prefix_groups = vpc.mappings.iter().map(|mapping| bits(&mapping.groups)).collect();
        Self { vpc: vpc.clone(), addresses, prefix_groups }
    }

    fn token_keys(&self, host: IpAddr) -> &TokenKeys {
        let entry = self.vpc.hosts.iter().find(|entry| entry.underlay_ip == host);
        entry.map_or(&self.vpc.card.token_keys, |entry| &entry.token_keys)
    }

    fn place(&self, vpc: usize, ip: IpAddr) -> Option<Place> {
        if let Some(place) = self.addresses.get(&(vpc, ip)) {
            return Some(*place);
        }
        let prefix = |key: &MappingKey| match key {
            MappingKey::Prefix(cidr) => Some(*cidr),
            MappingKey::Address(_) => None,
        };
        let matches = |cidr: &Cidr| cidr.contains(ip);
        self.vpc
            .mappings
            .iter()
            .zip(&self.prefix_groups)
            .filter(|(mapping, _)| mapping.vpc == vpc && prefix(&mapping.key).as_ref().is_some_and(matches))
            .max_by_key(|(mapping, _)| prefix(&mapping.key).map(|cidr| cidr.length))
            .map(|(mapping, &groups)| Place {
                kind: MappingKind::GatewayService,
                mac: mapping.mac,
                host: mapping.host,
                srd: mapping.srd,
                groups,
            })
    }

    /// The underlay host of an address, if anything has it.
    #[must_use]
    pub fn host_of(&self, vni: u32, ip: IpAddr) -> Option<IpAddr> {
        let vpc = self.vpc.vpcs.iter().position(|vpc| vpc.vni == vni)?;
        self.place(vpc, ip).map(|place| place.host)
    }

    /// Answers the query of `asking` (an underlay address) for an address of a VPC. The token is issued to the
    /// asking host, under the highest epoch of the destination host's keys.
    #[must_use]
    pub fn answer(&self, asking: IpAddr, vni: u32, ip: IpAddr) -> Answer {
        let vpc = self.vpc.vpcs.iter().position(|vpc| vpc.vni == vni);
        let Some(place) = vpc.and_then(|vpc| self.place(vpc, ip)) else { return Answer::Negative };
        let Some((&epoch, key)) = self.token_keys(place.host).last_key_value() else { return Answer::Negative };
        Answer::Found(control::Mapping {
            vni,
            route_table: 0,
            ip,
            kind: place.kind,
            srd: place.srd,
            path_mtu: GUEST_MTU,
            underlay_ip: place.host,
            mac: place.mac,
            token_epoch: epoch,
            token: token::compute(key, vni, epoch, ip_bits(asking), ip_bits(ip)),
            groups: place.groups,
            // A VPC file is one version of the truth, and holds for the whole run.
            version: 0,
            expiry: 0,
        })
    }
}

impl Vpc {
    /// What the control plane installs on the card before it knows any destination: everything but mappings.
    #[must_use]
    pub fn card_config(&self) -> control::CardConfig {
        let prefix = |eni: &crate::Eni, v4: bool| {
            self.subnets[eni.subnet].cidrs.iter().copied().find(|cidr| cidr.address.is_ipv4() == v4)
        };
        let referred = referred_groups(&self.groups);
        let rules = |eni: &crate::Eni, direction: fn(&SecurityGroup) -> &Vec<SecurityRule>| {
            policy::rows(eni.groups.iter().flat_map(|&group| direction(&self.groups[group])), &referred)
        };
        // A card has as many subnets as interfaces: those of its interfaces, in the file's order.
        let here: BTreeSet<usize> = self.enis.iter().map(|eni| eni.subnet).collect();
        let number = |eni: &crate::Eni| here.iter().position(|&subnet| subnet == eni.subnet);
        let nacl = |&subnet: &usize| self.subnets[subnet].nacl.map(|nacl| self.nacls[nacl].rows());
        let enis = (0_u8..)
            .zip(&self.enis)
            .map(|(port, eni)| control::Eni {
                number: port,
                name: eni.name.clone(),
                mac: eni.mac,
                vni: self.vpc_of(eni).vni,
                route_table: 0,
                source_dest_check: eni.source_dest_check,
                ips: eni.ips.clone(),
                subnet4: prefix(eni, true).and_then(|cidr| match cidr.address {
                    IpAddr::V4(address) => Some((address, cidr.length)),
                    IpAddr::V6(_) => None,
                }),
                subnet6: prefix(eni, false).and_then(|cidr| match cidr.address {
                    IpAddr::V6(address) => Some((address, cidr.length)),
                    IpAddr::V4(_) => None,
                }),
                subnet: number(eni).and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX),
                policy: EniPolicy {
                    egress: rules(eni, |group| &group.egress),
                    ingress: rules(eni, |group| &group.ingress),
                    max_connections: eni.max_connections,
                    timeouts: eni.timeouts,
                    ..EniPolicy::closed()
                },
            })
            .collect();
        control::CardConfig {
            underlay_ip: self.card.underlay_ip,
            underlay_mac: self.card.underlay_mac,
            next_hop_mac: self.card.next_hop_mac,
            gateway_mac: self.card.gateway_mac,
            token_keys: self.card.token_keys.iter().map(|(&epoch, &key)| (epoch, key)).collect(),
            hash_key: HASH_KEY,
            flow_key: FLOW_KEY,
            conntrack_key: CONNTRACK_KEY,
            clocks_per_tick: DEFAULT_CLOCKS_PER_TICK,
            query_on_miss: self.card.query_on_miss,
            strict_tcp: self.card.strict_tcp,
            subnets: here.iter().map(nacl).collect(),
            enis,
            mappings: Vec::new(),
        }
    }
}
