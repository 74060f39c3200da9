//! Adds up the figures of three clinics by masks, in one process; the third is lost before it sends its own.
//! Run: `cargo run --example masked_sum`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};

use tidegate::identity::{Identity, Signature};
use tidegate_mpc::aggregation::masked::coordinator::CollectingKeys;
use tidegate_mpc::aggregation::masked::{
    AnswerOnce, Answered, Identities, Opening, SumTerms, Task, Values, contributor,
};
use tidegate_mpc::{PartyId, Suite};

/// Signs for one party and knows the keys of all, which are together here alone.
struct Notary<'a>(&'a PartyId, &'a BTreeMap<PartyId, Identity>);

impl Identities for Notary<'_> {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.1.get(self.0).map_or([0; 64], |key| *key.sign("example", message).as_bytes())
    }

    fn verify(&self, party: &PartyId, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(*signature);
        self.1.get(party).is_some_and(|key| key.public().verify("example", message, &signature).is_ok())
    }
}

impl AnswerOnce for Notary<'_> {
    fn note(&mut self, _session: &[u8; 32]) -> Result<(), Answered> {
        Ok(()) // A real party notes it on disk, and refuses a session that it finds there.
    }

    fn keep(&mut self, _opening: &Opening) -> Result<(), Answered> {
        Ok(()) // No party commits to its figures here.
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let rng = &mut rand::rng();
    let names: [PartyId; 3] = ["east".parse()?, "north".parse()?, "south".parse()?];
    let keys = names.iter().map(|name| (name.clone(), Identity::generate(rng))).collect();
    let notary = |name| Notary(name, &keys);
    let task = Task::new(SumTerms {
        agreement: [1; 32],
        parties: names.to_vec(),
        coordinator: "board".parse()?,
        threshold: 2,
        minimum: 2,
        len: 3,
        bounds: (-50, 1000),
        suite: Suite::Aes128Ctr,
        // The figures carry noise already; without it, a total holds three parties at least.
        noisy: true,
        commitments: false,
    })?;
    let [east, north, south] = &names;

    let mut collecting = CollectingKeys::new(&task);
    let mut parties = Vec::new();
    for (name, figures) in [(east, [120, 31, 7]), (north, [88, 45, -1]), (south, [64, 29, 3])] {
        let (party, message) = contributor::start(&task, name, &notary(name), rng)?;
        collecting.accept(name, message, &notary(name))?;
        parties.push((name, figures, party));
    }
    let (mut collecting, list) = collecting.close()?;
    let mut dealt = Vec::new();
    for (name, figures, party) in parties {
        let (party, shares) = party.deal(&list, &notary(name), rng)?;
        collecting.accept(name, shares)?;
        dealt.push((name, figures, party));
    }
    let (mut collecting, bundles) = collecting.close()?;
    let mut sent = Vec::new();
    // From here on nothing comes from south, whose masks the others' shares take off.
    for ((name, figures, party), (_, bundle)) in dealt.into_iter().zip(&bundles).take(2) {
        let mut masking = party.mask(bundle, task.admit(Values::Narrow(&figures))?, rng)?;
        let mut upload = collecting.upload(name)?;
        while let Some(chunk) = masking.next_chunk() {
            upload.accept(chunk)?;
        }
        let (party, end, _) = masking.finish()?;
        collecting.accept(upload.finish(end)?)?;
        sent.push((name, party));
    }
    let (mut collecting, survivors) = collecting.close()?;
    let mut signed = Vec::new();
    for (name, party) in sent {
        let (party, consent) = party.confirm(&survivors, &notary(name))?;
        collecting.accept(name, consent, &notary(name))?;
        signed.push((name, party));
    }
    let (mut collecting, consents) = collecting.close()?;
    for (name, party) in signed {
        let (_, shares) = party.answer(&consents, &notary(name), &mut notary(name))?;
        collecting.accept(name, shares)?;
    }
    let total = collecting.close()?.into_sum();

    assert_eq!(total.values(), [208, 76, 6], "of east and north");
    assert_eq!(total.survivors_len(), 2);
    writeln!(stdout(), "two of three clinics counted {:?} together", total.values())?;
    Ok(())
}
