//! The two paths, stage by stage.

use nitro_wire::counters::Bank;
use nitro_wire::policy::{Direction, Nacl};
use nitro_wire::{CardConfig, DropReason, Verdict as VerdictCode};

use crate::counters::Counters;
use crate::eni::Enis;
use crate::lookup::MappingCache;
use crate::token::inner_ip;
use crate::{decap, encap, eni, lookup, nacl, parser, responder, token};

/// A card without clocks.
#[derive(Clone, Debug)]
pub struct Model {
    config: CardConfig,
    enis: Enis,
    cache: MappingCache,
    counters: Counters,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sent to the underlay, as this frame.
    Forward(Vec<u8>),
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
}

impl Verdict {
    /// The verdict without its data.
    #[must_use]
    pub const fn code(&self) -> VerdictCode {
        match self {
            Self::Forward(_) | Self::Deliver { .. } => VerdictCode::Pass,
            Self::Reply { .. } => VerdictCode::Reply,
            Self::Drop(_) => VerdictCode::Drop,
        }
    }

    /// The drop reason.
    #[must_use]
    pub const fn reason(&self) -> Option<DropReason> {
        match self {
            Self::Drop(reason) => Some(*reason),
            _ => None,
        }
    }

    /// The frame that leaves the card.
    #[must_use]
    pub fn frame(&self) -> Option<&[u8]> {
        match self {
            Self::Forward(frame) | Self::Deliver { frame, .. } | Self::Reply { frame, .. } => Some(frame),
            Self::Drop(_) => None,
        }
    }
}

/// A frame's verdict and the interface concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What became of the frame.
    pub verdict: Verdict,
    /// tx: the interface it came from, if there is one of that number; rx: the one it was delivered to.
    pub eni: Option<u8>,
}

impl Model {
    /// A card with this configuration.
    #[must_use]
    pub fn new(config: CardConfig) -> Self {
        let enis = Enis::new(&config.enis);
        let cache = MappingCache::new(&config.mappings);
        Self { config, enis, cache, counters: Counters::default() }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &CardConfig {
        &self.config
    }

    /// Gives a subnet another network ACL, or none, between two packets.
    pub fn replace_nacl(&mut self, subnet: u8, nacl: Option<Nacl>) {
        let index = usize::from(subnet);
        if self.config.subnets.len() <= index {
            self.config.subnets.resize(index + 1, None);
        }
        self.config.subnets[index] = nacl;
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A guest's frame, from the interface of this number; `error` is the stream's error flag.
    pub fn tx(&mut self, eni: u8, frame: &[u8], error: bool) -> Outcome {
        let verdict = self.tx_verdict(eni, frame, error).unwrap_or_else(Verdict::Drop);
        self.counters.count(Bank::Tx, &verdict, frame.len());
        Outcome { verdict, eni: self.enis.get(eni).map(|eni| eni.number) }
    }

    /// A frame from the underlay; `error` is the stream's error flag.
    pub fn rx(&mut self, frame: &[u8], error: bool) -> Outcome {
        let verdict = self.rx_verdict(frame, error).unwrap_or_else(Verdict::Drop);
        self.counters.count(Bank::Rx, &verdict, frame.len());
        let eni = if let Verdict::Deliver { eni, .. } = verdict { Some(eni) } else { None };
        Outcome { verdict, eni }
    }

    fn tx_verdict(&self, number: u8, frame: &[u8], error: bool) -> Result<Verdict, DropReason> {
        let gateway_mac = self.config.gateway_mac;
        let parsed = parser::receive(frame, error);
        parsed.reason.map_or(Ok(()), Err)?;
        let eni = eni::tx(&self.enis, number, &parsed)?;
        if let Some(question) = responder::ask(&self.enis, eni, gateway_mac, &parsed)? {
            let frame = responder::answer(&self.cache, eni, gateway_mac, &parsed, question)?;
            return Ok(Verdict::Reply { eni: number, frame });
        }
        let mapping = lookup::lookup(&self.cache, eni, parsed.dst_ip)?;
        nacl::judge(&self.config.subnets, eni, Direction::Egress, &parsed)?;
        encap::encap(&self.config, eni, mapping, &parsed, frame).map(Verdict::Forward)
    }

    fn rx_verdict(&self, frame: &[u8], error: bool) -> Result<Verdict, DropReason> {
        let outer = parser::receive(frame, error);
        outer.reason.map_or(Ok(()), Err)?;
        let overlay = decap::check(&self.config, &outer, frame)?;
        let ip = inner_ip(overlay.inner);
        let destination = ip.map_or(0, |ip| ip.destination);
        let (keys, vni) = (&self.config.token_keys, overlay.vni);
        token::check(keys, vni, overlay.token_epoch, outer.src_ip, destination, overlay.token)?;
        // The stages behind these options do not exist yet: no flow and no endpoint is known.
        if overlay.layout.has_srd() {
            return Err(DropReason::SrdNoFlow);
        }
        if overlay.layout.has_endpoint() {
            return Err(DropReason::BadEndpoint);
        }
        let ecn = ip.map(|ip| decap::combine_ecn(ip.traffic_class & 3, overlay.ecn)).transpose()?;
        let inner = parser::parse(overlay.inner);
        inner.reason.map_or(Ok(()), Err)?;
        let eni = eni::rx(&self.enis, vni, &inner)?;
        nacl::judge(&self.config.subnets, eni, Direction::Ingress, &inner)?;
        let frame = match (ip, ecn) {
            (Some(ip), Some(ecn)) => decap::with_ecn(overlay.inner, &ip, ecn),
            _ => overlay.inner.to_vec(),
        };
        Ok(Verdict::Deliver { eni: eni.number, frame })
    }
}
