//! Reading what a card counts, and why it interrupts.

use nitro_wire::Interrupt;
use nitro_wire::counters::{self, Bank, EniCounter};
use nitro_wire::registers::{self, Register};

use crate::card::MAX_POLLS;
use crate::{BusError, Driver, DriverError, RegisterPort};

/// A counter's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl<P: RegisterPort> Driver<P> {
    /// Reads one counter of a path, not torn.
    ///
    /// # Errors
    /// If an access fails or the snapshot does not become ready.
    pub fn counter(&mut self, bank: Bank, index: u8) -> Result<Counter, DriverError> {
        self.snapshot(counters::select(bank, index))
    }

    /// Reads one counter of an interface, not torn.
    ///
    /// # Errors
    /// If an access fails or the snapshot does not become ready.
    pub fn eni_counter(&mut self, eni: u8, counter: EniCounter) -> Result<u64, DriverError> {
        Ok(self.snapshot(counters::select_eni(eni, counter))?.packets)
    }

    fn snapshot(&mut self, select: u32) -> Result<Counter, DriverError> {
        self.port.write(registers::COUNTER_SELECT.offset, select)?;
        let busy = |status| registers::STATUS.field("counter_busy").is_some_and(|field| field.get(status) != 0);
        let mut polls = 0;
        while busy(self.port.read(registers::STATUS.offset)?) {
            polls += 1;
            if polls > MAX_POLLS {
                return Err(DriverError::CounterBusy);
            }
        }
        let mut wide = |low: &Register, high: &Register| -> Result<u64, BusError> {
            Ok(u64::from(self.port.read(high.offset)?) << 32 | u64::from(self.port.read(low.offset)?))
        };
        Ok(Counter {
            packets: wide(&registers::COUNTER_PACKETS_LO, &registers::COUNTER_PACKETS_HI)?,
            bytes: wide(&registers::COUNTER_BYTES_LO, &registers::COUNTER_BYTES_HI)?,
        })
    }

    /// Lets these causes interrupt, and no others.
    ///
    /// # Errors
    /// If an access fails.
    pub fn enable_interrupts(&mut self, causes: &[Interrupt]) -> Result<(), DriverError> {
        let mask = causes.iter().fold(registers::INTERRUPT_MASK.reset(), |mask, cause| mask & !cause.mask());
        Ok(self.port.write(registers::INTERRUPT_MASK.offset, mask)?)
    }

    /// What has happened since the last call. It is cleared, so that it is told once.
    ///
    /// # Errors
    /// If an access fails.
    pub fn take_interrupts(&mut self) -> Result<Vec<Interrupt>, DriverError> {
        let causes = self.port.read(registers::INTERRUPT_CAUSE.offset)?;
        // Only what was read is cleared: what has come since stays.
        self.port.write(registers::INTERRUPT_CAUSE.offset, causes)?;
        Ok(Interrupt::ALL.into_iter().filter(|cause| causes & cause.mask() != 0).collect())
    }
}
