//! The properties would notice: each rule of the machine that is broken on purpose breaks one.

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// How many scripts a mutant has to outlive.
const SCRIPTS: usize = 20_000;

/// Every property of a lease.
fn properties() -> Vec<(&'static str, Property<Mutated, Ticks>)> {
    [
        belief::all(),
        deadlines::all(),
        commands::all(),
        rounds::all(),
        symmetry::all(),
        hand_over::all(),
    ]
    .concat()
}

/// The first property that one of the scripts breaks under `mutant`, if any.
fn noticed_by(mutant: Option<Mutant>) -> Option<&'static str> {
    let mut runner = TestRunner::deterministic();
    let strategy = (any_config(2..=12), any_script());
    let properties = properties();
    (0..SCRIPTS).find_map(|_| {
        let tree = strategy.new_tree(&mut runner).ok()?;
        let (config, script) = tree.current();
        let steps = play::<Mutated, Ticks>(Mutated(mutant), &config, &script);
        let broken = properties.iter().find(|(_, property)| property(&config, &steps).is_err());
        broken.map(|(name, _)| *name)
    })
}

/// Whether the rule is the machine's; the other rules are those of the scripts that servers run,
/// and of the guard, which a lease is only told of.
fn is_of_the_machine(mutant: Mutant) -> bool {
    match mutant {
        Mutant::ReleaseAnyValue
        | Mutant::ExtendAnyValue
        | Mutant::ExtendRecreates
        | Mutant::GuardOwnTtl
        | Mutant::AdoptAnyValue
        | Mutant::AdoptRecreates => false,
        Mutant::QuorumLessOne
        | Mutant::QuorumHalf
        | Mutant::NoDrift
        | Mutant::FromFirstAnswer
        | Mutant::FromRoundEnd
        | Mutant::BelievesAtEnd
        | Mutant::ExtendAfterExpiry
        | Mutant::LossToldLate
        | Mutant::MissingIsForeign
        | Mutant::ForeignIsGranted
        | Mutant::LateAnswersCount
        | Mutant::SilenceIsNo
        | Mutant::RenewWhileStopping
        | Mutant::NoKillAfterReset
        | Mutant::ReleaseBeforeDrain
        | Mutant::HandOverUndrained
        | Mutant::BelievesAfterHandOver
        | Mutant::ReleaseAfterHandOver
        | Mutant::AdoptOnTrust => true,
    }
}

#[test]
fn every_broken_rule_of_the_machine_breaks_a_property() {
    assert_eq!(noticed_by(None), None);
    for mutant in Mutant::all() {
        let noticed = noticed_by(Some(mutant)).is_some();
        assert_eq!(noticed, is_of_the_machine(mutant), "{}", mutant.name());
    }
}
