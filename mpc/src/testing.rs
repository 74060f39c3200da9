//! Helpers for tests of this crate and its users (feature `test-util`): seeded generators, agreed sessions,
//! both sides of a run in one call, and a channel whose messages can be tampered with.

mod prio;

use chacha20::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

pub use self::prio::{AggregatorSide, report_keys, report_task, run_prio3, sealed_reports};
use crate::error::Error;
use crate::items::ItemSet;
use crate::join::{Cell, Plan, Records};
use crate::prg::{Keystream, Suite};
use crate::psi::{Intersection, Tags};
use crate::run::{
    Borrow, Disclosure, JoinTask, Lend, Outcome, Refused, RunError, greet, join, psi_cardinality, psi_ecdh,
};
use crate::session::{Hello, Outputs, Protocol, Role, RoleChoice, Session, Terms};
use crate::tags::{SortedTags, TagLayout, TagList, TagMerger, TagStream, Tagged};
use crate::transport::{Channel, ChannelError, MemoryChannel, Traffic, memory_pair};

/// Makes a generator that repeats for the same seed.
pub fn seeded_rng(seed: u64) -> impl CryptoRng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Makes the terms of a party with the fixed role, called `receiver` or `sender` after it.
pub fn terms(protocol: Protocol, role: Role, outputs: Outputs, minimum: u64) -> Terms {
    let name = |role: Role| role.to_string().parse().expect("roles are good names");
    Terms {
        protocol,
        agreement: [7; 32],
        channel_binding: [9; 32],
        own: name(role),
        peer: name(role.other()),
        role: RoleChoice::Fixed(role),
        outputs,
        minimum,
        max_peer_len: 1 << 30,
    }
}

/// Makes the two sides' views of one session, the receiver's first.
pub fn agreed_sessions(
    protocol: Protocol,
    outputs: Outputs,
    minimum: u64,
    receiver_len: usize,
    sender_len: usize,
) -> (Session, Session) {
    let [receiver, sender] = [Role::Receiver, Role::Sender].map(|r| terms(protocol, r, outputs, minimum));
    let hello = Hello::new(&receiver, receiver_len, &mut seeded_rng(1001));
    let answer = Hello::new(&sender, sender_len, &mut seeded_rng(1002));
    let agree = |terms, own, peer| Session::agree(terms, own, peer).expect("the terms match");
    (agree(&receiver, &hello, &answer), agree(&sender, &answer, &hello))
}

/// Fills `out`, whose length is a multiple of 64, with the masks that `key` gives: the step by itself, for benches.
pub fn fill_masks(suite: Suite, key: &[u8; 32], out: &mut [u8]) {
    Keystream::new(suite, key).fill(0, out);
}

/// Sorts and codes the tags that `material` is cut to, as the session's sender does: the step by itself, for
/// benches.
pub fn sort_and_code_tags(session: &Session, material: &[[u8; 16]]) -> Vec<Tags> {
    let layout = TagLayout::of(session);
    let mut stream = TagStream::new(layout, sorted(layout, material));
    std::iter::from_fn(|| stream.next_chunk()).collect()
}

/// Sorts the own tags likewise, merges them with the sender's and counts the matches.
///
/// # Errors
/// [`Error::Count`], [`Error::Malformed`], [`Error::TagRange`], [`Error::Unfinished`].
pub fn merge_tags(session: &Session, material: &[[u8; 16]], sent: &[Tags]) -> Result<usize, Error> {
    let layout = TagLayout::of(session);
    let mut merger = TagMerger::new(layout, sorted(layout, material));
    sent.iter().try_for_each(|tags| merger.accept(tags, session.peer()))?;
    Ok(merger.close()?.len())
}

fn sorted(layout: TagLayout, material: &[[u8; 16]]) -> SortedTags {
    let mut tags = TagList::with_capacity(material.len());
    tags.extend((0..).zip(material).map(|(index, bytes)| Tagged::new(layout.cut(*bytes), index)));
    SortedTags::sort(tags)
}

/// What one side of a run ended with.
pub type Ended<T> = Result<Outcome<T>, RunError>;

/// A change to the messages that reach a party: called with the number of the message, counted from 0, and
/// its bytes; `None` closes the channel instead.
pub type Tamper<'a> = &'a mut (dyn FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send);

/// A channel whose incoming messages pass through a [`Tamper`].
pub struct Tampered<'a> {
    inner: Option<MemoryChannel>,
    tamper: Tamper<'a>,
    received: usize,
}

impl<'a> Tampered<'a> {
    /// Puts `tamper` before the receiving end of `inner`.
    pub fn new(inner: MemoryChannel, tamper: Tamper<'a>) -> Self {
        Self { inner: Some(inner), tamper, received: 0 }
    }
}

impl std::fmt::Debug for Tampered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tampered").field("received", &self.received).finish_non_exhaustive()
    }
}

impl Channel for Tampered<'_> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.inner.as_mut().ok_or(ChannelError::Closed)?.send(message)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    fn receive(&mut self, max_bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let message = self.inner.as_mut().ok_or(ChannelError::Closed)?.receive(usize::MAX)?;
        let number = self.received;
        self.received += 1;
        match (self.tamper)(number, message) {
            Some(message) if message.len() > max_bytes => {
                Err(ChannelError::TooLong { found: message.len() as u64, max: max_bytes })
            }
            Some(message) => Ok(message),
            None => {
                self.inner = None;
                Err(ChannelError::Closed)
            }
        }
    }

    fn traffic(&self) -> Traffic {
        self.inner.as_ref().map(Channel::traffic).unwrap_or_default()
    }
}

/// The two parties of a run: their terms and their items.
#[derive(Debug)]
pub struct Parties<'a> {
    /// Terms of the party that means to receive.
    pub receiver: Terms,
    /// Terms of the party that means to send.
    pub sender: Terms,
    /// Items of the one.
    pub receiver_items: &'a ItemSet,
    /// Items of the other.
    pub sender_items: &'a ItemSet,
}

impl<'a> Parties<'a> {
    /// Makes two parties under the same terms.
    pub fn new(
        protocol: Protocol,
        outputs: Outputs,
        minimum: u64,
        receiver_items: &'a ItemSet,
        sender_items: &'a ItemSet,
    ) -> Self {
        let [receiver, sender] = [Role::Receiver, Role::Sender].map(|r| terms(protocol, r, outputs, minimum));
        Self { receiver, sender, receiver_items, sender_items }
    }

    /// Runs both sides of [`psi_ecdh`], each in a thread; the messages to each pass its [`Tamper`].
    pub fn run_ecdh(
        &self,
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
    ) -> (Ended<Intersection>, Ended<Intersection>) {
        self.run(to_receiver, to_sender, |items, session, channel, rng| {
            psi_ecdh(items, session, channel, &mut (), rng)
        })
    }

    /// Runs both sides of [`psi_cardinality`] likewise.
    pub fn run_cardinality(
        &self,
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
    ) -> (Ended<u64>, Ended<u64>) {
        self.run(to_receiver, to_sender, |items, session, channel, rng| {
            psi_cardinality(items, session, channel, &mut (), rng)
        })
    }

    fn run<T: Send>(
        &self,
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
        role: impl Fn(&ItemSet, &Session, &mut Tampered<'_>, &mut ChaCha20Rng) -> Ended<T> + Sync,
    ) -> (Ended<T>, Ended<T>) {
        let (a, b) = memory_pair();
        let side = |terms: &Terms, items: &ItemSet, mut channel: Tampered<'_>, seed| {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let session = greet(terms, items.len(), &mut channel, &mut rng)?;
            role(items, &session, &mut channel, &mut rng)
        };
        std::thread::scope(|scope| {
            let channel = Tampered::new(b, to_sender);
            let sender = scope.spawn(|| side(&self.sender, self.sender_items, channel, 2));
            let receiver = side(&self.receiver, self.receiver_items, Tampered::new(a, to_receiver), 1);
            (receiver, sender.join().expect("a side of a run does not panic"))
        })
    }
}

/// The simplest [`Disclosure`]: each cell's count is tested by itself, and what reaches the minimum is opened.
#[derive(Clone, Debug, Default)]
pub struct CellByCell {
    /// The cells that hold counts; empty where nothing is tested.
    pub counts: Vec<Cell>,
    /// The sums of each of them with their bounds, opened where the count reaches the minimum.
    pub sums: Vec<Vec<(Cell, (i64, i64))>>,
    /// Noise to add to each sum.
    pub noise: Option<i64>,
    /// For each cell what the test said.
    pub reached: Vec<bool>,
    /// What the owner opened, before it was released.
    pub opened: Vec<i64>,
    /// What was released: where the matcher counts, the count first; then the sums of each cell.
    pub released: Vec<Option<i64>>,
    /// Whether the matcher counts.
    pub counted_by_matcher: bool,
}

impl CellByCell {
    fn reached_at(&self, cell: usize) -> bool {
        self.counts.is_empty() || self.reached.get(cell) == Some(&true)
    }
}

impl Disclosure for CellByCell {
    fn questions(&self) -> Vec<Cell> {
        if self.reached.is_empty() { self.counts.clone() } else { Vec::new() }
    }

    fn answer(&mut self, reached: &[bool]) -> Result<(), Refused> {
        self.reached = reached.to_vec();
        Ok(())
    }

    fn opened(&self) -> Vec<(Cell, (i64, i64))> {
        let cells = self.sums.iter().enumerate().filter(|(cell, _)| self.reached_at(*cell));
        cells.flat_map(|(_, sums)| sums.clone()).collect()
    }

    fn noise(&mut self, opened: usize) -> Option<Vec<i64>> {
        self.noise.map(|noise| vec![noise; opened])
    }

    fn figures_len(&self) -> usize {
        usize::from(self.counted_by_matcher) + self.sums.iter().map(Vec::len).sum::<usize>()
    }
}

/// An owner whose records are given as rows: a label and the values.
#[derive(Debug)]
pub struct Rows<'a> {
    /// The rows, one for each item.
    pub rows: &'a [(u32, Vec<i64>)],
    /// What is disclosed.
    pub disclosure: CellByCell,
}

impl Records for Rows<'_> {
    fn label(&self, item: usize) -> u32 {
        self.rows.get(item).map_or(0, |(label, _)| *label)
    }

    fn values(&self, item: usize, values: &mut [i64]) {
        if let Some((_, row)) = self.rows.get(item) {
            values.copy_from_slice(row);
        }
    }
}

impl Lend for Rows<'_> {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        &mut self.disclosure
    }

    fn records(&self) -> &dyn Records {
        self
    }

    fn release(&mut self, count: Option<u64>, sums: &[i64]) -> Result<Vec<Option<i64>>, Refused> {
        let it = &mut self.disclosure;
        it.opened = sums.to_vec();
        let mut next = sums.iter().copied();
        let count = count.and_then(|count| i64::try_from(count).ok());
        let mut figures: Vec<_> = it.counted_by_matcher.then_some(count).into_iter().collect();
        for (cell, sums) in it.sums.iter().enumerate() {
            let reached = it.reached_at(cell);
            figures.extend(sums.iter().map(|_| if reached { next.next() } else { None }));
        }
        it.released.clone_from(&figures);
        Ok(figures)
    }
}

impl Borrow for CellByCell {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        self
    }

    fn receive(&mut self, figures: &[Option<i64>]) -> Result<(), Refused> {
        self.released = figures.to_vec();
        Ok(())
    }
}

/// One side of a join.
#[derive(Debug, Default)]
pub struct JoinSide<'a> {
    /// The columns that it lends, with its rows.
    pub lend: Option<Rows<'a>>,
    /// What it learns from the columns that the other side lends.
    pub borrow: Option<CellByCell>,
    /// How many of its dummy rows of each label match.
    pub used: Vec<u32>,
}

impl Parties<'_> {
    /// Runs both sides of [`join()`], each in a thread; the messages to each pass its [`Tamper`].
    pub fn run_join(
        &self,
        plan: Plan,
        receiver: &mut JoinSide<'_>,
        sender: &mut JoinSide<'_>,
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
    ) -> (Result<(), RunError>, Result<(), RunError>) {
        let (a, b) = memory_pair();
        let other = Plan { own: plan.peer, peer: plan.own };
        let side =
            |terms: &Terms, items: &ItemSet, mut channel: Tampered<'_>, plan, side: &mut JoinSide<'_>| {
                let mut rng = ChaCha20Rng::seed_from_u64(if terms.own < terms.peer { 1 } else { 2 });
                let session = greet(terms, items.len(), &mut channel, &mut rng)?;
                let task = JoinTask { items, plan, used: side.used.clone() };
                let lend = side.lend.as_mut().map(|lend| lend as &mut dyn Lend);
                let borrow = side.borrow.as_mut().map(|borrow| borrow as &mut dyn Borrow);
                join(task, lend, borrow, &session, &mut channel, &mut (), &mut rng)
            };
        std::thread::scope(|scope| {
            let channel = Tampered::new(b, to_sender);
            let sender = scope.spawn(|| side(&self.sender, self.sender_items, channel, other, sender));
            let channel = Tampered::new(a, to_receiver);
            let receiver = side(&self.receiver, self.receiver_items, channel, plan, receiver);
            (receiver, sender.join().expect("a side of a run does not panic"))
        })
    }
}

/// Returns the error of a side that failed by a check of the protocol.
pub fn protocol_error<T: std::fmt::Debug>(ended: Ended<T>) -> Error {
    match ended {
        Err(RunError::Protocol(error)) => error,
        other => panic!("expected an error of the protocol, found {other:?}"),
    }
}
