//! Causes of the card's interrupt: the bits of the registers `INTERRUPT_CAUSE` and `INTERRUPT_MASK`.

use crate::reason::DropReason;

/// A cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Interrupt {
    /// All tables and counters have been cleared after reset.
    TablesReady = 0,
    /// What the last `POLICY_COMMIT` has replaced is read no more.
    CommitDone = 1,
    /// A packet was dropped because the connection table is full.
    ConntrackFull = 2,
    /// A packet was dropped because its interface is over one of its allowances.
    AllowanceExceeded = 3,
    /// A packet was dropped because too many new flows wait for their rule scan.
    NewFlowQueueFull = 4,
    /// A packet was dropped because too many wait for mappings.
    MissBufferFull = 5,
    /// A packet was dropped because the mapping service did not answer in time.
    MappingTimeout = 6,
    /// A frame was dropped because it arrived damaged or cut off.
    StreamError = 7,
}

impl Interrupt {
    /// All causes, in the order of their bits.
    pub const ALL: [Self; 8] = [
        Self::TablesReady,
        Self::CommitDone,
        Self::ConntrackFull,
        Self::AllowanceExceeded,
        Self::NewFlowQueueFull,
        Self::MissBufferFull,
        Self::MappingTimeout,
        Self::StreamError,
    ];

    /// The cause's bit in the registers.
    #[must_use]
    pub const fn bit(self) -> u8 {
        self as u8
    }

    /// A register's value with this bit set.
    #[must_use]
    pub const fn mask(self) -> u32 {
        1 << self.bit()
    }

    /// The drop reasons that are this cause.
    #[must_use]
    pub const fn reasons(self) -> &'static [DropReason] {
        match self {
            Self::TablesReady | Self::CommitDone => &[],
            Self::ConntrackFull => &[DropReason::ConntrackFull],
            Self::AllowanceExceeded => &[
                DropReason::BwInAllowanceExceeded,
                DropReason::BwOutAllowanceExceeded,
                DropReason::PpsAllowanceExceeded,
                DropReason::ConntrackAllowanceExceeded,
                DropReason::LinklocalAllowanceExceeded,
            ],
            Self::NewFlowQueueFull => &[DropReason::NewFlowQueueFull],
            Self::MissBufferFull => &[DropReason::MissBufferFull],
            Self::MappingTimeout => &[DropReason::MappingTimeout],
            Self::StreamError => &[DropReason::StreamError],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::{INTERRUPT_CAUSE, INTERRUPT_MASK};

    #[test]
    fn causes_are_the_fields_of_their_register() {
        let mut fields: Vec<_> = INTERRUPT_CAUSE.fields.iter().map(|field| field.mask()).collect();
        fields.reverse();
        assert_eq!(fields, Interrupt::ALL.map(Interrupt::mask));
        let all = fields.iter().fold(0, |all, mask| all | mask);
        assert_eq!(INTERRUPT_MASK.reset(), all, "nothing interrupts before software says so");
        let masked = INTERRUPT_MASK.fields[0].mask();
        assert_eq!(masked, all);
        for cause in Interrupt::ALL {
            let name = format!("{cause:?}").to_lowercase();
            let field = INTERRUPT_CAUSE.fields.iter().find(|field| field.mask() == cause.mask());
            assert_eq!(field.map(|field| field.name.replace('_', "")), Some(name));
        }
    }
}
