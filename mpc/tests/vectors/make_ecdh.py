#!/usr/bin/env python3
"""Make psi_ecdh.json, the vectors of Tidegate's own ECDH protocol, without the Rust code.

`python3 make_ecdh.py` writes the file; `python3 make_ecdh.py --check` exits 1 if the file on disk
is not what it would write. The protocol, with G the generator of ristretto255 and L its order:

    H(x)  = RFC 9497's hash_to_group, in OPRF mode, of session_id (32 bytes) || item
    K     = s*G                      the sender's public element, for its secret scalar s
    B     = 2*(H(x) + r*G)           from the receiver, for its blinding scalar r
    E     = (s/2)*B                  the sender's answer, the half taken modulo L
    N     = 2*(E - r*K) = 2*s*H(x)   what the receiver ends with, and the sender for its own items
    material     = SHA-512(lp("tidegate/1 psi-ecdh tag") || session_id || enc(K) || lp(item) ||
                   enc(N)), with lp(b) = the length of b as a little-endian u32, then b
    tag          = material[0..16] as a big-endian integer, shifted right by 128 - sigma bits
    sigma        = 40 + ceil(log2(max(nx, 1))) + ceil(log2(max(ny, 1)))
    confirmation = material[32..48]

Scalars are written as 32 bytes, little-endian; a tag as 16 bytes, big-endian.
"""
import json
import pathlib
import sys

from reference import GENERATOR, L, add, decode, encode, hash_to_group, mul, neg, sha512

FILE = pathlib.Path(__file__).resolve().parent / "psi_ecdh.json"
LABEL = b"tidegate/1 psi-ecdh tag"
NX = NY = 2**20
ITEMS = [
    ("the empty item", b""),
    ("an ASCII identifier", b"customer-000042"),
    ("Chinese text in UTF-8", "潮汐之门".encode()),
]
SIZES = [(0, 0), (1, 1), (2, 1), (3, 2), (4, 5), (1000, 1000), (NX, NY), (NX + 1, NY - 1)]


def seeded(what, number):
    """Fixed bytes that nobody chose: nothing up the sleeve, and the same in every run."""
    return sha512(f"tidegate psi-ecdh vector {number} {what}".encode())


def lp(data):
    return len(data).to_bytes(4, "little") + data


def sigma(nx, ny):
    """The bits of a tag; (n - 1).bit_length() is ceil(log2(n)) for n >= 1."""
    return 40 + sum((max(n, 1) - 1).bit_length() for n in (nx, ny))


def case(number, note, item):
    session = seeded("session", number)[:32]
    s, r = (int.from_bytes(seeded(w, number), "little") % L for w in ("s", "r"))
    hashed = hash_to_group(session + item)
    k = mul(s, GENERATOR)
    blinded = add(hashed, mul(r, GENERATOR))
    blinded = add(blinded, blinded)
    # What crosses the wire is decoded again, as the other side would.
    evaluated = mul(s * pow(2, -1, L), decode(encode(blinded)))
    assert encode(evaluated) == encode(mul(s, add(hashed, mul(r, GENERATOR))))
    unblinded = mul(2, add(decode(encode(evaluated)), neg(mul(r, k))))
    assert encode(unblinded) == encode(mul(2 * s, hashed)), "the two sides differ"
    material = sha512(lp(LABEL) + session + encode(k) + lp(item) + encode(unblinded))
    tag = int.from_bytes(material[:16], "big") >> (128 - sigma(NX, NY))
    return {
        "note": note,
        "session_id": session.hex(),
        "s": s.to_bytes(32, "little").hex(),
        "r": r.to_bytes(32, "little").hex(),
        "item": item.hex(),
        "h": encode(hashed).hex(),
        "k": encode(k).hex(),
        "b": encode(blinded).hex(),
        "e": encode(evaluated).hex(),
        "n": encode(unblinded).hex(),
        "material": material.hex(),
        "tag": tag.to_bytes(16, "big").hex(),
        "confirmation": material[32:48].hex(),
        "expected": "accept",
    }


def document():
    return {
        "source": "Tidegate's psi-ecdh, made by make_ecdh.py apart from the Rust code",
        "parameters": {
            "group": "ristretto255",
            "hash_to_group_dst": b"HashToGroup-OPRFV1-\0-ristretto255-SHA512".hex(),
            "tag_label": LABEL.decode(),
            "nx": NX,
            "ny": NY,
            "sigma": sigma(NX, NY),
            "sigma_of_sizes": [{"nx": x, "ny": y, "sigma": sigma(x, y)} for x, y in SIZES],
        },
        "cases": [case(i, note, item) for i, (note, item) in enumerate(ITEMS)],
    }


def main():
    text = json.dumps(document(), indent=2) + "\n"
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text("utf-8") != text:
            print(f"FAIL {FILE.name}: not what make_ecdh.py makes")
            return 1
        print(f"ok   {FILE.name}: {len(ITEMS)} cases")
    elif sys.argv[1:]:
        print("usage: make_ecdh.py [--check]")
        return 2
    else:
        FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
