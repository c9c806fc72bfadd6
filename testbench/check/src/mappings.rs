//! What the mapping service knows, and how it changes.
#![allow(clippy::unwrap_used, reason = "every value fits the field that it is made for")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use nitro_components::bench::Random;
use nitro_driver::service::Key;
use nitro_model::{Query, Reply, Service};
use nitro_simulator::Engine;
use nitro_wire::control::{CardConfig, Mapping, ip_bits, key_words};
use nitro_wire::registers;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::whole::{Difference, Whole};

/// Mappings by their keys, and addresses that nothing is said of; who is in neither is not known, by anybody.
#[derive(Clone, Debug, Default)]
pub struct Known {
    mappings: Arc<Mutex<BTreeMap<Key, Mapping>>>,
    silent: Arc<[IpAddr]>,
}

impl Known {
    /// These are known, and of those nothing is said.
    #[must_use]
    pub fn new(mappings: &[Mapping], silent: &[IpAddr]) -> Self {
        let known = mappings.iter().map(|mapping| (Key::of(mapping), mapping.clone())).collect();
        Self { mappings: Arc::new(Mutex::new(known)), silent: silent.into() }
    }

    /// The service that knows this.
    #[must_use]
    pub fn service(&self) -> Service {
        let known = self.clone();
        Service::new(move |Query { vni, route_table, ip }| {
            if known.silent.contains(&ip) {
                return Reply::Silence;
            }
            let known = known.mappings.lock().unwrap_or_else(PoisonError::into_inner);
            known
                .get(&Key { vni, route_table, ip })
                .map_or(Reply::Negative, |mapping| Reply::Found(Box::new(mapping.clone())))
        })
    }

    fn set(&self, key: Key, mapping: Option<Mapping>) {
        let mut known = self.mappings.lock().unwrap_or_else(PoisonError::into_inner);
        match mapping {
            Some(mapping) => known.insert(key, mapping),
            None => known.remove(&key),
        };
    }
}

/// What a service knows of which a card holds all at first: of one version, some of it for some seconds only.
#[must_use]
pub fn told(card: &CardConfig) -> Vec<Mapping> {
    let told = |(number, mapping): (u32, &Mapping)| Mapping { version: 1, expiry: number % 4, ..mapping.clone() };
    (0..).zip(&card.mappings).map(told).collect()
}

/// An address of a VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    vni: u32,
    ip: IpAddr,
}

impl Place {
    /// One of an interface's VPC that may have a mapping.
    fn random(random: &mut Random, card: &CardConfig) -> Self {
        let eni = &card.enis[usize::try_from(random.below(card.enis.len() as u64)).unwrap()];
        let ipv6 = random.chance(0.5);
        Self { vni: eni.vni, ip: rules::pick(random, &rules::peers(ipv6)) }
    }

    fn key(self) -> Key {
        Key { vni: self.vni, route_table: 0, ip: self.ip }
    }
}

/// Which mappings are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    /// That of an address.
    Key(Place),
    /// Those of a VPC.
    Vni(u32),
    /// All that are older.
    Version(u16),
}

impl Ending {
    /// One of them.
    pub fn random(random: &mut Random, card: &CardConfig) -> Self {
        let place = Place::random(random, card);
        match random.below(4) {
            0 => Self::Vni(place.vni),
            1 => Self::Version(u16::try_from(random.below(4)).unwrap()),
            _ => Self::Key(place),
        }
    }

    /// What software writes for it.
    #[must_use]
    pub fn writes(&self) -> Vec<(u16, u32)> {
        let first = |vni: u32| (registers::MAPPING_KEY.at(0), vni << 8);
        let command = |which| (registers::MAPPING_COMMAND.offset, which);
        match *self {
            Self::Key(Place { vni, ip }) => {
                let words = key_words(ip_bits(ip).to_be_bytes());
                let address = (1..).zip(words).map(|(index, word)| (registers::MAPPING_KEY.at(index), word));
                [first(vni)].into_iter().chain(address).chain([command(1)]).collect()
            }
            Self::Vni(vni) => vec![first(vni), command(2)],
            Self::Version(version) => vec![(registers::MAPPING_VERSION.offset, version.into()), command(3)],
        }
    }
}

/// A destination gets another mapping, or none, and what was known of it is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    place: Place,
    mapping: Option<Mapping>,
    ending: Ending,
}

impl Move {
    /// One of them, the mapping in all else as the template.
    pub fn random(random: &mut Random, card: &CardConfig, template: &Mapping) -> Self {
        let place = Place::random(random, card);
        let version = u16::try_from(2 + random.below(6)).unwrap();
        let mapping = random.chance(0.8).then(|| Mapping {
            version,
            expiry: u32::try_from(random.below(4)).unwrap(),
            ..rules::mapping(random, place.vni, place.ip, template)
        });
        let ending = match random.below(3) {
            0 => Ending::Vni(place.vni),
            1 => Ending::Version(9),
            _ => Ending::Key(place),
        };
        Self { place, mapping, ending }
    }

    /// It happens between two turns.
    ///
    /// # Errors
    /// If the registers fail.
    pub fn happen<E: Engine>(&self, known: &Known, whole: &mut Whole<E>) -> Result<(), Difference> {
        known.set(self.place.key(), self.mapping.clone());
        match self.ending {
            Ending::Key(place) => {
                let key = place.key();
                let Key { vni, route_table, ip } = key;
                whole.model.invalidate(Query { vni, route_table, ip });
                whole.driver(|driver| driver.invalidate(key))?;
            }
            Ending::Vni(vni) => {
                whole.model.invalidate_vni(vni);
                whole.driver(|driver| driver.invalidate_vni(vni))?;
            }
            Ending::Version(version) => {
                whole.model.invalidate_version(version);
                whole.driver(|driver| driver.invalidate_version(version))?;
            }
        }
        Ok(())
    }
}
