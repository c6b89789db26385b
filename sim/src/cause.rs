//! The root causes of a "lock already taken" and of a lost lease. `docs/causes.md` says how each
//! is told from the others, and names a schedule that shows it.

use crate::counts::Told;

/// The one root cause of a "lock already taken" or of a lost lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A renewal was sent after the stop and ran after the release.
    StrayRenewalAfterRelease,
    /// The next lease of the same client held the key.
    OwnNextLease,
    /// The lease had expired, and somebody else had taken the lock since.
    TakenByAnother,
    /// The lease had expired, and nobody held the lock.
    ExpiredNobodyHolds,
    /// A node had lost what it stored.
    NodeLostState,
    /// A node's clock had run ahead of the client's, by more than the drift allowance.
    NodeClockAhead,
    /// A command ran late, twice or never.
    LateOrRepeatedCommand,
    /// Another client held the key where the lease had been released, or never was.
    RealContention,
    /// The release of another lease deleted the key: it did not compare, or could not tell.
    DeletedByAnother,
}

impl Cause {
    /// All of them, in the order of the tables.
    pub const ALL: [Cause; 9] = [
        Cause::StrayRenewalAfterRelease,
        Cause::OwnNextLease,
        Cause::TakenByAnother,
        Cause::ExpiredNobodyHolds,
        Cause::NodeLostState,
        Cause::NodeClockAhead,
        Cause::LateOrRepeatedCommand,
        Cause::RealContention,
        Cause::DeletedByAnother,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Cause::StrayRenewalAfterRelease => "stray renewal after own release",
            Cause::OwnNextLease => "own next lease",
            Cause::TakenByAnother => "taken by another after expiry",
            Cause::ExpiredNobodyHolds => "expired, nobody holds",
            Cause::NodeLostState => "node lost its state",
            Cause::NodeClockAhead => "node clock ran ahead or jumped",
            Cause::LateOrRepeatedCommand => "late or repeated command",
            Cause::RealContention => "real contention",
            Cause::DeletedByAnother => "deleted by another's release",
        }
    }

    /// The cause of that name.
    pub fn named(name: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// Whether the release of the lease itself may be part of it.
    pub(crate) fn comes_of_a_release(self) -> bool {
        match self {
            Cause::StrayRenewalAfterRelease
            | Cause::OwnNextLease
            | Cause::LateOrRepeatedCommand
            | Cause::RealContention => true,
            Cause::TakenByAnother
            | Cause::ExpiredNobodyHolds
            | Cause::NodeLostState
            | Cause::NodeClockAhead
            | Cause::DeletedByAnother => false,
        }
    }

    /// Why a renewal was denied, in one sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Cause::StrayRenewalAfterRelease => {
                "the renewal was sent after the stop and ran after the lease's own release: nobody \
                 had taken the lock"
            }
            Cause::OwnNextLease => {
                "the renewal of a lease that was released met the next lease of the same client: \
                 it is its own taker"
            }
            Cause::TakenByAnother => {
                "the key had expired before the renewal ran, and another client had taken the lock"
            }
            Cause::ExpiredNobodyHolds => {
                "the key had expired before the renewal ran, and nobody held the lock"
            }
            Cause::NodeLostState => "a node had lost what it stored, so the key was gone early",
            Cause::NodeClockAhead => {
                "a node's clock ran ahead of the client's by more than the drift allowance, so the \
                 key was gone early"
            }
            Cause::LateOrRepeatedCommand => {
                "a command sent in time ran too late, twice or never, so the renewal found no key"
            }
            Cause::RealContention => {
                "another client had the key: the lease was released before, or never stored there, \
                 and the message is true"
            }
            Cause::DeletedByAnother => {
                "the release of another lease deleted the key without being its own"
            }
        }
    }

    /// Why `told` was told, in one sentence: a lease may also be lost with no renewal denied.
    pub fn explanation_of(self, told: Told) -> &'static str {
        if told != Told::LostExpired {
            return self.explanation();
        }
        match self {
            Cause::TakenByAnother => {
                "the lease ended unrenewed, for the client sent no renewal or was not scheduled in \
                 time, and another client has taken the lock"
            }
            Cause::ExpiredNobodyHolds => {
                "the lease ended unrenewed, for the client sent no renewal or was not scheduled in \
                 time, and nobody else holds the lock"
            }
            Cause::NodeLostState => {
                "a node had lost what it stored, or may have, so that too few extended the lease \
                 in time"
            }
            Cause::NodeClockAhead => {
                "a node's clock ran ahead of the client's by more than the drift allowance, so \
                 that too few extended the lease in time"
            }
            Cause::LateOrRepeatedCommand => {
                "renewals or their answers were late or lost, or no node could be asked, until the \
                 lease had ended"
            }
            Cause::DeletedByAnother => {
                "the release of another lease had deleted a key, so that too few extended the \
                 lease in time"
            }
            Cause::StrayRenewalAfterRelease | Cause::OwnNextLease | Cause::RealContention => {
                self.explanation()
            }
        }
    }
}
