//! What a user of the simulator chooses. Everything else is drawn from the seed.

use leasehold::protocol::config::UnknownName;
use leasehold::protocol::mutants::UnknownMutant;
use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_world::Lifecycle;
use leasehold_world::scope::UnknownLifecycle;
use serde::{Deserialize, Serialize};

use crate::profile::{Profile, UnknownProfile};

/// The most nodes of a simulated world.
pub const MOST_NODES: usize = 9;
/// The most clients of a simulated world, and of a run.
pub const MOST_CLIENTS: usize = 64;

/// The most clients of one key, unless it is crowded.
const FEW_CLIENTS: usize = 3;

/// How many clients a world of `nodes` has that is to have room for so many. A world of every size
/// would be a program of its own, so only some are built in.
pub(crate) fn world_size(nodes: u8, clients: usize) -> usize {
    if clients > FEW_CLIENTS {
        MOST_CLIENTS
    } else if nodes > 5 {
        FEW_CLIENTS
    } else {
        clients
    }
}

/// Whether there are worlds of so many nodes with more than a few clients.
pub(crate) fn may_be_crowded(nodes: u8) -> bool {
    matches!(nodes, 1 | 3 | 5)
}

/// How many nodes a simulated world has: 1 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeCount(u8);

impl NodeCount {
    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for NodeCount {
    type Error = OptionsError;

    fn try_from(number: u8) -> Result<Self, OptionsError> {
        let known = (1..=MOST_NODES).contains(&number.into());
        if known { Ok(NodeCount(number)) } else { Err(OptionsError::Nodes(number)) }
    }
}

/// How many clients a run has, on all keys together: 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientCount(u8);

impl ClientCount {
    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for ClientCount {
    type Error = OptionsError;

    fn try_from(number: u8) -> Result<Self, OptionsError> {
        let known = (1..=MOST_CLIENTS).contains(&number.into());
        if known { Ok(ClientCount(number)) } else { Err(OptionsError::Clients(number)) }
    }
}

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A number of nodes that is not simulated.
    #[error("{0} nodes: a simulated world has 1 to 9")]
    Nodes(u8),
    /// A number of clients that is not simulated.
    #[error("{0} clients: a simulated run has 1 to 64")]
    Clients(u8),
    /// A crowd where there is no room for one.
    #[error("{0} nodes with more than 3 clients on a key: a crowded world has 1, 3 or 5 nodes")]
    Crowd(u8),
    /// An unknown profile.
    #[error(transparent)]
    Profile(#[from] UnknownProfile),
    /// An unknown lifecycle.
    #[error(transparent)]
    Lifecycle(#[from] UnknownLifecycle),
    /// An unknown extend operation or transport.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// An unknown mutant.
    #[error(transparent)]
    Mutant(#[from] UnknownMutant),
}

/// What a user of the simulator chooses. The default is what the library ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct Options {
    /// Which constants are drawn.
    pub profile: Profile,
    /// Which program the clients run.
    pub lifecycle: Lifecycle,
    /// What an extension does where the key is gone.
    pub extend: Extend,
    /// How commands reach a node.
    pub transport: Transport,
    /// The rule broken on purpose, if any.
    pub mutant: Option<Mutant>,
    /// How many nodes; the seed draws them if not given.
    pub nodes: Option<NodeCount>,
    /// How many clients; the seed draws them if not given.
    pub clients: Option<ClientCount>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            profile: Profile::Swarm,
            lifecycle: Lifecycle::Joined,
            extend: Extend::Touch,
            transport: Transport::Fifo,
            mutant: None,
            nodes: None,
            clients: None,
        }
    }
}

impl Options {
    /// Whether there are worlds for them.
    ///
    /// # Errors
    /// [`OptionsError::Crowd`] if more than three clients may meet on a key, and the number of
    /// nodes is given and none that a crowded world has.
    pub fn check(&self) -> Result<(), OptionsError> {
        let crowd = self.profile == Profile::Contention
            || self.clients.is_some_and(|clients| usize::from(clients.number()) > FEW_CLIENTS);
        match self.nodes {
            Some(nodes) if crowd && !may_be_crowded(nodes.number()) => {
                Err(OptionsError::Crowd(nodes.number()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The same as words and numbers, for files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    profile: String,
    lifecycle: String,
    extend: String,
    transport: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mutant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nodes: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clients: Option<u8>,
}

impl From<Options> for Text {
    fn from(options: Options) -> Text {
        Text {
            profile: options.profile.to_string(),
            lifecycle: options.lifecycle.to_string(),
            extend: options.extend.to_string(),
            transport: options.transport.to_string(),
            mutant: options.mutant.map(|mutant| mutant.name().to_owned()),
            nodes: options.nodes.map(NodeCount::number),
            clients: options.clients.map(ClientCount::number),
        }
    }
}

impl TryFrom<Text> for Options {
    type Error = OptionsError;

    fn try_from(text: Text) -> Result<Options, OptionsError> {
        let options = Options {
            profile: text.profile.parse()?,
            lifecycle: text.lifecycle.parse()?,
            extend: text.extend.parse()?,
            transport: text.transport.parse()?,
            mutant: text.mutant.map(|name| name.parse()).transpose()?,
            nodes: text.nodes.map(NodeCount::try_from).transpose()?,
            clients: text.clients.map(ClientCount::try_from).transpose()?,
        };
        options.check()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sizes_are_refused_by_name() {
        assert_eq!(NodeCount::try_from(3).map(NodeCount::number), Ok(3));
        let error = NodeCount::try_from(10).unwrap_err();
        assert_eq!(error.to_string(), "10 nodes: a simulated world has 1 to 9");
        let error = ClientCount::try_from(0).unwrap_err();
        assert_eq!(error.to_string(), "0 clients: a simulated run has 1 to 64");
    }

    #[test]
    fn a_crowd_has_room_in_few_worlds_only() {
        let (nodes, clients) = (NodeCount::try_from(4).ok(), ClientCount::try_from(4).ok());
        let options = Options { nodes, clients, ..Options::default() };
        assert_eq!(options.check(), Err(OptionsError::Crowd(4)));
        assert_eq!(Options { clients: None, ..options }.check(), Ok(()));
    }

    #[test]
    fn options_become_words_and_back() {
        let options = Options {
            mutant: Some(Mutant::NoKillAfterReset),
            nodes: Some(NodeCount(5)),
            ..Options::default()
        };
        assert_eq!(Options::try_from(Text::from(options)), Ok(options));
        let text = Text { nodes: Some(0), ..Text::from(options) };
        assert_eq!(Options::try_from(text), Err(OptionsError::Nodes(0)));
    }
}
