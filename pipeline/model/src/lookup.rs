//! Stage `lookup`: the mapping cache, mode `drop`: what it does not hold is dropped.
//!
//! Drop reasons: `cache_miss`, `no_mapping`, `mapping_drop`.

use std::collections::HashMap;

use nitro_wire::control::{Eni, Mapping, ip_bits};
use nitro_wire::{DropReason, MappingKind};

/// The mapping cache: entries by (VNI, route table, address).
#[derive(Clone, Debug, Default)]
pub struct MappingCache(HashMap<(u32, u8, u128), Mapping>);

impl MappingCache {
    /// A cache that holds these entries.
    #[must_use]
    pub fn new(mappings: &[Mapping]) -> Self {
        let entry = |mapping: &Mapping| ((mapping.vni, mapping.route_table, ip_bits(mapping.ip)), mapping.clone());
        Self(mappings.iter().map(entry).collect())
    }

    /// The entry for an address, as the interface sees it.
    #[must_use]
    pub fn get(&self, eni: &Eni, address: u128) -> Option<&Mapping> {
        self.0.get(&(eni.vni, eni.route_table, address))
    }
}

/// The mapping of a packet's destination, or why there is no way to it.
pub fn lookup<'a>(cache: &'a MappingCache, eni: &Eni, destination: u128) -> Result<&'a Mapping, DropReason> {
    let mapping = cache.get(eni, destination).ok_or(DropReason::CacheMiss)?;
    match mapping.kind {
        MappingKind::Negative => Err(DropReason::NoMapping),
        MappingKind::Drop => Err(DropReason::MappingDrop),
        MappingKind::Instance | MappingKind::GatewayService | MappingKind::EndpointService => Ok(mapping),
    }
}
