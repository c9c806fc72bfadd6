//! Programming a card.

use nitro_wire::Table;
use nitro_wire::control::{CardConfig, Eni, Mapping, ip_bits, key_words, mac_bits, mask4, mask6};
use nitro_wire::policy::{EniPolicy, TICKS_PER_SECOND};
use nitro_wire::registers::{self, Register};
use nitro_wire::tables::LOCAL_KEY;

use crate::nacl::Banks;
use crate::placement::Placement;
use crate::policy::RuleMemories;
use crate::{BusError, DriverError, RegisterPort};

/// Reads of STATUS before what it says to be under way is given up.
pub(crate) const MAX_POLLS: u32 = 1000;

/// One hash table: where its entries stand, and their rows.
#[derive(Clone)]
pub(crate) struct HashTable {
    name: &'static str,
    table: Table,
    pub(crate) placement: Placement,
    pub(crate) rows: Vec<Vec<u32>>,
}

/// What the software knows of a card's state.
#[derive(Clone)]
pub struct DriverState {
    pub(crate) enis: u32,
    /// What was last written to the words of TABLE_DATA: most rows differ in a few.
    row_image: Vec<Option<u32>>,
    local: HashTable,
    pub(crate) mappings: HashTable,
    /// What each row of `mappings` was written for.
    pub(crate) mapped: Vec<Mapping>,
    /// None for a card without rule memories.
    pub(crate) security: Option<RuleMemories>,
    /// Where the network ACLs of the subnets stand.
    pub(crate) nacls: Vec<Banks>,
}

/// A card's software.
pub struct Driver<P> {
    pub(crate) port: P,
    pub(crate) state: DriverState,
}

impl<P: RegisterPort> Driver<P> {
    /// Takes over a card: checks that it is one, and learns its dimensions. `hash_key` is the seed of its hash tables, which
    /// [`Driver::configure`] writes.
    ///
    /// # Errors
    /// If the register port fails or the card is of another kind or version.
    pub fn open(mut port: P, hash_key: [u8; 16]) -> Result<Self, DriverError> {
        let found = port.read(registers::ID.offset)?;
        if found != registers::ID_VALUE {
            return Err(DriverError::NotACard { found, expected: registers::ID_VALUE });
        }
        let version = port.read(registers::VERSION.offset)?;
        let (major, minor) = (version >> 16, version >> 8 & 0xff);
        let (known_major, known_minor) = (registers::VERSION_VALUE >> 16, registers::VERSION_VALUE >> 8 & 0xff);
        if major != known_major || minor < known_minor {
            return Err(DriverError::Version { major, minor, known_major, known_minor });
        }
        let capabilities = port.read(registers::CAPABILITIES.offset)?;
        let field = |name| registers::CAPABILITIES.field(name).map_or(0, |field| field.get(capabilities));
        let enis = field("enis");
        let hash_table = |name, table, rows_log2| HashTable {
            name,
            table,
            placement: Placement::new(hash_key, rows_log2),
            rows: Vec::new(),
        };
        let local = hash_table("the local address table", Table::Local, field("local_rows_log2"));
        let mappings = hash_table("the mapping cache", Table::Mapping, field("mapping_rows_log2"));
        let row_image = vec![None; usize::from(registers::TABLE_DATA.count)];
        let security = RuleMemories::new(port.read(registers::POLICY_CAPABILITIES.offset)?);
        let nacls = (0..enis).map(|_| Banks::default()).collect();
        let mapped = Vec::new();
        Ok(Self { port, state: DriverState { enis, row_image, local, mappings, mapped, security, nacls } })
    }

    /// Lets go of the port.
    #[must_use]
    pub fn suspend(self) -> DriverState {
        self.state
    }

    /// Goes on with a card that was let go of.
    #[must_use]
    pub fn resume(port: P, state: DriverState) -> Self {
        Self { port, state }
    }

    /// The register port.
    pub fn port(&mut self) -> &mut P {
        &mut self.port
    }

    pub(crate) fn write_array(&mut self, register: &Register, words: &[u32]) -> Result<(), BusError> {
        (0_u16..).zip(words).try_for_each(|(index, &word)| self.port.write(register.at(index), word))
    }

    fn write_mac(&mut self, high: &Register, low: &Register, mac: [u8; 6]) -> Result<(), BusError> {
        let [a, b, c, d, e, f] = mac;
        self.port.write(high.offset, u32::from(u16::from_be_bytes([a, b])))?;
        self.port.write(low.offset, u32::from_be_bytes([c, d, e, f]))
    }

    pub(crate) fn write_row(&mut self, table: Table, index: u16, words: &[u32]) -> Result<(), BusError> {
        for ((offset, &word), image) in (0_u16..).zip(words).zip(&mut self.state.row_image) {
            if *image != Some(word) {
                self.port.write(registers::TABLE_DATA.at(offset), word)?;
                *image = Some(word);
            }
        }
        self.port.write(registers::TABLE_INDEX.offset, u32::from(index))?;
        self.port.write(registers::TABLE_COMMAND.offset, u32::from(table.code()))
    }

    pub(crate) fn insert(
        &mut self,
        select: fn(&mut DriverState) -> &mut HashTable,
        key: &[u8],
        row: Vec<u32>,
    ) -> Result<(), DriverError> {
        let table = select(&mut self.state);
        let writes = table.placement.insert(key).map_err(|full| DriverError::TableFull { table: table.name, full })?;
        table.rows.push(row);
        let number = table.table;
        for write in writes {
            let row = select(&mut self.state).rows[write.entry].clone();
            self.write_row(number, write.index, &row)?;
        }
        Ok(())
    }

    /// Installs a whole configuration and lets packets in.
    ///
    /// # Errors
    /// If something does not fit the card, or an access fails; the card then stays disabled.
    pub fn configure(&mut self, config: &CardConfig) -> Result<(), DriverError> {
        if config.enis.len() > self.state.enis as usize {
            return Err(DriverError::TooManyEnis { enis: config.enis.len(), most: self.state.enis });
        }
        if config.token_keys.len() > 2 {
            return Err(DriverError::TooManyKeys { keys: config.token_keys.len() });
        }
        self.check_subnets(config)?;
        self.write_array(&registers::HASH_KEY, &key_words(config.hash_key))?;
        let address = ip_bits(config.underlay_ip).to_be_bytes();
        self.write_array(&registers::UNDERLAY_IP, &key_words(address))?;
        self.write_mac(&registers::UNDERLAY_MAC_HI, &registers::UNDERLAY_MAC_LO, config.underlay_mac)?;
        self.write_mac(&registers::NEXT_HOP_MAC_HI, &registers::NEXT_HOP_MAC_LO, config.next_hop_mac)?;
        self.write_mac(&registers::GATEWAY_MAC_HI, &registers::GATEWAY_MAC_LO, config.gateway_mac)?;
        self.write_array(&registers::FLOW_KEY, &key_words(config.flow_key))?;
        self.write_array(&registers::CONNTRACK_KEY, &key_words(config.conntrack_key))?;
        self.port.write(registers::CLOCKS_PER_TICK.offset, config.clocks_per_tick)?;
        let slots = [&registers::TOKEN_KEY_0, &registers::TOKEN_KEY_1];
        for ((slot, (epoch, key)), register) in (0_u16..).zip(&config.token_keys).zip(slots) {
            self.write_array(register, &key_words(*key))?;
            self.port.write(registers::TOKEN_EPOCH.at(slot), 1 << 8 | u32::from(*epoch))?;
        }
        for eni in &config.enis {
            self.install_eni(eni)?;
        }
        self.replace_rules(&config.enis.iter().map(|eni| (eni.number, &eni.policy)).collect::<Vec<_>>())?;
        for mapping in &config.mappings {
            self.install_mapping(mapping)?;
        }
        for (subnet, nacl) in (0_u8..).zip(&config.subnets) {
            if nacl.is_some() {
                self.stage_nacl(subnet, nacl.as_ref())?;
            }
        }
        self.commit()?;
        let bits = [("enable", true), ("strict_tcp", config.strict_tcp), ("query_on_miss", config.query_on_miss)];
        let control = bits.iter().fold(0, |word, (name, set)| {
            word | registers::CONTROL.field(name).map_or(0, |field| field.put(u32::from(*set)))
        });
        self.port.write(registers::CONTROL.offset, control)?;
        Ok(())
    }

    fn install_eni(&mut self, eni: &Eni) -> Result<(), DriverError> {
        let (subnet4, mask_4) = eni.subnet4.map_or((0, 0), |(base, length)| (base.to_bits(), mask4(length)));
        let (subnet6, mask_6, length_6) =
            eni.subnet6.map_or((0, 0, 0), |(base, length)| (base.to_bits(), mask6(length), length));
        let ip4 =
            eni.ips.iter().map(|ip| ip_bits(*ip)).find(|bits| bits >> 32 == 0xffff).map(|bits| bits & 0xffff_ffff);
        let row = Table::Eni.row().pack_words(&[
            ("valid", 1),
            ("source_dest_check", u128::from(eni.source_dest_check)),
            ("vni", u128::from(eni.vni)),
            ("route_table", u128::from(eni.route_table)),
            ("mac", u128::from(mac_bits(eni.mac))),
            ("subnet4_valid", u128::from(eni.subnet4.is_some())),
            ("subnet4", u128::from(subnet4)),
            ("subnet4_mask", u128::from(mask_4)),
            ("ip4_valid", u128::from(ip4.is_some())),
            ("ip4", ip4.unwrap_or(0)),
            ("subnet6_valid", u128::from(eni.subnet6.is_some())),
            ("subnet6", subnet6),
            ("subnet6_mask", mask_6),
            ("subnet6_length", u128::from(length_6)),
            ("subnet", u128::from(eni.subnet)),
        ])?;
        self.write_row(Table::Eni, u16::from(eni.number), &row)?;
        self.install_limits(eni.number, &eni.policy)?;
        for &ip in &eni.ips {
            let key = [("vni", u128::from(eni.vni)), ("ip", ip_bits(ip))];
            let values = [("valid", 1), key[0], key[1], ("eni", u128::from(eni.number))];
            let row = Table::Local.row().pack_words(&values)?;
            self.insert(|state| &mut state.local, &LOCAL_KEY.pack(&key)?, row)?;
        }
        Ok(())
    }

    /// Installs how many connections of an interface are tracked, and for how long, and its other allowances, whose buckets it fills.
    ///
    /// # Errors
    /// If a timeout has too many ticks, or an access fails.
    pub fn install_limits(&mut self, eni: u8, policy: &EniPolicy) -> Result<(), DriverError> {
        let most = Table::Conntrack.row().field("max_connections")?.width;
        let timeouts = policy.timeouts;
        let ticks = |seconds: u32| u128::from(seconds) * u128::from(TICKS_PER_SECOND);
        let row = Table::Conntrack.row().pack_words(&[
            ("max_connections", u128::from(policy.max_connections).min((1 << most) - 1)),
            ("tcp_established", ticks(timeouts.tcp_established)),
            ("tcp_transient", ticks(timeouts.tcp_transient)),
            ("udp", ticks(timeouts.udp)),
            ("udp_stream", ticks(timeouts.udp_stream)),
            ("icmp", ticks(timeouts.icmp)),
            ("other", ticks(timeouts.other)),
        ])?;
        self.write_row(Table::Conntrack, u16::from(eni), &row)?;
        let row = Table::Allowance.row().pack_words(&[("linklocal", u128::from(policy.linklocal_allowance))])?;
        Ok(self.write_row(Table::Allowance, u16::from(eni), &row)?)
    }
}
