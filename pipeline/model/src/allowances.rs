//! Stage `allowances`: the rate of packets to link-local services.
//!
//! DNS and metadata pass without connections and rules, so that no rule can cut a guest off from them; a rate keeps them from
//! being flooded. Each interface has a bucket that holds one second's worth of packets, is full at first, and gets a sixteenth
//! of it at each tick. It is counted in sixteenths of packets, so nothing is ever rounded: a tick adds as many of them as
//! packets are allowed in a second, a packet takes 16. A new allowance comes with a full bucket.
//!
//! Drop reason: `linklocal_allowance_exceeded`. Source: VPC user guide, "Amazon DNS quotas"; EC2 user guide on link-local
//! services.

use std::collections::HashMap;

use nitro_wire::DropReason;
use nitro_wire::control::Eni;
use nitro_wire::policy::TICKS_PER_SECOND;

/// The buckets of the interfaces.
#[derive(Clone, Debug, Default)]
pub struct LinkLocal {
    buckets: HashMap<u8, Bucket>,
    tick: u64,
}

/// Sixteenths of packets, as they were at a tick.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    sixteenths: u64,
    tick: u64,
}

impl LinkLocal {
    /// It is now this tick.
    pub fn set_tick(&mut self, tick: u64) {
        self.tick = tick;
    }

    /// An interface's allowance is given anew: its bucket is full.
    pub fn fill(&mut self, eni: u8) {
        self.buckets.remove(&eni);
    }

    /// Takes a packet's worth out of an interface's bucket.
    pub fn take(&mut self, eni: &Eni) -> Result<(), DropReason> {
        let allowance = u64::from(eni.policy.linklocal_allowance);
        let packet = u64::from(TICKS_PER_SECOND);
        let full = allowance * packet;
        let bucket = self.buckets.entry(eni.number).or_insert(Bucket { sixteenths: full, tick: self.tick });
        let filled = allowance.saturating_mul(self.tick - bucket.tick).saturating_add(bucket.sixteenths).min(full);
        *bucket = Bucket { sixteenths: filled, tick: self.tick };
        bucket.sixteenths = filled.checked_sub(packet).ok_or(DropReason::LinklocalAllowanceExceeded)?;
        Ok(())
    }
}
