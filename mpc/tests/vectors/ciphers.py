"""AES, ChaCha20, Poly1305, BLAKE3, HKDF and Ed25519 in plain Python, apart from the Rust code.

Written from the standards with Python's integers and hashlib, for clarity and not for speed or
secrecy: never use it with real keys. Each is checked by a published vector when this file is loaded.

    FIPS 197, NIST SP 800-38A section 6.5   AES in counter mode
    RFC 8439  ChaCha20, Poly1305 and the AEAD of both (its sections 2.4, 2.5 and 2.8)
    BLAKE3    the paper's section 2, in the mode for deriving keys
    RFC 5869  HKDF with SHA-256
    RFC 8032  Ed25519 (its section 5.1.6)
"""
import hashlib
import hmac
import struct

from reference import D, L, P, SQRT_M1, mul

# --- AES ---


def xtime(byte):
    return (byte << 1) ^ (0x11B if byte & 0x80 else 0)


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = xtime(a), b >> 1
    return product


def substitution():
    for byte in range(256):
        inverse = next((x for x in range(256) if times(byte, x) == 1), 0)
        rotations = (inverse << i | inverse >> (8 - i) for i in range(5))
        result = 0x63
        for rotation in rotations:
            result ^= rotation & 0xFF
        yield result


SBOX = list(substitution())


def expand(key):
    """The round keys, as lists of 16 bytes."""
    words, n = [list(key[i : i + 4]) for i in range(0, len(key), 4)], len(key) // 4
    constant = 1
    for i in range(n, 4 * (n + 7)):
        word = words[-1]
        if i % n == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = xtime(constant)
        elif n > 6 and i % n == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - n], word)])
    return [sum(words[i : i + 4], []) for i in range(0, len(words), 4)]


def mix(column):
    whole = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [c ^ whole ^ xtime(c ^ column[(i + 1) % 4]) for i, c in enumerate(column)]


def aes(key, block):
    first, *middle, last = expand(key)
    state = [a ^ b for a, b in zip(block, first)]
    for number, round_key in enumerate([*middle, last]):
        state = [SBOX[state[5 * i % 16]] for i in range(16)]  # with the shift of rows
        if number < len(middle):
            state = sum((mix(state[i : i + 4]) for i in range(0, 16, 4)), [])
        state = [a ^ b for a, b in zip(state, round_key)]
    return bytes(state)


def aes_stream(key, length):
    """The counter is the first eight bytes of the block, little-endian, from zero."""
    blocks = (aes(key, struct.pack("<QQ", i, 0)) for i in range(-(-length // 16)))
    return b"".join(blocks)[:length]


# --- ChaCha20 and Poly1305 ---


def rotate(word, by):
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xFFFFFFFF
        s[z] = rotate(s[z] ^ s[x], by)


def chacha20_block(key, counter, nonce):
    start = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key), counter]
    start += struct.unpack("<3I", nonce)
    state = list(start)
    for _ in range(10):
        for i in range(4):
            quarter(state, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, start)))


def chacha20_stream(key, length, counter=0, nonce=bytes(12)):
    blocks = (chacha20_block(key, counter + i, nonce) for i in range(-(-length // 64)))
    return b"".join(blocks)[:length]


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(message), 16):
        block = int.from_bytes(message[i : i + 16] + b"\1", "little")
        total = (total + block) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


def seal(key, text, plain, nonce=bytes(12)):
    """ChaCha20-Poly1305: the ciphertext, then its tag."""
    stream = chacha20_stream(key, len(plain), 1, nonce)
    sealed = bytes(a ^ b for a, b in zip(plain, stream))
    lengths = struct.pack("<QQ", len(text), len(sealed))
    one_time = chacha20_block(key, 0, nonce)[:32]
    return sealed + poly1305(one_time, padded(text) + padded(sealed) + lengths)


# --- BLAKE3 ---

IV = struct.unpack("<8I", bytes.fromhex("67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b"))
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64


def mix_columns(s, m):
    columns = [(i, 4 + i, 8 + i, 12 + i) for i in range(4)]
    diagonals = [(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
    for n, (a, b, c, d) in enumerate(columns + diagonals):
        for word, first, second in ((m[2 * n], 16, 12), (m[2 * n + 1], 8, 7)):
            s[a] = (s[a] + s[b] + word) & 0xFFFFFFFF
            s[d] = rotate(s[d] ^ s[a], 32 - first)
            s[c] = (s[c] + s[d]) & 0xFFFFFFFF
            s[b] = rotate(s[b] ^ s[c], 32 - second)


def compress(value, block, counter, length, flags):
    words = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    state = [*value, *IV[:4], counter & 0xFFFFFFFF, counter >> 32, length, flags]
    for _ in range(7):
        mix_columns(state, words)
        words = [words[i] for i in ORDER]
    return [a ^ b for a, b in zip(state[:8], state[8:])]


def tree(data, key, flags, counter=0, root=0):
    """The chaining value of a part of the input that starts at a chunk."""
    if len(data) <= 1024:
        value, blocks = key, [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
        for i, block in enumerate(blocks):
            last = i == len(blocks) - 1
            place = (CHUNK_START if i == 0 else 0) | (CHUNK_END | root if last else 0)
            value = compress(value, block, counter, len(block), flags | place)
        return value
    left = 1024 << ((len(data) - 1) // 1024).bit_length() - 1
    children = tree(data[:left], key, flags, counter) + tree(data[left:], key, flags, counter + left // 1024)
    return compress(key, struct.pack("<16I", *children), 0, 64, flags | PARENT | root)


def blake3_derive_key(context, material):
    key = tree(context.encode(), IV, CONTEXT, root=ROOT)
    return struct.pack("<8I", *tree(material, key, MATERIAL, root=ROOT))


def blake3(data):
    return struct.pack("<8I", *tree(data, IV, 0, root=ROOT))


# --- HKDF ---


def hkdf(salt, secret, info, length):
    key, block, out = hmac.digest(salt, secret, "sha256"), b"", b""
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


# --- Ed25519 ---


def base():
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * SQRT_M1 % P
    x = x if x % 2 == 0 else P - x
    return x, y, 1, x * y % P


BASE = base()


def ed25519_encode(point):
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed25519_keys(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
    return scalar, digest[32:], ed25519_encode(mul(scalar, BASE))


def ed25519_sign(seed, message):
    scalar, prefix, public = ed25519_keys(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    commitment = ed25519_encode(mul(r, BASE))
    challenge = int.from_bytes(hashlib.sha512(commitment + public + message).digest(), "little")
    return commitment + ((r + challenge * scalar) % L).to_bytes(32, "little")


# --- Published vectors ---


def check():
    # FIPS 197, appendices C.1 and C.3.
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes(bytes(range(16)), block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert aes(bytes(range(32)), block).hex() == "8ea2b7ca516745bfeafc49904b496089"
    # RFC 8439, section 2.8.2.
    key, nonce = bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647")
    plain = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    sealed = seal(key, bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), plain, nonce)
    assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    # BLAKE3's own test_vectors.json: no byte, and 2049 bytes, which are three chunks.
    assert blake3(b"").hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    data = bytes(i % 251 for i in range(2049))
    assert blake3(data).hex() == "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"
    context = "BLAKE3 2019-12-27 16:29:52 test vectors context"
    derived = blake3_derive_key(context, b"")
    assert derived.hex() == "2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d"
    # RFC 5869, appendix A.1.
    okm = hkdf(bytes(range(13)), b"\x0b" * 22, bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex().startswith("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
    # RFC 8032, section 7.1, test 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert ed25519_keys(seed)[2].hex().startswith("d75a980182b10ab7d54bfed3c964073a")
    assert ed25519_sign(seed, b"").hex().startswith("e5564300c360ac729086e2cc806e828a")


check()
