//! The vectors of the draft, through the circuits that tasks are made of.

use prio::vdaf::prio3::Prio3VerifierMessage;
use serde_json::Value;

use super::*;

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// The numbers of a measurement or a result, of which some are alone and some in a list.
fn numbers(value: &Value) -> Vec<u64> {
    match value {
        Value::Array(all) => all.iter().map(|one| one.as_u64().unwrap()).collect(),
        one => vec![one.as_u64().unwrap()],
    }
}

struct Vector18 {
    circuit: Arc<dyn Circuit>,
    vector: Value,
}

/// The circuit of a vector, with the vector's own length of chunks.
fn circuit(name: &str, vector: &Value) -> Arc<dyn Circuit> {
    let (max, len, chunk) = (&vector["max_measurement"], &vector["length"], &vector["chunk_length"]);
    let made = match name {
        "Count" => Typed::make(COUNT, 0, Ok(Count::<Field64>::new())),
        "Sum" => Typed::make(SUM, 0, Sum::<Field64>::new(max.as_u64().unwrap())),
        "SumVec" => {
            let max = u128::from(max.as_u64().unwrap());
            let typed = SumVec::<_, ParallelSum<Field128, Mul>>::new(max, number(len), number(chunk));
            Typed::make(SUM_VEC, number(chunk), typed)
        }
        _ => {
            let typed = Histogram::<_, ParallelSum<Field128, Mul>>::new(number(len), number(chunk));
            Typed::make(HISTOGRAM, number(chunk), typed)
        }
    };
    made.unwrap()
}

impl Vector18 {
    fn read(name: &str, text: &str) -> Self {
        let vector: Value = serde_json::from_str(text).unwrap();
        assert_eq!(vector["shares"], 2);
        Self { circuit: circuit(name, &vector), vector }
    }

    fn reports(&self) -> &[Value] {
        list(&self.vector["reports"])
    }

    fn begin(&self, report: &Value, aggregator: Aggregator) -> Result<Verifying, Rejection> {
        let (task, key) = (bytes(&self.vector["ctx"]), bytes(&self.vector["verify_key"]));
        let id = ReportId::from_bytes(bytes(&report["nonce"]).try_into().unwrap());
        let public = bytes(&report["public_share"]);
        let input = bytes(&report["input_shares"][usize::from(aggregator.number())]);
        let bound = Bound { task: &task, id: &id };
        let received = Received { bound, aggregator, public: &public, input: &input };
        self.circuit.verify(&VerifyKey(key.try_into().unwrap()), received)
    }

    fn finish(&self, report: &Value, aggregator: Aggregator) -> Result<Vector, Rejection> {
        let begun = self.begin(report, aggregator)?;
        let shares = &report["verifier_shares"][0];
        let number = usize::from(aggregator.number());
        assert_eq!(begun.share, bytes(&shares[number]));
        assert_eq!(begun.share.len(), self.circuit.sizes().verifier);
        begun.pending.finish(&bytes(&shares[1 - number])).expect("the share of the vector is well-formed")
    }

    fn check_shard(&self, report: &Value) {
        let mut random = [0; 4 * SEED_BYTES];
        let given = bytes(&report["rand"]);
        random[..given.len()].copy_from_slice(&given);
        let task = bytes(&self.vector["ctx"]);
        let id = ReportId::from_bytes(bytes(&report["nonce"]).try_into().unwrap());
        let bound = Bound { task: &task, id: &id };
        let shares = self.circuit.shard(bound, &numbers(&report["measurement"]), &random);
        let sizes = self.circuit.sizes();
        assert_eq!(shares.public, bytes(&report["public_share"]));
        assert_eq!(shares.public.len(), sizes.public);
        for (place, share) in shares.input.iter().enumerate() {
            assert_eq!(share.as_slice(), bytes(&report["input_shares"][place]));
            assert_eq!(share.len(), sizes.input[place]);
        }
    }

    /// Runs the vector's reports from the measurement to the total.
    fn check(&self) {
        let mut total = self.circuit.zeros();
        for aggregator in Aggregator::BOTH {
            let number = usize::from(aggregator.number());
            let mut own = self.circuit.zeros();
            for report in self.reports() {
                self.check_shard(report);
                let output = self.finish(report, aggregator).unwrap();
                let expected: Vec<u8> = match &report["out_shares"][number] {
                    Value::Array(elements) => elements.iter().flat_map(bytes).collect(),
                    whole => bytes(whole),
                };
                assert_eq!(output.encode(), expected);
                own.add(&output);
            }
            assert_eq!(own.encode(), bytes(&self.vector["agg_shares"][number]));
            total.add(&own);
        }
        let expected: Vec<i128> = numbers(&self.vector["agg_result"]).into_iter().map(i128::from).collect();
        assert_eq!(total.centred(), expected);
    }
}

macro_rules! vector {
    ($kind:literal, $case:literal) => {
        Vector18::read(
            $kind,
            include_str!(concat!("../../../tests/vectors/vdaf/Prio3", $kind, "_", $case, ".json")),
        )
    };
}

#[test]
fn the_vectors_of_the_draft_hold() {
    for vector in [
        vector!("Count", "0"),
        vector!("Count", "2"),
        vector!("Sum", "0"),
        vector!("Sum", "2"),
        vector!("SumVec", "0"),
        vector!("Histogram", "0"),
        vector!("Histogram", "2"),
    ] {
        vector.check();
    }
}

#[test]
fn prio_6_the_bad_reports_of_the_draft_are_rejected() {
    for vector in [
        vector!("Count", "bad_gadget_poly"),
        vector!("Count", "bad_helper_seed"),
        vector!("Count", "bad_meas_share"),
        vector!("Count", "bad_wire_seed"),
        vector!("Histogram", "bad_helper_jr_blind"),
        vector!("Histogram", "bad_leader_jr_blind"),
        vector!("Histogram", "bad_public_share"),
    ] {
        for aggregator in Aggregator::BOTH {
            let [report] = vector.reports() else { panic!("one report") };
            assert_eq!(vector.finish(report, aggregator).unwrap_err(), Rejection::Unproven);
        }
    }
}

/// Aggregators here derive the message from both shares, so that the library alone can be handed a bad one.
#[test]
fn prio_6_the_bad_message_of_the_draft_is_rejected() {
    let text = include_str!("../../../tests/vectors/vdaf/Prio3Histogram_bad_verifier_message.json");
    let vector: Value = serde_json::from_str(text).unwrap();
    type Typed = Histogram<Field128, ParallelSum<Field128, Mul>>;
    let vdaf: Prio3Of<Typed> =
        Prio3::new(2, PROOFS, HISTOGRAM, Typed::new(number(&vector["length"]), 2).unwrap()).unwrap();
    let (task, report) = (bytes(&vector["ctx"]), &vector["reports"][0]);
    let key: [u8; SEED_BYTES] = bytes(&vector["verify_key"]).try_into().unwrap();
    let nonce: [u8; 16] = bytes(&report["nonce"]).try_into().unwrap();
    let public = PublicShare::get_decoded_with_param(&vdaf, &bytes(&report["public_share"])).unwrap();
    let input = InputShare::<Typed>::get_decoded_with_param(&(&vdaf, 0), &bytes(&report["input_shares"][0]));
    let (state, _) = vdaf.verify_init(&key, &task, 0, &(), &nonce, &public, &input.unwrap()).unwrap();
    let message = bytes(&report["verifier_messages"][0]);
    let message = Prio3VerifierMessage::get_decoded_with_param(&state, &message).unwrap();
    assert!(vdaf.verify_next(&task, state, message).is_err());
}
