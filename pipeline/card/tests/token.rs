//! The token check against the reference SipHash.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::hash::Hasher;

use nitro_card::token::{self, LATENCY};
use nitro_components::bench::{self, Random, Sink, Source};
use nitro_simulator::InterpretedEngine;
use siphasher::sip::SipHasher24;

/// A key slot and what is in it.
#[derive(Clone, Copy)]
struct Slot {
    valid: bool,
    epoch: u8,
    key: [u8; 16],
}

/// A claim of a packet.
#[derive(Clone, Copy)]
struct Claim {
    vni: u32,
    epoch: u8,
    src_ip: u128,
    dst_ip: u128,
    token: u64,
}

fn token(key: [u8; 16], claim: &Claim) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&key);
    let mut message = Vec::new();
    message.extend(claim.vni.to_be_bytes());
    message.extend(u32::from(claim.epoch).to_be_bytes());
    message.extend(claim.src_ip.to_be_bytes());
    message.extend(claim.dst_ip.to_be_bytes());
    hasher.write(&message);
    hasher.finish()
}

/// The words of a 128-bit number.
fn wide(value: u128) -> Vec<u64> {
    vec![u64::try_from(value & u128::from(u64::MAX)).unwrap(), u64::try_from(value >> 64).unwrap()]
}

fn set_slot(engine: &mut InterpretedEngine, name: &str, slot: &Slot) {
    bench::set(engine, &format!("{name}_valid"), &[u64::from(slot.valid)]).unwrap();
    bench::set(engine, &format!("{name}_epoch"), &[u64::from(slot.epoch)]).unwrap();
    bench::set(engine, &format!("{name}_key"), &wide(u128::from_be_bytes(slot.key))).unwrap();
}

/// Runs the claims and gives for each its verdict and its clocks from `rx` to `tx`.
fn check(slots: [Slot; 2], claims: &[Claim], idle: f64) -> Vec<bool> {
    let entry = token::entries().remove(0);
    let mut engine = entry.interpreted().unwrap();
    bench::reset(&mut engine, 2).unwrap();
    set_slot(&mut engine, "key_0", &slots[0]);
    set_slot(&mut engine, "key_1", &slots[1]);
    let fields = ["vni", "epoch", "src_ip", "dst_ip", "token"];
    let mut source = Source::new(&engine, "rx", &fields, idle, 1).unwrap();
    let mut sink = Sink::new(&engine, "tx", &["tdata"], 0.0, 2).unwrap();
    for claim in claims {
        source.push(vec![
            vec![u64::from(claim.vni)],
            vec![u64::from(claim.epoch)],
            wide(claim.src_ip),
            wide(claim.dst_ip),
            vec![claim.token],
        ]);
    }
    let (mut sent, mut results) = (Vec::new(), Vec::new());
    for clock in 0_u64.. {
        bench::settle(&mut engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        if source.offered().is_some() {
            sent.push(clock);
        }
        bench::edge(&mut engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        while let Some((received, item)) = sink.pop() {
            assert_eq!(received - sent[results.len()], LATENCY as u64, "the latency is constant");
            results.push(item[0][0] == 1);
        }
        if results.len() == claims.len() {
            break;
        }
        assert!(clock < 10 * claims.len() as u64 + 100, "verdicts are missing");
    }
    results
}

/// The example of the overlay's definition.
#[test]
fn the_documented_example_holds() {
    let key = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let mapped = |ip: [u8; 4]| u128::from(u32::from_be_bytes(ip)) | 0xffff << 32;
    let claim = Claim {
        vni: 4432,
        epoch: 7,
        src_ip: mapped([100, 64, 0, 1]),
        dst_ip: mapped([10, 0, 1, 20]),
        token: 0x35a0_35b7_0a11_4d54,
    };
    let slot = Slot { valid: true, epoch: 7, key };
    let empty = Slot { valid: false, epoch: 0, key: [0; 16] };
    assert_eq!(check([slot, empty], &[claim], 0.0), [true]);
    assert_eq!(check([empty, slot], &[claim], 0.0), [true]);
    assert_eq!(check([empty, Slot { valid: false, ..slot }], &[claim], 0.0), [false]);
    assert_eq!(check([empty, Slot { epoch: 8, ..slot }], &[claim], 0.0), [false]);
}

/// Right tokens, tokens of the other epoch, and single wrong bits, at one claim per clock and with bubbles.
#[test]
fn random_claims_agree_with_the_reference() {
    let mut random = Random::new(7);
    for idle in [0.0, 0.5] {
        let mut slot = |epoch| Slot {
            valid: true,
            epoch,
            key: u128::to_be_bytes(u128::from(random.bits()) << 64 | u128::from(random.bits())),
        };
        let slots = [slot(3), slot(4)];
        let mut expected = Vec::new();
        let claims: Vec<_> = (0..200)
            .map(|_| {
                let mut wide = || u128::from(random.bits()) << 64 | u128::from(random.bits());
                let (src_ip, dst_ip) = (wide(), wide());
                let epoch = [3, 4, 5][usize::try_from(random.below(3)).unwrap()];
                let mut claim =
                    Claim { vni: u32::try_from(random.below(1 << 24)).unwrap(), epoch, src_ip, dst_ip, token: 0 };
                claim.token = match slots.iter().find(|slot| slot.epoch == epoch) {
                    Some(slot) => token(slot.key, &claim),
                    None => random.bits(),
                };
                let damage = random.bits() % 12;
                match damage {
                    0 => claim.token ^= 1 << (random.bits() % 64),
                    1 => claim.vni ^= 1 << (random.bits() % 24),
                    2 => claim.src_ip ^= 1 << (random.bits() % 128),
                    3 => claim.dst_ip ^= 1 << (random.bits() % 128),
                    4 => claim.epoch = 7 - claim.epoch,
                    _ => {}
                }
                expected.push(damage > 4 && epoch != 5);
                claim
            })
            .collect();
        assert_eq!(check(slots, &claims, idle), expected);
    }
}
