//! The VPC file as it is written: unknown keys are errors, every value keeps its place.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub(crate) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub card: Card,
    #[serde(default)]
    pub vpc: Vec<VpcEntry>,
    #[serde(default)]
    pub prefix_list: Vec<PrefixList>,
    #[serde(default)]
    pub nacl: Vec<Nacl>,
    #[serde(default)]
    pub subnet: Vec<Subnet>,
    #[serde(default)]
    pub security_group: Vec<SecurityGroup>,
    #[serde(default)]
    pub eni: Vec<Eni>,
    #[serde(default)]
    pub host: Vec<Host>,
    #[serde(default)]
    pub mapping: Vec<Mapping>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    pub underlay_ip: Text,
    pub underlay_mac: Text,
    pub next_hop_mac: Text,
    pub gateway_mac: Text,
    pub token_keys: Spanned<BTreeMap<String, Text>>,
    pub miss: Option<Text>,
    #[serde(default)]
    pub strict_tcp: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VpcEntry {
    pub name: Text,
    pub vni: Spanned<u64>,
    pub cidrs: Spanned<Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrefixList {
    pub name: Text,
    pub max_entries: Spanned<u64>,
    pub cidrs: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Icmp {
    #[serde(rename = "type")]
    pub kind: u8,
    pub code: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nacl {
    pub name: Text,
    #[serde(default)]
    pub ingress: Vec<NaclRule>,
    #[serde(default)]
    pub egress: Vec<NaclRule>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum ProtocolText {
    Name(String),
    Number(u64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NaclRule {
    pub rule: Spanned<u64>,
    pub action: Text,
    pub protocol: Spanned<ProtocolText>,
    pub ports: Option<Text>,
    pub icmp: Option<Spanned<Icmp>>,
    pub cidr: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subnet {
    pub name: Text,
    pub vpc: Text,
    pub cidrs: Spanned<Vec<Text>>,
    pub nacl: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityGroup {
    pub name: Text,
    pub vpc: Text,
    #[serde(default)]
    pub ingress: Vec<SecurityRule>,
    #[serde(default)]
    pub egress: Vec<SecurityRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub cidr: Option<Text>,
    pub prefix_list: Option<Text>,
    pub group: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityRule {
    pub protocol: Spanned<ProtocolText>,
    pub ports: Option<Text>,
    pub icmp: Option<Spanned<Icmp>>,
    pub peer: Spanned<Peer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timeouts {
    pub tcp_established: Option<Spanned<u64>>,
    pub tcp_transient: Option<Spanned<u64>>,
    pub udp: Option<Spanned<u64>>,
    pub udp_stream: Option<Spanned<u64>>,
    pub icmp: Option<Spanned<u64>>,
    pub other: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Eni {
    pub name: Text,
    pub subnet: Text,
    pub mac: Text,
    pub ips: Spanned<Vec<Text>>,
    #[serde(default)]
    pub groups: Vec<Text>,
    #[serde(default = "enabled")]
    pub source_dest_check: bool,
    pub max_connections: Option<Spanned<u64>>,
    pub timeouts: Option<Timeouts>,
}

fn enabled() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    pub underlay_ip: Text,
    pub token_keys: Option<Spanned<BTreeMap<String, Text>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    pub vpc: Text,
    pub ip: Option<Text>,
    pub cidr: Option<Text>,
    pub mac: Text,
    pub host: Text,
    #[serde(default)]
    pub groups: Vec<Text>,
    #[serde(default)]
    pub srd: bool,
}
