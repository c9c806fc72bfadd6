//! Stage `lookup`: the mapping cache, and the mapping service behind it.
//!
//! A miss in mode `query` asks the service: what it finds is installed, and that it finds nothing is remembered for some
//! seconds. In mode `drop` what the cache does not hold is dropped.
//!
//! Drop reasons: `cache_miss`, `no_mapping`, `mapping_timeout`, `mapping_drop`.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use nitro_wire::control::{Eni, Mapping, ip_bits, ip_from_bits};
use nitro_wire::policy::{MAX_MAPPING_SECONDS, NEGATIVE_SECONDS};
use nitro_wire::{DropReason, MappingKind};

use crate::conntrack::deadline;

/// A question to the mapping service: where is this address?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// VNI of the VPC.
    pub vni: u32,
    /// Route table of the interface's subnet.
    pub route_table: u8,
    /// The address.
    pub ip: IpAddr,
}

/// What the mapping service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Where it is. VNI, route table and address are those of the query, whatever the mapping has.
    Found(Box<Mapping>),
    /// Nothing has that address.
    Negative,
    /// Nothing, in time.
    Silence,
}

/// A mapping service.
#[derive(Clone)]
pub struct Service(Arc<dyn Fn(Query) -> Reply + Send + Sync>);

impl Service {
    /// The service that answers as this function does.
    pub fn new(answer: impl Fn(Query) -> Reply + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// Its answer to a query.
    #[must_use]
    pub fn answer(&self, query: Query) -> Reply {
        (self.0)(query)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Service")
    }
}

/// An entry of the cache.
#[derive(Clone, Debug)]
struct Entry {
    mapping: Mapping,
    /// Tick from which on it does not serve.
    deadline: Option<u64>,
}

/// The mapping cache: entries by (VNI, route table, address).
#[derive(Clone, Debug, Default)]
pub struct MappingCache {
    entries: HashMap<(u32, u8, u128), Entry>,
    tick: u64,
}

impl MappingCache {
    /// A cache that holds these entries, installed at tick 0.
    #[must_use]
    pub fn new(mappings: &[Mapping]) -> Self {
        let mut cache = Self::default();
        mappings.iter().for_each(|mapping| cache.install(mapping.clone()));
        cache
    }

    /// It is now this tick.
    pub fn set_tick(&mut self, tick: u64) {
        self.tick = tick;
    }

    /// The entry for an address, as the interface sees it.
    #[must_use]
    pub fn get(&self, eni: &Eni, address: u128) -> Option<&Mapping> {
        let entry = self.entries.get(&(eni.vni, eni.route_table, address))?;
        entry.deadline.is_none_or(|deadline| self.tick < deadline).then_some(&entry.mapping)
    }

    /// Installs a mapping, in place of one of the same key.
    pub fn install(&mut self, mapping: Mapping) {
        let key = (mapping.vni, mapping.route_table, ip_bits(mapping.ip));
        let seconds = mapping.expiry.min(MAX_MAPPING_SECONDS);
        let deadline = (seconds != 0).then(|| deadline(self.tick, seconds));
        self.entries.insert(key, Entry { mapping, deadline });
    }

    /// Removes the entry of a key.
    pub fn invalidate(&mut self, query: Query) {
        self.entries.remove(&(query.vni, query.route_table, ip_bits(query.ip)));
    }

    /// Removes all entries of a VPC.
    pub fn invalidate_vni(&mut self, vni: u32) {
        self.entries.retain(|(of, ..), _| *of != vni);
    }

    /// Removes all entries whose version is before this one. Versions wrap: before are the 32,767 numbers below it (RFC 1982).
    pub fn invalidate_version(&mut self, version: u16) {
        let is_before = |of: u16| (1..0x8000).contains(&version.wrapping_sub(of));
        self.entries.retain(|_, entry| !is_before(entry.mapping.version));
    }
}

/// The cache and what a miss does.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The cache.
    pub cache: MappingCache,
    /// Mode `query`, else mode `drop`.
    pub query_on_miss: bool,
    /// Who is asked. Without a service no query is answered.
    pub service: Option<Service>,
}

impl Lookup {
    /// The entry for an address; after a miss in mode `query` the service's answer, which is then in the cache.
    pub fn resolve(&mut self, eni: &Eni, address: u128) -> Result<&Mapping, DropReason> {
        if self.cache.get(eni, address).is_none() {
            if !self.query_on_miss {
                return Err(DropReason::CacheMiss);
            }
            let query = Query { vni: eni.vni, route_table: eni.route_table, ip: ip_from_bits(address) };
            let reply = self.service.as_ref().map_or(Reply::Silence, |service| service.answer(query));
            let Query { vni, route_table, ip } = query;
            self.cache.install(match reply {
                Reply::Found(mapping) => Mapping { vni, route_table, ip, ..*mapping },
                Reply::Negative => negative(query),
                Reply::Silence => return Err(DropReason::MappingTimeout),
            });
        }
        self.cache.get(eni, address).ok_or(DropReason::MappingTimeout)
    }

    /// The security groups of an address: those of its mapping, none without one.
    pub fn groups(&mut self, eni: &Eni, address: u128) -> u64 {
        self.resolve(eni, address).map_or(0, |mapping| match mapping.kind {
            MappingKind::Negative => 0,
            _ => mapping.groups,
        })
    }
}

/// What is remembered of a negative reply.
fn negative(query: Query) -> Mapping {
    Mapping {
        vni: query.vni,
        route_table: query.route_table,
        ip: query.ip,
        kind: MappingKind::Negative,
        srd: false,
        path_mtu: 0,
        underlay_ip: query.ip,
        mac: [0; 6],
        token_epoch: 0,
        token: 0,
        groups: 0,
        version: 0,
        expiry: NEGATIVE_SECONDS,
    }
}

/// The way that a mapping shows, or why there is none.
pub fn way(mapping: &Mapping) -> Result<&Mapping, DropReason> {
    match mapping.kind {
        MappingKind::Negative => Err(DropReason::NoMapping),
        MappingKind::Drop => Err(DropReason::MappingDrop),
        MappingKind::Instance | MappingKind::GatewayService | MappingKind::EndpointService => Ok(mapping),
    }
}
