//! Traces and violations on real servers, and `leasehold validate` as a process;
//! `docs/validation.md` says what this shows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
#![expect(clippy::print_stdout, reason = "how long it takes is told with --nocapture")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use leasehold::protocol::Transport;
use leasehold_rig::perform::{Difference, Stage, Verdict, breaks_a_script};
use leasehold_rig::violations::{CASES, Setup};
use leasehold_sim::{Options, Profile, record};
use leasehold_tests::{Program, binary, is_here, now};
use leasehold_world::{Lifecycle, Trace, replay};

/// The rules of a machine, and so of a client: servers know nothing of them.
const OF_THE_MACHINE: [&str; 20] = [
    "adopt-on-trust",
    "believes-after-hand-over",
    "believes-at-end",
    "extend-after-expiry",
    "foreign-is-granted",
    "from-first-answer",
    "from-round-end",
    "guard-own-ttl",
    "hand-over-undrained",
    "late-answers-count",
    "loss-told-late",
    "missing-is-foreign",
    "no-drift",
    "no-kill-after-reset",
    "quorum-half",
    "quorum-less-one",
    "release-after-hand-over",
    "release-before-drain",
    "renew-while-stopping",
    "silence-is-no",
];

/// The rules of a script, which a server runs; with what a sound one answers instead.
const OF_A_SCRIPT: [(&str, &str); 5] = [
    ("adopt-any-value", "foreign (0)"),
    ("adopt-recreates", "missing (-1)"),
    ("extend-any-value", "foreign (0)"),
    ("extend-recreates", "missing (-1)"),
    ("release-any-value", "foreign (0)"),
];

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// The traces in a folder and those below it, by path.
fn traces(folder: &Path) -> BTreeMap<PathBuf, Trace> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(traces(&path));
        } else if path.extension().is_some_and(|extension| extension == "trace") {
            let trace = fs::read_to_string(&path).unwrap().parse();
            found.insert(path.clone(), trace.unwrap_or_else(|why| panic!("{path:?}: {why}")));
        }
    }
    found
}

fn programs() -> impl Iterator<Item = Program> {
    [Program::Redis, Program::Valkey].into_iter().filter(|program| is_here(*program))
}

/// Performs `traces` on every kind of server; each is held against the world alone.
fn perform_all(traces: &BTreeMap<PathBuf, Trace>, judge: impl Fn(&Path, &Verdict)) {
    for program in programs() {
        let began = now();
        let mut stage = Stage::start(program).unwrap();
        let mut steps = 0;
        for (path, trace) in traces {
            let performance = stage.perform(trace).unwrap();
            steps += performance.steps.len();
            judge(path, &performance.verdict);
            if performance.verdict.is_as_traced() {
                let replayed = replay(trace).unwrap();
                assert_eq!(performance.broken, replayed.broken, "{path:?}");
                assert_eq!(performance.steps.len(), trace.steps.len(), "{path:?}");
            }
        }
        let (count, took) = (traces.len(), began.elapsed());
        println!("{}: {count} traces, {steps} steps in {took:.1?}", stage.version());
    }
}

#[test]
fn counterexamples_and_seeds_are_what_real_servers_do() {
    let reports = root().join("reports");
    let mut kept = traces(&reports.join("counterexamples"));
    kept.extend(traces(&reports.join("seeds")));
    assert!(kept.len() > 100, "{}", kept.len());
    perform_all(&kept, |path, verdict| {
        let Verdict::Same { claim, step } = verdict else { panic!("{path:?}: {verdict}") };
        let trace = &kept[path];
        assert_eq!((Some(*claim), *step), (trace.breaks, trace.steps.len()), "{path:?}");
    });
}

#[test]
fn scenarios_are_what_real_servers_do() {
    let scenarios = traces(&root().join("tests/scenarios"));
    assert!(scenarios.len() > 20, "{}", scenarios.len());
    perform_all(&scenarios, |path, verdict| {
        // One task deletes the lease of another, as if the script did not compare.
        let shared = path.ends_with("19-shared-object-deletes-the-others-lease.trace");
        assert_eq!(verdict.is_as_traced(), !shared, "{path:?}: {verdict}");
        assert_eq!(breaks_a_script(&scenarios[path].scope), shared, "{path:?}");
    });
}

/// Each is of one of two kinds, and what real servers do tells of which.
#[test]
fn of_mutants_real_servers_refute_those_of_a_script() {
    let mutants = traces(&root().join("reports/mutants"));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut known: Vec<&str> = OF_THE_MACHINE.to_vec();
    known.extend(OF_A_SCRIPT.map(|(name, _)| name));
    known.sort_unstable();
    assert_eq!(mutants.keys().map(|path| name(path)).collect::<Vec<_>>(), known);
    perform_all(&mutants, |path, verdict| {
        let name = name(path);
        let of_a_script = OF_A_SCRIPT.iter().find(|(known, _)| *known == name);
        assert_eq!(breaks_a_script(&mutants[path].scope), of_a_script.is_some(), "{name}");
        match (verdict, of_a_script) {
            (Verdict::Same { claim, .. }, None) => {
                assert_eq!(Some(*claim), mutants[path].breaks, "{name}");
            }
            (Verdict::Disagrees(why), Some((_, sound))) => {
                assert_eq!((&*why.expected.0, &*why.got.0), ("done", *sound), "{name}: {why}");
            }
            _ => panic!("{name}: {verdict}"),
        }
    });
}

/// Seeds as they are drawn, with every fault there is. In a pool a new connection may bring lost
/// scripts back; there is no other difference.
#[test]
fn seeds_as_they_are_drawn_are_what_real_servers_do() {
    let mut drawn = BTreeMap::new();
    for profile in Profile::all() {
        for lifecycle in [Lifecycle::Joined, Lifecycle::Detached] {
            for transport in [Transport::Fifo, Transport::Pooled] {
                let options = Options { profile, lifecycle, transport, ..Options::default() };
                let name = format!("{} {lifecycle} {}", profile.name(), transport.name());
                drawn.insert(PathBuf::from(name), record(0, &options).1);
            }
        }
    }
    perform_all(&drawn, |name, verdict| {
        let brought = matches!(verdict, Verdict::Differs(Difference::ConnectionBringsScripts, _));
        let pooled = name.to_str().unwrap().ends_with("pooled");
        assert!(verdict.is_as_traced() || brought && pooled, "{name:?}: {verdict}");
    });
}

#[test]
fn violations_happen_where_they_must_and_nowhere_else() {
    for program in programs() {
        let holder = (binary(), vec!["validate-holder".to_owned()]);
        let setup = Setup { program, holder };
        for case in CASES {
            let began = now();
            let outcome = case.run(&setup).unwrap_or_else(|why| panic!("{}: {why}", case.name()));
            println!("{} {} {outcome:?} {:.1?}", program.name(), case.name(), began.elapsed());
            assert_eq!(outcome.happened, case.must_happen(), "{}: {outcome:?}", case.name());
        }
    }
}

fn validate(arguments: &[&str]) -> Output {
    let mut command = Command::new(fs::canonicalize(binary()).unwrap());
    let command = command.current_dir(root()).arg("validate").args(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_report_is_what_the_command_writes() {
    let folder = tempfile::tempdir().unwrap();
    let output = validate(&["--reports", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let written = fs::read_to_string(folder.path().join("validation.md")).unwrap();
    let kept = fs::read_to_string(root().join("reports/validation.md")).unwrap();
    // Which servers there are, and the commit, are this machine's.
    let rest = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("-server "));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert!(written.contains("redis-server "), "{written}");
    assert!(rest(&written) == rest(&kept), "run leasehold validate:\n{written}");
    for text in [written, printed(&output)] {
        let table = text.lines().filter(|line| !line.starts_with("Written:"));
        let wide: Vec<&str> = table.filter(|line| line.chars().count() > 100).collect();
        assert_eq!(wide, Vec::<&str>::new());
    }
}

#[test]
fn a_trace_is_shown_with_what_the_servers_said() {
    let trace = "reports/counterexamples/hazards-detached-touch-pooled-no-orphan.trace";
    let output = validate(&[trace]);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text.contains("the same violation: no orphan, at step 6, on redis-server "), "{text}");
    assert!(text.contains("OK        n0 runs SET of c0/1: the key is set"), "{text}");
    assert!(text.contains("seen: n0 stores c0/1 for 5999 ms"), "{text}");
}

#[test]
fn a_trace_that_servers_refute_is_told_and_fails() {
    let trace = "reports/mutants/extend-any-value.trace";
    let output = validate(&[trace]);
    let text = printed(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = "real servers do not do this: step 12, n0, extend of c0/1: the world says done, the \
                server foreign (0), on redis-server ";
    assert!(text.contains(told), "{text}");
    let found: serde_json::Value =
        serde_json::from_slice(&validate(&[trace, "--json"]).stdout).unwrap();
    let told = &found["traces"][0];
    assert_eq!(told["verdict"], "disagrees");
    assert_eq!(told["disagreement"]["step"], 12);
    assert_eq!(told["steps"].as_array().unwrap().len(), 12);
}

#[test]
fn what_is_wrong_is_told() {
    let code = |arguments: &[&str], text: &str| {
        let output = validate(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(text), "{told}");
        output.status.code()
    };
    assert_eq!(code(&["README.md"], "not a trace file"), Some(2));
    assert_eq!(code(&["nowhere.trace"], "cannot read nowhere.trace"), Some(4));
    assert_eq!(code(&["--server", "other"], "it is redis or valkey"), Some(2));
    assert_eq!(code(&["--from", "src"], "cannot read src/counterexamples"), Some(4));
}

#[test]
fn a_missing_program_is_told_with_the_command_that_installs_it() {
    let mut command = Command::new(fs::canonicalize(binary()).unwrap());
    let trace = "reports/mutants/no-drift.trace";
    let command = command.current_dir(root()).args(["validate", trace]);
    let output = command.env("PATH", "/nowhere").env_remove("LEASEHOLD_REDIS_SERVER").output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let wanted = "redis-server is missing; install it: apt-get install redis-server";
    assert!(told.contains(wanted), "{told}");
    assert_eq!(output.status.code(), Some(4));
}

/// What was done until then is kept, and marked.
#[test]
fn ctrl_c_keeps_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(fs::canonicalize(binary()).unwrap());
    command.current_dir(root()).args(["validate", "--reports"]).arg(folder.path());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    // Traces are performed by then, and the violations last for longer.
    std::thread::sleep(leasehold_tests::ms(2_500));
    leasehold_tests::signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(printed(&output).contains("TRUNCATED"), "{output:?}");
    let written = fs::read_to_string(folder.path().join("validation.truncated.md")).unwrap();
    assert!(written.contains("TRUNCATED") && written.contains("### counterexamples"));
    assert!(!folder.path().join("validation.md").exists());
}
