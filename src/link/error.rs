//! What can go wrong with a link, and the reasons with which a party may end one.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tidegate_mpc::PartyId;

/// Why a link failed; variants named after the peer, and those with a `peer`, blame it.
///
/// Clones are cheap: a link that failed fails every later call in the same way. No text holds a key or a
/// payload.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The address is not `host:port`.
    #[error("`{address}` is not an address of the form host:port")]
    BadAddress {
        /// The address as given.
        address: String,
    },
    /// The host has no address.
    #[error("cannot find the host of `{address}`")]
    UnknownHost {
        /// The address as given.
        address: String,
        /// What the resolver said.
        source: Arc<io::Error>,
    },
    /// Another program listens on the port.
    #[error("`{address}` is in use by another program")]
    AddressInUse {
        /// The address as given.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    CannotListen {
        /// The address as given.
        address: String,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The operating system or the TLS library refused what a link needs.
    #[error("cannot set up a link")]
    Setup {
        /// Why.
        source: Arc<io::Error>,
    },
    /// The peer did not come.
    #[error("party `{peer}` could not be reached within {}", seconds(*.waited))]
    PeerAbsent {
        /// The party.
        peer: PartyId,
        /// How long this side waited.
        waited: Duration,
        /// Why the last attempt to connect failed, if this side connects.
        source: Option<Arc<io::Error>>,
    },
    /// Whoever answers at the peer's address holds another key.
    #[error(
        "whoever answers for party `{peer}` has key {found}; the pinned key is {expected} (fingerprints)"
    )]
    WrongPeerKey {
        /// The party.
        peer: PartyId,
        /// Fingerprint of the pinned key.
        expected: String,
        /// Fingerprint of the key presented.
        found: String,
    },
    /// The peer does not accept this side's key.
    #[error("party `{peer}` refuses this side's key")]
    PeerRefusedKey {
        /// The party.
        peer: PartyId,
    },
    /// The peer runs another protocol, or another version of it.
    #[error("party `{peer}` runs {}; this side runs `{ours}`", protocol(.found.as_deref()))]
    VersionMismatch {
        /// The party.
        peer: PartyId,
        /// This side's protocol.
        ours: String,
        /// The peer's protocol, if it said.
        found: Option<String>,
    },
    /// Something other than this program answers at the peer's address.
    #[error("whoever answers for party `{peer}` does not speak TLS 1.3 with raw public keys")]
    PeerNotTls {
        /// The party.
        peer: PartyId,
        /// What the TLS library says.
        source: Arc<io::Error>,
    },
    /// The connection broke, or the peer's program ended without closing the link.
    #[error("lost the connection to party `{peer}`")]
    PeerLost {
        /// The party.
        peer: PartyId,
        /// Why, if the operating system says.
        source: Option<Arc<io::Error>>,
    },
    /// The peer sent nothing, not even a heartbeat.
    #[error("party `{peer}` has been silent for {}", seconds(*.silence))]
    PeerSilent {
        /// The party.
        peer: PartyId,
        /// The limit.
        silence: Duration,
    },
    /// The peer is alive but sends, or takes, no data.
    #[error("party `{peer}` is connected but has made no progress for {}", seconds(*.stall))]
    PeerStalled {
        /// The party.
        peer: PartyId,
        /// The limit.
        stall: Duration,
    },
    /// The peer ended the run.
    #[error("party `{peer}` ended the run: {reason}")]
    PeerAborted {
        /// The party.
        peer: PartyId,
        /// Why.
        reason: AbortReason,
    },
    /// The peer sent a frame of an unknown type, or one that does not belong there.
    #[error("party `{peer}` sent a frame of type {found}, which does not belong there")]
    PeerFrameType {
        /// The party.
        peer: PartyId,
        /// The type.
        found: u8,
    },
    /// The peer sent a frame that is too long or too short for its type.
    #[error("party `{peer}` sent a frame of type {frame} with {found} bytes; {min} to {max} are allowed")]
    PeerFrameLength {
        /// The party.
        peer: PartyId,
        /// The type.
        frame: u8,
        /// The length in bytes.
        found: u32,
        /// The least allowed.
        min: u32,
        /// The most allowed.
        max: u32,
    },
    /// The peer ended the run with an unknown reason.
    #[error("party `{peer}` ended the run with reason {found}, which is unknown")]
    PeerAbortReason {
        /// The party.
        peer: PartyId,
        /// The reason's code.
        found: u8,
    },
    /// The peer, or someone on the way, sent bytes that are not its TLS stream.
    #[error("the connection to party `{peer}` carries bytes that are not valid TLS 1.3")]
    PeerCorrupt {
        /// The party.
        peer: PartyId,
        /// What the TLS library says.
        source: Arc<io::Error>,
    },
    /// The peer sent data that this side, closing the link, did not expect.
    #[error("party `{peer}` went on sending after this side had finished: {unread} bytes or more")]
    PeerOutOfStep {
        /// The party.
        peer: PartyId,
        /// Bytes not read.
        unread: usize,
    },
    /// This side was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl LinkError {
    /// Returns the party that caused the error, where it was not this one.
    pub fn peer(&self) -> Option<&PartyId> {
        match self {
            Self::PeerAbsent { peer, .. }
            | Self::WrongPeerKey { peer, .. }
            | Self::PeerRefusedKey { peer }
            | Self::VersionMismatch { peer, .. }
            | Self::PeerNotTls { peer, .. }
            | Self::PeerLost { peer, .. }
            | Self::PeerSilent { peer, .. }
            | Self::PeerStalled { peer, .. }
            | Self::PeerAborted { peer, .. }
            | Self::PeerFrameType { peer, .. }
            | Self::PeerFrameLength { peer, .. }
            | Self::PeerAbortReason { peer, .. }
            | Self::PeerCorrupt { peer, .. }
            | Self::PeerOutOfStep { peer, .. } => Some(peer),
            Self::BadAddress { .. }
            | Self::UnknownHost { .. }
            | Self::AddressInUse { .. }
            | Self::CannotListen { .. }
            | Self::Setup { .. }
            | Self::Cancelled => None,
        }
    }

    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadAddress { .. } => {
                "write for example 0.0.0.0:7700, [::1]:7700 or psi.example.org:7700".into()
            }
            Self::UnknownHost { .. } => "check the spelling of the host and the name server".into(),
            Self::AddressInUse { .. } => {
                "listen on another port, or end the program that holds this one".into()
            }
            Self::CannotListen { .. } => {
                "listen on an address of this machine, such as 0.0.0.0, and on a port from 1024 up".into()
            }
            Self::PeerAbsent { peer, .. } => {
                format!("check that `{peer}` has started, its address, and that no firewall stands between")
            }
            Self::WrongPeerKey { peer, .. } => {
                format!(
                    "compare keys with `{peer}` over another way, such as the telephone; if its key is new, \
                         agree on it before running again"
                )
            }
            Self::PeerRefusedKey { peer } => {
                format!("give `{peer}` the key that `tidegate key show` prints here")
            }
            Self::VersionMismatch { .. } => PROTOCOL_HINT.into(),
            Self::PeerNotTls { .. } => "check the address and the port".into(),
            Self::PeerLost { peer, .. } | Self::PeerSilent { peer, .. } => {
                format!("see what `{peer}` reports, then run again on both sides")
            }
            Self::PeerStalled { peer, .. } => format!("see what `{peer}` is doing"),
            Self::PeerAborted { peer, reason } => reason.hint(peer),
            Self::PeerFrameType { .. }
            | Self::PeerFrameLength { .. }
            | Self::PeerAbortReason { .. }
            | Self::PeerCorrupt { .. }
            | Self::PeerOutOfStep { .. } => {
                "the peer's program, or somebody on the line, is faulty or hostile: settle that before you run again"
                    .into()
            }
            _ => return None,
        })
    }

    /// Returns the link error inside an `io::Error` that a link's `read` or `write` returned.
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Returns the reason to give the peer, unless it is gone or knows.
    pub(super) fn reason_for_peer(&self) -> Option<AbortReason> {
        match self {
            Self::Cancelled => Some(AbortReason::Cancelled),
            Self::PeerSilent { .. } | Self::PeerStalled { .. } => Some(AbortReason::TimedOut),
            Self::PeerFrameType { .. }
            | Self::PeerFrameLength { .. }
            | Self::PeerAbortReason { .. }
            | Self::PeerOutOfStep { .. } => Some(AbortReason::ProtocolViolation),
            _ => None,
        }
    }

    /// Returns the kind of the `io::Error` that carries this error; never `Interrupted`, which callers retry.
    fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::PeerLost { .. } => io::ErrorKind::ConnectionReset,
            Self::PeerAborted { .. } => io::ErrorKind::ConnectionAborted,
            Self::PeerSilent { .. } | Self::PeerStalled { .. } => io::ErrorKind::TimedOut,
            Self::Cancelled => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidData,
        }
    }
}

impl From<LinkError> for io::Error {
    fn from(error: LinkError) -> Self {
        Self::new(error.io_kind(), error)
    }
}

/// Why a party ends a run; the only thing about the cause that the peer learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum AbortReason {
    /// The parties hold different agreements.
    AgreementMismatch = 1,
    /// The agreement's runs are used up.
    RunsSpent = 2,
    /// The agreement has expired.
    Expired = 3,
    /// The receiver broke the protocol.
    ProtocolViolation = 4,
    /// The sender's user cancelled.
    Cancelled = 5,
    /// The sender failed for a reason of its own.
    Internal = 6,
    /// The receiver was silent or made no progress.
    TimedOut = 7,
    /// The parties run different protocols or versions.
    ProtocolMismatch = 8,
    /// Too few parties are left to go on.
    TooFewParties = 9,
}

impl AbortReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::AgreementMismatch,
        Self::RunsSpent,
        Self::Expired,
        Self::ProtocolViolation,
        Self::Cancelled,
        Self::Internal,
        Self::TimedOut,
        Self::ProtocolMismatch,
        Self::TooFewParties,
    ];

    /// Returns the reason's code on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the reason with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl AbortReason {
    /// Says what to do when `peer` gave this reason.
    fn hint(self, peer: &PartyId) -> String {
        match self {
            Self::AgreementMismatch => AGREEMENT_HINT.into(),
            Self::ProtocolMismatch => PROTOCOL_HINT.into(),
            Self::RunsSpent => "agree on more runs and sign anew".into(),
            Self::Expired => "agree on a new date and sign anew".into(),
            Self::Cancelled | Self::Internal | Self::TimedOut => {
                format!("see what `{peer}` reports, then run again on both sides")
            }
            Self::TooFewParties => {
                "run again once more parties are there, or agree on a smaller number".into()
            }
            Self::ProtocolViolation => format!("see what `{peer}` reports: one of the programs is faulty"),
        }
    }
}

/// What to do where the agreements differ.
pub(crate) const AGREEMENT_HINT: &str =
    "compare the hashes, which `tidegate agreement show` prints on both sides";

/// What to do where the protocols differ.
pub(crate) const PROTOCOL_HINT: &str = "both sides must run the same command and version";

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AgreementMismatch => "it holds another agreement",
            Self::RunsSpent => "the runs of the agreement are spent",
            Self::Expired => "the agreement has expired",
            Self::ProtocolViolation => "it says that this side broke the protocol",
            Self::Cancelled => "its user cancelled",
            Self::Internal => "it failed for a reason of its own",
            Self::TimedOut => "it waited too long for this side",
            Self::ProtocolMismatch => "it runs another protocol or version",
            Self::TooFewParties => "too few parties are left",
        })
    }
}

/// Writes a duration in seconds, without needless decimals.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Names a protocol that may be unknown.
fn protocol(found: Option<&str>) -> String {
    found.map_or_else(|| "another protocol or version".into(), |id| format!("`{id}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> PartyId {
        "health".parse().unwrap()
    }

    #[test]
    fn reasons_keep_their_codes() {
        for reason in AbortReason::ALL {
            assert_eq!(AbortReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(AbortReason::from_code(0), None);
        assert_eq!(AbortReason::from_code(11), None);
    }

    #[test]
    fn a_link_error_travels_in_an_io_error() {
        let carried = io::Error::from(LinkError::PeerAborted { peer: peer(), reason: AbortReason::Expired });
        let error = LinkError::from_io(&carried).unwrap();
        assert_eq!(error.peer(), Some(&peer()));
        assert_eq!(error.to_string(), "party `health` ended the run: the agreement has expired");
        assert!(LinkError::from_io(&io::Error::other("x")).is_none());
    }

    #[test]
    fn a_cancelled_read_is_not_retried() {
        assert_ne!(io::Error::from(LinkError::Cancelled).kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn texts_say_what_was_found() {
        let silence = Duration::from_millis(1500);
        let silent = LinkError::PeerSilent { peer: peer(), silence };
        assert_eq!(silent.to_string(), "party `health` has been silent for 1.5 s");
        let found = Some("tidegate-psi/2".into());
        let version = LinkError::VersionMismatch { peer: peer(), ours: "tidegate-psi/1".into(), found };
        assert_eq!(
            version.to_string(),
            "party `health` runs `tidegate-psi/2`; this side runs `tidegate-psi/1`"
        );
    }
}
