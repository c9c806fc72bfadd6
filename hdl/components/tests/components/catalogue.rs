//! The catalogue itself. That all engines agree on its entries is tested by the agreement harness.

use std::collections::BTreeSet;

use nitro_components::catalogue;

#[test]
fn every_entry_elaborates_under_its_own_name() {
    let mut names = BTreeSet::new();
    for entry in catalogue() {
        let netlist = entry.netlist().unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!(netlist.name, entry.name);
        assert!(names.insert(entry.name), "{} is there twice", entry.name);
    }
}
