//! Sessions: what two parties agree on before any data-dependent message, bound into every later hash.
//!
//! Each side sends a [`Hello`] and [`Session::agree`]s on the pair. The session id is a hash over version,
//! protocol, agreement, channel, names, roles, set sizes and fresh nonces of both sides, so no message of
//! one session means anything in another.
//!
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | SESSION-1 | the version | [`Error::Version`] | `tests/psi_adversary.rs` |
//! | SESSION-2 | the peer's name and the name it expects | [`Error::PeerName`], [`Error::OwnName`] | same |
//! | SESSION-3 | protocol, agreement, channel, outputs, minimum | [`Error::Terms`] | same |
//! | SESSION-4 | one side receives and one sends | [`Error::SameRole`] | same |
//! | SESSION-5 | the nonce is not this side's own | [`Error::Reflected`] | same |
//! | SESSION-6 | the peer's set is within the agreed limit | [`Error::PeerSetTooLarge`] | same |
//! | SESSION-7 | [`Offer`]s: version, agreement, protocol | as SESSION-1 and SESSION-3 | `src/session_tests.rs` |

use std::fmt;

use rand_core::CryptoRng;

use crate::codec::{Malformation, Reader, put_text};
use crate::error::Error;
use crate::items::MAX_SET_LEN;
use crate::message::{Message, kind};
use crate::party::PartyId;
use crate::transcript::{self, DIGEST_BYTES};

/// Version of all protocols of this crate; a change on the wire or in a hash raises it.
pub const VERSION: u16 = 1;

/// A protocol of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// [`crate::psi::ecdh`]: the receiver learns the intersection.
    PsiEcdh,
    /// [`crate::psi::cardinality`]: the receiver learns the size of the intersection.
    PsiCardinality,
    /// [`crate::join`]: both sides learn statistics over the common records.
    JoinElGamal,
    /// [`crate::aggregation`]: every party learns the sum of the vectors of all.
    SumMasked,
    /// [`crate::aggregation`]: two aggregators learn the total of many reports.
    Prio3,
}

impl Protocol {
    /// Returns the name used in agreements, reports and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::PsiEcdh => "psi-ecdh",
            Self::PsiCardinality => "psi-cardinality",
            Self::JoinElGamal => "join-elgamal",
            Self::SumMasked => "sum-masked",
            Self::Prio3 => "prio3",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::PsiEcdh => 1,
            Self::PsiCardinality => 2,
            Self::JoinElGamal => 3,
            Self::SumMasked => 4,
            Self::Prio3 => 5,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        let all = [Self::PsiEcdh, Self::PsiCardinality, Self::JoinElGamal, Self::SumMasked, Self::Prio3];
        all.into_iter().find(|protocol| protocol.code() == code)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A side of a two-party protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Learns the result first.
    Receiver,
    /// Lends its set and its key.
    Sender,
}

impl Role {
    /// Returns the other side.
    pub fn other(self) -> Self {
        match self {
            Self::Receiver => Self::Sender,
            Self::Sender => Self::Receiver,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Receiver => "receiver",
            Self::Sender => "sender",
        })
    }
}

/// How a party comes to its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// It takes this role.
    Fixed(Role),
    /// Whoever has fewer items receives, which is the cheap direction; of equal sizes, the lesser name.
    SmallerReceives,
}

impl RoleChoice {
    fn code(self) -> u8 {
        match self {
            Self::Fixed(Role::Receiver) => 0,
            Self::Fixed(Role::Sender) => 1,
            Self::SmallerReceives => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        let all = [Self::Fixed(Role::Receiver), Self::Fixed(Role::Sender), Self::SmallerReceives];
        all.into_iter().find(|c| c.code() == code)
    }
}

/// Who learns the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// The receiver alone.
    Receiver,
    /// The receiver, which then tells the sender.
    Both,
}

/// A term on which two sides may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Term {
    /// The protocol.
    Protocol,
    /// The agreement, by its hash.
    Agreement,
    /// The channel, by its binding: somebody stands between the two sides.
    Channel,
    /// Who learns the result and how roles are chosen.
    Outputs,
    /// The smallest result that may be released.
    Minimum,
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protocol => "protocol",
            Self::Agreement => "agreement",
            Self::Channel => "channel: somebody may stand between the two sides",
            Self::Outputs => "choice of who learns the result",
            Self::Minimum => "minimum intersection size",
        })
    }
}

/// What one side holds for agreed before it meets the other.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The protocol.
    pub protocol: Protocol,
    /// Hash of the agreement that both sides signed.
    pub agreement: [u8; DIGEST_BYTES],
    /// A value that only the two ends of the channel know, such as a TLS exporter; zeros where there is none.
    pub channel_binding: [u8; DIGEST_BYTES],
    /// The own name.
    pub own: PartyId,
    /// The other side's name.
    pub peer: PartyId,
    /// How this side comes to its role.
    pub role: RoleChoice,
    /// Who learns the result.
    pub outputs: Outputs,
    /// Below this number of common items nothing is released.
    pub minimum: u64,
    /// Most items that the other side may bring.
    pub max_peer_len: u64,
}

/// What a party means to run, and nothing about its data: two sides can compare it before a run counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    version: u16,
    protocol: u8,
    agreement: [u8; DIGEST_BYTES],
}

impl Offer {
    /// Makes the offer of a party under `terms`.
    pub fn new(terms: &Terms) -> Self {
        Self { version: VERSION, protocol: terms.protocol.code(), agreement: terms.agreement }
    }

    /// Compares the offers of both sides.
    ///
    /// # Errors
    /// [`Error::Version`], [`Error::Terms`].
    pub fn check(&self, other: &Self, peer: &PartyId) -> Result<(), Error> {
        let differs = |term| Err(Error::Terms { peer: peer.clone(), term });
        if other.version != self.version {
            let (found, expected) = (other.version, self.version);
            return Err(Error::Version { peer: peer.clone(), found, expected }); // SESSION-7
        }
        match () {
            () if other.agreement != self.agreement => differs(Term::Agreement), // SESSION-7
            () if other.protocol != self.protocol => differs(Term::Protocol),    // SESSION-7
            () => Ok(()),
        }
    }
}

impl Message for Offer {
    const KIND: u8 = kind::OFFER;
    const NAME: &'static str = "Offer";
    const MAX_BYTES: usize = 1 + 2 + 1 + DIGEST_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.version.to_le_bytes());
        out.push(self.protocol);
        out.extend_from_slice(&self.agreement);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { version: reader.u16()?, protocol: reader.u8()?, agreement: reader.array()? })
    }
}

/// The first message of a session: a side's terms, the size of its set and a fresh nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    version: u16,
    protocol: Protocol,
    agreement: [u8; DIGEST_BYTES],
    channel_binding: [u8; DIGEST_BYTES],
    from: PartyId,
    to: PartyId,
    role: RoleChoice,
    outputs: Outputs,
    minimum: u64,
    set_len: u64,
    nonce: [u8; 32],
}

impl Hello {
    /// Makes the greeting of a party that brings `set_len` items under `terms`.
    pub fn new<R: CryptoRng + ?Sized>(terms: &Terms, set_len: usize, rng: &mut R) -> Self {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        Self {
            version: VERSION,
            protocol: terms.protocol,
            agreement: terms.agreement,
            channel_binding: terms.channel_binding,
            from: terms.own.clone(),
            to: terms.peer.clone(),
            role: terms.role,
            outputs: terms.outputs,
            minimum: terms.minimum,
            set_len: set_len as u64,
            nonce,
        }
    }
}

impl Message for Hello {
    const KIND: u8 = kind::HELLO;
    const NAME: &'static str = "Hello";
    const MAX_BYTES: usize = 256;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.version.to_le_bytes());
        out.push(self.protocol.code());
        out.extend_from_slice(&self.agreement);
        out.extend_from_slice(&self.channel_binding);
        put_text(out, self.from.as_str());
        put_text(out, self.to.as_str());
        out.push(self.role.code());
        out.push(u8::from(self.outputs == Outputs::Both));
        out.extend_from_slice(&self.minimum.to_le_bytes());
        out.extend_from_slice(&self.set_len.to_le_bytes());
        out.extend_from_slice(&self.nonce);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let field = |field| Malformation::Field { field };
        let name = |reader: &mut Reader<'_>, what| {
            reader.text(what, PartyId::MAX_BYTES)?.parse::<PartyId>().map_err(|_| field(what))
        };
        Ok(Self {
            version: reader.u16()?,
            protocol: Protocol::from_code(reader.u8()?).ok_or(field("protocol"))?,
            agreement: reader.array()?,
            channel_binding: reader.array()?,
            from: name(reader, "from")?,
            to: name(reader, "to")?,
            role: RoleChoice::from_code(reader.u8()?).ok_or(field("role"))?,
            outputs: if reader.bool("outputs")? { Outputs::Both } else { Outputs::Receiver },
            minimum: reader.u64()?,
            set_len: reader.u64()?,
            nonce: reader.array()?,
        })
    }
}

/// One run of one protocol between two named parties, as one of them sees it.
#[derive(Clone, Debug)]
pub struct Session {
    id: [u8; DIGEST_BYTES],
    protocol: Protocol,
    role: Role,
    own: PartyId,
    peer: PartyId,
    own_len: u64,
    peer_len: u64,
    outputs: Outputs,
    minimum: u64,
}

impl Session {
    /// Compares the two greetings and derives the session, the same on both sides but for the point of view.
    ///
    /// # Errors
    /// The errors of the table above, each naming the peer.
    pub fn agree(terms: &Terms, own: &Hello, peer: &Hello) -> Result<Self, Error> {
        check_hello(terms, own, peer)?;
        let role = choose_role(own, peer)?;
        let (receiver, sender) = match role {
            Role::Receiver => (own, peer),
            Role::Sender => (peer, own),
        };
        Ok(Self {
            id: session_id(receiver, sender),
            protocol: terms.protocol,
            role,
            own: terms.own.clone(),
            peer: terms.peer.clone(),
            own_len: own.set_len,
            peer_len: peer.set_len,
            outputs: terms.outputs,
            minimum: terms.minimum,
        })
    }

    /// Returns the session id: 32 bytes that both sides share and no other session has.
    pub fn id(&self) -> &[u8; DIGEST_BYTES] {
        &self.id
    }

    /// Returns the protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns the own role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the other side's name.
    pub fn peer(&self) -> &PartyId {
        &self.peer
    }

    /// Returns the own name.
    pub fn own(&self) -> &PartyId {
        &self.own
    }

    /// Returns the size of the peer's set.
    pub fn peer_len(&self) -> u64 {
        self.peer_len
    }

    /// Returns the size of the receiver's set.
    pub fn receiver_len(&self) -> u64 {
        if self.role == Role::Receiver { self.own_len } else { self.peer_len }
    }

    /// Returns the size of the sender's set.
    pub fn sender_len(&self) -> u64 {
        if self.role == Role::Sender { self.own_len } else { self.peer_len }
    }

    /// Returns who learns the result.
    pub fn outputs(&self) -> Outputs {
        self.outputs
    }

    /// Returns the smallest number of common items that is released.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// Checks that a step belongs to this session and that `set_len` is the agreed size.
    pub(crate) fn expect(&self, protocol: Protocol, role: Role, set_len: usize) -> Result<(), Error> {
        if (self.protocol, self.role) != (protocol, role) {
            return Err(Error::WrongStep { protocol: self.protocol, role: self.role });
        }
        if self.own_len != set_len as u64 {
            return Err(Error::SetChanged { found: set_len as u64, expected: self.own_len });
        }
        Ok(())
    }
}

#[cfg(test)]
impl Session {
    /// Replaces the id, for vectors.
    pub(crate) fn with_id(self, id: [u8; DIGEST_BYTES]) -> Self {
        Self { id, ..self }
    }
}

fn check_hello(terms: &Terms, own: &Hello, hello: &Hello) -> Result<(), Error> {
    let peer = terms.peer.clone();
    if hello.version != own.version {
        return Err(Error::Version { peer, found: hello.version, expected: own.version }); // SESSION-1
    }
    if hello.from != terms.peer {
        return Err(Error::PeerName { peer }); // SESSION-2
    }
    if hello.to != terms.own {
        return Err(Error::OwnName { peer }); // SESSION-2
    }
    if let Some(term) = first_difference(own, hello) {
        return Err(Error::Terms { peer, term }); // SESSION-3
    }
    if hello.nonce == own.nonce {
        return Err(Error::Reflected { peer }); // SESSION-5
    }
    let max = terms.max_peer_len.min(MAX_SET_LEN as u64);
    if hello.set_len > max {
        return Err(Error::PeerSetTooLarge { peer, found: hello.set_len, max }); // SESSION-6
    }
    Ok(())
}

fn first_difference(own: &Hello, peer: &Hello) -> Option<Term> {
    let fixed = |hello: &Hello| matches!(hello.role, RoleChoice::Fixed(_));
    [
        (own.agreement != peer.agreement, Term::Agreement),
        (own.protocol != peer.protocol, Term::Protocol),
        (own.channel_binding != peer.channel_binding, Term::Channel),
        (own.outputs != peer.outputs || fixed(own) != fixed(peer), Term::Outputs),
        (own.minimum != peer.minimum, Term::Minimum),
    ]
    .into_iter()
    .find_map(|(differs, term)| differs.then_some(term))
}

fn choose_role(own: &Hello, peer: &Hello) -> Result<Role, Error> {
    match (own.role, peer.role) {
        (RoleChoice::Fixed(role), RoleChoice::Fixed(other)) if role == other => {
            Err(Error::SameRole { peer: peer.from.clone(), role }) // SESSION-4
        }
        (RoleChoice::Fixed(role), _) => Ok(role),
        (RoleChoice::SmallerReceives, _) => {
            let smaller = (own.set_len, &own.from) < (peer.set_len, &peer.from);
            Ok(if smaller { Role::Receiver } else { Role::Sender })
        }
    }
}

fn session_id(receiver: &Hello, sender: &Hello) -> [u8; DIGEST_BYTES] {
    let mut hash = transcript::labelled(transcript::SESSION);
    for hello in [receiver, sender] {
        let mut encoded = Vec::new();
        hello.put(&mut encoded);
        transcript::put(&mut hash, &encoded);
    }
    transcript::digest(hash)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
