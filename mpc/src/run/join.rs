//! Joins over a channel.

use rand_core::CryptoRng;

use super::wire::Wire;
use super::{Observer, Phase, RunError};
use crate::error::Error;
use crate::items::ItemSet;
use crate::join::messages::{FIGURES_PER_MESSAGE, messages_len};
use crate::join::{
    AwaitingTags, Blinded, Blinding, Cell, Counted, Counts, Figures, Lent, Matcher, Owner, Plan, Records,
    ReturningTags,
};
use crate::session::{Role, Session};
use crate::transport::Channel;

/// A side of a join does not accept what the other one said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Decides what is tested and what is opened. Both sides have one and, since they see the same answers, both
/// decide alike.
pub trait Disclosure {
    /// Returns the cells whose counts are tested next, at most 2^14; none ends the testing.
    fn questions(&self) -> Vec<Cell>;

    /// Learns for each of them whether its count reaches the minimum.
    ///
    /// # Errors
    /// [`Refused`] where the answers contradict each other.
    fn answer(&mut self, reached: &[bool]) -> Result<(), Refused>;

    /// Returns the sums to open, each with the bounds that it lies between, once the testing has ended.
    fn opened(&self) -> Vec<(Cell, (i64, i64))>;

    /// Tells for each of [`Self::opened`] by which of them its records are counted, and how much each record adds to it;
    /// none where that is not known. May be shorter.
    fn counted(&self) -> Vec<Option<Counted>> {
        Vec::new()
    }

    /// Draws the own noise for each of `opened` sums; `None` where none is agreed on.
    fn noise(&mut self, opened: usize) -> Option<Vec<i64>>;

    /// Counts the figures that the owner releases.
    fn figures_len(&self) -> usize;
}

/// The owner's side of a direction.
pub trait Lend {
    /// Returns what decides about tests and sums.
    fn disclosure(&mut self) -> &mut dyn Disclosure;

    /// Returns the records.
    fn records(&self) -> &dyn Records;

    /// Turns what was opened into what is released: the count where the matcher counts, and the sums.
    ///
    /// # Errors
    /// [`Refused`] where the sums contradict each other.
    fn release(&mut self, count: Option<u64>, sums: &[i64]) -> Result<Vec<Option<i64>>, Refused>;
}

/// The matcher's side of a direction.
pub trait Borrow {
    /// Returns what decides about tests and sums.
    fn disclosure(&mut self) -> &mut dyn Disclosure;

    /// Takes what the owner releases.
    ///
    /// # Errors
    /// [`Refused`] where it breaks what was agreed on.
    fn receive(&mut self, figures: &[Option<i64>]) -> Result<(), Refused>;
}

/// What a party brings to a join.
#[derive(Debug)]
pub struct JoinTask<'a> {
    /// Its keys.
    pub items: &'a ItemSet,
    /// What is computed.
    pub plan: Plan,
    /// How many of the own dummy rows of each label match.
    pub used: Vec<u32>,
}

/// Runs the own side of [`crate::join`]: `lend` where this party owns columns, `borrow` where the peer does.
///
/// # Errors
/// Every variant of [`RunError`].
pub fn join<R: CryptoRng + ?Sized>(
    task: JoinTask<'_>,
    mut lend: Option<&mut dyn Lend>,
    mut borrow: Option<&mut dyn Borrow>,
    session: &Session,
    channel: &mut impl Channel,
    observer: &mut impl Observer,
    rng: &mut R,
) -> Result<(), RunError> {
    let mut wire = Wire::new(session, channel, observer);
    let plan = task.plan;
    let mut blinded = exchange_keys(task, &mut wire, rng)?;
    // The sender's columns come first.
    for owner in [Role::Sender, Role::Receiver] {
        let own = owner == session.role();
        blinded = match (&mut lend, &mut borrow, if own { plan.own } else { plan.peer }) {
            (_, _, None) => blinded,
            (Some(lend), _, Some(lent)) if own => lend_columns(blinded, lent, *lend, &mut wire, rng)?,
            (_, Some(borrow), Some(lent)) if !own => match_columns(blinded, lent, *borrow, &mut wire, rng)?,
            _ => return Err(Error::Disclosure.into()),
        };
    }
    drop(blinded);
    wire.begin(Phase::Closing, 0);
    match session.role() {
        Role::Sender => {
            wire.send_finished()?;
            wire.receive_finished()
        }
        Role::Receiver => {
            wire.receive_finished()?;
            wire.send_finished()
        }
    }
}

fn exchange_keys<'a, C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    task: JoinTask<'a>,
    wire: &mut Wire<'a, C, O>,
    rng: &mut R,
) -> Result<Blinded<'a>, RunError> {
    let session = wire.session;
    let own_len = task.plan.list_len(task.items.len() as u64);
    let mut blinding = Blinding::start(task.items, session, task.plan, task.used, rng)?;
    wire.begin(Phase::Exchange, own_len + blinding.missing());
    loop {
        let blinded = blinding.blind_next();
        if let Some(blinded) = &blinded {
            wire.send_now(blinded)?;
            wire.advance(blinded.len())?;
        }
        if blinding.missing() > 0 {
            let keys = wire.receive()?;
            blinding.accept(&keys)?;
            wire.advance(keys.len())?;
        } else if blinded.is_none() {
            return Ok(blinding.close()?);
        }
    }
}

fn lend_columns<'a, C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    blinded: Blinded<'a>,
    lent: Lent,
    lend: &mut dyn Lend,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Blinded<'a>, RunError> {
    let own_len = blinded.own_len();
    wire.begin(Phase::Matching, blinded.peer_len());
    let mut returning = ReturningTags::start(blinded)?;
    wire.send_tags(|| returning.next_tags())?;
    wire.begin(Phase::Adding, own_len);
    let mut lending = returning.close(rng)?;
    wire.send_now(&lending.keys())?;
    while let Some(records) = lending.next_records(lend.records())? {
        wire.send_now(&records)?;
        wire.advance(records.len(lent.columns))?;
    }
    let owner = lending.close()?;
    wire.begin(Phase::Opening, 0);
    let count = answer_tests(&owner, lent, lend.disclosure(), wire)?;
    let sums = open(&owner, lend.disclosure(), wire, rng)?;
    let peer = || wire.session.peer().clone();
    let figures = lend.release(count, &sums).map_err(|Refused| Error::ContradictoryTests { peer: peer() })?; // JOIN-6
    for figures in figures.chunks(FIGURES_PER_MESSAGE) {
        wire.send_now(&Figures { figures: figures.to_vec() })?;
    }
    Ok(owner.finish())
}

/// Lets the caller learn what a round of tests said, and asks whether to go on.
fn learn<C: Channel, O: Observer>(
    disclosure: &mut dyn Disclosure,
    reached: &[bool],
    wire: &mut Wire<'_, C, O>,
) -> Result<(), RunError> {
    let peer = || wire.session.peer().clone();
    disclosure.answer(reached).map_err(|Refused| Error::ContradictoryTests { peer: peer() })?; // JOIN-6
    wire.advance(0)
}

/// Checks that the verdicts on so many cells fit into a message.
fn check_questions(cells: &[Cell]) -> Result<(), Error> {
    if cells.len() <= FIGURES_PER_MESSAGE { Ok(()) } else { Err(Error::Disclosure) }
}

/// Answers the tests of counts; where the matcher counts, returns its count if it may be released.
fn answer_tests<C: Channel, O: Observer>(
    owner: &Owner<'_>,
    lent: Lent,
    lend: &mut dyn Disclosure,
    wire: &mut Wire<'_, C, O>,
) -> Result<Option<u64>, RunError> {
    let mut count = None;
    loop {
        let cells = lend.questions();
        if cells.is_empty() {
            return Ok(count);
        }
        check_questions(&cells)?;
        let reached = match lent.counts {
            Counts::ByMatcher => {
                count = owner.check_count(&wire.receive()?)?;
                vec![count.is_some(); cells.len()]
            }
            Counts::Encrypted => {
                let tests = wire.receive_all(messages_len(cells.len() * lent.tests_per_cell()))?;
                let verdicts = owner.answer(&cells, &tests)?;
                wire.send_now(&verdicts)?;
                verdicts.reached
            }
        };
        learn(lend, &reached, wire)?;
    }
}

fn open<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    owner: &Owner<'_>,
    lend: &mut dyn Disclosure,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Vec<i64>, RunError> {
    let opened = lend.opened();
    let cells: Vec<_> = opened.iter().map(|(cell, _)| cell.clone()).collect();
    if let Some(noise) = lend.noise(cells.len()) {
        owner.noise(&cells, &noise, rng)?.iter().try_for_each(|noise| wire.send_now(noise))?;
    }
    let sums = wire.receive_all(messages_len(cells.len()))?;
    Ok(owner.open(&opened, &lend.counted(), &sums)?)
}

fn match_columns<'a, C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    blinded: Blinded<'a>,
    lent: Lent,
    borrow: &mut dyn Borrow,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<Blinded<'a>, RunError> {
    let peer_len = blinded.peer_len();
    let mut awaiting = AwaitingTags::start(blinded)?;
    wire.begin(Phase::Matching, awaiting.missing());
    wire.receive_tags(awaiting.missing(), |tags| awaiting.accept(tags))?;
    let mut matching = awaiting.close(&wire.receive()?)?;
    wire.begin(Phase::Adding, peer_len);
    while matching.missing() > 0 {
        let records = wire.receive()?;
        matching.accept(&records)?;
        wire.advance(records.len(lent.columns))?;
    }
    let matcher = matching.close()?;
    wire.begin(Phase::Opening, 0);
    ask(&matcher, lent, borrow.disclosure(), wire, rng)?;
    give(&matcher, borrow.disclosure(), wire, rng)?;
    let figures = receive_figures(borrow.disclosure().figures_len(), wire)?;
    let peer = || wire.session.peer().clone();
    borrow.receive(&figures).map_err(|Refused| Error::BadRelease { peer: peer() })?; // JOIN-7
    Ok(matcher.finish())
}

/// Has counts tested, as long as there is one to test.
fn ask<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    matcher: &Matcher<'_>,
    lent: Lent,
    borrow: &mut dyn Disclosure,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<(), RunError> {
    loop {
        let cells = borrow.questions();
        if cells.is_empty() {
            return Ok(());
        }
        check_questions(&cells)?;
        let reached = match lent.counts {
            Counts::ByMatcher => {
                let count = matcher.count();
                wire.send_now(&count)?;
                vec![count.is_released(); cells.len()]
            }
            Counts::Encrypted => {
                matcher.tests(&cells, rng)?.iter().try_for_each(|tests| wire.send_now(tests))?;
                matcher.read_verdicts(&cells, wire.receive()?)?
            }
        };
        learn(borrow, &reached, wire)?;
    }
}

/// Gives sums away to be opened.
fn give<C: Channel, O: Observer, R: CryptoRng + ?Sized>(
    matcher: &Matcher<'_>,
    borrow: &mut dyn Disclosure,
    wire: &mut Wire<'_, C, O>,
    rng: &mut R,
) -> Result<(), RunError> {
    let cells: Vec<_> = borrow.opened().into_iter().map(|(cell, _)| cell).collect();
    let noise = match borrow.noise(cells.len()) {
        Some(own) => Some((own, wire.receive_all(messages_len(cells.len()))?)),
        None => None,
    };
    let noise = noise.as_ref().map(|(own, theirs)| (&own[..], &theirs[..]));
    matcher.aggregates(&cells, noise, rng)?.iter().try_for_each(|sums| wire.send_now(sums))
}

fn receive_figures<C: Channel, O: Observer>(
    expected: usize,
    wire: &mut Wire<'_, C, O>,
) -> Result<Vec<Option<i64>>, RunError> {
    let mut figures = Vec::with_capacity(expected);
    while figures.len() < expected {
        let message: Figures = wire.receive()?;
        message.expect_next(figures.len(), expected, wire.session.peer())?;
        figures.extend(message.figures);
    }
    Ok(figures)
}
