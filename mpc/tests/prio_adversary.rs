//! What deviates, and what exactly comes of it: reporters, then messages of either aggregator, then an aggregator that
//! keeps the messages right and lies about what they say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng,
};
use tidegate_mpc::aggregation::prio::{
    Aggregator, Batch, Candidates, Kind, Listing, Next, Noise, Rejection, Releasing, Report, ReportKey,
    SeenReports, Tally, Task, Verifying,
};
use tidegate_mpc::codec::Malformation;
use tidegate_mpc::testing::{agreed_sessions, report_keys, report_task, sealed_reports, seeded_rng};
use tidegate_mpc::{Error, Message, Outputs, PartyId, Protocol, Session};

/// The first byte of each message.
mod kind {
    pub(crate) const REPORT_IDS: u8 = 40;
    pub(crate) const VERIFIER_SHARES: u8 = 41;
    pub(crate) const ACCEPTED_REPORTS: u8 = 42;
    pub(crate) const BATCH_DIGEST: u8 = 43;
    pub(crate) const AGGREGATE_SHARE: u8 = 44;
}

/// A change to the messages that reach an aggregator, by their kind.
type Alter<'a> = &'a dyn Fn(Aggregator, u8, &mut Vec<u8>);

fn unaltered(_: Aggregator, _: u8, _: &mut Vec<u8>) {}

/// Both aggregators in lock-step, without the digests that would show every change at the end.
struct Lockstep<'a> {
    task: &'a Task,
    sessions: [Session; 2],
    keys: [ReportKey; 2],
    given: [Vec<Report>; 2],
    alter: Alter<'a>,
}

type Total = (Vec<i128>, Tally);

/// An error, and at whom.
type Failed = (Aggregator, Error);

impl<'a> Lockstep<'a> {
    fn new(task: &'a Task, given: [&'a [Report]; 2], alter: Alter<'a>) -> Self {
        let [leader, helper] = given.map(<[Report]>::len);
        let (leader, helper) =
            agreed_sessions(Protocol::Prio3, Outputs::Both, task.minimum(), leader, helper);
        Self {
            task,
            sessions: [leader, helper],
            keys: report_keys(),
            given: given.map(<[Report]>::to_vec),
            alter,
        }
    }

    fn pass<M: Message>(&self, to: usize, message: &M) -> Result<M, Failed> {
        let (to, peer) = (Aggregator::BOTH[to], self.sessions[to].peer());
        let mut bytes = message.encode();
        (self.alter)(to, M::KIND, &mut bytes);
        M::decode(&bytes, peer).map_err(|error| (to, error))
    }

    fn cross<M: Message>(&self, [leader, helper]: [M; 2]) -> Result<[M; 2], Failed> {
        Ok([self.pass(0, &helper)?, self.pass(1, &leader)?])
    }

    fn list(&self, place: usize) -> Listing<'_> {
        let candidates = Candidates::gather(&self.given[place], &SeenReports::default()).unwrap();
        let (key, session) = (&self.keys[place], &self.sessions[place]);
        Listing::start(self.task, key, &self.given[place], candidates, session).unwrap()
    }

    fn verify(&self) -> Result<[Batch<'_>; 2], Failed> {
        let mut listings = [0, 1].map(|place| self.list(place));
        let ids = listings.each_mut().map(|listing| listing.next_ids().unwrap());
        let ids = self.cross(ids)?;
        for (place, (listing, ids)) in listings.iter_mut().zip(&ids).enumerate() {
            listing.accept(ids).map_err(at(place))?;
        }
        let mut verifying = listings.map(|listing| listing.close().unwrap());
        loop {
            match verifying.map(Verifying::next) {
                [Next::Compare(leader, one), Next::Compare(helper, two)] => {
                    let [one, two] = self.cross([one, two])?;
                    return Ok([leader.accept(&one).map_err(at(0))?, helper.accept(&two).map_err(at(1))?]);
                }
                [Next::Verify(leader, one), Next::Verify(helper, two)] => {
                    let [one, two] = self.cross([one, two])?;
                    let (leader, one) = leader.accept(one).map_err(at(0))?;
                    let (helper, two) = helper.accept(two).map_err(at(1))?;
                    let [one, two] = self.cross([one, two])?;
                    verifying = [leader.accept(&one).map_err(at(0))?, helper.accept(&two).map_err(at(1))?];
                }
                other => panic!("the aggregators do not keep in step: {other:?}"),
            }
        }
    }

    fn run(&self, noise: Option<Noise<'_>>) -> Result<[Total; 2], Failed> {
        let [leader, helper] = self.verify()?;
        let tallies = [leader.tally(), helper.tally()];
        let mut releasing = [leader.release(noise).map_err(at(0))?, helper.release(noise).map_err(at(1))?];
        let shares = releasing.each_mut().map(|it: &mut Releasing<'_>| it.next_share().unwrap());
        let shares = self.cross(shares)?;
        for (place, (releasing, share)) in releasing.iter_mut().zip(&shares).enumerate() {
            releasing.accept(share).map_err(at(place))?;
        }
        let [leader, helper] = releasing;
        let sums = [leader.close().map_err(at(0))?, helper.close().map_err(at(1))?];
        let [one, two] = sums;
        Ok([(one, tallies[0]), (two, tallies[1])])
    }
}

fn at(place: usize) -> impl Fn(Error) -> Failed {
    move |error| (Aggregator::BOTH[place], error)
}

fn peer_of(at: Aggregator) -> PartyId {
    at.role().other().to_string().parse().unwrap()
}

fn run(task: &Task, reports: &[Report], alter: Alter<'_>) -> Result<[Total; 2], Failed> {
    Lockstep::new(task, [reports, reports], alter).run(None)
}

fn of_kinds() -> [(Task, Vec<u64>); 4] {
    let kinds: [(Kind, &[u64]); 4] = [
        (Kind::Count, &[1]),
        (Kind::Sum { max: 1000 }, &[77]),
        (Kind::SumVec { len: 4, max: 9 }, &[1, 2, 3, 4]),
        (Kind::Histogram { len: 5 }, &[2]),
    ];
    kinds.map(|(kind, values)| (report_task(kind, 2), values.to_vec()))
}

// --- Reporters ---

/// A reporter that seals what it likes; the format is written down here a second time.
struct Forger {
    id: Vec<u8>,
    public: Vec<u8>,
    shares: [Vec<u8>; 2],
}

type Suite = X25519HkdfSha256;

impl Forger {
    /// Takes an honest report apart.
    fn of(task: &Task, report: &Report) -> Self {
        let bytes = report.encode();
        let public_bytes = match task.kind() {
            Kind::Count | Kind::Sum { .. } => 0,
            _ => 64,
        };
        let (id, rest) = bytes.split_at(16);
        let (public, rest) = rest.split_at(public_bytes);
        let helper_bytes = 48 + if public_bytes > 0 { 64 } else { 32 };
        let (leader, helper) = rest.split_at(rest.len() - helper_bytes);
        let aad = [task.id(), id, public].concat();
        let open = |number: u8, sealed: &[u8]| {
            let key = report_keys()[usize::from(number)].to_bytes();
            let key = <Suite as Kem>::PrivateKey::from_bytes(key.as_slice()).unwrap();
            let encapsulated = <Suite as Kem>::EncappedKey::from_bytes(&sealed[..32]).unwrap();
            let info = [b"tidegate/1 prio3 input share".as_slice(), &[number]].concat();
            let mode = OpModeR::Base;
            let opened = single_shot_open::<AesGcm128, HkdfSha256, Suite>(
                &mode,
                &key,
                &encapsulated,
                &info,
                &sealed[32..],
                &aad,
            );
            opened.unwrap()
        };
        Self { id: id.to_vec(), public: public.to_vec(), shares: [open(0, leader), open(1, helper)] }
    }

    fn seal(&self, task: &Task) -> Report {
        let aad = [task.id().as_slice(), &self.id, &self.public].concat();
        let seal = |number: u8| {
            let key = task.key(Aggregator::BOTH[usize::from(number)]);
            let key = <Suite as Kem>::PublicKey::from_bytes(key.as_bytes()).unwrap();
            let info = [b"tidegate/1 prio3 input share".as_slice(), &[number]].concat();
            let share = &self.shares[usize::from(number)];
            let (encapsulated, ciphertext) = single_shot_seal_with_rng::<AesGcm128, HkdfSha256, Suite>(
                &OpModeS::Base,
                &key,
                &info,
                share,
                &aad,
                &mut seeded_rng(9),
            )
            .unwrap();
            [encapsulated.to_bytes().to_vec(), ciphertext].concat()
        };
        Report::decode(task, &[self.id.clone(), self.public.clone(), seal(0), seal(1)].concat()).unwrap()
    }
}

/// Runs three honest reports with one that is forged out of a fourth, and returns why that does not count.
fn forged(task: &Task, values: &[u64], forge: impl Fn(&mut Forger)) -> Rejection {
    let mut reports = sealed_reports(task, &vec![values.to_vec(); 4], 1);
    let honest = run(task, &reports[..3], &unaltered).unwrap();
    let mut forger = Forger::of(task, &reports[3]);
    forge(&mut forger);
    reports[3] = forger.seal(task);
    let [leader, helper] = run(task, &reports, &unaltered).unwrap();
    assert_eq!((&leader.0, &helper.0), (&honest[0].0, &honest[0].0), "the others count as before");
    assert_eq!(leader.1, helper.1);
    let reason = Rejection::ALL.into_iter().find(|&reason| leader.1.rejected(reason) == 1);
    reason.expect("the forged report is rejected")
}

#[test]
fn the_forger_makes_reports_that_count_where_it_changes_nothing() {
    for (task, values) in of_kinds() {
        let reports = sealed_reports(&task, &vec![values; 2], 1);
        let again: Vec<_> = reports.iter().map(|report| Forger::of(&task, report).seal(&task)).collect();
        assert_ne!(again, reports);
        let sums = |reports| run(&task, reports, &unaltered).unwrap()[0].0.clone();
        assert_eq!(sums(&again), sums(&reports));
    }
}

#[test]
fn prio_6_a_measurement_outside_of_its_bounds_is_rejected() {
    for (task, values) in of_kinds() {
        // The leader's share of the first bit or bucket, one more than it should be.
        let more = |forger: &mut Forger| {
            let carry = forger.shares[0].iter_mut().take(8).find(|byte| **byte < 255).unwrap();
            *carry += 1;
        };
        assert_eq!(forged(&task, &values, more), Rejection::Unproven, "{:?}", task.kind());
    }
}

#[test]
fn prio_6_every_byte_of_the_shares_is_proven() {
    let task = report_task(Kind::Histogram { len: 2 }, 2);
    let report = &sealed_reports(&task, &[vec![1]], 1)[0];
    let forger = Forger::of(&task, report);
    for aggregator in [0, 1] {
        for place in (0..forger.shares[aggregator].len()).step_by(5) {
            let flip = |forger: &mut Forger| forger.shares[aggregator][place] ^= 1;
            assert_eq!(forged(&task, &[1], flip), Rejection::Unproven, "share {aggregator}, byte {place}");
        }
    }
    for place in (0..forger.public.len()).step_by(5) {
        let flip = |forger: &mut Forger| forger.public[place] ^= 1;
        assert_eq!(forged(&task, &[1], flip), Rejection::Unproven, "public share, byte {place}");
    }
}

#[test]
fn a_share_that_is_no_share_is_malformed() {
    for (task, values) in of_kinds() {
        let fill = |forger: &mut Forger| forger.shares[0][..16].fill(0xff);
        assert_eq!(forged(&task, &values, fill), Rejection::Malformed);
    }
}

#[test]
fn prio_4_a_report_for_a_greater_bound_does_not_open() {
    let (task, greater) = (report_task(Kind::Sum { max: 5 }, 2), report_task(Kind::Sum { max: 7 }, 2));
    let mut reports = sealed_reports(&task, &[vec![5], vec![5]], 1);
    let foreign = sealed_reports(&greater, &[vec![7]], 2).remove(0);
    reports.push(Report::decode(&task, &foreign.encode()).unwrap());
    let [(sums, tally), _] = run(&task, &reports, &unaltered).unwrap();
    assert_eq!(sums, [10]);
    assert_eq!(tally.rejected(Rejection::Undecryptable), 1);
    // The bits of 7 under the bound 5 stand for 5: no encoding stands for more than the bound.
    let mut forger = Forger::of(&greater, &foreign);
    forger.id = vec![3; 16];
    reports[2] = forger.seal(&task);
    let [(sums, tally), _] = run(&task, &reports, &unaltered).unwrap();
    assert_eq!((sums, tally.rejected(Rejection::Unproven)), (vec![10], 1));
}

#[test]
fn prio_4_a_share_that_one_aggregator_cannot_open_counts_at_neither() {
    let task = report_task(Kind::Count, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 3], 1);
    let mut bytes = reports[0].encode();
    *bytes.last_mut().unwrap() ^= 1;
    let broken = [Report::decode(&task, &bytes).unwrap(), reports[1].clone(), reports[2].clone()];
    for (sums, tally) in run(&task, &broken, &unaltered).unwrap() {
        assert_eq!((sums, tally.rejected(Rejection::Undecryptable)), (vec![2], 1));
    }
}

#[test]
fn two_reports_under_one_id_count_at_neither() {
    for (task, values) in of_kinds() {
        let reports = sealed_reports(&task, &vec![values.clone(); 3], 1);
        let mut other = Forger::of(&task, &sealed_reports(&task, &[values], 2)[0]);
        other.id = reports[0].id().as_bytes().to_vec();
        let to_helper = [other.seal(&task), reports[1].clone(), reports[2].clone()];
        let ended = Lockstep::new(&task, [&reports, &to_helper], &unaltered).run(None).unwrap();
        for (_, tally) in ended {
            assert_eq!((tally.accepted(), tally.rejected(Rejection::Unproven)), (2, 1));
        }
    }
}

// --- Messages of the other aggregator ---

/// Runs with one kind of message to one aggregator changed, and returns the error there.
fn altered(task: &Task, to: Aggregator, kind: u8, change: impl Fn(&mut Vec<u8>)) -> Error {
    let reports = sealed_reports(task, &vec![vec![1]; 4], 1);
    let alter = |at: Aggregator, of: u8, message: &mut Vec<u8>| {
        if (at, of) == (to, kind) {
            change(message);
        }
    };
    let (failed, error) = run(task, &reports, &alter).unwrap_err();
    assert_eq!(failed, to);
    assert!(error.peer().is_none_or(|peer| *peer == peer_of(to)));
    error
}

const COUNTS: [(u8, &str); 2] =
    [(kind::REPORT_IDS, "ReportIds"), (kind::ACCEPTED_REPORTS, "AcceptedReports")];

#[test]
fn prio_7_the_number_of_ids_and_of_accepted_reports() {
    let task = report_task(Kind::Histogram { len: 3 }, 2);
    for to in Aggregator::BOTH {
        for (kind, message) in COUNTS {
            let width = if kind == kind::REPORT_IDS { 16 } else { 1 };
            let count = |found| Error::Count { peer: peer_of(to), message, found, expected: 4 };
            let cut = |bytes| move |message: &mut Vec<u8>| message.truncate(1 + bytes);
            assert_eq!(altered(&task, to, kind, cut(3 * width)), count(3));
            assert_eq!(altered(&task, to, kind, cut(0)), count(0));
            assert_eq!(altered(&task, to, kind, |message| message.extend(vec![1; width])), count(5));
        }
    }
}

#[test]
fn prio_7_ids_are_sorted() {
    let task = report_task(Kind::Count, 2);
    for to in Aggregator::BOTH {
        let unsorted = Error::NotSorted { peer: peer_of(to), message: "ReportIds" };
        let swap = |message: &mut Vec<u8>| message[1..33].rotate_left(16);
        assert_eq!(altered(&task, to, kind::REPORT_IDS, swap), unsorted);
        let repeat = |message: &mut Vec<u8>| message.copy_within(1..17, 17);
        assert_eq!(altered(&task, to, kind::REPORT_IDS, repeat), unsorted);
    }
}

#[test]
fn prio_7_the_number_and_the_form_of_verifier_shares() {
    // A verifier share of a histogram of 3: field elements, then a seed of 32 bytes.
    let task = report_task(Kind::Histogram { len: 3 }, 2);
    let to = Aggregator::Leader;
    let altered = |change: &dyn Fn(&mut Vec<u8>)| altered(&task, to, kind::VERIFIER_SHARES, change);
    let count =
        |found, expected| Error::Count { peer: peer_of(to), message: "VerifierShares", found, expected };
    let malformed = |cause| Error::Malformed { peer: peer_of(to), message: "VerifierShares", cause };
    // Fewer reports, whose shares stay.
    let fewer = |message: &mut Vec<u8>| {
        message[1] = 3;
        message.remove(3);
    };
    assert_eq!(altered(&fewer), count(3, 4));
    assert_eq!(altered(&|message| message.truncate(2)), malformed(Malformation::Truncated));
    assert_eq!(altered(&|message| message.truncate(5)), malformed(Malformation::Truncated));
    assert_eq!(altered(&|message| message.truncate(7)), count(0, 4));
    assert_eq!(altered(&|message| message.push(0)), count(5, 4));
    // One report is rejected and has a share all the same.
    assert_eq!(altered(&|message| message[3] = 5), count(4, 3));
    for code in [1, 2, 6, 255] {
        let field = malformed(Malformation::Field { field: "rejected" });
        assert_eq!(altered(&|message| message[3] = code), field);
    }
    let field = malformed(Malformation::Field { field: "shares" });
    assert_eq!(altered(&|message| message[7..23].fill(0xff)), field);
}

#[test]
fn prio_7_the_form_of_the_rest() {
    let task = report_task(Kind::Histogram { len: 3 }, 2);
    for to in Aggregator::BOTH {
        let malformed = |message, cause| Error::Malformed { peer: peer_of(to), message, cause };
        let altered = |kind, change: &dyn Fn(&mut Vec<u8>)| altered(&task, to, kind, change);
        assert_eq!(
            altered(kind::REPORT_IDS, &|message| message.push(1)),
            malformed("ReportIds", Malformation::Truncated)
        );
        assert_eq!(
            altered(kind::ACCEPTED_REPORTS, &|message| message[1] = 2),
            malformed("AcceptedReports", Malformation::Field { field: "accepted" })
        );
        assert_eq!(
            altered(kind::BATCH_DIGEST, &|message| message.truncate(40)),
            malformed("BatchDigest", Malformation::Truncated)
        );
        assert_eq!(
            altered(kind::BATCH_DIGEST, &|message| message.push(0)),
            malformed("BatchDigest", Malformation::Trailing { extra: 1 })
        );
        let share = "AggregateShare";
        let count = |found, expected| Error::Count { peer: peer_of(to), message: share, found, expected };
        assert_eq!(altered(kind::AGGREGATE_SHARE, &|message| message.truncate(33)), count(32, 48));
        assert_eq!(altered(kind::AGGREGATE_SHARE, &|message| message.truncate(1)), count(0, 48));
        assert_eq!(altered(kind::AGGREGATE_SHARE, &|message| message.push(0)), count(49, 48));
        assert_eq!(
            altered(kind::AGGREGATE_SHARE, &|message| message[1..17].fill(0xff)),
            malformed(share, Malformation::Field { field: "bytes" })
        );
        for kind in 40..=44 {
            let unexpected = altered(kind, &|message| message[0] = 1);
            assert!(matches!(unexpected, Error::UnexpectedMessage { found: "Hello", .. }), "{unexpected:?}");
        }
    }
}

#[test]
fn prio_8_every_byte_of_the_digest_counts() {
    let task = report_task(Kind::Count, 2);
    for to in Aggregator::BOTH {
        for place in 1..41 {
            let error = altered(&task, to, kind::BATCH_DIGEST, |message| message[place] ^= 1);
            assert_eq!(error, Error::BatchDiffers { peer: peer_of(to) });
        }
    }
}

#[test]
fn prio_10_a_share_of_no_possible_total() {
    let task = report_task(Kind::Histogram { len: 3 }, 2);
    for to in Aggregator::BOTH {
        for place in [1, 7, 17, 48] {
            let error = altered(&task, to, kind::AGGREGATE_SHARE, |message| message[place] ^= 1);
            assert_eq!(error, Error::OutOfBounds { peer: peer_of(to) }, "byte {place}");
        }
    }
}

// --- An aggregator that lies ---

/// The attack of which aggregators with different sets of reports fall victim: one says to the other that it accepts a
/// report which it does not add up, and would learn that report as the difference of both totals.
#[test]
fn prio_8_an_aggregator_that_adds_up_other_reports_is_found_out() {
    let task = report_task(Kind::Sum { max: 100 }, 2);
    let reports = sealed_reports(&task, &[3, 5, 7, 11].map(|value| vec![value]), 1);
    let deny = |to: Aggregator, of: u8, message: &mut Vec<u8>| {
        if (to, of) == (Aggregator::Helper, kind::ACCEPTED_REPORTS) {
            message[1] = 0;
        }
    };
    let (at, error) = run(&task, &reports, &deny).unwrap_err();
    assert_eq!((at, error), (Aggregator::Leader, Error::BatchDiffers { peer: peer_of(Aggregator::Leader) }));
}

#[test]
fn an_aggregator_can_drop_reports_at_both() {
    let task = report_task(Kind::Count, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 4], 1);
    // A share that proves nothing makes the report fail at the other side, which says so.
    let spoil = |to: Aggregator, of: u8, message: &mut Vec<u8>| {
        if (to, of) == (Aggregator::Helper, kind::VERIFIER_SHARES) {
            message[7] ^= 1;
        }
    };
    for (sums, tally) in run(&task, &reports, &spoil).unwrap() {
        assert_eq!((sums, tally.rejected(Rejection::Unproven)), (vec![3], 1));
    }
}

/// What is not prevented, as the module says: correctness needs both aggregators to be honest.
#[test]
fn an_aggregator_can_shift_the_total_within_its_bounds() {
    let task = report_task(Kind::Sum { max: 100 }, 2);
    let reports = sealed_reports(&task, &vec![vec![10]; 4], 1);
    let shift = |to: Aggregator, of: u8, message: &mut Vec<u8>| {
        if (to, of) == (Aggregator::Helper, kind::AGGREGATE_SHARE) {
            let share: [u8; 8] = message[1..9].try_into().unwrap();
            message[1..9].copy_from_slice(&(u64::from_le_bytes(share) + 5).to_le_bytes());
        }
    };
    let [leader, helper] = run(&task, &reports, &shift).unwrap();
    assert_eq!((leader.0, helper.0), (vec![40], vec![45]));
}

#[test]
fn prio_9_fewer_reports_than_the_minimum_are_not_opened() {
    let task = report_task(Kind::Count, 3);
    let reports = sealed_reports(&task, &vec![vec![1]; 2], 1);
    let (at, error) = run(&task, &reports, &unaltered).unwrap_err();
    assert_eq!((at, error), (Aggregator::Leader, Error::BatchTooSmall { found: 2, minimum: 3 }));
}

#[test]
fn noise_has_a_number_for_each_sum() {
    let task = report_task(Kind::Histogram { len: 3 }, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 2], 1);
    let lockstep = Lockstep::new(&task, [&reports, &reports], &unaltered);
    let (_, error) = lockstep.run(Some(Noise { own: &[1, 2], margin: 5 })).unwrap_err();
    assert_eq!(error, Error::NoiseLength { found: 2, expected: 3 });
}

#[test]
fn prio_2_only_the_keys_of_the_task_start() {
    let task = report_task(Kind::Count, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 2], 1);
    let (session, _) = agreed_sessions(Protocol::Prio3, Outputs::Both, 2, 2, 2);
    let [leader, helper] = report_keys();
    let start = |key, session| {
        let candidates = Candidates::gather(&reports, &SeenReports::default()).unwrap();
        Listing::start(&task, key, &reports, candidates, session).map(|_| ())
    };
    assert_eq!(start(&leader, &session), Ok(()));
    assert_eq!(start(&helper, &session), Err(Error::ReportKey));
    let (other, _) = agreed_sessions(Protocol::PsiEcdh, Outputs::Both, 2, 2, 2);
    assert!(matches!(start(&leader, &other), Err(Error::WrongStep { .. })));
    let (changed, _) = agreed_sessions(Protocol::Prio3, Outputs::Both, 2, 3, 2);
    assert_eq!(start(&leader, &changed), Err(Error::SetChanged { found: 2, expected: 3 }));
}

#[test]
fn more_reports_than_a_sum_can_hold_are_refused() {
    let max = 1 << 60;
    let task = report_task(Kind::Sum { max }, 2);
    let reports = sealed_reports(&task, &vec![vec![1]; 5], 1);
    let (session, _) = agreed_sessions(Protocol::Prio3, Outputs::Both, 2, 5, 5);
    let candidates = Candidates::gather(&reports, &SeenReports::default()).unwrap();
    let [key, _] = report_keys();
    let started = Listing::start(&task, &key, &reports, candidates, &session);
    assert_eq!(started.unwrap_err(), Error::TooManyReports { found: 5, max: 4 });
}
