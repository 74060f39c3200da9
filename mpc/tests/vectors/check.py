#!/usr/bin/env python3
"""Check the published test vectors of this directory against reference.py.

Run it as `python3 check.py` (Python 3 alone is needed). It prints one line a file and exits 0, or
names every value that differs and exits 1. Our own psi_ecdh.json is made by make_ecdh.py, and
checked by `python3 make_ecdh.py --check`.
"""
import hashlib
import json
import pathlib
import sys

import reference as ref

HERE = pathlib.Path(__file__).resolve().parent

# Each checker yields (what, as published, as computed).


def check_group(doc):
    for i, c in enumerate(doc["cases"]):
        want, where = c["encoding"], f"case {i} ({c['section']})"
        if c["kind"] == "multiple":
            yield f"{where} encoding", want, ref.encode(ref.mul(c["scalar"], ref.GENERATOR)).hex()
        else:
            data = bytes.fromhex(c["input"])
            if "label" in c:
                yield f"{where} input", c["input"], ref.sha512(c["label"].encode()).hex()
            yield f"{where} encoding", want, ref.encode(ref.derive(data)).hex()
        yield f"{where} decodes", want, ref.encode(ref.decode(bytes.fromhex(want))).hex()


# A damaged bad encoding is mostly bad too, so the list as a whole is pinned by its digest.
BAD_DIGEST = "91938f5780303f1e39f60f454106d128c29b6c4a2318cd2d3bd0e627f2f84590"


def check_bad(doc):
    for i, c in enumerate(doc["cases"]):
        try:
            ref.decode(bytes.fromhex(c["encoding"]))
            got = "accepted"
        except ValueError as e:
            got = str(e)
        yield f"case {i} ({c['encoding']})", c["category"], got
    listed = "".join(c["encoding"] for c in doc["cases"])
    yield "SHA-256 of all the encodings", BAD_DIGEST, hashlib.sha256(listed.encode()).hexdigest()


def check_xmd(doc):
    dst = bytes.fromhex(doc["parameters"]["dst"])
    yield "dst_text", doc["parameters"]["dst_text"], dst.decode()
    for i, c in enumerate(doc["cases"]):
        msg, n = bytes.fromhex(c["msg"]), c["len_in_bytes"]
        msg_prime, dst_prime = ref.xmd_parts(msg, dst, n)
        yield f"case {i} dst_prime", doc["parameters"]["dst_prime"], dst_prime.hex()
        yield f"case {i} msg_prime", c["msg_prime"], msg_prime.hex()
        uniform = ref.expand_message_xmd(msg, dst, n)
        yield f"case {i} uniform_bytes", c["uniform_bytes"], uniform.hex()


def check_oprf(doc):
    keys = {k["mode"]: k for k in doc["parameters"]["keys"]}
    for name, k in keys.items():
        sk = ref.derive_key(bytes.fromhex(k["seed"]), bytes.fromhex(k["key_info"]), k["mode_byte"])
        yield f"{name} sk", k["sk"], sk.to_bytes(32, "little").hex()
        if "pk" in k:
            yield f"{name} pk", k["pk"], ref.encode(ref.mul(sk, ref.GENERATOR)).hex()
    for c in doc["cases"]:
        key, where = keys[c["mode"]], f"{c['section']}[{c['batch_index']}]"
        data, blind = bytes.fromhex(c["input"]), ref.scalar(bytes.fromhex(c["blind"]))
        blinded = ref.mul(blind, ref.hash_to_group(data, key["mode_byte"]))
        yield f"{where} blinded_element", c["blinded_element"], ref.encode(blinded).hex()
        sk = ref.scalar(bytes.fromhex(key["sk"]))
        evaluated = ref.mul(sk, ref.decode(bytes.fromhex(c["blinded_element"])))
        yield f"{where} evaluation_element", c["evaluation_element"], ref.encode(evaluated).hex()
        yield f"{where} output", c["output"], ref.finalize(data, blind, evaluated).hex()


# file: (its checker, its number of cases, what every case expects)
FILES = {
    "rfc9496_ristretto255.json": (check_group, 27, "accept"),
    "rfc9496_bad_encoding.json": (check_bad, 29, "reject"),
    "rfc9380_expand_message_xmd_sha512.json": (check_xmd, 10, "accept"),
    "rfc9497_oprf_ristretto255_sha512.json": (check_oprf, 6, "accept"),
}


def main():
    bad = 0
    for name, (checker, cases, expected) in FILES.items():
        done, wrong = 0, []
        try:
            doc = json.loads((HERE / name).read_text("utf-8"))
            results = [("number of cases", cases, len(doc["cases"]))]
            for i, c in enumerate(doc["cases"]):
                results.append((f"case {i} expected", expected, c["expected"]))
            for what, want, got in results + list(checker(doc)):
                done += 1
                if want != got:
                    wrong.append(f"{what}: published {want}, computed {got}")
        except (OSError, LookupError, TypeError, ValueError) as e:
            wrong.append(f"cannot be checked: {type(e).__name__}: {e}")
        for line in wrong:
            print(f"FAIL {name}: {line}")
        if not wrong:
            print(f"ok   {name}: {cases} cases, {done} comparisons")
        bad += len(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
