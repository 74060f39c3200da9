#!/usr/bin/env python3
"""Make join.json, the vectors of Tidegate's join, without the Rust code.

`python3 make_join.py` writes the file; `python3 make_join.py --check` exits 1 if the file on disk
is not what it would write. check.py reads it back from the other side: it decrypts. The protocol,
with G the generator of ristretto255 and L its order:

    H(x)      = RFC 9497's hash_to_group, in OPRF mode, of session_id (32 bytes) || item; of a row
                that both sides know: "tidegate/1 join dummy" || session_id || owner (0 receiver,
                1 sender) || index (u64); of one that nobody else knows: "tidegate/1 join decoy" ||
                seed (32 bytes) || index (u64)
    A, B      = a*H(x), b*H(x)          a key under the exponent of either party
    N         = a*b*H(x)                under both
    material  = SHA-512(lp("tidegate/1 join tag") || session_id || enc(N))[0..16]
    tag       = material as a big-endian integer, shifted right by 128 - sigma bits, where
                sigma = 40 + ceil(log2(max(nx, 1))) + ceil(log2(max(ny, 1)))
    S_c       = s_c*G                   the public key of column c
    record    = r*G, r*S_1 + v_1*G, ..  one randomizer, then an element for each value
    cell      = (sum of r*G, sum of the masked elements) over the matched records with the cell's
                labels and over its columns, which is under the sum of the columns' keys
    given     = cell + noise*G + (t*G, t*S)    with S the cell's public key and t fresh
    test of j = f*(cell - j*G) + (t*G, t*S)    which holds 0 where the cell counts j

Integers in messages and hashes are little-endian; lp(b) = the length of b as a u32, then b. Scalars
are written as 32 bytes, little-endian; a tag as 16 bytes, big-endian.
"""
import json
import pathlib
import sys

from reference import GENERATOR, IDENTITY, L, add, decode, encode, hash_to_group, mul, sha512

FILE = pathlib.Path(__file__).resolve().parent / "join.json"
TAG_LABEL, DUMMY_LABEL, DECOY_LABEL = (f"tidegate/1 join {w}".encode() for w in ("tag", "dummy", "decoy"))
NX, NY = 1000, 2**20
ITEMS = [
    ("the empty item", b""),
    ("an ASCII identifier", b"customer-000042"),
    ("Chinese text in UTF-8", "潮汐之门".encode()),
]
# Label, values, whether the record matches.
RECORDS = [
    (1, [1, -250], True),
    (0, [1, 2**40], True),
    (1, [0, 99], False),
    (1, [1, -(2**40)], True),
]
# Labels, columns, noise, the value that a test looks for.
CELLS = [
    ("a count under one label", [1], [0], 0, 2),
    ("a sum with noise", [1], [1], -7, 0),
    ("labels united", [0, 1], [1], 1000, 3),
    ("columns united", [0], [0, 1], 0, 2**40 + 1),
    ("no matched record", [2], [0], 0, 0),
]
LABELS = 3
KIND_KEYS, KIND_RECORDS, KIND_AGGREGATES = 12, 14, 18


def seeded(what, number):
    """Fixed bytes that nobody chose: nothing up the sleeve, and the same in every run."""
    return sha512(f"tidegate join vector {number} {what}".encode())


def secret(what, number):
    return int.from_bytes(seeded(what, number), "little") % L


def hexed(scalar):
    return scalar.to_bytes(32, "little").hex()


def lp(data):
    return len(data).to_bytes(4, "little") + data


def u64(number):
    return number.to_bytes(8, "little")


def sigma(nx, ny):
    """The bits of a tag; (n - 1).bit_length() is ceil(log2(n)) for n >= 1."""
    return 40 + sum((max(n, 1) - 1).bit_length() for n in (nx, ny))


def key_case(number, note, preimage):
    session = seeded("session", number)[:32]
    a, b = secret("a", number), secret("b", number)
    hashed = hash_to_group(preimage(session))
    first, second = mul(a, hashed), mul(b, hashed)
    both = mul(b, decode(encode(first)))
    assert encode(both) == encode(mul(a, decode(encode(second)))), "the two sides differ"
    material = sha512(lp(TAG_LABEL) + session + encode(both))[:16]
    tag = int.from_bytes(material, "big") >> (128 - sigma(NX, NY))
    return {
        "kind": "key",
        "note": note,
        "session_id": session.hex(),
        "preimage": preimage(session).hex(),
        "a": hexed(a),
        "b": hexed(b),
        "h": encode(hashed).hex(),
        "key_a": encode(first).hex(),
        "message_a": (bytes([KIND_KEYS]) + encode(first)).hex(),
        "key_b": encode(second).hex(),
        "both": encode(both).hex(),
        "tag": tag.to_bytes(16, "big").hex(),
        "expected": "accept",
    }


def key_cases():
    for number, (note, item) in enumerate(ITEMS):
        yield key_case(number, note, lambda session: session + item) | {"item": item.hex()}
    for owner in (0, 1):
        dummy = lambda session: DUMMY_LABEL + session + bytes([owner]) + u64(5)
        yield key_case(10 + owner, "a dummy row", dummy) | {"owner": owner, "index": 5}
    seed = seeded("seed", 20)[:32]
    decoy = lambda session: DECOY_LABEL + seed + u64(6)
    yield key_case(20, "a row that matches nothing", decoy) | {"seed": seed.hex(), "index": 6}


def cell_document(number, cell, sums, keys):
    note, labels, columns, noise, tested = cell
    randomizer = masked = public = IDENTITY
    for column in columns:
        public = add(public, mul(keys[column], GENERATOR))
    for label in labels:
        randomizer = add(randomizer, sums[label][0])
        for column in columns:
            masked = add(masked, sums[label][1 + column])
    f, t, u = (secret(w, number) for w in ("f", "t", "u"))
    given = [
        add(randomizer, mul(t, GENERATOR)),
        add(add(masked, mul(noise, GENERATOR)), mul(t, public)),
    ]
    test = [
        add(mul(f, randomizer), mul(u, GENERATOR)),
        add(mul(f, add(masked, mul(-tested, GENERATOR))), mul(u, public)),
    ]
    matched = [values for label, values, matches in RECORDS if matches and label in labels]
    value = sum(values[column] for values in matched for column in columns)
    given, test = ([encode(e) for e in pair] for pair in (given, test))
    return {
        "note": note,
        "labels": labels,
        "columns": columns,
        "noise": noise,
        "tested": tested,
        "f": hexed(f),
        "t": hexed(t),
        "u": hexed(u),
        "value": value,
        "given": (bytes([KIND_AGGREGATES]) + b"".join(given)).hex(),
        "test": [e.hex() for e in test],
        "test_holds_zero": value == tested,
    }


def record_case(number):
    keys = [secret(f"column {c}", number) for c in range(2)]
    randomizers = [secret(f"r {i}", number) for i in range(len(RECORDS))]
    message = len(RECORDS).to_bytes(4, "little")
    message += b"".join(label.to_bytes(2, "little") for label, _, _ in RECORDS)
    sums = [[IDENTITY] * 3 for _ in range(LABELS)]
    for r, (label, values, matches) in zip(randomizers, RECORDS):
        masked = [mul(r * s + v, GENERATOR) for s, v in zip(keys, values)]
        record = [mul(r, GENERATOR)] + masked
        message += b"".join(encode(e) for e in record)
        if matches:
            sums[label] = [add(x, y) for x, y in zip(sums[label], record)]
    return {
        "kind": "records",
        "keys": [hexed(s) for s in keys],
        "public": [encode(mul(s, GENERATOR)).hex() for s in keys],
        "randomizers": [hexed(r) for r in randomizers],
        "records": [{"label": l, "values": v, "matches": m} for l, v, m in RECORDS],
        "message": (bytes([KIND_RECORDS]) + message).hex(),
        "labels": LABELS,
        "cells": [cell_document(100 + i, cell, sums, keys) for i, cell in enumerate(CELLS)],
        "expected": "accept",
    }


def document():
    return {
        "source": "Tidegate's join-elgamal, made by make_join.py apart from the Rust code",
        "parameters": {
            "group": "ristretto255",
            "hash_to_group_dst": b"HashToGroup-OPRFV1-\0-ristretto255-SHA512".hex(),
            "tag_label": TAG_LABEL.decode(),
            "dummy_label": DUMMY_LABEL.decode(),
            "decoy_label": DECOY_LABEL.decode(),
            "nx": NX,
            "ny": NY,
            "sigma": sigma(NX, NY),
        },
        "cases": [*key_cases(), record_case(30)],
    }


def main():
    text = json.dumps(document(), indent=2) + "\n"
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text("utf-8") != text:
            print(f"FAIL {FILE.name}: not what make_join.py makes")
            return 1
        print(f"ok   {FILE.name}: {len(document()['cases'])} cases")
    elif sys.argv[1:]:
        print("usage: make_join.py [--check]")
        return 2
    else:
        FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
