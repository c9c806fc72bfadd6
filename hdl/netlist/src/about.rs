//! What a block's author says of it, carried from its doc comments into the Verilog.
//!
//! A probe sees neither a block's type nor its comments. `#[derive(Ports)]` implements [`Documented`], and `#[hdl_gen]` leaves what it finds
//! in a thread-local from inside `hdl()`, as leaves do with their [`primitive`](crate::primitive).

use std::cell::Cell;
use std::marker::PhantomData;

/// A block with doc comments. `#[derive(Ports)]` implements it.
pub trait Documented {
    /// Of the block.
    const TEXT: &'static str;
    /// Its ports or interfaces in declaration order, each with its text.
    const PORTS: &'static [(&'static str, &'static str)];
}

/// What is known of a block's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The type with its path and its generic parameters.
    pub type_name: &'static str,
    /// Its doc comment; empty for a block without [`Documented`].
    pub text: &'static str,
    /// Its ports or interfaces in declaration order, each with its doc comment.
    pub ports: &'static [(&'static str, &'static str)],
}

impl About {
    /// The port or interface that the port of the Verilog belongs to: its place, and its text.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<(usize, &'static str)> {
        let belongs =
            |field: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        let candidates = self.ports.iter().enumerate().filter(|(_, (field, _))| belongs(field));
        candidates.max_by_key(|(_, (field, _))| field.len()).map(|(index, (_, text))| (index, *text))
    }
}

/// Finds out at compile time whether a type is [`Documented`]: the method of [`Told`] is found first if it is.
#[doc(hidden)]
#[derive(Debug)]
pub struct Inquiry<T: ?Sized>(pub PhantomData<T>);

#[doc(hidden)]
pub trait Told {
    fn about(&self) -> About;
}

#[doc(hidden)]
pub trait Untold {
    fn about(&self) -> About;
}

impl<T: Documented> Told for &Inquiry<T> {
    fn about(&self) -> About {
        About { type_name: std::any::type_name::<T>(), text: T::TEXT, ports: T::PORTS }
    }
}

impl<T> Untold for Inquiry<T> {
    fn about(&self) -> About {
        About { type_name: std::any::type_name::<T>(), text: "", ports: &[] }
    }
}

thread_local! {
    static TOLD: Cell<Option<About>> = const { Cell::new(None) };
}

/// Called by `#[hdl_gen]` from within `hdl()`.
#[doc(hidden)]
pub fn tell(about: About) {
    TOLD.set(Some(about));
}

/// What the last `hdl()` told of its block, leaving nothing.
pub(crate) fn take() -> Option<About> {
    TOLD.take()
}
