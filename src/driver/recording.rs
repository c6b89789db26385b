//! Writing down what the machines are told, with the feature `record`; nothing without it.

#[cfg(feature = "record")]
pub(super) use on::Tape;

#[cfg(not(feature = "record"))]
pub(super) use off::Tape;

#[cfg(feature = "record")]
mod on {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::string::{String, ToString};
    use std::sync::Arc;

    use crate::driver::connect_error::ConnectError;
    use crate::driver::leases::LeaseId;
    use crate::driver::token::Token;
    use crate::protocol::{Answer, Config, Input, Lease, Micros, Moment, Output, Sound};
    use crate::record::{After, Happening, Line, Mark, NodeLine, Opened, Recorder, Step, VARIABLE};

    /// Where it is written, if it is.
    #[derive(Clone, Default)]
    pub(in super::super) struct Tape(Option<Arc<Recorder>>);

    impl Tape {
        /// Records to `folder`, or else to the one that the environment names.
        pub(in super::super) fn begin(
            folder: Option<&Path>,
            nodes: &[String],
        ) -> Result<Tape, ConnectError> {
            let named = || std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
            let folder = folder.map(PathBuf::from).or_else(|| named().map(PathBuf::from));
            let Some(folder) = folder else { return Ok(Tape(None)) };
            match Recorder::begin(&folder, nodes) {
                Ok(recorder) => Ok(Tape(Some(Arc::new(recorder)))),
                Err(error) => Err(ConnectError::Recording { folder, error }),
            }
        }

        /// The line is made only if there is somewhere to write it.
        fn line(&self, line: impl FnOnce() -> Line) {
            if let Some(recorder) = &self.0 {
                complain(recorder, recorder.line(&line()));
            }
        }

        pub(in super::super) fn flush(&self) {
            if let Some(recorder) = &self.0 {
                complain(recorder, recorder.flush());
            }
        }

        pub(in super::super) fn lease(&self, LeaseId(lease): LeaseId, key: &str, config: &Config) {
            let key = || key.to_string();
            self.line(|| Line::Lease(Opened { lease, key: key(), config: *config }));
        }

        pub(in super::super) fn step(
            &self,
            LeaseId(lease): LeaseId,
            moment: Moment<Micros>,
            input: Input<Token>,
            output: &Output<Micros>,
            machine: &Lease<Sound, Micros, Token>,
        ) {
            self.line(|| {
                let (input, after) = (marked(input), After::of(machine));
                Line::Step(Step { lease, moment, input, output: *output, after })
            });
        }

        pub(in super::super) fn up(&self, node: u8, now: Micros, new_process: bool) {
            self.node(node, now, Happening::Up { new_process });
        }

        pub(in super::super) fn down(&self, node: u8, now: Micros) {
            self.node(node, now, Happening::Down);
        }

        pub(in super::super) fn kills(&self, node: u8, now: Micros, count: usize) {
            if count > 0 {
                self.node(node, now, Happening::Kills(u32::try_from(count).unwrap_or(u32::MAX)));
            }
        }

        pub(in super::super) fn killed(&self, node: u8, now: Micros, answer: Answer) {
            self.node(node, now, Happening::Killed(answer));
        }

        pub(in super::super) fn try_again(&self, node: u8, now: Micros) {
            self.node(node, now, Happening::TryAgain);
        }

        fn node(&self, node: u8, now: Micros, what: Happening) {
            self.line(|| Line::Node(NodeLine { node, now: now.0, what }));
        }
    }

    fn complain(recorder: &Recorder, written: io::Result<()>) {
        if let Err(error) = written {
            let path = recorder.path().display();
            tracing::error!(%path, %error, "recording ended: it cannot be written");
        }
    }

    fn marked(input: Input<Token>) -> Input<Mark> {
        let mark = |token: Token| Mark(token.bytes());
        match input {
            Input::Start(token) => Input::Start(mark(token)),
            Input::Adopt { token, from } => Input::Adopt { token: mark(token), from: mark(from) },
            Input::Answer { node, command, answer } => Input::Answer { node, command, answer },
            Input::Tick => Input::Tick,
            Input::Stop => Input::Stop,
            Input::HandOver => Input::HandOver,
            Input::Reset { node } => Input::Reset { node },
            Input::Connected { node, new_process } => Input::Connected { node, new_process },
        }
    }
}

#[cfg(not(feature = "record"))]
mod off {
    use std::path::Path;
    use std::string::String;

    use crate::driver::connect_error::ConnectError;
    use crate::driver::leases::LeaseId;
    use crate::driver::token::Token;
    use crate::protocol::{Answer, Config, Input, Lease, Micros, Moment, Output, Sound};

    #[derive(Clone, Default)]
    pub(in super::super) struct Tape;

    impl Tape {
        pub(in super::super) fn begin(
            _: Option<&Path>,
            _: &[String],
        ) -> Result<Tape, ConnectError> {
            Ok(Tape)
        }

        pub(in super::super) fn flush(&self) {}
        pub(in super::super) fn lease(&self, _: LeaseId, _: &str, _: &Config) {}
        pub(in super::super) fn step(
            &self,
            _: LeaseId,
            _: Moment<Micros>,
            _: Input<Token>,
            _: &Output<Micros>,
            _: &Lease<Sound, Micros, Token>,
        ) {
        }
        pub(in super::super) fn up(&self, _: u8, _: Micros, _: bool) {}
        pub(in super::super) fn down(&self, _: u8, _: Micros) {}
        pub(in super::super) fn kills(&self, _: u8, _: Micros, _: usize) {}
        pub(in super::super) fn killed(&self, _: u8, _: Micros, _: Answer) {}
        pub(in super::super) fn try_again(&self, _: u8, _: Micros) {}
    }
}
