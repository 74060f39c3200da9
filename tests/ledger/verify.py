#!/usr/bin/env python3
"""Verifies a ledger by the formats' own texts: RFC 6962, RFC 8032, C2SP tlog-tiles, signed-note, tlog-cosignature.

verify.py FOLDER          checks FOLDER/log against FOLDER/keys (owner's, cosigner's) and FOLDER/receipt.json
verify.py --alter FOLDER  also alters bytes of every file, and requires that each is noticed
"""
import base64, hashlib, json, os, shutil, struct, sys, tempfile

# Ed25519, RFC 8032 section 6, with points as (x, y, z, t).
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert y < P and (x * x - square) % P == 0 and (x or not sign), "not a point"
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def check_signature(key, text, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    base = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    left, right = multiply(s, base), add(decompress(signature[:32]), multiply(h, decompress(key)))
    equal = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    assert len(signature) == 64 and s < L and equal, "bad signature"


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right)


def root(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"")
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root(hashes[:middle]), root(hashes[middle:]))


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    assert base64.b64encode(data).decode() == text, "not the one base64"
    return data


def canonical(data):
    entry = json.loads(data)
    again = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert again.encode() == data, "not canonical"
    return entry


def check_checkpoint(data, owner, cosigner):
    """Returns size and root, once both have signed."""
    text, lines = data.decode().rsplit("\n\n", 1)
    text, signed = text + "\n", 0
    names = [kind + base64.urlsafe_b64encode(key).decode().rstrip("=")
             for kind, key in (("tidegate-ledger/", owner), ("tidegate-cosigner/", cosigner))]
    origin, size, top = text.rstrip("\n").split("\n")
    assert origin == names[0] and lines.endswith("\n") and text.count("\n") == 3
    for line in lines[:-1].split("\n"):
        mark, name, encoded = line.split(" ")
        signature, key, kind = unbase64(encoded), (owner, cosigner)[names.index(name)], b"\x01\x04"[names.index(name):][:1]
        assert mark == "\u2014" and signature[:4] == sha256(name.encode() + b"\n" + kind + key)[:4], "another key"
        message = text.encode()
        if kind == b"\x04":
            message = b"cosignature/v1\ntime %d\n" % struct.unpack(">Q", signature[4:12]) + message
        check_signature(key, message, signature[12 if kind == b"\x04" else 4:])
        signed |= kind[0]
    assert signed == 5 and str(int(size)) == size, "a signature is missing"
    return int(size), unbase64(top)


def read_row(log, row, count, width):
    """Yields the tiles of a row with `count` items."""
    for index in range((count + 255) // 256):
        items, path = min(256, count - 256 * index), "%03d" % (index % 1000)
        while index >= 1000:
            index //= 1000
            path = "x%03d/%s" % (index % 1000, path)
        with open(os.path.join(log, "tile", row, path + (".p/%d" % items if items < 256 else "")), "rb") as file:
            data = file.read()
        assert width is None or len(data) == items * width, "a tile of another size"
        yield items, data


def verify(folder):
    with open(os.path.join(folder, "keys")) as file:
        texts = file.read().split("\n")
    assert len(texts) == 3 and texts[2] == "" and all(text.startswith("ed25519:") for text in texts[:2])
    keys = [unbase64(text[8:].replace("-", "+").replace("_", "/") + "=") for text in texts[:2]]
    log = os.path.join(folder, "log")
    with open(os.path.join(log, "checkpoint"), "rb") as file:
        head = file.read()
    size, top = check_checkpoint(head, *keys)
    entries = []
    for items, bundle in read_row(log, "entries", size, None):
        for _ in range(items):
            length = struct.unpack(">H", bundle[:2])[0]
            entries.append(bundle[2:2 + length])
            assert len(entries[-1]) == length and canonical(entries[-1])["version"] == 1
            bundle = bundle[2 + length:]
        assert not bundle, "a bundle is too long"
    leaves = [sha256(b"\x00" + entry) for entry in entries]
    hashes, level = leaves, 0
    while hashes:
        assert b"".join(data for _, data in read_row(log, str(level), len(hashes), 32)) == b"".join(hashes), "a tile"
        hashes, level = [root(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)], level + 1
    assert root(leaves) == top, "another root"
    with open(os.path.join(folder, "receipt.json"), "rb") as file:
        line = file.read()
    assert line.endswith(b"\n")
    receipt = canonical(line[:-1])
    assert check_checkpoint(receipt["checkpoint"].encode(), *keys) == (size, top) and receipt["version"] == 1
    entry = json.dumps(receipt["entry"], sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    # RFC 9162 section 2.1.3.2.
    place, last, found = receipt["index"], size - 1, sha256(b"\x00" + entry)
    for step in map(bytes.fromhex, receipt["proof"]):
        assert last, "a proof is too long"
        if place & 1 or place == last:
            found = node(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node(found, step)
        place, last = place >> 1, last >> 1
    assert last == 0 and found == top and entries[receipt["index"]] == entry, "a proof leads elsewhere"
    return size


def notices(folder):
    try:
        verify(folder)
    except (AssertionError, ValueError, KeyError, IndexError, TypeError, OSError, struct.error):
        return True
    return False


def alter(folder):
    """Alters bytes of every file of a copy; returns how many."""
    altered = 0
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(folder, os.path.join(place, "copy"))
        paths = [os.path.join(root, name) for root, _, names in os.walk(copy) for name in names]
        for path in paths:
            with open(path, "rb") as file:
                data = file.read()
            for at in {len(data) * part // 16 + part % 3 for part in range(16)}:
                at = min(at, len(data) - 1)
                with open(path, "wb") as file:
                    file.write(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:])
                assert notices(copy), "%s, byte %d" % (path, at)
                altered += 1
            with open(path, "wb") as file:
                file.write(data)
        verify(copy)
    return altered


if __name__ == "__main__":
    folder = sys.argv[-1]
    print("%d entries, cosigned; the receipt holds" % verify(folder))
    if "--alter" in sys.argv[1:-1]:
        print("%d altered bytes noticed" % alter(folder))
