//! The result of a campaign as it is written: words, numbers and tables by name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::campaign::Least;
use crate::cause::Cause;
use crate::cause_counts::{CauseCount, Causes};
use crate::counts::Counts;
use crate::kinds::Kind;
use crate::options::Options;
use crate::outcome::{Broken, Taken};
use crate::results::{FORMAT, FailedSeed, Results, ResultsError};
use crate::shard::Shard;
use crate::twice::Difference;

/// The file, field by field. The one that another run would not repeat comes last.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    format: u32,
    program: String,
    options: Options,
    seeds: Seeds,
    shard: Shard,
    checked_determinism: bool,
    seeds_run: u64,
    truncated: bool,
    digest: String,
    runs: u64,
    steps: u64,
    virtual_us: u64,
    least_slack: Option<Least>,
    faults: Rows,
    reported: Rows,
    dangers: Rows,
    causes: Rows,
    causes_first_seeds: Rows,
    loss_causes: Rows,
    loss_causes_first_seeds: Rows,
    broken: Rows,
    kinds: Vec<KindText>,
    failures_total: u64,
    failures: Vec<FailureText>,
    differences_total: u64,
    differences: Vec<DifferenceText>,
    never_happened: Vec<String>,
    elapsed_ms: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Seeds {
    from: u64,
    to: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KindText {
    claim: String,
    cause: Option<String>,
    runs: u64,
    first_seed: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FailureText {
    seed: u64,
    claim: String,
    step: u32,
    already_taken: Option<TakenText>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenText {
    client: u8,
    step: u32,
    cause: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DifferenceText {
    seed: u64,
    step: Option<u32>,
    first: String,
    second: String,
}

/// A table: its rows in order, each with its count.
struct Rows(Vec<(String, u64)>);

impl Rows {
    fn of(rows: impl Iterator<Item = (&'static str, u64)>) -> Rows {
        Rows(rows.map(|(name, count)| (name.to_owned(), count)).collect())
    }

    /// The counts of `names`, which must be all rows.
    fn counts(
        mut self,
        table: &'static str,
        names: impl Iterator<Item = (&'static str, u64)>,
    ) -> Result<Vec<u64>, ResultsError> {
        let mut counts = Vec::with_capacity(self.0.len());
        for (row, _) in names {
            let found = self.0.iter().position(|(name, _)| name == row);
            let index = found.ok_or(ResultsError::MissingRow { table, row })?;
            counts.push(self.0.remove(index).1);
        }
        match self.0.pop() {
            Some((row, _)) => Err(ResultsError::UnknownRow { table, row }),
            None => Ok(counts),
        }
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in &self.0 {
            map.serialize_entry(name, count)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of counts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = map.next_entry()? {
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl From<Results> for File {
    fn from(results: Results) -> File {
        let never_happened = results.never_happened().into_iter().map(str::to_owned).collect();
        let counts = &results.counts;
        File {
            format: FORMAT,
            program: results.program,
            options: results.options,
            seeds: Seeds { from: results.seeds.start, to: results.seeds.end },
            shard: results.shard,
            checked_determinism: results.twice,
            seeds_run: results.run,
            truncated: results.truncated,
            digest: format!("{:016x}", results.digest),
            runs: counts.runs,
            steps: counts.steps,
            virtual_us: counts.virtual_us,
            least_slack: results.least_slack,
            faults: Rows::of(counts.hazards()),
            reported: Rows::of(counts.reports()),
            dangers: Rows::of(counts.witnesses()),
            causes: times(counts.message_causes()),
            causes_first_seeds: first_seeds(counts.message_causes()),
            loss_causes: times(counts.loss_causes()),
            loss_causes_first_seeds: first_seeds(counts.loss_causes()),
            broken: Rows::of(counts.breaks()),
            kinds: results.kinds.iter().map(KindText::from).collect(),
            failures_total: results.failures_total,
            failures: results.failures.iter().map(FailureText::from).collect(),
            differences_total: results.differences_total,
            differences: results.differences.into_iter().map(DifferenceText::from).collect(),
            never_happened,
            elapsed_ms: results.elapsed_ms,
        }
    }
}

impl TryFrom<File> for Results {
    type Error = ResultsError;

    fn try_from(file: File) -> Result<Results, ResultsError> {
        if file.format != FORMAT {
            return Err(ResultsError::Format(file.format));
        }
        let known = Counts::default();
        let tables = [
            file.faults.counts("faults", known.hazards())?,
            file.reported.counts("reported", known.reports())?,
            file.dangers.counts("dangers", known.witnesses())?,
            file.broken.counts("broken", known.breaks())?,
        ];
        let causes = (
            causes("causes", file.causes, file.causes_first_seeds)?,
            causes("loss_causes", file.loss_causes, file.loss_causes_first_seeds)?,
        );
        let sums = (file.runs, file.steps, file.virtual_us);
        let results = Results {
            program: file.program,
            options: file.options,
            seeds: file.seeds.from..file.seeds.to,
            shard: file.shard,
            twice: file.checked_determinism,
            run: file.seeds_run,
            truncated: file.truncated,
            digest: digest(&file.digest)?,
            counts: Counts::from_tables(sums, tables, causes)
                .ok_or(ResultsError::List("counts"))?,
            least_slack: file.least_slack,
            kinds: file.kinds.into_iter().map(Kind::try_from).collect::<Result<_, _>>()?,
            failures_total: file.failures_total,
            failures: (file.failures.into_iter().map(FailedSeed::try_from))
                .collect::<Result<_, _>>()?,
            differences_total: file.differences_total,
            differences: file.differences.into_iter().map(Difference::from).collect(),
            elapsed_ms: file.elapsed_ms,
        };
        results.check()?;
        if results.never_happened() != file.never_happened {
            return Err(ResultsError::NeverHappened);
        }
        Ok(results)
    }
}

fn digest(text: &str) -> Result<u64, ResultsError> {
    let wrong = || ResultsError::Digest(text.to_owned());
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = digits.then_some(text).ok_or_else(wrong)?;
    u64::from_str_radix(digits, 16).map_err(|_| wrong())
}

/// How often each cause was met.
fn times(rows: impl Iterator<Item = CauseCount>) -> Rows {
    Rows::of(rows.map(|row| (row.cause.name(), row.count)))
}

/// The first seed of each cause that was met.
fn first_seeds(rows: impl Iterator<Item = CauseCount>) -> Rows {
    Rows::of(rows.filter_map(|row| row.first_seed.map(|seed| (row.cause.name(), seed))))
}

fn causes(table: &'static str, times: Rows, first_seeds: Rows) -> Result<Causes, ResultsError> {
    let known = Cause::ALL.into_iter().map(|cause| (cause.name(), 0));
    let counts = times.counts(table, known)?;
    let first = |(name, seed)| cause(name).map(|cause| (cause, seed));
    let firsts: Vec<(Cause, u64)> =
        first_seeds.0.into_iter().map(first).collect::<Result<_, _>>()?;
    Causes::from_file(counts, &firsts).ok_or(ResultsError::FirstSeeds)
}

fn cause(name: String) -> Result<Cause, ResultsError> {
    Cause::named(&name).ok_or(ResultsError::Cause(name))
}

impl From<&Kind> for KindText {
    fn from(kind: &Kind) -> KindText {
        KindText {
            claim: kind.claim.name().to_owned(),
            cause: kind.cause.map(|cause| cause.name().to_owned()),
            runs: kind.runs,
            first_seed: kind.first,
        }
    }
}

impl TryFrom<KindText> for Kind {
    type Error = ResultsError;

    fn try_from(text: KindText) -> Result<Kind, ResultsError> {
        let claim = ResultsError::claim(&text.claim)?;
        let cause = text.cause.map(cause).transpose()?;
        Ok(Kind { claim, cause, runs: text.runs, first: text.first_seed })
    }
}

impl From<&FailedSeed> for FailureText {
    fn from(failure: &FailedSeed) -> FailureText {
        let FailedSeed { seed, broken, taken } = *failure;
        FailureText {
            seed,
            claim: broken.claim.name().to_owned(),
            step: broken.step,
            already_taken: taken.map(TakenText::from),
        }
    }
}

impl TryFrom<FailureText> for FailedSeed {
    type Error = ResultsError;

    fn try_from(text: FailureText) -> Result<FailedSeed, ResultsError> {
        let broken = Broken { claim: ResultsError::claim(&text.claim)?, step: text.step };
        let taken = text.already_taken.map(Taken::try_from).transpose()?;
        Ok(FailedSeed { seed: text.seed, broken, taken })
    }
}

impl From<Taken> for TakenText {
    fn from(Taken { client, step, cause }: Taken) -> TakenText {
        TakenText { client, step, cause: cause.name().to_owned() }
    }
}

impl TryFrom<TakenText> for Taken {
    type Error = ResultsError;

    fn try_from(text: TakenText) -> Result<Taken, ResultsError> {
        Ok(Taken { client: text.client, step: text.step, cause: cause(text.cause)? })
    }
}

impl From<Difference> for DifferenceText {
    fn from(Difference { seed, step, first, second }: Difference) -> DifferenceText {
        DifferenceText { seed, step, first, second }
    }
}

impl From<DifferenceText> for Difference {
    fn from(DifferenceText { seed, step, first, second }: DifferenceText) -> Difference {
        Difference { seed, step, first, second }
    }
}
