//! The VPC file: what a card, its guests and the mapping service are configured with.
//!
//! [`Vpc::parse`] reads TOML, checks everything that can be checked without a card, and resolves every name. [`service`]
//! answers as the mapping service would, and [`Vpc::card_config`] is what a card's control plane installs.

mod address;
mod check;
mod error;
mod file;
pub mod policy;
pub mod service;
mod types;

pub use error::{Problem, VpcError};
pub use nitro_wire::policy::{Protocol, Timeouts};
pub use policy::{Nacl, NaclRule, Peer, SecurityGroup, SecurityRule};
pub use service::{Answer, MappingService};
pub use types::{Card, Cidr, Eni, Host, Mac, Mapping, MappingKey, Subnet, TokenKeys, Vpc, VpcNetwork};
