//! A failing case made as small as it gets in some tries.

use nitro_wire::control::CardConfig;

use crate::case::{Act, Case, World};
use crate::whole::{Difference, Rates};

/// Removes parts of a failing case as long as it fails, with at most so many tries. `run` says what is wrong with a case.
///
/// Returns the case and what is wrong with it; none if the case passes when it is run again.
pub fn shrink(case: &Case, tries: u32, mut run: impl FnMut(&Case) -> Option<Difference>) -> Option<(Case, Difference)> {
    let mut last = run(case)?;
    let mut case = case.clone();
    // What happens after the first difference is of no matter.
    if let Difference::Act { act, .. } = &last {
        case.acts.truncate(act + 1);
    }
    let case = reduce(case, tries, |case| match run(case).filter(|difference| !difference.is_no_case()) {
        Some(difference) => {
            last = difference;
            true
        }
        None => false,
    });
    Some((case, last))
}

/// Removes parts of a case as long as it `shows` what matters, with at most so many tries.
pub fn reduce(mut case: Case, tries: u32, mut shows: impl FnMut(&Case) -> bool) -> Case {
    let mut left = tries;
    let mut smaller = |next: Case, case: &mut Case| {
        let taken = left > 0 && shows(&next);
        left = left.saturating_sub(1);
        if taken {
            *case = next;
        }
        taken
    };
    for size in halves(case.acts.len()) {
        let mut start = 0;
        while start < case.acts.len() {
            let mut next = case.clone();
            next.acts.drain(start..(start + size).min(case.acts.len()));
            if !smaller(next, &mut case) {
                start += size;
            }
        }
    }
    for act in 0..case.acts.len() {
        let frames = if let Act::Turn { frames, .. } = &case.acts[act] { frames.len() } else { 0 };
        for size in halves(frames) {
            let mut start = 0;
            while let Some(next) = without_frames(&case, act, start, size) {
                if !smaller(next, &mut case) {
                    start += size;
                }
            }
        }
    }
    let plain = Case { rates: Rates::default(), independence: false, ..case.clone() };
    smaller(plain, &mut case);
    if let Ok(card) = case.world.card() {
        let next = Case { world: World::Card(Box::new(card)), ..case.clone() };
        if case.world == next.world || smaller(next, &mut case) {
            for part in PARTS {
                let mut from = 0;
                while let Some(next) = part(&case, from) {
                    if !smaller(next, &mut case) {
                        from += 1;
                    }
                }
            }
        }
    }
    case
}

/// Half of a length, a quarter, and so on down to 1.
fn halves(length: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(length.div_ceil(2)), |size| Some(size / 2)).take_while(|size| *size > 0)
}

fn without_frames(case: &Case, act: usize, start: usize, size: usize) -> Option<Case> {
    let mut next = case.clone();
    let Some(Act::Turn { frames, .. }) = next.acts.get_mut(act) else { return None };
    // A turn without frames is left to the removal of acts.
    if start >= frames.len() || frames.len() <= size {
        return None;
    }
    frames.drain(start..(start + size).min(frames.len()));
    Some(next)
}

/// Takes the nth thing of some sort away; none if there is none.
type Part = fn(&Case, usize) -> Option<Case>;

const PARTS: [Part; 4] = [
    |case, index| without(case, |card| remove(&mut card.mappings, index)),
    |case, index| without(case, |card| card.subnets.get_mut(index)?.take().map(drop)),
    |case, index| without_rule(case, index),
    |case, index| without_acl_rule(case, index),
];

fn remove<T>(list: &mut Vec<T>, index: usize) -> Option<()> {
    (index < list.len()).then(|| list.remove(index)).map(drop)
}

fn without(case: &Case, change: impl FnOnce(&mut CardConfig) -> Option<()>) -> Option<Case> {
    let mut next = case.clone();
    let World::Card(card) = &mut next.world else { return None };
    change(card).map(|()| next)
}

/// Removes the nth element of lists that are taken as one.
fn remove_nth<'a, T: 'a>(lists: impl Iterator<Item = &'a mut Vec<T>>, mut index: usize) -> Option<()> {
    for list in lists {
        match index.checked_sub(list.len()) {
            None => return remove(list, index),
            Some(rest) => index = rest,
        }
    }
    None
}

fn without_rule(case: &Case, index: usize) -> Option<Case> {
    without(case, |card| {
        let lists = card.enis.iter_mut().flat_map(|eni| [&mut eni.policy.egress, &mut eni.policy.ingress]);
        remove_nth(lists, index)
    })
}

fn without_acl_rule(case: &Case, index: usize) -> Option<Case> {
    without(case, |card| {
        let lists = card.subnets.iter_mut().flatten().flat_map(|nacl| [&mut nacl.egress, &mut nacl.ingress]);
        remove_nth(lists, index)
    })
}
