//! Installing what the rules of interfaces compile to, and replacing it while the card is running.

use nitro_wire::Table;
use nitro_wire::policy::{Direction, EniPolicy};
use nitro_wire::registers;
use nitro_wire::tables::{security_rule_index, set_index};

use crate::card::MAX_POLLS;
use crate::security::{Compiled, CompiledRule, Plan, Rows, RuleMemory, SecurityError, compile};
use crate::{Driver, DriverError, RegisterPort};

/// The card's rule memories, one a direction.
#[derive(Clone)]
pub struct RuleMemories([RuleMemory; 2]);

/// A new set: interface, direction, and what is to be written.
type Planned = (u8, Direction, Plan);

impl RuleMemories {
    /// What POLICY_CAPABILITIES says; none if the card has no policy stages.
    pub(crate) fn new(capabilities: u32) -> Option<Self> {
        let field = |name| registers::POLICY_CAPABILITIES.field(name).map_or(0, |field| field.get(capabilities));
        let (places_log2, rows_log2) = (field("rules_per_row_log2"), field("rule_rows_log2"));
        let memory = |direction| RuleMemory::new(direction, places_log2, rows_log2);
        (rows_log2 > 0).then(|| Self(Direction::ALL.map(memory)))
    }

    fn of(&mut self, direction: Direction) -> &mut RuleMemory {
        &mut self.0[usize::from(direction.code())]
    }

    /// Takes rows for all sets, or for none.
    fn plan(&mut self, compiled: &[(u8, Direction, Compiled)]) -> Result<Vec<Planned>, (u8, SecurityError)> {
        let mut planned: Vec<Planned> = Vec::new();
        let before = self.0.clone();
        for (eni, direction, compiled) in compiled {
            match self.of(*direction).plan(compiled) {
                Ok(plan) => planned.push((*eni, *direction, plan)),
                Err(problem) => {
                    self.0 = before;
                    return Err((*eni, problem));
                }
            }
        }
        Ok(planned)
    }
}

impl<P: RegisterPort> Driver<P> {
    /// Replaces the security group rules of interfaces, those of both directions and all interfaces at once, between two packets. Connections
    /// that are tracked live on. A card without policy stages is left alone.
    ///
    /// # Errors
    /// If there are too many rules or no room for them; then nothing has changed. If an access fails, or the card goes on reading the old
    /// rules.
    pub fn replace_rules(&mut self, policies: &[(u8, &EniPolicy)]) -> Result<(), DriverError> {
        let Some(memories) = &mut self.state.security else { return Ok(()) };
        let mut compiled = Vec::new();
        for &(eni, policy) in policies {
            for direction in Direction::ALL {
                let rules = compile(policy, direction).map_err(|problem| DriverError::Security { eni, problem })?;
                compiled.push((eni, direction, rules));
            }
        }
        let planned = memories.plan(&compiled).map_err(|(eni, problem)| DriverError::Security { eni, problem })?;
        for (eni, direction, plan) in &planned {
            for (slot, rule) in &plan.writes {
                let slot = u16::try_from(*slot).unwrap_or(u16::MAX);
                let row = CompiledRule::row(rule.as_ref())?;
                self.write_row(Table::SecurityRule, security_rule_index(*direction, slot), &row)?;
            }
            self.write_row(Table::SecuritySet, set_index(*direction, *eni), &plan.set()?)?;
        }
        self.port.write(registers::POLICY_COMMIT.offset, 1)?;
        // The old rows may be written only when nobody reads them any more.
        let busy = |status| registers::STATUS.field("policy_busy").is_some_and(|field| field.get(status) != 0);
        let mut polls = 0;
        while busy(self.port.read(registers::STATUS.offset)?) {
            polls += 1;
            if polls > MAX_POLLS {
                return Err(DriverError::PolicyBusy);
            }
        }
        let Some(memories) = &mut self.state.security else { return Ok(()) };
        for (eni, direction, plan) in planned {
            let memory = memories.of(direction);
            let old: Option<Rows> = memory.commit(eni, plan.rows);
            old.into_iter().for_each(|rows| memory.release(rows));
        }
        Ok(())
    }
}
