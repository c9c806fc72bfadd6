//! What a sending host does: puts a guest's frame behind the outer headers and the token that the receiving card expects.

use nitro_wire::Layout;
use nitro_wire::constants::MAX_FRAME_BYTES;
use thiserror::Error;

use crate::encap::{Outer, flow_hash, prepend};
use crate::parser::parse;
use crate::token::{self, inner_ip};

/// A host that sends, and the card that it sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The sender's underlay address, as 128 bits.
    pub underlay_ip: u128,
    /// Source MAC at the receiving card: the underlay's next hop.
    pub underlay_mac: [u8; 6],
    /// The receiving card's underlay address, as 128 bits; its family is that of the outer header.
    pub card_ip: u128,
    /// The receiving card's underlay MAC.
    pub card_mac: [u8; 6],
    /// Virtual network identifier.
    pub vni: u32,
    /// Epoch of the receiving card's key.
    pub token_epoch: u8,
    /// The receiving card's key of that epoch.
    pub token_key: [u8; 16],
    /// Key of the sender's flow hash.
    pub flow_key: [u8; 16],
    /// Number of the sending interface at the sender.
    pub source_eni: u16,
    /// Which options to send; those other than the token get zero data.
    pub layout: Layout,
}

/// Why a frame cannot be wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WrapError {
    /// The wrapped frame would be longer than the underlay takes.
    #[error("a frame of {length} bytes does not fit the underlay: at most {limit} bytes can be wrapped")]
    TooLong {
        /// Length of the inner frame in bytes.
        length: usize,
        /// Longest inner frame in bytes.
        limit: usize,
    },
}

/// Wraps a frame; nothing of it is changed or checked.
pub fn wrap(sender: &Sender, inner: &[u8]) -> Result<Vec<u8>, WrapError> {
    let ipv6 = crate::bytes::unmap_v4(sender.card_ip).is_none();
    let limit = MAX_FRAME_BYTES - sender.layout.outer_bytes(ipv6);
    let too_long = WrapError::TooLong { length: inner.len(), limit };
    if inner.len() > limit {
        return Err(too_long);
    }
    let ip = inner_ip(inner);
    let destination = ip.map_or(0, |ip| ip.destination);
    let outer = Outer {
        src_mac: sender.underlay_mac,
        dst_mac: sender.card_mac,
        src_ip: sender.underlay_ip,
        dst_ip: sender.card_ip,
        traffic_class: ip.map_or(0, |ip| ip.traffic_class),
        flow_hash: flow_hash(&sender.flow_key, &parse(inner)),
        vni: sender.vni,
        layout: sender.layout,
        token_epoch: sender.token_epoch,
        token: token::compute(&sender.token_key, sender.vni, sender.token_epoch, sender.underlay_ip, destination),
        source_eni: sender.source_eni,
    };
    prepend(&outer, inner).ok_or(too_long)
}
