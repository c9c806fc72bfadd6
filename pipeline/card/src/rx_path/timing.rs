//! When what is known in the rx path's flow, in clocks from its gate.

use crate::conntrack;
use crate::decap::{check, merge, outer, peek};
use crate::eni::rx as eni;
use crate::nacl;
use crate::parser;
use crate::token;

/// Clock at which the outer frame has been parsed, from the gate.
pub(super) const OUTER_PARSED: usize = outer::OUTER_LATENCY + parser::LATENCY;
/// Clock at which it has been judged.
pub(super) const CHECKED: usize = OUTER_PARSED + check::LATENCY;
/// Clock at which the inner frame has been parsed.
pub(super) const INNER_PARSED: usize = outer::INNER_LATENCY + parser::LATENCY;
/// Clock at which the inner addresses have been read ahead of the parser.
pub(super) const PEEKED: usize = outer::INNER_LATENCY + peek::LATENCY;
/// Clock at which the token has been checked.
pub(super) const TOKEN_CHECKED: usize = PEEKED + token::LATENCY;
/// Clock at which the ENI is known.
pub(super) const ENI_KNOWN: usize = INNER_PARSED + eni::LATENCY;

/// Clock at which everything is known, with ACLs of that fold.
pub(super) const fn known(fold: usize) -> usize {
    let judged = ENI_KNOWN + nacl::lead(fold);
    let found = ENI_KNOWN + conntrack::LATENCY;
    let latest = if judged > found { judged } else { found };
    if latest > TOKEN_CHECKED { latest } else { TOKEN_CHECKED }
}

/// Clocks from the gate to the queue, with ACLs of that fold.
#[must_use]
pub const fn flow_latency(fold: usize) -> usize {
    known(fold) + merge::LATENCY
}

/// Clocks from a frame's last beat to the first beat of what is delivered, if nothing is before it, headers fill one beat, and
/// the next has all of the inner frame's first: split, flow, queue, waiting room, dispatch, the beat of the headers, the two
/// registers of the output.
#[must_use]
pub const fn latency(fold: usize) -> usize {
    1 + flow_latency(fold) + 1 + 1 + 1 + 1 + 2
}

/// Clocks from the first beat of a frame from another guest of the card, if it is the last one, to the first beat of what is
/// delivered: as [`latency`], without the beat of the headers.
#[must_use]
pub const fn local_latency(fold: usize) -> usize {
    latency(fold) - 1
}
