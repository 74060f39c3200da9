//! The crate's errors; those that a peer caused name it.

use crate::codec::Malformation;
use crate::group::BadElement;
use crate::party::PartyId;
use crate::session::{Protocol, Role, Term};

/// What went wrong in a protocol; no text holds an item, a key or a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A party name breaks the rule of [`PartyId`].
    #[error("a party name is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', the first a letter or digit")]
    PartyName,
    /// An item of the own set stands in it twice.
    #[error("item {index} is a copy of an earlier one; a set holds each item once")]
    DuplicateItem {
        /// Index of the second copy.
        index: usize,
    },
    /// An item of the own set is too long.
    #[error("an item of {found} bytes; at most {max} are allowed")]
    ItemTooLong {
        /// Its length in bytes.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// The own set is too large.
    #[error("a set of {found} items; at most {max} are allowed")]
    SetTooLarge {
        /// Its size.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// A state was given another set than the one whose size the session was agreed on.
    #[error("a set of {found} items, but the session was agreed on {expected}")]
    SetChanged {
        /// Size of the set.
        found: u64,
        /// Size agreed on.
        expected: u64,
    },
    /// A state was made for the other role or protocol.
    #[error("this session is {protocol} as {role}; the step belongs to another")]
    WrongStep {
        /// The session's protocol.
        protocol: Protocol,
        /// The own role in it.
        role: Role,
    },
    /// A state was closed or asked for more before its messages were through.
    #[error("{missing} elements are still missing at this step")]
    Unfinished {
        /// How many.
        missing: u64,
    },
    /// A record of the own table has a label that the plan does not know.
    #[error("a record has label {found}; labels go up to {max}")]
    Label {
        /// The label.
        found: u32,
        /// The greatest allowed.
        max: u32,
    },
    /// The numbers of dummy rows do not fit the plan.
    #[error("{found} numbers of dummy rows; one of at most {most} belongs to each of {expected} labels")]
    Dummies {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: u32,
        /// The most dummy rows of a label.
        most: u32,
    },
    /// The plan of a join is impossible; see [`crate::join::Lent`].
    #[error(
        "a join of {labels} labels, {columns} columns and {dummies} dummy rows for each label with a minimum of \
         {minimum} is not possible"
    )]
    Plan {
        /// Labels of the plan.
        labels: u32,
        /// Columns of the plan.
        columns: u32,
        /// Dummy rows for each label.
        dummies: u32,
        /// Smallest count that is opened.
        minimum: u64,
    },
    /// A cell names labels or columns that the plan does not know, or none.
    #[error("a cell names labels or columns outside of the plan")]
    Cell,
    /// The caller decides otherwise than the plan of a join says: nothing for one of its directions, too many
    /// questions, or noise for another number of sums.
    #[error("what is to be disclosed does not fit the plan of the join")]
    Disclosure,
    /// The terms of a sum make none that protects its parties.
    #[error("a sum {rule}")]
    Sum {
        /// What holds for a sum.
        rule: &'static str,
    },
    /// No ring holds the sum of so many values as large as the bounds allow.
    #[error("the sum of {parties} values within these bounds can overflow 128 bits")]
    SumOverflow {
        /// Number of parties.
        parties: usize,
    },
    /// The own vector is shorter or longer than agreed.
    #[error("a vector of {found} values; {expected} are agreed on")]
    VectorLength {
        /// Its length.
        found: usize,
        /// The length agreed on.
        expected: usize,
    },
    /// Values of the own vector lie outside of the agreed bounds.
    #[error("{count} values lie outside of the agreed bounds")]
    OutOfRange {
        /// How many.
        count: usize,
    },
    /// Too few parties are left at a step.
    #[error("too few parties {step}: {found} of the {needed} needed")]
    TooFewParties {
        /// How many there are.
        found: usize,
        /// How many there have to be.
        needed: usize,
        /// What they have done.
        step: &'static str,
    },
    /// What opens the commitment to the own vector could not be kept.
    #[error("what opens the commitment to the own figures cannot be kept")]
    NotKept,
    /// The session was answered before, or that could not be noted.
    #[error("this session was answered before, or that cannot be noted; it is not answered again")]
    AnsweredBefore,
    /// A parameter of a task on reports is not possible; see [`crate::aggregation::prio::Task`].
    #[error("a task on reports with {parameter} {found} is not possible; {min} to {max} are")]
    ReportTask {
        /// Name of the parameter.
        parameter: &'static str,
        /// Its value.
        found: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A measurement has more or fewer values than the task says.
    #[error("a measurement of {found} values; {expected} belong into a report of this task")]
    MeasurementLength {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A measurement lies outside of its bounds.
    #[error("value {index} of a measurement is above {max}")]
    MeasurementRange {
        /// Index of the value, from 0.
        index: usize,
        /// The most allowed.
        max: u64,
    },
    /// A key for reports is not the one that the task names, or is none at all.
    #[error("a report key is not the one of the task, or of a point of small order")]
    ReportKey,
    /// The two sides have so many reports in common that their sum may not be decoded.
    #[error("{found} reports; a sum of at most {max} can be decoded under this task")]
    TooManyReports {
        /// How many there are.
        found: u64,
        /// The most possible.
        max: u64,
    },
    /// Noise was given for another number of sums.
    #[error("noise for {found} sums; the task has {expected}")]
    NoiseLength {
        /// For how many.
        found: usize,
        /// How many sums there are.
        expected: usize,
    },
    /// Too few reports were accepted for anything to be released.
    #[error("{found} reports were accepted; below {minimum} nothing is released")]
    BatchTooSmall {
        /// How many.
        found: u64,
        /// The agreed minimum.
        minimum: u64,
    },
    /// The peer speaks another version.
    #[error("party {peer} speaks version {found} of the protocols; this program speaks {expected}")]
    Version {
        /// The party.
        peer: PartyId,
        /// Its version.
        found: u16,
        /// The version of this program.
        expected: u16,
    },
    /// The peer calls itself by another name.
    #[error("party {peer} calls itself another name")]
    PeerName {
        /// The party expected.
        peer: PartyId,
    },
    /// The peer takes this party for another.
    #[error("party {peer} expects another party than this one")]
    OwnName {
        /// The party.
        peer: PartyId,
    },
    /// The two sides run under different terms.
    #[error("party {peer} runs under another {term}")]
    Terms {
        /// The party.
        peer: PartyId,
        /// What differs.
        term: Term,
    },
    /// Both sides want the same role.
    #[error("party {peer} is {role} too; one side has to receive and the other to send")]
    SameRole {
        /// The party.
        peer: PartyId,
        /// The role that both took.
        role: Role,
    },
    /// The peer sent this party's own greeting back.
    #[error("party {peer} returned this party's own greeting")]
    Reflected {
        /// The party.
        peer: PartyId,
    },
    /// The peer's set is larger than agreed.
    #[error("party {peer} brings {found} items; the agreement allows {max}")]
    PeerSetTooLarge {
        /// The party.
        peer: PartyId,
        /// Size of its set.
        found: u64,
        /// The most allowed.
        max: u64,
    },
    /// A message came that does not belong here.
    #[error("party {peer} sent {found} where {expected} belongs")]
    UnexpectedMessage {
        /// The party.
        peer: PartyId,
        /// Name of the message found.
        found: &'static str,
        /// Name of the message expected.
        expected: &'static str,
    },
    /// A message is not well-formed.
    #[error("party {peer} sent a malformed {message}: {cause}")]
    Malformed {
        /// The party.
        peer: PartyId,
        /// Name of the message.
        message: &'static str,
        /// What is wrong with it.
        cause: Malformation,
    },
    /// A message holds more or fewer values than the agreed sizes say.
    #[error("party {peer} sent {found} values in {message}; {expected} belong there")]
    Count {
        /// The party.
        peer: PartyId,
        /// Name of the message.
        message: &'static str,
        /// Values found.
        found: usize,
        /// Values expected.
        expected: usize,
    },
    /// Bytes are no usable group element.
    #[error("party {peer} sent a bad element at index {index} of {message}: {cause}")]
    BadElement {
        /// The party.
        peer: PartyId,
        /// Name of the message.
        message: &'static str,
        /// Index in the whole list, over all its messages.
        index: u64,
        /// What is wrong with it.
        cause: BadElement,
    },
    /// A list that has to be sorted is not, or repeats an element.
    #[error("party {peer} sent {message} out of order")]
    NotSorted {
        /// The party.
        peer: PartyId,
        /// Name of the message.
        message: &'static str,
    },
    /// A tag lies outside the agreed range.
    #[error("party {peer} sent a tag of more than {bits} bits")]
    TagRange {
        /// The party.
        peer: PartyId,
        /// Agreed length of a tag.
        bits: u32,
    },
    /// The peer saw other messages than this party, or runs another session.
    #[error("party {peer} confirms other messages than were exchanged")]
    Transcript {
        /// The party.
        peer: PartyId,
    },
    /// The peer claims matches that it cannot prove.
    #[error("party {peer} claims matches that it does not hold")]
    UnprovenMatches {
        /// The party.
        peer: PartyId,
    },
    /// A record of the peer has a label that the plan does not know.
    #[error("party {peer} sent a record with label {found}; labels go up to {max}")]
    PeerLabel {
        /// The party.
        peer: PartyId,
        /// The label.
        found: u32,
        /// The greatest allowed.
        max: u32,
    },
    /// A sum lies outside of the bounds that the agreed ranges give it.
    #[error("party {peer} returned a sum outside of its agreed bounds")]
    OutOfBounds {
        /// The party.
        peer: PartyId,
    },
    /// Tests of counts had answers that cannot all be true.
    #[error("party {peer} made or answered tests of counts so that they contradict each other")]
    ContradictoryTests {
        /// The party.
        peer: PartyId,
    },
    /// The peer releases what the agreed policy does not let out.
    #[error("party {peer} released figures that break the agreed disclosure policy")]
    BadRelease {
        /// The party.
        peer: PartyId,
    },
    /// The peer accepted other reports than this party.
    #[error("party {peer} accepted other reports than this party")]
    BatchDiffers {
        /// The party.
        peer: PartyId,
    },
    /// The peer reports a number that the sizes rule out.
    #[error("party {peer} reports {found} matches; at most {max} are possible")]
    ImpossibleCount {
        /// The party.
        peer: PartyId,
        /// Its number.
        found: u64,
        /// The most possible.
        max: u64,
    },
    /// The sender is no party of the sum.
    #[error("{peer} is no party of the sum")]
    NotAParty {
        /// The sender.
        peer: PartyId,
    },
    /// A party sent what it had sent before, or what its step does not allow.
    #[error("party {peer} sent {message} twice, or out of turn")]
    OutOfTurn {
        /// The party.
        peer: PartyId,
        /// Name of the message.
        message: &'static str,
    },
    /// A signature is not that of the party's identity key over what it should be.
    #[error("party {peer} sent {message} whose signature by {signer} does not hold")]
    BadSignature {
        /// The party that sent it.
        peer: PartyId,
        /// The party that should have signed.
        signer: PartyId,
        /// Name of the message.
        message: &'static str,
    },
    /// The list of keys lacks this party's own keys of this run, or holds others for it: those of an earlier run, say.
    #[error("party {peer} sent a list without this party's own keys of this run")]
    OtherKeys {
        /// The coordinator.
        peer: PartyId,
    },
    /// Two parties have the same key.
    #[error("party {peer} has the same key as another party")]
    SharedKey {
        /// The later of the two.
        peer: PartyId,
    },
    /// Sealed shares do not open, or are not what was committed to.
    #[error("party {peer} dealt a share that does not hold")]
    BadShare {
        /// The party that dealt or returned it.
        peer: PartyId,
    },
    /// Shares that all hold give another secret than the party's key says.
    #[error("party {peer} dealt shares that do not fit together")]
    BadDealing {
        /// The party that dealt them.
        peer: PartyId,
    },
    /// A list of parties at some step is not a part of the earlier one, or says of this party what is not so.
    #[error("party {peer} told of survivors who cannot be: {rule}")]
    BadSurvivors {
        /// The coordinator.
        peer: PartyId,
        /// What does not hold.
        rule: &'static str,
    },
    /// Fewer parties than the threshold confirm the survivors that this party was told of.
    #[error("party {peer} shows {found} confirmations of the survivors; {needed} are needed")]
    NoConsent {
        /// The coordinator.
        peer: PartyId,
        /// Confirmations that hold.
        found: usize,
        /// How many have to.
        needed: usize,
    },
    /// The total is not the sum of what the survivors sent; where the coordinator is honest, a survivor's tag was false.
    #[error(
        "the total that party {peer} sent is not that of the survivors: it, or the tag of one of them, is false"
    )]
    AlteredTotal {
        /// The coordinator.
        peer: PartyId,
    },
    /// The peer reports fewer matches than may be released.
    #[error("party {peer} released {found} matches; below {minimum} nothing may be released")]
    BelowMinimum {
        /// The party.
        peer: PartyId,
        /// Its number.
        found: u64,
        /// The agreed minimum.
        minimum: u64,
    },
}

impl Error {
    /// Returns the party that caused the error, where it was not this one.
    pub fn peer(&self) -> Option<&PartyId> {
        match self {
            Self::PartyName
            | Self::DuplicateItem { .. }
            | Self::ItemTooLong { .. }
            | Self::SetTooLarge { .. }
            | Self::SetChanged { .. }
            | Self::WrongStep { .. }
            | Self::Label { .. }
            | Self::Dummies { .. }
            | Self::Plan { .. }
            | Self::Cell
            | Self::Disclosure
            | Self::Sum { .. }
            | Self::SumOverflow { .. }
            | Self::VectorLength { .. }
            | Self::OutOfRange { .. }
            | Self::TooFewParties { .. }
            | Self::NotKept
            | Self::AnsweredBefore
            | Self::ReportTask { .. }
            | Self::MeasurementLength { .. }
            | Self::MeasurementRange { .. }
            | Self::ReportKey
            | Self::TooManyReports { .. }
            | Self::NoiseLength { .. }
            | Self::BatchTooSmall { .. }
            | Self::Unfinished { .. } => None,
            Self::Version { peer, .. }
            | Self::PeerName { peer }
            | Self::OwnName { peer }
            | Self::Terms { peer, .. }
            | Self::SameRole { peer, .. }
            | Self::Reflected { peer }
            | Self::PeerSetTooLarge { peer, .. }
            | Self::UnexpectedMessage { peer, .. }
            | Self::Malformed { peer, .. }
            | Self::Count { peer, .. }
            | Self::BadElement { peer, .. }
            | Self::NotSorted { peer, .. }
            | Self::TagRange { peer, .. }
            | Self::Transcript { peer }
            | Self::UnprovenMatches { peer }
            | Self::PeerLabel { peer, .. }
            | Self::OutOfBounds { peer }
            | Self::ContradictoryTests { peer }
            | Self::BadRelease { peer }
            | Self::BatchDiffers { peer }
            | Self::ImpossibleCount { peer, .. }
            | Self::NotAParty { peer }
            | Self::OutOfTurn { peer, .. }
            | Self::BadSignature { peer, .. }
            | Self::OtherKeys { peer }
            | Self::SharedKey { peer }
            | Self::BadShare { peer }
            | Self::BadDealing { peer }
            | Self::BadSurvivors { peer, .. }
            | Self::NoConsent { peer, .. }
            | Self::AlteredTotal { peer }
            | Self::BelowMinimum { peer, .. } => Some(peer),
        }
    }
}
