//! What is noticed, and what is named.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
use leasehold_world::{Claim, Trace};
use redis::cmd;

use super::stage::Meddle;
use super::{Difference, Fact, Performance, Stage, Verdict, perform};
use crate::Program;

/// A trace of the shipped lifecycle at one node, where nothing is ruled out.
fn trace(unit: &str, extra: &str, steps: &[&str]) -> Trace {
    let scale = if unit == "us" { 1_000 } else { 1 };
    let [ttl, interval, bound] = [6 * scale, 2 * scale, 2 * scale];
    let numbered = steps.iter().zip(1..).map(|(step, number)| format!("{number} {step}\n"));
    let numbered: String = numbered.collect();
    let role = r#"{"starts":2,"renewals":2,"stops":true}"#;
    let text = format!(
        "leasehold trace 1\nunit {unit}\nscope {{\"lifecycle\":\"joined\",\"transport\":\"fifo\",\
         \"extend\":\"touch\",\"nodes\":1,\"ttl\":{ttl},\"drift_ppm\":0,\"drift_floor\":0,\
         \"renew_every\":{interval},\"renew_retry\":{scale},\"node_timeout\":{bound},\
         \"release_within\":{bound},\"renewal_timeout\":null,\"roles\":[{role},{role}],\
         \"faults\":{{{extra}}}}}\n{numbered}end {}\n",
        steps.len()
    );
    text.parse().unwrap()
}

const TAKEN: [&str; 7] = [
    "start c0",
    "run c0 n0 #0",
    "reply c0 n0 #0",
    "advance n 1 c 1 1",
    "advance n 1 c 1 1",
    "tick c0",
    "run c0 n0 #0",
];

/// What comes of [`TAKEN`] if somebody does `command` to the server after step `step`.
fn meddled(step: usize, command: redis::Cmd) -> Performance {
    let mut stage = Stage::start(Program::Redis).unwrap();
    stage.meddle = Some(Meddle { step, command });
    stage.perform(&trace("ticks", "", &TAKEN)).unwrap()
}

fn disagreement(performance: &Performance) -> (usize, String) {
    let Verdict::Disagrees(why) = &performance.verdict else { panic!("{}", performance.verdict) };
    assert_eq!(performance.steps.len(), why.step);
    (why.step, why.to_string())
}

#[test]
fn what_nobody_meddles_with_is_as_the_world_says() {
    let performance = meddled(1, cmd("PING"));
    assert_eq!(performance.verdict, Verdict::Nothing);
    let stored: Vec<&str> = performance.steps.iter().map(|step| &*step.stored).collect();
    let held = ["c0/1 5999 ms", "c0/1 5999 ms", "c0/1 4999 ms", "c0/1 3999 ms", "c0/1 3999 ms"];
    assert_eq!(stored[1..6], held);
    assert_eq!(stored[6], "c0/1 5999 ms");
}

#[test]
fn a_millisecond_less_is_noticed() {
    let (step, why) = disagreement(&meddled(3, cmd("PEXPIRE").arg("lock").arg(5_998).to_owned()));
    assert_eq!(step, 3);
    let said = "what is stored: the world says c0/1 5999 ms, the server c0/1 5998 ms";
    assert!(why.ends_with(said), "{why}");
}

#[test]
fn a_key_that_vanishes_is_noticed() {
    let (step, why) = disagreement(&meddled(2, cmd("DEL").arg("lock").to_owned()));
    assert_eq!(step, 2);
    assert!(why.ends_with("the world says c0/1 5999 ms, the server -"), "{why}");
}

#[test]
fn a_value_that_nobody_said_is_noticed() {
    let (_, why) = disagreement(&meddled(1, cmd("SET").arg("lock").arg("theirs").to_owned()));
    assert!(why.contains("the world says -, the server [bulk-string("), "{why}");
}

/// Not before the command that finds out: after a step of the clock nobody looks.
#[test]
fn an_answer_that_is_another_is_noticed() {
    let (step, why) = disagreement(&meddled(4, cmd("SCRIPT").arg("FLUSH").to_owned()));
    assert_eq!(step, 7);
    assert!(why.ends_with("the world says done, the server refused (NOSCRIPT)"), "{why}");
}

#[test]
fn a_claim_that_does_not_break_is_noticed() {
    let mut trace = trace("ticks", "", &TAKEN);
    trace.breaks = Some(Claim::NoOrphan);
    let verdict = perform(&trace, Program::Redis).unwrap().verdict;
    assert_eq!(verdict, Verdict::Otherwise { named: Claim::NoOrphan, found: None });
}

#[test]
fn a_step_that_may_not_be_taken_is_an_error() {
    let error = perform(&trace("ticks", "", &["run c0 n0 #0"]), Program::Redis).unwrap_err();
    assert!(error.to_string().contains("line 4: \"run c0 n0 #0\" is not enabled"), "{error}");
    let mut short = trace("us", "", &["start c0"]);
    short.unit = "years".to_owned();
    let error = perform(&short, Program::Redis).unwrap_err();
    assert!(error.to_string().contains("\"years\""), "{error}");
}

/// A stray KILL ends what is older than its own connection, and not what was sent behind it.
#[test]
fn a_kill_that_is_a_stray_itself_is_performed() {
    let steps = [
        "start c0",
        "reset c0 n0",
        "connect c0 n0",
        "reset c0 n0",
        "connect c0 n0",
        "run c0 n0 #1",
        "run c0 n0 #0",
        "run c0 n0 #0",
        "run c0 n0 #1",
    ];
    let performance = perform(&trace("ticks", r#""resets":2"#, &steps), Program::Redis).unwrap();
    assert_eq!(performance.verdict, Verdict::Nothing, "{:#?}", performance.steps);
    let killed = performance.steps.iter().filter(|step| step.reply.ends_with(" killed"));
    assert_eq!(killed.map(|step| &*step.reply).collect::<Vec<_>>(), ["1 killed", "1 killed"]);
}

fn differs(trace: &Trace) -> (Difference, usize) {
    let performance = perform(trace, Program::Redis).unwrap();
    let Verdict::Differs(difference, why) = performance.verdict else {
        panic!("{}", performance.verdict)
    };
    (difference, why.step)
}

#[test]
fn a_key_that_comes_back_with_the_clock_is_named() {
    let steps = [
        "start c0",
        "run c0 n0 #0",
        "start c1",
        "advance n 9000 c 0 0",
        "advance n -9000 c 0 0",
        "run c1 n0 #0",
    ];
    assert_eq!(differs(&trace("us", "", &steps)), (Difference::KeyComesBack, 6));
}

/// Lost scripts are back when somebody connects, or has heard of a refusal.
#[test]
fn scripts_are_lost_until_somebody_loads_them() {
    let extra = r#""resets":1,"resends":1,"script_losses":1"#;
    let connected = ["forget n0", "reset c1 n0", "connect c1 n0", "tick c0", "run c0 n0 #0"];
    let unheard = ["tick c0", "resend c0 n0 #0", "forget n0", "run c0 n0 #0", "run c0 n0 #0"];
    for (end, refused) in [(connected, 0), (unheard, 2)] {
        let trace = trace("ticks", extra, &[&TAKEN[..5], &end].concat());
        let performance = perform(&trace, Program::Redis).unwrap();
        assert_eq!(performance.verdict, Verdict::Nothing, "{:#?}", performance.steps);
        let replies = performance.steps.iter().filter(|step| step.reply.contains("NOSCRIPT"));
        assert_eq!(replies.count(), refused, "{:#?}", performance.steps);
    }
}

/// A connection of a pool is made when it is needed, of which the world knows nothing.
#[test]
fn scripts_that_a_connection_of_a_pool_brings_back_are_named() {
    let steps =
        [&TAKEN[..5], &["forget n0", "start c1", "run c1 n0 #0", "tick c0", "run c0 n0 #0"]];
    let fifo = trace("ticks", r#""script_losses":1"#, &steps.concat()).to_string();
    let pooled = fifo.replace("\"fifo\"", "\"pooled\"").parse().unwrap();
    assert_eq!(differs(&pooled), (Difference::ConnectionBringsScripts, 10));
}

#[test]
fn facts_say_what_is_seen() {
    let late = include_str!("../violations/traces/late-set-fifo.trace").parse().unwrap();
    assert_eq!(perform(&late, Program::Redis).unwrap().observations, []);
    let trace: Trace = include_str!(
        "../../../reports/counterexamples/hazards-detached-touch-pooled-no-orphan.trace"
    )
    .parse()
    .unwrap();
    let performance = perform(&trace, Program::Redis).unwrap();
    let Some(seen) = performance.observations.last() else { panic!("nothing was seen") };
    assert_eq!(seen.step, trace.steps.len());
    assert!(matches!(seen.fact, Fact::Orphan { node: 0, pttl_ms: 5_999, .. }), "{seen}");
}
