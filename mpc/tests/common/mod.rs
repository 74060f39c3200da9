//! Both sides of a run, each in a thread, over links that record, alter and never wait for ever.
#![allow(dead_code, reason = "each test file uses a part of this one")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

pub(crate) mod join;
pub(crate) mod rogue;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::mpsc;
use std::time::Duration;

use rayon::ThreadPoolBuilder;
use tidegate_mpc::run::{Observer, Outcome, RunError, greet, psi_cardinality, psi_ecdh};
use tidegate_mpc::testing::{self, Parties, Tamper, seeded_rng};
use tidegate_mpc::transport::{Channel, ChannelError, Traffic};
use tidegate_mpc::{Error, ItemSet, Outputs, Protocol, Terms};

/// The first byte of each message.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const SENDER_KEY: u8 = 2;
    pub(crate) const BLINDED_ITEMS: u8 = 3;
    pub(crate) const EVALUATED_ITEMS: u8 = 4;
    pub(crate) const TAGS: u8 = 5;
    pub(crate) const MATCHES: u8 = 6;
    pub(crate) const FINISHED: u8 = 7;
    pub(crate) const SHUFFLED_ITEMS: u8 = 8;
    pub(crate) const SIZE: u8 = 9;
    pub(crate) const MATCH_BITS: u8 = 10;
    pub(crate) const BLINDED_KEYS: u8 = 12;
    pub(crate) const COLUMN_KEYS: u8 = 13;
    pub(crate) const ENCRYPTED_RECORDS: u8 = 14;
    pub(crate) const COUNT_TESTS: u8 = 15;
    pub(crate) const VERDICTS: u8 = 16;
    pub(crate) const ENCRYPTED_NOISE: u8 = 17;
    pub(crate) const AGGREGATES: u8 = 18;
    pub(crate) const MATCHED_COUNT: u8 = 19;
    pub(crate) const FIGURES: u8 = 20;
}

/// Nobody waits longer than this for a message: a run that hangs ends as a failure of the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the items `item-<i>`.
pub(crate) fn set(numbers: Range<u64>) -> ItemSet {
    ItemSet::new(numbers.map(|i| format!("item-{i}"))).unwrap()
}

/// The plain intersection, as indices into `own`.
pub(crate) fn intersect(own: &ItemSet, other: &ItemSet) -> Vec<u32> {
    let other: HashSet<_> = (0..other.len()).map(|i| other.get(i).unwrap()).collect();
    let common = |i: &u32| other.contains(own.get(*i as usize).unwrap());
    (0..u32::try_from(own.len()).unwrap()).filter(common).collect()
}

/// The result of either protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Items(Vec<u32>),
    Count(u64),
}

pub(crate) type Ended = testing::Ended<Found>;

/// What an honest party expects of a run.
pub(crate) fn expected(protocol: Protocol, own: &ItemSet, other: &ItemSet) -> Found {
    let common = intersect(own, other);
    match protocol {
        Protocol::PsiEcdh => Found::Items(common),
        _ => Found::Count(common.len() as u64),
    }
}

/// The error of a side that failed.
pub(crate) fn error_of(ended: &Ended) -> &RunError {
    ended.as_ref().expect_err("this side had to fail")
}

/// The error of a side that failed by a check.
pub(crate) fn check_of(ended: &Ended) -> &Error {
    match error_of(ended) {
        RunError::Protocol(error) => error,
        other => panic!("expected a check to fail, found {other:?}"),
    }
}

/// Passes a message on as it is.
pub(crate) fn honest(_: usize, message: Vec<u8>) -> Option<Vec<u8>> {
    Some(message)
}

/// Replaces the message of each number that it holds; `None` closes the link.
pub(crate) type Script = BTreeMap<usize, Option<Vec<u8>>>;

pub(crate) fn follow(script: &Script) -> impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send + '_ {
    |number, message| script.get(&number).cloned().unwrap_or(Some(message))
}

type Ends = (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>);

/// One end of a channel in memory whose incoming messages pass a [`Tamper`].
struct Link<'a> {
    ends: Option<Ends>,
    tamper: Tamper<'a>,
    received: usize,
}

impl Channel for Link<'_> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let (to, _) = self.ends.as_ref().ok_or(ChannelError::Closed)?;
        to.send(message.to_vec()).map_err(|_| ChannelError::Closed)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    fn receive(&mut self, max_bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let (_, from) = self.ends.as_ref().ok_or(ChannelError::Closed)?;
        let message = from.recv_timeout(PATIENCE).map_err(|error| match error {
            mpsc::RecvTimeoutError::Disconnected => ChannelError::Closed,
            mpsc::RecvTimeoutError::Timeout => ChannelError::Io(io::ErrorKind::TimedOut.into()),
        })?;
        self.received += 1;
        match (self.tamper)(self.received - 1, message) {
            Some(message) if message.len() > max_bytes => {
                Err(ChannelError::TooLong { found: message.len() as u64, max: max_bytes })
            }
            Some(message) => Ok(message),
            None => {
                self.ends = None;
                Err(ChannelError::Closed)
            }
        }
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

/// Two parties with their seeds.
pub(crate) struct Case<'a> {
    pub(crate) parties: Parties<'a>,
    pub(crate) seeds: [u64; 2],
    /// Threads of the pool of each side; `None` takes the common pool.
    pub(crate) threads: Option<usize>,
}

/// The messages of an honest run.
pub(crate) struct Recorded {
    pub(crate) to_receiver: Vec<Vec<u8>>,
    pub(crate) to_sender: Vec<Vec<u8>>,
    pub(crate) ended: [Ended; 2],
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        protocol: Protocol,
        outputs: Outputs,
        minimum: u64,
        receiver: &'a ItemSet,
        sender: &'a ItemSet,
    ) -> Self {
        let parties = Parties::new(protocol, outputs, minimum, receiver, sender);
        Self { parties, seeds: [1, 2], threads: None }
    }

    pub(crate) fn run(&self, to_receiver: Tamper<'_>, to_sender: Tamper<'_>) -> [Ended; 2] {
        self.observed(to_receiver, to_sender, &mut (), &mut ())
    }

    /// Runs both sides; the first named is the one that means to receive.
    pub(crate) fn observed(
        &self,
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
        receiving: &mut (impl Observer + Send),
        sending: &mut (impl Observer + Send),
    ) -> [Ended; 2] {
        let ((to_sender_end, from_receiver), (to_receiver_end, from_sender)) =
            (mpsc::channel(), mpsc::channel());
        let link = |to, from, tamper| Link { ends: Some((to, from)), tamper, received: 0 };
        let receiver = link(to_sender_end, from_sender, to_receiver);
        let sender = link(to_receiver_end, from_receiver, to_sender);
        let Self { parties, seeds: [own_seed, other_seed], threads } = self;
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let run = || side(&parties.sender, parties.sender_items, *other_seed, sender, sending);
                in_pool(*threads, run)
            });
            let run = || side(&parties.receiver, parties.receiver_items, *own_seed, receiver, receiving);
            let receiver = in_pool(*threads, run);
            [receiver, sender.join().expect("the sender does not panic")]
        })
    }

    /// Runs without any alteration and keeps the messages.
    pub(crate) fn record(&self) -> Recorded {
        let (mut to_receiver, mut to_sender) = (Vec::new(), Vec::new());
        let ended = self.run(&mut keep(&mut to_receiver), &mut keep(&mut to_sender));
        Recorded { to_receiver, to_sender, ended }
    }

    /// Runs and requires that both sides found what the plain intersection holds.
    pub(crate) fn check(&self) -> Recorded {
        let recorded = self.record();
        let Parties { receiver, receiver_items, sender_items, .. } = &self.parties;
        let found = |own, other| Outcome::Released(expected(receiver.protocol, own, other));
        let [to_receiver, to_sender] = &recorded.ended;
        assert_eq!(to_receiver.as_ref().unwrap(), &found(receiver_items, sender_items));
        let entitled = match receiver.outputs {
            Outputs::Receiver => Outcome::NotEntitled,
            Outputs::Both => found(sender_items, receiver_items),
        };
        assert_eq!(to_sender.as_ref().unwrap(), &entitled);
        recorded
    }
}

fn keep(messages: &mut Vec<Vec<u8>>) -> impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send + '_ {
    |_, message| {
        messages.push(message.clone());
        Some(message)
    }
}

fn in_pool<T: Send>(threads: Option<usize>, work: impl FnOnce() -> T + Send) -> T {
    match threads {
        Some(threads) => ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work),
        None => work(),
    }
}

fn side(
    terms: &Terms,
    items: &ItemSet,
    seed: u64,
    mut link: impl Channel,
    observer: &mut impl Observer,
) -> Ended {
    let mut rng = seeded_rng(seed);
    let session = greet(terms, items.len(), &mut link, &mut rng)?;
    match session.protocol() {
        Protocol::PsiEcdh => {
            let outcome = psi_ecdh(items, &session, &mut link, observer, &mut rng)?;
            Ok(map(outcome, |common| Found::Items(common.indices().to_vec())))
        }
        _ => Ok(map(psi_cardinality(items, &session, &mut link, observer, &mut rng)?, Found::Count)),
    }
}

fn map<T>(outcome: Outcome<T>, found: impl FnOnce(T) -> Found) -> Outcome<Found> {
    match outcome {
        Outcome::Released(result) => Outcome::Released(found(result)),
        Outcome::Withheld => Outcome::Withheld,
        Outcome::NotEntitled => Outcome::NotEntitled,
    }
}
