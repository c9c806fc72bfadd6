//! What the model does and the hardware does not yet: it is left out of random traffic. To be removed with the last of it.

/// The rx path knows the groups of a packet's sender: rules for groups serve at ingress.
pub const GROUPS_OF_SENDERS: bool = false;
