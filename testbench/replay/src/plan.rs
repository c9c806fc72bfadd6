//! What each frame of a capture is to the card: from a guest, to a guest, or none of its business.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use nitro_model::{Sender, wrap};
use nitro_vpc::{Answer, MappingService, Vpc};
use nitro_wire::Layout;
use nitro_wire::constants::ethertype;
use nitro_wire::control::{CardConfig, Mapping, ip_bits};
use nitro_wire::policy::TICKS_PER_SECOND;

use crate::capture::CapturedFrame;
use crate::report::Path;

/// A frame as it is offered to the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The path that it takes.
    pub path: Path,
    /// The ENI that it comes from (tx) or goes to (rx, as far as the tool knows).
    pub eni: Option<u8>,
    /// The bytes at the card's port: the guest's frame (tx) or the encapsulated one (rx).
    pub bytes: Vec<u8>,
    /// Clock before which it is not offered.
    pub not_before: u64,
    /// Tick of timeouts in which it is offered, for an engine without clocks.
    pub tick: u64,
    /// Source address of a frame from one guest of the card to another, which takes both paths.
    pub local: Option<IpAddr>,
}

/// Mappings that a card in mode `drop` holds at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Index of the first frame that needs them.
    pub from: usize,
    /// The mappings.
    pub mappings: Vec<Mapping>,
}

/// What is offered to the card, one entry a frame of the capture, and how the card is configured for it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One entry a frame; none for a frame that is skipped.
    pub offers: Vec<Option<Offer>>,
    /// The card's configuration, its mapping cache empty.
    pub config: CardConfig,
    /// What the mapping cache is filled with on the way: a capture may ask for more than it holds.
    pub batches: Vec<Batch>,
}

impl Plan {
    /// The configuration of a card whose mapping cache holds everything at once.
    #[must_use]
    pub fn whole_config(&self) -> CardConfig {
        let mut config = self.config.clone();
        let mut seen = BTreeSet::new();
        let mappings = self.batches.iter().flat_map(|batch| &batch.mappings);
        config.mappings = mappings.filter(|mapping| seen.insert((mapping.vni, mapping.ip))).cloned().collect();
        config
    }
}

/// How frames are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// Back to back.
    #[default]
    Dense,
    /// As in the file, at this many clocks a microsecond (MHz).
    File {
        /// Clock frequency.
        mhz: u32,
    },
}

/// The type and network header of an Ethernet frame, one 802.1Q tag skipped.
fn network_header(frame: &[u8]) -> Option<(u16, &[u8])> {
    let kind = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    match kind(12)? {
        ethertype::VLAN => Some((kind(16)?, frame.get(18..)?)),
        other => Some((other, frame.get(14..)?)),
    }
}

fn ipv4_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(IpAddr::from(bytes))
}

fn ipv6_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let bytes: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
    Some(IpAddr::from(bytes))
}

/// Source and destination address, as far as the frame has them; of ARP and neighbour solicitations the target.
fn addresses(frame: &[u8]) -> (Option<IpAddr>, Option<IpAddr>) {
    match network_header(frame) {
        Some((ethertype::IPV4, header)) => (ipv4_at(header, 12), ipv4_at(header, 16)),
        Some((ethertype::IPV6, header)) => (ipv6_at(header, 8), ipv6_at(header, 24)),
        Some((ethertype::ARP, header)) => (ipv4_at(header, 14), ipv4_at(header, 24)),
        _ => (None, None),
    }
}

/// Target of an ICMPv6 neighbour solicitation right behind the IPv6 header.
fn solicited(frame: &[u8]) -> Option<IpAddr> {
    match network_header(frame)? {
        (ethertype::IPV6, header) if header.get(6) == Some(&58) && header.get(40) == Some(&135) => ipv6_at(header, 48),
        _ => None,
    }
}

/// Decides for each frame, and gathers what the mapping service answers for every address that the capture asks for: a card in mode `drop` is told
/// before it is needed.
pub struct Planner<'a> {
    vpc: &'a Vpc,
    service: MappingService,
    from: Option<u8>,
}

impl<'a> Planner<'a> {
    /// A planner; `from` makes every frame a tx frame of that ENI.
    #[must_use]
    pub fn new(vpc: &'a Vpc, from: Option<u8>) -> Self {
        Self { vpc, service: MappingService::new(vpc), from }
    }

    fn eni_by_mac(&self, mac: Option<&[u8]>) -> Option<u8> {
        let index = self.vpc.enis.iter().position(|eni| mac == Some(&eni.mac))?;
        u8::try_from(index).ok()
    }

    fn is_for_this_card(&self, frame: &[u8]) -> bool {
        let destination = match network_header(frame) {
            Some((ethertype::IPV4 | ethertype::IPV6, _)) => addresses(frame).1,
            _ => None,
        };
        destination == Some(self.vpc.card.underlay_ip) || frame.get(..6) == Some(&self.vpc.card.underlay_mac)
    }

    /// Wraps a frame for an ENI of this card as the host of its sender would; none if no underlay frame can hold it.
    fn wrap(&self, config: &CardConfig, eni: u8, frame: &[u8]) -> Option<Vec<u8>> {
        let eni = &self.vpc.enis[usize::from(eni)];
        let vni = self.vpc.vpc_of(eni).vni;
        let known = addresses(frame).0.and_then(|source| self.service.host_of(vni, source));
        // A sender that the VPC file does not place is taken to be on the first other host.
        let host = known.or(self.vpc.hosts.first().map(|host| host.underlay_ip)).unwrap_or(config.underlay_ip);
        let &(token_epoch, token_key) = config.token_keys.last()?;
        let sender = Sender {
            underlay_ip: ip_bits(host),
            underlay_mac: config.next_hop_mac,
            card_ip: ip_bits(config.underlay_ip),
            card_mac: config.underlay_mac,
            vni,
            token_epoch,
            token_key,
            flow_key: config.flow_key,
            source_eni: 0,
            layout: Layout::Token,
        };
        wrap(&sender, frame).ok()
    }

    fn offer(&self, config: &CardConfig, frame: &[u8]) -> Option<(Path, Option<u8>, Vec<u8>)> {
        if frame.is_empty() {
            return None;
        }
        if let Some(eni) = self.from {
            return Some((Path::Tx, Some(eni), frame.to_vec()));
        }
        if let Some(eni) = self.eni_by_mac(frame.get(6..12)) {
            return Some((Path::Tx, Some(eni), frame.to_vec()));
        }
        if let Some(eni) = self.eni_by_mac(frame.get(..6)) {
            return self.wrap(config, eni, frame).map(|wrapped| (Path::Rx, Some(eni), wrapped));
        }
        self.is_for_this_card(frame).then(|| (Path::Rx, None, frame.to_vec()))
    }

    /// The source address of a guest's datagram for a guest of the same card.
    fn local(&self, path: Path, eni: Option<u8>, frame: &[u8]) -> Option<IpAddr> {
        let eni = self.vpc.enis.get(usize::from(eni.filter(|_| path == Path::Tx)?))?;
        let is_ip = matches!(network_header(frame)?.0, ethertype::IPV4 | ethertype::IPV6);
        let (source, destination) = addresses(frame);
        let host = self.service.host_of(self.vpc.vpc_of(eni).vni, destination.filter(|_| is_ip)?)?;
        source.filter(|_| host == self.vpc.card.underlay_ip)
    }

    /// The cache entry for an address: the service's answer, or a negative entry.
    fn cache_entry(&self, vni: u32, ip: IpAddr) -> Option<Mapping> {
        let answer = self.service.answer(self.vpc.card.underlay_ip, vni, ip);
        // A card in mode `drop` is told of all there is, and of nothing else.
        let told = self.vpc.card.query_on_miss || answer != Answer::Negative;
        told.then(|| answer.entry(vni, ip))
    }

    /// Plans a whole capture for a card whose mapping cache holds `capacity` entries.
    #[must_use]
    pub fn plan(&self, frames: &[CapturedFrame], timing: Timing, capacity: usize) -> Plan {
        let config = self.vpc.card_config();
        let start = frames.first().map_or(Duration::ZERO, |frame| frame.time);
        let mut batches = vec![Batch { from: 0, mappings: Vec::new() }];
        let mut held: BTreeSet<(u32, IpAddr)> = BTreeSet::new();
        let mut offers = Vec::with_capacity(frames.len());
        for (packet, frame) in frames.iter().enumerate() {
            let nanoseconds = frame.time.saturating_sub(start).as_nanos();
            let (not_before, tick) = match timing {
                Timing::Dense => (0, 0),
                Timing::File { mhz } => {
                    let ticks = nanoseconds * u128::from(TICKS_PER_SECOND) / 1_000_000_000;
                    let clocks = nanoseconds * u128::from(mhz) / 1000;
                    (u64::try_from(clocks).unwrap_or(u64::MAX), u64::try_from(ticks).unwrap_or(u64::MAX))
                }
            };
            let offer = self.offer(&config, &frame.bytes);
            let local = offer.as_ref().and_then(|(path, eni, bytes)| self.local(*path, *eni, bytes));
            if let Some((path, Some(eni), _)) = &offer {
                let vni = self.vpc.vpc_of(&self.vpc.enis[usize::from(*eni)]).vni;
                // Where tx frames go to, and in which groups the senders of rx frames are; some are both.
                let (source, destination) = addresses(&frame.bytes);
                let wanted = match path {
                    Path::Tx => [destination, solicited(&frame.bytes), local],
                    Path::Rx | Path::Skipped => [source, None, None],
                };
                let wanted: Vec<_> = wanted.into_iter().flatten().collect();
                if held.len() + wanted.len() > capacity {
                    held.clear();
                    batches.push(Batch { from: packet, mappings: Vec::new() });
                }
                let new = wanted.into_iter().filter(|&ip| held.insert((vni, ip)));
                let entries = new.filter_map(|ip| self.cache_entry(vni, ip)).collect::<Vec<_>>();
                if let Some(batch) = batches.last_mut() {
                    batch.mappings.extend(entries);
                }
            }
            offers.push(offer.map(|(path, eni, bytes)| Offer { path, eni, bytes, not_before, tick, local }));
        }
        Plan { offers, config, batches }
    }
}
