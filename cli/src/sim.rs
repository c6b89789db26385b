//! stub
use crate::exit::{Ending, Failure};
/// Options
#[derive(clap::Args, Debug)]
pub(crate) struct SimArgs {}
/// Drawn
#[derive(clap::Args, Debug)]
pub(crate) struct Drawn {}
impl Drawn { pub(crate) fn record(&self, _: u64) -> Result<leasehold_world::Trace, Failure> { Err(Failure::Argument("no".into())) } }
pub(crate) fn run(_: &SimArgs) -> Result<Ending, Failure> { Ok(Ending::AsClaimed) }
