//! What the mapping service knows, and how it changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nitro_components::bench::Random;
use nitro_driver::DriverError;
use nitro_driver::service::Key;
use nitro_model::{Query, Reply, Service};
use nitro_wire::control::{CardConfig, Mapping, ip_bits, key_words};
use nitro_wire::registers;

use crate::whole::Whole;
use crate::world;

/// Mappings by their keys; who is not in it is not known, by anybody.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<BTreeMap<Key, Mapping>>>);

impl Known {
    /// The service that knows this.
    pub fn service(&self) -> Service {
        let known = self.clone();
        Service::new(move |Query { vni, route_table, ip }| {
            let known = known.0.lock().unwrap();
            known
                .get(&Key { vni, route_table, ip })
                .map_or(Reply::Negative, |mapping| Reply::Found(Box::new(mapping.clone())))
        })
    }
}

/// A card for mode `query` that knows a part of what its service knows, depending on the card; or the card as it is.
pub fn split(card: &CardConfig, queries: bool) -> (CardConfig, Known) {
    let mut card = card.clone();
    let known = Known::default();
    if queries {
        card.query_on_miss = true;
        let mut all = std::mem::take(&mut card.mappings);
        for (number, mapping) in all.iter_mut().enumerate() {
            mapping.version = 1;
            mapping.expiry = u32::try_from(number % 4).unwrap();
        }
        known.0.lock().unwrap().extend(all.iter().map(|mapping| (Key::of(mapping), mapping.clone())));
        if card.strict_tcp {
            card.mappings = all.into_iter().step_by(3).collect();
        }
    }
    (card, known)
}

/// Which mappings are ended.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    Key(Key),
    Vni(u32),
    /// All that there are.
    Version(u16),
}

/// An address of an interface's VPC that may have a mapping.
fn key(random: &mut Random, card: &CardConfig) -> Key {
    let eni = &card.enis[usize::try_from(random.below(2)).unwrap()];
    let ipv6 = random.chance(0.5);
    Key { vni: eni.vni, route_table: eni.route_table, ip: world::pick(random, &world::peers(ipv6)) }
}

impl Ending {
    /// One of them.
    pub fn random(random: &mut Random, card: &CardConfig) -> Self {
        let key = key(random, card);
        match random.below(4) {
            0 => Self::Vni(key.vni),
            1 => Self::Version(u16::try_from(random.below(4)).unwrap()),
            _ => Self::Key(key),
        }
    }

    /// What software writes for it.
    pub fn writes(&self) -> Vec<(u16, u32)> {
        let first = |vni: u32, route_table: u8| (registers::MAPPING_KEY.at(0), vni << 8 | u32::from(route_table));
        let command = |which| (registers::MAPPING_COMMAND.offset, which);
        match *self {
            Self::Key(Key { vni, route_table, ip }) => {
                let words = key_words(ip_bits(ip).to_be_bytes());
                let address = (1..).zip(words).map(|(index, word)| (registers::MAPPING_KEY.at(index), word));
                [first(vni, route_table)].into_iter().chain(address).chain([command(1)]).collect()
            }
            Self::Vni(vni) => vec![first(vni, 0), command(2)],
            Self::Version(version) => vec![(registers::MAPPING_VERSION.offset, version.into()), command(3)],
        }
    }
}

/// A destination gets another mapping, or none, and what was known of it is ended.
#[derive(Clone, Debug)]
pub struct Move {
    key: Key,
    mapping: Option<Mapping>,
    ending: Ending,
}

impl Move {
    /// One of them.
    pub fn random(random: &mut Random, card: &CardConfig) -> Self {
        let key = key(random, card);
        let version = u16::try_from(2 + random.below(6)).unwrap();
        let mapping = random.chance(0.8).then(|| Mapping {
            version,
            expiry: u32::try_from(random.below(4)).unwrap(),
            ..world::mapping(random, key.vni, key.ip, &card.mappings[0])
        });
        let ending = match random.below(3) {
            0 => Ending::Vni(key.vni),
            1 => Ending::Version(9),
            _ => Ending::Key(key),
        };
        Self { key, mapping, ending }
    }

    /// It happens between two turns.
    pub fn happen(&self, known: &Known, whole: &mut Whole) -> Result<(), DriverError> {
        let mut mappings = known.0.lock().unwrap();
        match &self.mapping {
            Some(mapping) => mappings.insert(self.key, mapping.clone()),
            None => mappings.remove(&self.key),
        };
        drop(mappings);
        match self.ending {
            Ending::Key(key) => {
                let Key { vni, route_table, ip } = key;
                whole.model.invalidate(Query { vni, route_table, ip });
                whole.driver(|driver| driver.invalidate(key))
            }
            Ending::Vni(vni) => {
                whole.model.invalidate_vni(vni);
                whole.driver(|driver| driver.invalidate_vni(vni))
            }
            Ending::Version(version) => {
                whole.model.invalidate_version(version);
                whole.driver(|driver| driver.invalidate_version(version))
            }
        }
    }
}
