//! A case: a card's world, and what happens to it. Everything that a check needs, so that a failing one can be kept and run again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use nitro_card::config::Config;
use nitro_simulator::Engine;
use nitro_vpc::{MappingService, Vpc};
use nitro_wire::control::{CardConfig, Mapping};
use nitro_wire::{DropReason, MappingKind};
use serde::{Deserialize, Serialize};

use crate::mappings::{Ending, Known, Move};
use crate::whole::{Change, Difference, Frame, Rates, Strictness, Whole, interpreted};

/// What a card is programmed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum World {
    /// What a VPC file says.
    File {
        /// The file.
        vpc: String,
        /// What is in the mapping cache before anything happens.
        cached: Vec<Cached>,
    },
    /// Tables as they are, for what a VPC file cannot say.
    Card(Box<CardConfig>),
}

/// An address whose mapping is in the cache: what the mapping service of the VPC file answers, be it that there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cached {
    /// VNI of the VPC.
    pub vni: u32,
    /// The address.
    pub ip: IpAddr,
    /// Another MTU than the service says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_mtu: Option<u16>,
    /// Of the kind that drops.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
}

/// A frame, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The frame.
    pub frame: Frame,
}

/// A policy that is replaced while frames come and go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct During {
    /// Clocks after the first offer.
    pub clock: u64,
    /// The replacement, which leaves limits and timeouts alone.
    pub change: Change,
}

/// A mapping service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serving {
    /// Clocks until a query is answered, at most.
    pub most_clocks: u64,
    /// What it knows.
    pub known: Vec<Mapping>,
    /// Of what it says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<IpAddr>,
}

/// What happens to a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Frames enter, those of a side back to back.
    Turn {
        /// The frames.
        frames: Vec<Sent>,
        /// What is replaced meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        during: Option<During>,
    },
    /// Ticks pass.
    Ticks(u32),
    /// A policy is replaced while nothing else happens.
    Change(Change),
    /// A destination moves, or is no more.
    Move(Move),
    /// In the next turn mappings are ended, which the service then gives again.
    Interrupt {
        /// Clocks after which that begins.
        clock: u64,
        /// Which ones.
        ending: Ending,
    },
    /// From the beginning of the next turn on time runs, until ticks pass the next time. For turns in which one waits for what does not come:
    /// otherwise it is open which packet comes in which tick.
    Run,
}

/// A card's world, and what happens to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, or once failed.
    pub description: String,
    /// Name of the configuration.
    pub config: String,
    /// What the card is programmed with.
    pub world: World,
    /// Who answers its queries, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Serving>,
    /// What the bench insists on.
    pub strictness: Strictness,
    /// Disturbances of the ports.
    #[serde(default)]
    pub rates: Rates,
    /// Looks whether outputs depend on `tready`, too.
    #[serde(default)]
    pub independence: bool,
    /// What happens.
    pub acts: Vec<Act>,
}

/// What a case showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that were offered.
    pub packets: u64,
    /// Clocks of the traffic.
    pub clocks: u64,
    /// How often each verdict, reason and kind of flow came up.
    pub shown: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.clocks += other.clocks;
        for (name, count) in &other.shown {
            *self.shown.entry(name.clone()).or_default() += count;
        }
    }

    /// Frames that were dropped for a reason.
    #[must_use]
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.shown.get(reason.name()).copied().unwrap_or(0)
    }
}

impl World {
    /// What the card is programmed with, and what the model gets.
    ///
    /// # Errors
    /// If the VPC file is none.
    pub fn card(&self) -> Result<CardConfig, Difference> {
        let (text, cached) = match self {
            Self::Card(card) => return Ok((**card).clone()),
            Self::File { vpc, cached } => (vpc, cached),
        };
        let vpc = Vpc::parse(text, Path::new("vpc.toml"))?;
        let service = MappingService::new(&vpc);
        let mapping = |cached: &Cached| {
            let answer = service.answer(vpc.card.underlay_ip, cached.vni, cached.ip);
            let mapping = answer.entry(cached.vni, cached.ip);
            if mapping.kind == MappingKind::Negative {
                return mapping;
            }
            let kind = if cached.drop { MappingKind::Drop } else { mapping.kind };
            Mapping { kind, path_mtu: cached.path_mtu.unwrap_or(mapping.path_mtu), ..mapping }
        };
        let mappings = cached.iter().map(mapping).collect();
        Ok(CardConfig { mappings, ..vpc.card_config() })
    }
}

impl Case {
    /// A case in which nothing happens.
    #[must_use]
    pub fn empty(config: Config, description: String) -> Self {
        Self {
            description,
            config: config.name().to_owned(),
            world: World::Card(Box::default()),
            service: None,
            strictness: Strictness::Full,
            rates: Rates::default(),
            independence: false,
            acts: Vec::new(),
        }
    }

    /// Frames of all turns.
    #[must_use]
    pub fn packets(&self) -> usize {
        let frames = |act: &Act| if let Act::Turn { frames, .. } = act { frames.len() } else { 0 };
        self.acts.iter().map(frames).sum()
    }

    /// The configuration.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn config(&self) -> Result<Config, Difference> {
        Config::from_name(&self.config).ok_or_else(|| Difference::Config(self.config.clone()))
    }
}

/// Runs a case on the interpreted card and on the model.
///
/// # Errors
/// What differs.
pub fn check(case: &Case) -> Result<Tally, Difference> {
    check_on(case, interpreted(case.config()?))
}

/// Runs a case on a card of its configuration and on the model.
///
/// # Errors
/// What differs.
pub fn check_on<E: Engine>(case: &Case, engine: E) -> Result<Tally, Difference> {
    let card = case.world.card()?;
    play(case, Whole::try_on(engine, case.config()?, &card, case.rates)?)
}

/// Runs a case on a card that is its world already, disturbed as it says.
///
/// # Errors
/// What differs.
pub fn play<E: Engine>(case: &Case, mut whole: Whole<E>) -> Result<Tally, Difference> {
    whole.check_independence(case.independence);
    let known = case.service.as_ref().map(|service| Known::new(&service.known, &service.silent)).unwrap_or_default();
    if let Some(service) = &case.service {
        whole = whole.with_service(known.service(), service.most_clocks);
    }
    let mut packets = 0;
    for (number, act) in case.acts.iter().enumerate() {
        let result = match act {
            Act::Ticks(ticks) => whole.pass_ticks(*ticks),
            Act::Change(change) => whole.change(change),
            Act::Move(change) => change.happen(&known, &mut whole),
            Act::Interrupt { clock, ending } => {
                whole.interrupt(*clock, &ending.writes());
                Ok(())
            }
            Act::Run => {
                whole.let_time_run();
                Ok(())
            }
            Act::Turn { frames, during } => {
                packets += frames.len() as u64;
                let frames: Vec<Frame> = frames.iter().map(|sent| sent.frame.clone()).collect();
                // A stored case may be of any form.
                let during = during.as_ref().filter(|during| during.change.keeps_limits(&whole.model));
                let change = during.map(|during| (during.clock, &during.change));
                whole.turn_with(&frames, case.strictness, change)
            }
        };
        result.map_err(|difference| difference.in_act(number))?;
    }
    whole.finish()?;
    let shown = whole.shown.into_iter().map(|(name, count)| (name, count.into())).collect();
    Ok(Tally { packets, clocks: whole.clocks, shown })
}
