//! `nitro check --cards` and `--rerun`: cards of random VPC files, or of a stored case, before the golden model.

use std::path::Path;

use nitro_card::config::Config;
use nitro_check::whole::{Difference, interpreted};
use nitro_check::{Soak, Soaked, check_on, read_case, write_case};
use nitro_replay::session::{EngineKind, card};
use nitro_simulator::Engine;
use nitro_wire::DropReason;

use crate::args::Check;
use crate::failure::Failure;
use crate::progress::bar;

fn table(soak: &Soak, soaked: &Soaked, engine: &str) {
    let Soaked { files, tables, tally } = soaked;
    println!("ok    card `{}`, engine {engine}, seed {}: no difference from the model", soak.config, soak.seed);
    let row = |name: &str, count: u64| println!("  {name:<34} {count:>14}");
    row("cards of random VPC files", *files);
    row("cards of random tables", *tables);
    row("packets", tally.packets);
    row("clocks of the traffic", tally.clocks);
    for (name, count) in &tally.shown {
        if DropReason::from_name(name).is_none() && !name.starts_with("answer of") {
            row(&name.to_lowercase(), *count);
        }
    }
    println!("drops");
    for reason in DropReason::ALL {
        row(reason.name(), tally.drops(*reason));
    }
}

/// How to make a card on an engine. One that cannot be had is no difference.
fn engines(config: Config, kind: EngineKind) -> Result<impl Fn() -> Result<Box<dyn Engine>, Difference>, Failure> {
    drop(card(config, kind).map_err(Failure::input)?);
    Ok(move || match kind {
        EngineKind::Interpreted => Ok(Box::new(interpreted(config)) as Box<dyn Engine>),
        _ => card(config, kind).map_err(|error| Difference::NoEngine(error.to_string())),
    })
}

/// Runs a stored case.
pub fn rerun(options: &Check, path: &Path) -> Result<(), Failure> {
    let case = read_case(path).map_err(Failure::input)?;
    let no_case = |problem: Difference| Failure::input(format!("{}: {problem}", path.display()));
    let config = case.config().map_err(no_case)?;
    let kind = options.engine.map(EngineKind::from).unwrap_or_default();
    let engine = engines(config, kind)?().map_err(Failure::input)?;
    let result = check_on(&case, engine);
    if options.json {
        let report = serde_json::json!({
            "description": case.description,
            "config": config.name(),
            "engine": kind.name(),
            "packets": case.packets(),
            "shown": result.as_ref().ok().map(|tally| &tally.shown),
            "problem": result.as_ref().err().map(ToString::to_string),
            "ok": result.is_ok(),
        });
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
    } else if let Ok(tally) = &result {
        println!("ok    {}: {} packets, no difference from the model", case.description, tally.packets);
        tally.shown.iter().for_each(|(name, count)| println!("  {name:<34} {count:>14}"));
    }
    match result {
        Ok(_) => Ok(()),
        Err(problem) if problem.is_no_case() => Err(no_case(problem)),
        Err(difference) => Err(Failure::check(format!("{}: {difference}", case.description))),
    }
}

/// Compares cards of at least so many random VPC files with the model.
pub fn run(options: &Check, cards: u64) -> Result<(), Failure> {
    let config = Config::from(options.config);
    let kind = options.engine.map(EngineKind::from).unwrap_or_default();
    let engine = engines(config, kind)?;
    let soak = Soak { config, cards, packets: options.packets, seed: options.seed };
    let bar = bar(usize::try_from(soak.packets).unwrap_or(usize::MAX), "checking", options.quiet.quiet);
    let result = soak.run(engine, |packets| bar.set_position(packets));
    bar.finish_and_clear();
    let soaked = result.map_err(|found| match write_case(&found.case, &options.case) {
        Ok(()) => Failure::check(format!("{found}\n{} has the case, cut short", options.case.display())),
        Err(error) => Failure::check(format!("{found}\nthe case could not be written: {error}")),
    })?;
    if options.json {
        let drops = DropReason::ALL.iter().map(|reason| (reason.name(), soaked.tally.drops(*reason)));
        let report = serde_json::json!({
            "config": config.name(),
            "engine": kind.name(),
            "seed": options.seed,
            "vpc_files": soaked.files,
            "cards": soaked.files + soaked.tables,
            "packets": soaked.tally.packets,
            "clocks": soaked.tally.clocks,
            "shown": soaked.tally.shown,
            "drops": drops.collect::<std::collections::BTreeMap<_, _>>(),
            "ok": true,
        });
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
    } else {
        table(&soak, &soaked, kind.name());
    }
    Ok(())
}
