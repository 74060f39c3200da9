#!/usr/bin/env python3
"""Make sum.json and sum_bad_message.json, the vectors of Tidegate's masked sum, without the Rust code.

`python3 make_sum.py` writes the files; `python3 make_sum.py --check` exits 1 if a file on disk is
not what it would write. Four parties, of which three are enough; the last one vanishes when it has
its bundle of shares. With G the generator of ristretto255, L its order, p = 2^61 - 1,
H(label, x..) = SHA-512(lp(label) || x..)[0..32], lp(b) = the length of b as a u32, then b:

    draws       a party draws, in this order: mask key, sealing key (64 bytes each, modulo L), nonce;
                seed (64 bytes), part of the group's secret; the coefficients of its two polynomials,
                of the mask key first, the highest power first (64 bytes each); the salt
    task        H("tidegate/1 sum task", lp of each term)
    keys        signed: "tidegate/1 sum keys" || task || seat || mask key || sealing key || nonce
    session     H("tidegate/1 sum session", task || lp(KeyList))
    share       of seat s: the polynomial at s + 1; commitment H("tidegate/1 sum share", session ||
                dealer || holder || (0 mask key, 1 seed) || share)
    part        commitment H("tidegate/1 sum group part", session || dealer || part)
    sealed      ChaCha20-Poly1305 with the key HKDF(session, enc(2 a B), "tidegate/1 sum seal" || from ||
                to), a nonce of zeros, over share || share || part, bound to "tidegate/1 sum deal" ||
                session || from || to || seed's key || part's commitment || both commitments
    mask        48 bytes of HKDF(session, secret, label || seats): the stream's key, and an integer
                modulo p for the tag; of two parties "tidegate/1 sum pair mask" of enc(2 a B), of one
                "tidegate/1 sum self mask" of its seed
    tag's key   ChaCha20 with the key H("tidegate/1 sum group", session || all parts), 16 bytes for an
                integer modulo p: coefficients a_0..a_255, the point b, an offset c for each of 100 seats
    tag         of a vector x of seat s: c_s + the sum of a_(j mod 256) b^(1 + j div 256) x_j modulo p;
                masked like the words
    root        BLAKE3 in key derivation mode, "tidegate/1 sum vector": session || seat || words
    commitment  likewise, "tidegate/1 sum commitment": salt || session || values of 128 bits
    consent     signed: "tidegate/1 sum survivors" || H(the same, session || lp(Survivors))
    receipt     H("tidegate/1 sum receipt", session || BLAKE3(total))

Integers are little-endian, seats u16. Who sits lower adds the mask of two. Identity keys are the
Ed25519 keys of the seeds in the file.
"""
import hashlib
import json
import pathlib
import sys

from ciphers import (
    aes_stream,
    blake3,
    blake3_derive_key,
    chacha20_stream,
    ed25519_sign,
    hkdf,
    seal,
)
from reference import GENERATOR, L, decode, encode, mul, sha512

HERE = pathlib.Path(__file__).resolve().parent
PRIME = 2**61 - 1
PARTIES, THRESHOLD, LOST = 4, 3, 3
SURVIVORS = [seat for seat in range(PARTIES) if seat != LOST]
KINDS = {
    name: 21 + i
    for i, name in enumerate(
        "RoundKeys KeyList SealedShares ShareBundle MaskedChunk MaskedEnd Survivors Consent Consents "
        "Unmasking TotalChunk TotalEnd".split()
    )
}
# Suite, its number, its stream, the ring's bits, bounds, words, whether vectors are committed to.
RUNS = [
    ("aes128-ctr", 1, lambda k, n: aes_stream(k[:16], n), 32, (-1000, 100000), 5, False),
    ("aes256-ctr", 2, aes_stream, 64, (-(2**50), 2**40), 21, True),
    ("chacha20", 3, chacha20_stream, 128, (-(2**100), 2**110), 70, True),
]


def u(number, size):
    return (number % 2 ** (8 * size)).to_bytes(size, "little")


def seat_bytes(seat):
    return u(seat, 2)


def lp(data):
    return u(len(data), 4) + data


def labelled(label, *parts):
    return sha512(lp(f"tidegate/1 sum {label}".encode()) + b"".join(parts))


def digest(label, *parts):
    return labelled(label, *parts)[:32]


def plain(label):
    return f"tidegate/1 sum {label}".encode()


def scalar_bytes(scalar):
    return u(scalar, 32)


def listed(entries):
    return seat_bytes(len(entries)) + b"".join(entries)


def message(name, *parts):
    return bytes([KINDS[name]]) + b"".join(parts)


def numbers(data):
    return [int.from_bytes(data[i : i + 16], "little") % PRIME for i in range(0, len(data), 16)]


def tag_bytes(tag):
    return u(tag % PRIME, 8)


class Party:
    """What a party draws, and what follows from that alone."""

    def __init__(self, run, number, seat):
        self.seat, self.drawn = seat, [b"", b"", b""]
        self.identity = bytes([seat + 1]) * 32

        def draw(step, what, size):
            drawn = sha512(f"tidegate sum vector {number} {seat} {what}".encode())[:size]
            self.drawn[step] += drawn
            return drawn

        def scalar(step, what):
            return int.from_bytes(draw(step, what, 64), "little") % L

        self.mask_key, self.sealing_key = scalar(0, "mask key"), scalar(0, "sealing key")
        nonce = draw(0, "nonce", 32)
        self.seed = scalar(1, "seed")
        self.part = draw(1, "part", 32)
        degrees = range(THRESHOLD - 1, 0, -1)
        self.polynomials = [
            [scalar(1, f"{what} {degree}") for degree in degrees] + [secret]
            for what, secret in (("mask key", self.mask_key), ("seed", self.seed))
        ]
        self.salt = draw(2, "salt", 32) if run.commitments else bytes(32)
        self.public = [encode(mul(key, GENERATOR)) for key in (self.mask_key, self.sealing_key)]
        self.keys = self.signed(run, *self.public, nonce)
        low, high = run.bounds
        wide = (sha512(f"tidegate sum vector {number} {seat} {i}".encode()) for i in range(run.len))
        self.values = [low + int.from_bytes(w, "little") % (high - low + 1) for w in wide]

    def signed(self, run, mask_key, sealing_key, nonce):
        fields = mask_key + sealing_key + nonce
        return fields + ed25519_sign(self.identity, plain("keys") + run.task + seat_bytes(self.seat) + fields)

    def share(self, which, holder):
        value = 0
        for coefficient in self.polynomials[which]:
            value = (value * (holder + 1) + coefficient) % L
        return scalar_bytes(value)


class Run:
    def __init__(self, number):
        self.suite, self.suite_id, self.stream, self.bits, self.bounds, self.len, self.commitments = RUNS[number]
        self.word = self.bits // 8
        names = [f"party-{seat:03}".encode() for seat in range(PARTIES)]
        terms = [b"\7" * 32, u(PARTIES, 8), *names, b"hub", u(THRESHOLD, 8), u(THRESHOLD, 8), u(self.len, 8)]
        terms += [u(bound, 16) for bound in self.bounds]
        terms += [u(self.bits, 4), bytes([self.suite_id, 0, self.commitments])]
        self.task = digest("task", *map(lp, terms))
        self.parties = [Party(self, number, seat) for seat in range(PARTIES)]
        self.key_list = self.listed_keys([party.keys for party in self.parties])
        self.session = digest("session", self.task, lp(self.key_list))
        dealt = b"".join(party.part for party in self.parties)
        group = labelled("group", self.session, dealt)
        drawn = numbers(chacha20_stream(group[:32], 16 * (256 + 1 + 100)))
        self.coefficients, self.point, self.offsets = drawn[:256], drawn[256], drawn[257:]

    def listed_keys(self, keys):
        return message("KeyList", listed([seat_bytes(seat) + keys for seat, keys in enumerate(keys)]))

    # Shares.

    def agreed(self, own, other, which):
        key = (own.mask_key, own.sealing_key)[which]
        return encode(mul(2 * key, decode(other.public[which])))

    def commitments_to(self, dealer, holder, shares):
        where = self.session + seat_bytes(dealer.seat) + seat_bytes(holder)
        return b"".join(digest("share", where, bytes([i]), share) for i, share in enumerate(shares))

    def dealing(self, dealer):
        part = digest("group part", self.session, seat_bytes(dealer.seat), dealer.part)
        return encode(mul(dealer.seed, GENERATOR)) + part

    def sealed(self, dealer, other, session=None, shares=None):
        dealt = [dealer.share(which, other.seat) for which in (0, 1)]
        commitments, session = self.commitments_to(dealer, other.seat, dealt), session or self.session
        seats = seat_bytes(dealer.seat) + seat_bytes(other.seat)
        key = hkdf(session, self.agreed(dealer, other, 1), plain("seal") + seats, 32)
        text = plain("deal") + session + seats + self.dealing(dealer) + commitments
        return commitments + seal(key, text, b"".join(shares or dealt) + dealer.part)

    def shares(self, dealer):
        own = [dealer.share(which, dealer.seat) for which in (0, 1)]
        own = self.commitments_to(dealer, dealer.seat, own)
        others = [self.sealed(dealer, other) for other in self.parties if other is not dealer]
        return message("SealedShares", self.dealing(dealer), own, listed(others))

    def bundle(self, holder, **changes):
        dealers = [dealer for dealer in self.parties if dealer is not holder]
        dealt = [(d, self.sealed(d, holder, **(changes if d.seat == 1 else {}))) for d in dealers]
        return message("ShareBundle", listed([seat_bytes(d.seat) + self.dealing(d) + s for d, s in dealt]))

    # Masks: the words and the tag, each with its sign.

    def mask(self, label, secret, seats, sign):
        material = hkdf(self.session, secret, plain(label) + b"".join(map(seat_bytes, seats)), 48)
        stream = self.stream(material[:32], self.len * self.word)
        return sign, stream, numbers(material[32:])[0]

    def masks(self, party, others):
        yield self.mask("self mask", scalar_bytes(party.seed), [party.seat], 1)
        for other in others:
            if other is not party:
                seats = sorted((party.seat, other.seat))
                sign = 1 if party.seat < other.seat else -1
                yield self.mask("pair mask", self.agreed(party, other, 0), seats, sign)

    def hidden(self, words, tag, masks):
        for sign, stream, tag_mask in masks:
            mask = [stream[i : i + self.word] for i in range(0, len(stream), self.word)]
            words = [x + sign * int.from_bytes(m, "little") for x, m in zip(words, mask)]
            tag += sign * tag_mask
        return words, tag

    def encoded(self, words):
        return b"".join(u(word, self.word) for word in words)

    def tag(self, words, seats):
        total = sum(self.offsets[seat] for seat in seats)
        for j, word in enumerate(words):
            total += self.coefficients[j % 256] * pow(self.point, 1 + j // 256, PRIME) * word
        return total

    def vector(self, party):
        words, tag = self.hidden(party.values, self.tag(party.values, [party.seat]), self.masks(party, self.parties))
        encoded, seat = self.encoded(words), seat_bytes(party.seat)
        root = blake3_derive_key(plain("vector").decode(), self.session + seat + encoded)
        commitment = bytes(32)
        if self.commitments:
            values = b"".join(u(value, 16) for value in party.values)
            material = party.salt + self.session + values
            commitment = blake3_derive_key(plain("commitment").decode(), material)
        return encoded, root + commitment + tag_bytes(tag)

    # Survivors and their shares.

    def survivors(self, seats=SURVIVORS):
        dealers = listed([seat_bytes(seat) for seat in range(PARTIES)])
        entries = [seat_bytes(seat) + self.vector(self.parties[seat])[1] for seat in seats]
        return message("Survivors", dealers, listed(entries))

    def consent(self, party, survivors):
        signed = plain("survivors") + digest("survivors", self.session, lp(survivors))
        return ed25519_sign(party.identity, signed)

    def consents(self, survivors, seats=SURVIVORS):
        signed = [seat_bytes(seat) + self.consent(self.parties[seat], survivors) for seat in seats]
        return message("Consents", listed(signed))

    def unmasking(self, holder):
        seeds = [self.parties[seat].share(1, holder) for seat in SURVIVORS]
        return message("Unmasking", listed(seeds), listed([self.parties[LOST].share(0, holder)]))

    def total(self):
        """As the coordinator finds it: the masked vectors without the masks that shares give."""
        words, tag = [0] * self.len, 0
        for seat in SURVIVORS:
            encoded, end = self.vector(self.parties[seat])
            step = self.word
            words = [w + int.from_bytes(encoded[i * step :][:step], "little") for i, w in enumerate(words)]
            tag += int.from_bytes(end[64:72], "little")
        lost = self.parties[LOST]
        for seat in SURVIVORS:
            assert recovered(self.parties[seat], 1) == self.parties[seat].seed
            masks = list(self.masks(self.parties[seat], [lost]))
            words, tag = self.hidden(words, tag, [(-sign, *rest) for sign, *rest in masks])
        assert recovered(lost, 0) == lost.mask_key
        sums = [sum(self.parties[seat].values[i] for seat in SURVIVORS) for i in range(self.len)]
        assert self.encoded(words) == self.encoded(sums), "the total is not the sum"
        assert tag_bytes(tag) == tag_bytes(self.tag(sums, SURVIVORS)), "the tags differ"
        return sums, tag

    def messages(self):
        yield from (("RoundKeys", p.seat, message("RoundKeys", p.keys)) for p in self.parties)
        yield from (("KeyList", p.seat, self.key_list) for p in self.parties)
        yield from (("SealedShares", p.seat, self.shares(p)) for p in self.parties)
        yield from (("ShareBundle", p.seat, self.bundle(p)) for p in self.parties)
        survivors = self.survivors()
        sums, tag = self.total()
        for seat in SURVIVORS:
            party = self.parties[seat]
            encoded, end = self.vector(party)
            yield "MaskedChunk", seat, message("MaskedChunk", encoded)
            yield "MaskedEnd", seat, message("MaskedEnd", end)
            yield "Survivors", seat, survivors
            yield "Consent", seat, message("Consent", self.consent(party, survivors))
            yield "Consents", seat, self.consents(survivors)
            yield "Unmasking", seat, self.unmasking(seat)
            yield "TotalChunk", seat, message("TotalChunk", self.encoded(sums))
            yield "TotalEnd", seat, message("TotalEnd", tag_bytes(tag))

    def parameters(self):
        return {
            "suite": self.suite,
            "ring_bits": self.bits,
            "bounds": [str(bound) for bound in self.bounds],
            "len": self.len,
            "commitments": self.commitments,
        }

    def document(self):
        masks = [
            [{"sign": sign, "words": stream.hex(), "tag": tag_bytes(tag).hex()} for sign, stream, tag in of]
            for of in (self.masks(party, self.parties) for party in self.parties)
        ]
        parties = [
            {
                "seat": p.seat,
                "identity": p.identity.hex(),
                "draws": [step.hex() for step in p.drawn],
                "values": [str(value) for value in p.values],
                "masks": of,
            }
            for p, of in zip(self.parties, masks)
        ]
        sums, _ = self.total()
        receipt = digest("receipt", self.session, blake3(self.encoded(sums)))
        return self.parameters() | {
            "task": self.task.hex(),
            "session": self.session.hex(),
            "point": str(self.point),
            "offsets": [str(offset) for offset in self.offsets[:PARTIES]],
            "parties": parties,
            "messages": [described(*sent) for sent in self.messages()],
            "total": [str(value) for value in sums],
            "receipt": receipt.hex(),
            "expected": "accept",
        }

    # What an honest program refuses.

    def keys_with(self, mask_key):
        first, liar = self.parties[0], self.parties[1]
        keys = [party.keys for party in self.parties]
        keys[1] = liar.signed(self, mask_key or first.public[0], liar.public[1], keys[1][64:96])
        return self.listed_keys(keys)

    def bad(self):
        party, liar = self.parties[0], self.parties[1]
        other = [scalar_bytes(5), liar.share(1, 0)]
        without = self.survivors([0, 2])
        sums, _ = self.total()
        bare = message("TotalEnd", tag_bytes(self.tag(sums, [])))
        short = self.consents(self.survivors(), [0, 2])
        yield "the identity as a mask key", "KeyList", self.keys_with(bytes(32)), "BadElement", "party-001"
        yield "a mask key that is not canonical", "KeyList", self.keys_with(b"\xff" * 32), "BadElement", "party-001"
        yield "the mask key of another", "KeyList", self.keys_with(None), "SharedKey", "party-001"
        keys = [p.keys for p in self.parties]
        keys[1] = keys[1][:64] + bytes(32) + keys[1][96:]
        yield "a nonce that nobody signed", "KeyList", self.listed_keys(keys), "BadSignature", "hub"
        yield "a share sealed for another session", "ShareBundle", self.bundle(party, session=bytes(32)), "BadShare", "party-001"
        yield "a share that is not committed to", "ShareBundle", self.bundle(party, shares=other), "BadShare", "party-001"
        yield "consents to another list", "Consents", self.consents(without, [0, 1, 2]), "NoConsent", "hub"
        yield "consents of fewer than the threshold", "Consents", short, "NoConsent", "hub"
        yield "a tag without its offsets", "TotalEnd", bare, "AlteredTotal", "hub"


def recovered(dealer, which):
    """The secret from the survivors' shares."""
    secret = 0
    for own in SURVIVORS:
        weight = int.from_bytes(dealer.share(which, own), "little")
        for other in SURVIVORS:
            if other != own:
                weight = weight * (other + 1) * pow(other - own, -1, L) % L
        secret += weight
    return secret % L


def described(name, seat, data):
    short = {"bytes": data.hex()} if len(data) <= 200 else {}
    return {"name": name, "seat": seat, "sha256": hashlib.sha256(data).hexdigest()} | short


def documents():
    source = {
        "source": "Tidegate's masked sum, made by make_sum.py apart from the Rust code",
        "parameters": {"parties": PARTIES, "threshold": THRESHOLD, "minimum": THRESHOLD, "lost": LOST},
    }
    runs = [Run(number) for number in range(len(RUNS))]
    bad = [
        {"note": note, "run": 0, "name": name, "seat": 0, "bytes": data.hex(), "error": error, "blames": blamed}
        | {"expected": "reject"}
        for note, name, data, error, blamed in runs[0].bad()
    ]
    yield "sum.json", source | {"cases": [run.document() for run in runs]}
    yield "sum_bad_message.json", source | {"cases": bad}


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: make_sum.py [--check]")
        return 2
    bad = 0
    for name, document in documents():
        file, text = HERE / name, json.dumps(document, indent=2) + "\n"
        if not sys.argv[1:]:
            file.write_text(text, "utf-8")
        elif not file.exists() or file.read_text("utf-8") != text:
            print(f"FAIL {name}: not what make_sum.py makes")
            bad += 1
        else:
            print(f"ok   {name}: {len(document['cases'])} cases")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
