//! The named cases of `vectors/security_group`: what the model and the card say.
