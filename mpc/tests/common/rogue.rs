//! A party that keeps to no protocol: it sends what it likes, and confirms a transcript that is true.

use sha2::{Digest, Sha512};
use tidegate_mpc::run::greet;
use tidegate_mpc::testing::{seeded_rng, terms};
use tidegate_mpc::transport::{Channel, MemoryChannel, memory_pair};
use tidegate_mpc::{ItemSet, MAX_MESSAGE_BYTES, Message, Outputs, PartyId, Protocol, Role, Session};

use super::{Ended, kind, side};

/// The rogue's end of the channel; the digests are written down here a second time, apart from the crate.
pub(crate) struct Rogue {
    channel: MemoryChannel,
    pub(crate) session: Session,
    to_sender: Sha512,
    to_receiver: Sha512,
}

fn put(hash: &mut Sha512, bytes: &[u8]) {
    hash.update(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    hash.update(bytes);
}

pub(crate) fn labelled(label: &str) -> Sha512 {
    let mut hash = Sha512::new();
    put(&mut hash, label.as_bytes());
    hash
}

impl Rogue {
    pub(crate) fn new(channel: MemoryChannel, session: Session) -> Self {
        let hash = |to| labelled(&format!("tidegate/1 transcript to {to}"));
        Self { channel, session, to_sender: hash("sender"), to_receiver: hash("receiver") }
    }

    /// Sends any bytes; the peer may have gone.
    pub(crate) fn send(&mut self, message: &[u8]) {
        let _ = self.channel.send(message);
        match self.session.role() {
            Role::Receiver => put(&mut self.to_sender, message),
            Role::Sender => put(&mut self.to_receiver, message),
        }
    }

    /// Receives any bytes, `None` where the peer has gone.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        let message = self.channel.receive(MAX_MESSAGE_BYTES).ok()?;
        match self.session.role() {
            Role::Receiver => put(&mut self.to_receiver, &message),
            Role::Sender => put(&mut self.to_sender, &message),
        }
        Some(message)
    }

    /// Receives a message of the honest peer.
    pub(crate) fn expect<M: Message>(&mut self) -> M {
        let peer: PartyId = self.session.peer().clone();
        M::decode(&self.receive().unwrap(), &peer).unwrap()
    }

    /// Confirms everything that was sent and received so far.
    pub(crate) fn send_finished(&mut self) {
        let mut hash = labelled("tidegate/1 transcript");
        hash.update(self.session.id());
        for direction in [&self.to_sender, &self.to_receiver] {
            hash.update(&direction.clone().finalize()[..32]);
        }
        let digest = hash.finalize();
        self.send(&[&[kind::FINISHED], &digest[..32]].concat());
    }
}

/// What the two sides agreed on, and what each of them brings.
pub(crate) struct Meeting<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) outputs: Outputs,
    pub(crate) minimum: u64,
    pub(crate) honest_items: &'a ItemSet,
    pub(crate) rogue_items: &'a ItemSet,
}

impl Meeting<'_> {
    /// Runs an honest party in `role` against `rogue`, and returns what the honest one ends with.
    pub(crate) fn run(&self, role: Role, rogue: impl FnOnce(Rogue)) -> Ended {
        let (a, mut b) = memory_pair();
        let terms_of = |role| terms(self.protocol, role, self.outputs, self.minimum);
        std::thread::scope(|scope| {
            let honest = scope.spawn(|| side(&terms_of(role), self.honest_items, 1, a, &mut ()));
            let own = terms_of(role.other());
            let session = greet(&own, self.rogue_items.len(), &mut b, &mut seeded_rng(2)).unwrap();
            rogue(Rogue::new(b, session));
            honest.join().expect("the honest party does not panic")
        })
    }
}
