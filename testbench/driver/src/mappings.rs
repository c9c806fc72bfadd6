//! The mapping cache as software sees it: rows that it writes itself, and mappings that it ends.
//!
//! A card in mode `drop` has what software writes. A card in mode `query` also installs what the mapping service replies, in places that software does not
//! know, and may put it in the place of what software wrote: it is asked for again when it is missed. So software writes rows there only
//! before packets are let in.

use nitro_wire::Table;
use nitro_wire::control::{Mapping, ip_bits, key_words};
use nitro_wire::registers;
use nitro_wire::tables::{MAPPING_KEY, mapping_expiry};

use crate::service::{Key, way_of};
use crate::{Driver, DriverError, RegisterPort};

/// Reads of STATUS until a command has ended. The cache is walked over between packets, at worst one row in 32 clocks.
const MAX_POLLS: u32 = 100_000;

/// Values of MAPPING_COMMAND.
const BY_KEY: u32 = 1;
const BY_VNI: u32 = 2;
const BY_VERSION: u32 = 3;

impl<P: RegisterPort> Driver<P> {
    /// Installs an entry of the mapping cache, from now on. Its key must not be installed yet.
    ///
    /// # Errors
    /// If the cache has no room, a value does not fit its field, or an access fails.
    pub fn install_mapping(&mut self, mapping: &Mapping) -> Result<(), DriverError> {
        let key = Key::of(mapping).fields();
        let now = if mapping.expiry == 0 { 0 } else { self.port.read(registers::TIME.offset)? };
        let rest = [("valid", 1), ("expiry", u128::from(mapping_expiry(now, mapping.expiry)))];
        let row = Table::Mapping.row().pack_words(&[&rest, key.as_slice(), &way_of(mapping)].concat())?;
        self.insert(|state| &mut state.mappings, &MAPPING_KEY.pack(&key)?, row)?;
        self.state.mapped.push(mapping.clone());
        Ok(())
    }

    /// Takes all rows back that were written.
    ///
    /// # Errors
    /// If an access fails.
    pub fn clear_mappings(&mut self) -> Result<(), DriverError> {
        let empty = vec![0; Table::Mapping.row().words()];
        self.state.mappings.rows.clear();
        self.state.mapped.clear();
        for index in self.state.mappings.placement.clear() {
            self.write_row(Table::Mapping, index, &empty)?;
        }
        Ok(())
    }

    /// Ends the mapping of a key. No packet uses it any more when this returns.
    ///
    /// # Errors
    /// If an access fails or the card does not come to an end.
    pub fn invalidate(&mut self, key: Key) -> Result<(), DriverError> {
        self.write_key(key)?;
        self.end_mappings(BY_KEY)?;
        self.forget_mappings(|mapping| Key::of(mapping) == key);
        Ok(())
    }

    /// Ends all mappings of a VPC.
    ///
    /// # Errors
    /// If an access fails or the card does not come to an end.
    pub fn invalidate_vni(&mut self, vni: u32) -> Result<(), DriverError> {
        self.port.write(registers::MAPPING_KEY.offset, vni << 8)?;
        self.end_mappings(BY_VNI)?;
        self.forget_mappings(|mapping| mapping.vni == vni);
        Ok(())
    }

    /// Ends all mappings of versions before this one. Versions wrap: before are the 32,767 numbers below it (RFC 1982).
    ///
    /// # Errors
    /// If an access fails or the card does not come to an end.
    pub fn invalidate_version(&mut self, version: u16) -> Result<(), DriverError> {
        self.port.write(registers::MAPPING_VERSION.offset, u32::from(version))?;
        self.end_mappings(BY_VERSION)?;
        self.forget_mappings(|mapping| (1..0x8000).contains(&version.wrapping_sub(mapping.version)));
        Ok(())
    }

    fn write_key(&mut self, key: Key) -> Result<(), DriverError> {
        self.port.write(registers::MAPPING_KEY.offset, key.vni << 8 | u32::from(key.route_table))?;
        let address = key_words(ip_bits(key.ip).to_be_bytes());
        for (index, word) in (1..).zip(address) {
            self.port.write(registers::MAPPING_KEY.at(index), word)?;
        }
        Ok(())
    }

    fn end_mappings(&mut self, which: u32) -> Result<(), DriverError> {
        self.await_mappings()?;
        self.port.write(registers::MAPPING_COMMAND.offset, which)?;
        self.await_mappings()
    }

    /// Waits until the card has ended the mappings that it was told to end.
    ///
    /// # Errors
    /// If an access fails or the card does not come to an end.
    pub fn await_mappings(&mut self) -> Result<(), DriverError> {
        let busy = |status| registers::STATUS.field("mapping_busy").is_some_and(|field| field.get(status) != 0);
        let mut polls = 0;
        while busy(self.port.read(registers::STATUS.offset)?) {
            polls += 1;
            if polls > MAX_POLLS {
                return Err(DriverError::MappingBusy);
            }
        }
        Ok(())
    }

    /// The card holds these rows no more.
    fn forget_mappings(&mut self, ends: impl Fn(&Mapping) -> bool) {
        let mapped = &self.state.mapped;
        self.state.mappings.placement.forget(|entry| mapped.get(entry).is_some_and(&ends));
    }
}
