//! Policies that are replaced while a card runs.

use nitro_driver::{Driver, DriverError, RegisterPort};
use nitro_model::Model;
use nitro_wire::policy::{EniPolicy, Nacl};
use serde::{Deserialize, Serialize};

/// A replacement that takes effect between two packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// An interface gets another policy.
    Policy {
        /// Its number.
        eni: u8,
        /// What its packets may do from now on.
        policy: Box<EniPolicy>,
    },
    /// A subnet gets another network ACL, or none.
    Nacl {
        /// Its number.
        subnet: u8,
        /// The ACL.
        nacl: Option<Nacl>,
    },
}

/// Limits and timeouts, which are not part of what is replaced atomically.
fn limits(policy: &EniPolicy) -> EniPolicy {
    EniPolicy { egress: Vec::new(), ingress: Vec::new(), ..policy.clone() }
}

impl Change {
    /// Through the registers.
    ///
    /// # Errors
    /// If it does not fit the card, or an access fails.
    pub fn install<P: RegisterPort>(&self, driver: &mut Driver<P>, with_limits: bool) -> Result<(), DriverError> {
        match self {
            Self::Policy { eni, policy } => {
                if with_limits {
                    driver.install_limits(*eni, policy)?;
                }
                driver.replace_rules(&[(*eni, policy)])
            }
            Self::Nacl { subnet, nacl } => driver.replace_nacl(*subnet, nacl.as_ref()),
        }
    }

    /// In the model.
    pub fn apply(&self, model: &mut Model) {
        match self {
            Self::Policy { eni, policy } => model.replace_policy(*eni, (**policy).clone()),
            Self::Nacl { subnet, nacl } => model.replace_nacl(*subnet, nacl.clone()),
        }
    }

    /// What leads back to what the model has now; none if it has no such interface.
    #[must_use]
    pub fn back(&self, model: &Model) -> Option<Self> {
        match self {
            Self::Policy { eni, .. } => {
                let entry = model.config().enis.iter().find(|entry| entry.number == *eni)?;
                Some(Self::Policy { eni: *eni, policy: Box::new(entry.policy.clone()) })
            }
            Self::Nacl { subnet, .. } => {
                let nacl = model.config().subnets.get(usize::from(*subnet)).cloned().flatten();
                Some(Self::Nacl { subnet: *subnet, nacl })
            }
        }
    }

    /// It leaves limits and timeouts as the model has them.
    #[must_use]
    pub fn keeps_limits(&self, model: &Model) -> bool {
        match (self, self.back(model)) {
            (Self::Policy { policy, .. }, Some(Self::Policy { policy: now, .. })) => limits(policy) == limits(&now),
            _ => true,
        }
    }
}
