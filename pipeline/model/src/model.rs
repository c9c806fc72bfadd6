//! The card: its state, what it is told, and what became of a frame. The two paths are in `paths`.

use nitro_wire::control::{CardConfig, Mapping};
use nitro_wire::counters::{Bank, EniCounter};
use nitro_wire::policy::{EniPolicy, MAX_CONNECTIONS, Nacl};
use nitro_wire::{DropReason, Flow, Verdict as VerdictCode};

use crate::allowances::LinkLocal;
use crate::conntrack::{Connection, Conntrack, Key};
use crate::counters::Counters;
use crate::eni::Enis;
use crate::fragments::Fragments;
use crate::lookup::{Lookup, MappingCache, Query, Service};

/// A card without clocks.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) config: CardConfig,
    pub(crate) enis: Enis,
    pub(crate) lookup: Lookup,
    pub(crate) conntrack: Conntrack,
    pub(crate) fragments: Fragments,
    pub(crate) link_local: LinkLocal,
    tick: u64,
    pub(crate) counters: Counters,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sent to the underlay, as this frame.
    Forward(Vec<u8>),
    /// Goes on in the rx path of the same card: [`Outcome::local`].
    Local,
    /// Delivered to a guest.
    Deliver {
        /// The interface.
        eni: u8,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Answered by the card.
    Reply {
        /// The interface that asked and gets the answer.
        eni: u8,
        /// The answer.
        frame: Vec<u8>,
    },
    /// Dropped.
    Drop(DropReason),
    /// Dropped, and its sender is told why.
    Bounce {
        /// Why it was dropped.
        reason: DropReason,
        /// The interface that sent it and is told.
        eni: u8,
        /// What it is told.
        frame: Vec<u8>,
    },
}

impl Verdict {
    /// The verdict without its data.
    #[must_use]
    pub const fn code(&self) -> VerdictCode {
        match self {
            Self::Forward(_) | Self::Local | Self::Deliver { .. } => VerdictCode::Pass,
            Self::Reply { .. } => VerdictCode::Reply,
            Self::Drop(_) | Self::Bounce { .. } => VerdictCode::Drop,
        }
    }

    /// The drop reason.
    #[must_use]
    pub const fn reason(&self) -> Option<DropReason> {
        match self {
            Self::Drop(reason) | Self::Bounce { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    /// The frame that leaves the card.
    #[must_use]
    pub fn frame(&self) -> Option<&[u8]> {
        match self {
            Self::Forward(frame)
            | Self::Deliver { frame, .. }
            | Self::Reply { frame, .. }
            | Self::Bounce { frame, .. } => Some(frame),
            Self::Local | Self::Drop(_) => None,
        }
    }
}

/// A frame's verdict, the interface concerned, and what connection tracking found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What became of the frame.
    pub verdict: Verdict,
    /// tx: the interface it came from, if there is one of that number; rx: the one it was delivered to.
    pub eni: Option<u8>,
    /// What connection tracking found.
    pub flow: Flow,
    /// What the rx path made of it, if the destination is on this card.
    pub local: Option<Box<Outcome>>,
}

impl Model {
    /// A card with this configuration, at tick 0, with place for as many connections as there may be.
    #[must_use]
    pub fn new(config: CardConfig) -> Self {
        Self::with_capacity(config, usize::MAX)
    }

    /// A card that tracks at most `connections` at a time.
    #[must_use]
    pub fn with_capacity(config: CardConfig, connections: usize) -> Self {
        let enis = Enis::new(&config.enis);
        let cache = MappingCache::new(&config.mappings);
        let lookup = Lookup { cache, query_on_miss: config.query_on_miss, service: None };
        Self {
            config,
            enis,
            lookup,
            conntrack: Conntrack::new(connections),
            fragments: Fragments::default(),
            link_local: LinkLocal::default(),
            tick: 0,
            counters: Counters::default(),
        }
    }

    /// The same card, its misses answered by this service (if it has mode `query`).
    #[must_use]
    pub fn with_service(mut self, service: Service) -> Self {
        self.lookup.service = Some(service);
        self
    }

    /// The configuration, with the policies and ACLs of now; mappings are those of the beginning.
    #[must_use]
    pub fn config(&self) -> &CardConfig {
        &self.config
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A counter of an interface; all are 0 for one that does not exist.
    #[must_use]
    pub fn eni_counter(&self, eni: u8, counter: EniCounter) -> u64 {
        if counter != EniCounter::ConntrackAllowanceAvailable {
            return self.counters.of_eni(eni, counter);
        }
        let most = self.enis.get(eni).map_or(0, |eni| eni.policy.max_connections.min(MAX_CONNECTIONS));
        most.saturating_sub(self.conntrack.count(eni)).into()
    }

    /// The time in ticks.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// It is now this tick, for all packets from here on. Time does not run backwards: an earlier tick changes nothing.
    pub fn set_tick(&mut self, tick: u64) {
        self.tick = self.tick.max(tick);
        self.lookup.cache.set_tick(self.tick);
        self.conntrack.set_tick(self.tick);
        self.fragments.set_tick(self.tick);
        self.link_local.set_tick(self.tick);
    }

    /// The connections that there are now.
    pub fn connections(&self) -> impl Iterator<Item = (&Key, &Connection)> {
        self.conntrack.iter()
    }

    /// Gives an interface another policy, between two packets. Connections that are tracked stay; buckets are filled.
    pub fn replace_policy(&mut self, eni: u8, policy: EniPolicy) {
        if let Some(entry) = self.config.enis.iter_mut().find(|entry| entry.number == eni) {
            entry.policy = policy.clone();
        }
        self.enis.set_policy(eni, policy);
        self.link_local.fill(eni);
    }

    /// Gives a subnet another network ACL, or none, between two packets.
    pub fn replace_nacl(&mut self, subnet: u8, nacl: Option<Nacl>) {
        let index = usize::from(subnet);
        if self.config.subnets.len() <= index {
            self.config.subnets.resize(index + 1, None);
        }
        self.config.subnets[index] = nacl;
    }

    /// Installs a mapping in the cache.
    pub fn install_mapping(&mut self, mapping: Mapping) {
        self.lookup.cache.install(mapping);
    }

    /// Removes the mapping of a key: it serves no packet from here on.
    pub fn invalidate(&mut self, key: Query) {
        self.lookup.cache.invalidate(key);
    }

    /// Removes all mappings of a VPC.
    pub fn invalidate_vni(&mut self, vni: u32) {
        self.lookup.cache.invalidate_vni(vni);
    }

    /// Removes all mappings of versions before this one; versions wrap.
    pub fn invalidate_version(&mut self, version: u16) {
        self.lookup.cache.invalidate_version(version);
    }

    /// A guest's frame, from the interface of this number; `error` is the stream's error flag.
    pub fn tx(&mut self, eni: u8, frame: &[u8], error: bool) -> Outcome {
        self.tx_between(eni, frame, error, |_| {})
    }

    /// The same; if the frame is for another guest here, `change` comes between its two paths.
    pub fn tx_between(&mut self, eni: u8, frame: &[u8], error: bool, change: impl FnOnce(&mut Self)) -> Outcome {
        let mut flow = Flow::None;
        let mut inner = None;
        let verdict = self.tx_path(eni, frame, error, &mut flow, &mut inner).unwrap_or_else(Verdict::Drop);
        self.counters.count(Bank::Tx, &verdict, frame.len());
        if let Some(reason) = verdict.reason() {
            self.counters.lose(eni, reason);
        }
        let local = inner.map(|(vni, inner)| {
            change(self);
            let mut flow = Flow::None;
            let verdict = self.receive(vni, &inner, &mut flow).unwrap_or_else(Verdict::Drop);
            Box::new(self.received(verdict, flow, inner.len()))
        });
        Outcome { verdict, eni: self.enis.get(eni).map(|eni| eni.number), flow, local }
    }

    /// A frame from the underlay; `error` is the stream's error flag.
    pub fn rx(&mut self, frame: &[u8], error: bool) -> Outcome {
        let mut flow = Flow::None;
        let verdict = self.rx_path(frame, error, &mut flow).unwrap_or_else(Verdict::Drop);
        self.received(verdict, flow, frame.len())
    }

    fn received(&mut self, verdict: Verdict, flow: Flow, length: usize) -> Outcome {
        self.counters.count(Bank::Rx, &verdict, length);
        let eni = if let Verdict::Deliver { eni, .. } = verdict { Some(eni) } else { None };
        Outcome { verdict, eni, flow, local: None }
    }
}
