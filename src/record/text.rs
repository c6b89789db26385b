//! How values of the protocol are written. The protocol itself knows nothing of it.

use serde::{Deserialize, Serialize};

use super::line::Mark;
use crate::protocol::{
    Answer, Command, Commands, Event, Extend, Input, LossCause, Micros, Moment, NodeSet, Phase,
    Tally, Timer, Transport,
};

/// A set of nodes as a list, in ascending order.
pub(super) mod set {
    use std::vec::Vec;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::protocol::NodeSet;
    use crate::protocol::nodes::MAX_NODES;

    pub(in super::super) fn serialize<S: Serializer>(
        set: &NodeSet,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(set.iter())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<NodeSet, D::Error> {
        let mut set = NodeSet::EMPTY;
        let mut least = 0;
        for node in Vec::<u8>::deserialize(from)? {
            if node < least || node >= MAX_NODES {
                return Err(D::Error::custom(std::format_args!(
                    "node {node} in a set: nodes are numbered below {MAX_NODES}, and stand in \
                     ascending order"
                )));
            }
            set.insert(node);
            least = node + 1;
        }
        Ok(set)
    }

    pub(in super::super) fn is_empty(set: &NodeSet) -> bool {
        set.len() == 0
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Micros")]
pub(super) struct MicrosDef(i64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Moment::<Micros>", deny_unknown_fields)]
pub(super) struct MomentDef {
    #[serde(with = "MicrosDef")]
    now: Micros,
    #[serde(with = "set")]
    reachable: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    guarded: NodeSet,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Answer", rename_all = "snake_case")]
pub(super) enum AnswerDef {
    Done,
    Missing,
    Foreign,
    Refused,
    NotSent,
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Command", rename_all = "snake_case")]
pub(super) enum CommandDef {
    Set,
    Extend,
    Release,
    Kill,
    Adopt,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Input::<Mark>", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum InputDef {
    Start(Mark),
    Adopt {
        token: Mark,
        from: Mark,
    },
    Answer {
        node: u8,
        #[serde(with = "CommandDef")]
        command: Command,
        #[serde(with = "AnswerDef")]
        answer: Answer,
    },
    Tick,
    Stop,
    HandOver,
    Reset {
        node: u8,
    },
    Connected {
        node: u8,
        new_process: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Phase", rename_all = "snake_case")]
pub(super) enum PhaseDef {
    Idle,
    Acquiring,
    Held,
    Stopping,
    Draining,
    Releasing,
    Released,
    Lost,
    HandingOver,
    HandedOver,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Timer", rename_all = "snake_case")]
pub(super) enum TimerDef {
    AttemptTimeout,
    Renew,
    RenewalTimeout,
    Expiry,
    Release,
    ReleaseTimeout,
    HandOverTimeout,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Commands", deny_unknown_fields)]
pub(super) struct CommandsDef {
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    kill: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    set: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    adopt: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    extend: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    release: NodeSet,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Tally", deny_unknown_fields)]
pub(super) struct TallyDef {
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    done: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    missing: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    foreign: NodeSet,
    #[serde(with = "set", default, skip_serializing_if = "set::is_empty")]
    failed: NodeSet,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "LossCause", rename_all = "snake_case")]
pub(super) enum LossDef {
    Expired,
    Gone,
    Taken,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event::<Micros>", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum EventDef {
    Acquired {
        #[serde(with = "MicrosDef")]
        valid_until: Micros,
    },
    Denied(#[serde(with = "TallyDef")] Tally),
    Extended {
        #[serde(with = "MicrosDef")]
        valid_until: Micros,
    },
    RenewalFailed(#[serde(with = "TallyDef")] Tally),
    Lost(#[serde(with = "LossDef")] LossCause),
    Released {
        #[serde(with = "set")]
        unsettled: NodeSet,
    },
    HandedOver {
        #[serde(with = "MicrosDef")]
        valid_until: Micros,
    },
}

/// What a machine said; what it did not say is left out.
pub(super) mod output {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{CommandsDef, EventDef};
    use crate::protocol::{Commands, Event, Micros, Output};

    #[derive(Serialize, Deserialize)]
    struct EventText(#[serde(with = "EventDef")] Event<Micros>);

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OutputText {
        #[serde(with = "CommandsDef", default, skip_serializing_if = "is_none")]
        send: Commands,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tell: Option<EventText>,
    }

    fn is_none(commands: &Commands) -> bool {
        *commands == Commands::default()
    }

    pub(in super::super) fn serialize<S: Serializer>(
        output: &Output<Micros>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let Output { commands: send, event } = *output;
        OutputText { send, tell: event.map(EventText) }.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Output<Micros>, D::Error> {
        let OutputText { send, tell } = OutputText::deserialize(from)?;
        Ok(Output { commands: send, event: tell.map(|EventText(event)| event) })
    }
}

/// A configuration as its settings, in microseconds; checked anew when it is read.
pub(super) mod config {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{ExtendDef, TransportDef};
    use crate::protocol::{Config, Drift, Extend, Settings, Transport};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct SettingsText {
        nodes: u8,
        ttl_us: i64,
        drift_ppm: u32,
        drift_floor_us: i64,
        renew_every_us: i64,
        renew_retry_us: i64,
        node_timeout_us: i64,
        release_within_us: i64,
        #[serde(with = "ExtendDef")]
        extend: Extend,
        #[serde(with = "TransportDef")]
        transport: Transport,
        max_ttl_us: Option<i64>,
        repair: bool,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        config: &Config,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let settings = config.settings();
        let text = SettingsText {
            nodes: settings.nodes,
            ttl_us: settings.ttl,
            drift_ppm: settings.drift.factor_ppm,
            drift_floor_us: settings.drift.floor,
            renew_every_us: settings.renew_every,
            renew_retry_us: settings.renew_retry,
            node_timeout_us: settings.node_timeout,
            release_within_us: settings.release_within,
            extend: settings.extend,
            transport: settings.transport,
            max_ttl_us: settings.max_ttl,
            repair: settings.repair,
        };
        text.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Config, D::Error> {
        let text = SettingsText::deserialize(from)?;
        let settings = Settings {
            nodes: text.nodes,
            ttl: text.ttl_us,
            drift: Drift { factor_ppm: text.drift_ppm, floor: text.drift_floor_us },
            renew_every: text.renew_every_us,
            renew_retry: text.renew_retry_us,
            node_timeout: text.node_timeout_us,
            release_within: text.release_within_us,
            extend: text.extend,
            transport: text.transport,
            max_ttl: text.max_ttl_us,
            repair: text.repair,
        };
        Config::new(settings).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Extend", rename_all = "snake_case")]
pub(super) enum ExtendDef {
    Touch,
    TouchOrSet,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Transport", rename_all = "snake_case")]
pub(super) enum TransportDef {
    Fifo,
    Pooled,
}
