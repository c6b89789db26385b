//! What holds for every lease whatever it is told, in any order and at any moments.
//!
//! Each property is a function of the steps of one lease, under any rules and on any clock. It is
//! tested on both clocks under the rules that ship; and under rules with one of them broken, to
//! see that it notices ([`mutants`]). A case that fails is kept in `proptest-regressions/`, to be
//! tried first from then on. `PROPTEST_CASES` sets how many cases are tried.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use scripts::{Taken, any_config, any_input, any_script, input_of, play, set_of};

type TestLease<R, I> = Lease<R, I, u32>;

/// What holds for the steps of a lease.
type Property<R, I> = fn(&Config, &[Taken<R, I>]) -> Result<(), TestCaseError>;

/// Enough to notice, in seconds.
fn cases() -> ProptestConfig {
    let wanted = ProptestConfig::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(512, |_| wanted.cases);
    ProptestConfig { cases, ..wanted }
}

/// A test of each property on each clock, in modules `in_micros` and `in_ticks`, and the list of
/// them all.
macro_rules! on_both_clocks {
    ($($property:ident),+ $(,)?) => {
        mod in_micros {
            use super::*;
            proptest! {
                #![proptest_config(cases())]
                $(#[test]
                fn $property(config in any_config(2..=30_000_000), script in any_script()) {
                    super::$property(&config, &play::<Sound, Micros>(Sound, &config, &script))?;
                })+
            }
        }

        mod in_ticks {
            use super::*;
            proptest! {
                #![proptest_config(cases())]
                $(#[test]
                fn $property(config in any_config(2..=12), script in any_script()) {
                    super::$property(&config, &play::<Sound, Ticks>(Sound, &config, &script))?;
                })+
            }
        }

        /// By name.
        pub(super) fn all<R: Rules, I: Instant>() -> Vec<(&'static str, Property<R, I>)> {
            std::vec![$((stringify!($property), $property::<R, I> as Property<R, I>)),+]
        }
    };
}

mod any_input;
mod belief;
mod commands;
mod deadlines;
mod hand_over;
mod mutants;
mod rounds;
mod scripts;
mod settings;
mod symmetry;
