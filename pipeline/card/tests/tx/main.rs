//! The tx path and its stages against the golden model.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod path;
mod queries;
mod stages;
mod timing;

use nitro_check::{acls, guest as frames, setup, whole};
