//! What a user of the simulator chooses. Everything else is drawn from the seed.

use std::fmt;
use std::str::FromStr;

use leasehold::protocol::config::UnknownName;
use leasehold::protocol::mutants::UnknownMutant;
use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_world::Lifecycle;
use leasehold_world::scope::UnknownLifecycle;
use serde::{Deserialize, Serialize};

/// Which constants are drawn, and how wild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Each fault is on in some seeds and off in others, each as strong as the seed says, and none
    /// beyond what Redlock assumes: no node loses its state, every clock keeps within the drift
    /// allowance.
    #[default]
    Swarm,
}

impl Profile {
    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Swarm => "swarm",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = OptionsError;

    fn from_str(name: &str) -> Result<Self, OptionsError> {
        match name {
            "swarm" => Ok(Profile::Swarm),
            _ => Err(OptionsError::Profile),
        }
    }
}

/// How many nodes a simulated world can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeCount {
    /// One node: no quorum to speak of.
    One,
    /// Three.
    Three,
    /// Five.
    Five,
}

impl NodeCount {
    /// All of them.
    pub const ALL: [NodeCount; 3] = [NodeCount::One, NodeCount::Three, NodeCount::Five];

    /// The number.
    pub fn number(self) -> u8 {
        match self {
            NodeCount::One => 1,
            NodeCount::Three => 3,
            NodeCount::Five => 5,
        }
    }
}

impl TryFrom<u8> for NodeCount {
    type Error = OptionsError;

    fn try_from(number: u8) -> Result<Self, OptionsError> {
        let known = NodeCount::ALL.into_iter().find(|count| count.number() == number);
        known.ok_or(OptionsError::Nodes(number))
    }
}

/// How many clients a simulated world can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCount {
    /// One client: nobody to exclude.
    One,
    /// Two.
    Two,
    /// Three.
    Three,
}

impl ClientCount {
    /// All of them.
    pub const ALL: [ClientCount; 3] = [ClientCount::One, ClientCount::Two, ClientCount::Three];

    /// The number.
    pub fn number(self) -> u8 {
        match self {
            ClientCount::One => 1,
            ClientCount::Two => 2,
            ClientCount::Three => 3,
        }
    }
}

impl TryFrom<u8> for ClientCount {
    type Error = OptionsError;

    fn try_from(number: u8) -> Result<Self, OptionsError> {
        let known = ClientCount::ALL.into_iter().find(|count| count.number() == number);
        known.ok_or(OptionsError::Clients(number))
    }
}

/// What is wrong with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A number of nodes that is not simulated.
    #[error("{0} nodes: a simulated world has 1, 3 or 5")]
    Nodes(u8),
    /// A number of clients that is not simulated.
    #[error("{0} clients: a simulated world has 1, 2 or 3")]
    Clients(u8),
    /// An unknown profile.
    #[error("not a profile: swarm is the only one")]
    Profile,
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
        Ok(Options {
            profile: text.profile.parse()?,
            lifecycle: text.lifecycle.parse()?,
            extend: text.extend.parse()?,
            transport: text.transport.parse()?,
            mutant: text.mutant.map(|name| name.parse()).transpose()?,
            nodes: text.nodes.map(NodeCount::try_from).transpose()?,
            clients: text.clients.map(ClientCount::try_from).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sizes_are_refused_by_name() {
        assert_eq!(NodeCount::try_from(3), Ok(NodeCount::Three));
        let error = NodeCount::try_from(4).unwrap_err();
        assert_eq!(error.to_string(), "4 nodes: a simulated world has 1, 3 or 5");
        let error = ClientCount::try_from(0).unwrap_err();
        assert_eq!(error.to_string(), "0 clients: a simulated world has 1, 2 or 3");
    }

    #[test]
    fn options_become_words_and_back() {
        let options = Options {
            mutant: Some(Mutant::NoKillAfterReset),
            nodes: Some(NodeCount::Five),
            ..Options::default()
        };
        assert_eq!(Options::try_from(Text::from(options)), Ok(options));
        let text = Text { nodes: Some(2), ..Text::from(options) };
        assert_eq!(Options::try_from(text), Err(OptionsError::Nodes(2)));
    }
}
