#!/usr/bin/env python3
"""Check the test vectors of this directory against reference.py.

Run it as `python3 check.py` (Python 3 alone is needed). It prints one line a file and exits 0, or
names every value that differs and exits 1. Our own psi_ecdh.json and join.json are made by
make_ecdh.py and make_join.py, and checked by `--check` of those; join.json is read here from the
other side, as by a party that has the keys and decrypts.
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


def check_join_key(c, where, sigma):
    session, both = bytes.fromhex(c["session_id"]), bytes.fromhex(c["both"])
    preimage = bytes.fromhex(c["preimage"])
    if "item" in c:
        yield f"{where} preimage", c["preimage"], c["session_id"] + c["item"]
    yield f"{where} h", c["h"], ref.encode(ref.hash_to_group(preimage)).hex()
    a, b = (ref.scalar(bytes.fromhex(c[name])) for name in "ab")
    for name, own, other in (("key_a", a, b), ("key_b", b, a)):
        yield f"{where} {name}", c[name], ref.encode(ref.mul(own, ref.decode(bytes.fromhex(c["h"])))).hex()
        raised = ref.mul(other, ref.decode(bytes.fromhex(c[name])))
        yield f"{where} {name} under both", c["both"], ref.encode(raised).hex()
    label = b"tidegate/1 join tag"
    digest = ref.sha512(len(label).to_bytes(4, "little") + label + session + both)
    bits = "".join(f"{byte:08b}" for byte in digest)[:sigma]
    yield f"{where} tag", c["tag"], int(bits, 2).to_bytes(16, "big").hex()


def points(data):
    return [ref.decode(data[i : i + 32]) for i in range(0, len(data), 32)]


def decrypt(pair, key):
    return ref.add(pair[1], ref.neg(ref.mul(key, pair[0])))


def check_join_records(c, where):
    keys = [ref.scalar(bytes.fromhex(key)) for key in c["keys"]]
    for key, public in zip(keys, c["public"]):
        yield f"{where} public", public, ref.encode(ref.mul(key, ref.GENERATOR)).hex()
    message, n = bytes.fromhex(c["message"]), len(c["records"])
    yield f"{where} labels", [r["label"] for r in c["records"]], list(message[5 : 5 + 2 * n : 2])
    elements = points(message[5 + 2 * n :])
    yield f"{where} elements", n * (1 + len(keys)), len(elements)
    for i, record in enumerate(c["records"]):
        randomizer, *masked = elements[i * (1 + len(keys)) :][: 1 + len(keys)]
        for value, element, key in zip(record["values"], masked, keys):
            want = ref.encode(ref.mul(value, ref.GENERATOR)).hex()
            yield f"{where} record {i}", want, ref.encode(decrypt((randomizer, element), key)).hex()
    for cell in c["cells"]:
        key, what = sum(keys[column] for column in cell["columns"]), f"{where} {cell['note']}"
        matched = [r for r in c["records"] if r["matches"] and r["label"] in cell["labels"]]
        value = sum(r["values"][column] for r in matched for column in cell["columns"])
        yield f"{what} value", cell["value"], value
        want = ref.encode(ref.mul(value + cell["noise"], ref.GENERATOR)).hex()
        given = decrypt(points(bytes.fromhex(cell["given"])[1:]), key)
        yield f"{what} given", want, ref.encode(given).hex()
        rest = ref.mul(ref.scalar(bytes.fromhex(cell["f"])) * (value - cell["tested"]), ref.GENERATOR)
        test = decrypt(points(bytes.fromhex("".join(cell["test"]))), key)
        yield f"{what} test", ref.encode(rest).hex(), ref.encode(test).hex()
        yield f"{what} test_holds_zero", cell["test_holds_zero"], ref.encode(test) == bytes(32)


def check_join(doc):
    for i, c in enumerate(doc["cases"]):
        if c["kind"] == "key":
            yield from check_join_key(c, f"case {i} ({c['note']})", doc["parameters"]["sigma"])
        else:
            yield from check_join_records(c, f"case {i}")


# file: (its checker, its number of cases, what every case expects)
FILES = {
    "rfc9496_ristretto255.json": (check_group, 27, "accept"),
    "rfc9496_bad_encoding.json": (check_bad, 29, "reject"),
    "rfc9380_expand_message_xmd_sha512.json": (check_xmd, 10, "accept"),
    "rfc9497_oprf_ristretto255_sha512.json": (check_oprf, 6, "accept"),
    "join.json": (check_join, 7, "accept"),
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
