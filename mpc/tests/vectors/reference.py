"""ristretto255, expand_message_xmd and the OPRF in plain Python, apart from the Rust code.

Written from the RFCs with Python's integers and hashlib, for clarity and not for speed or
secrecy: never use it with real keys.

    RFC 9496  ristretto255: decode, encode, element derivation (its sections 4.3.1, 4.3.2, 4.3.4)
    RFC 9380  expand_message_xmd with SHA-512 (its section 5.3.1)
    RFC 9497  OPRF(ristretto255, SHA-512): DeriveKeyPair, Blind, BlindEvaluate, Finalize
              (its sections 2.1, 3.2, 3.3.1 and 4.1)
"""
import hashlib

# --- The field, and RFC 9496's constants (section 4.1) ---

P = 2**255 - 19  # the field
L = 2**252 + 27742317777372353535851937790883648493  # the order of the group
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
ONE_MINUS_D_SQ = (1 - D * D) % P
D_MINUS_ONE_SQ = (D - 1) ** 2 % P
assert SQRT_AD_MINUS_ONE**2 % P == (-D - 1) % P
assert INVSQRT_A_MINUS_D**2 * (-1 - D) % P == 1


def is_negative(x):
    return x % P & 1 == 1


def absolute(x):
    return -x % P if is_negative(x) else x % P


def sqrt_ratio_m1(u, v):
    """(is u/v a square, the non-negative root of u/v, or of SQRT_M1*u/v when it is not)."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct, flipped, flipped_i = check == u % P, check == -u % P, check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, absolute(r)


# --- The group: points of edwards25519 as (X, Y, Z, T), with x = X/Z, y = Y/Z, xy = T/Z ---


def add(p, q):
    """The complete addition law of a twisted Edwards curve with a = -1."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = p, q
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def neg(p):
    return -p[0] % P, p[1], p[2], -p[3] % P


def mul(k, p):
    """k times p, for any integer k (taken modulo L)."""
    r = IDENTITY
    for bit in bin(k % L)[2:]:
        r = add(r, r)
        if bit == "1":
            r = add(r, p)
    return r


def decode(data):
    """The point of 32 bytes; ValueError with a category of Appendix A.2 when there is none."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P:
        raise ValueError("non_canonical")
    if is_negative(s):
        raise ValueError("negative")
    ss = s * s
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    was_square, invsqrt = sqrt_ratio_m1(1, v * u2 * u2 % P)
    den_x = invsqrt * u2 % P
    den_y = invsqrt * den_x * v % P
    x, y = absolute(2 * s * den_x), u1 * den_y % P
    t = x * y % P
    if not was_square:
        raise ValueError("non_square")
    if is_negative(t):
        raise ValueError("negative_xy")
    if y == 0:
        raise ValueError("zero_y")
    return x, y, 1, t


def encode(p):
    x0, y0, z0, t0 = p
    u1, u2 = (z0 + y0) * (z0 - y0) % P, x0 * y0 % P
    _, invsqrt = sqrt_ratio_m1(1, u1 * u2 * u2 % P)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv = den1 * den2 * t0 % P
    x, y, den_inv = x0, y0, den2
    if is_negative(t0 * z_inv):  # rotate by a point of order 4
        x, y, den_inv = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    if is_negative(x * z_inv):
        y = -y % P
    return absolute(den_inv * (z0 - y)).to_bytes(32, "little")


def map_to_point(t):
    """MAP of section 4.3.4, from a field element."""
    r = SQRT_M1 * t * t % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio_m1(u, v)
    c = -1
    if not was_square:
        s, c = -absolute(s * t) % P, r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def derive(uniform):
    """The element derived from 64 uniform bytes (bit 255 of each half is ignored)."""
    assert len(uniform) == 64
    halves = uniform[:32], uniform[32:]
    a, b = (int.from_bytes(h, "little") % 2**255 % P for h in halves)
    return add(map_to_point(a), map_to_point(b))


IDENTITY = (0, 1, 1, 0)
GENERATOR = decode(
    bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
)


# --- RFC 9380 ---


def sha512(data):
    return hashlib.sha512(data).digest()


def xmd_parts(msg, dst, length):
    """(msg_prime, DST_prime) of expand_message_xmd."""
    if len(dst) > 255:
        dst = sha512(b"H2C-OVERSIZE-DST-" + dst)
    dst_prime = dst + bytes([len(dst)])
    return bytes(128) + msg + length.to_bytes(2, "big") + b"\0" + dst_prime, dst_prime


def expand_message_xmd(msg, dst, length):
    assert 0 < length <= 255 * 64
    msg_prime, dst_prime = xmd_parts(msg, dst, length)
    b0 = sha512(msg_prime)
    block, out = bytes(64), b""
    for i in range(1, -(-length // 64) + 1):
        block = sha512(bytes(x ^ y for x, y in zip(b0, block)) + bytes([i]) + dst_prime)
        out += block
    return out[:length]


# --- RFC 9497, ristretto255-SHA512 ---


def context(mode):
    return b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


def hash_to_group(msg, mode=0):
    return derive(expand_message_xmd(msg, b"HashToGroup-" + context(mode), 64))


def scalar(data):
    k = int.from_bytes(data, "little")
    if len(data) != 32 or k >= L:
        raise ValueError("not a canonical scalar")
    return k


def derive_key(seed, info, mode):
    material = seed + len(info).to_bytes(2, "big") + info
    for counter in range(256):
        wide = expand_message_xmd(material + bytes([counter]), b"DeriveKeyPair" + context(mode), 64)
        k = int.from_bytes(wide, "little") % L
        if k:
            return k
    raise ValueError("DeriveKeyPair failed")


def finalize(data, blind, evaluated):
    element = encode(mul(pow(blind, -1, L), evaluated))
    parts = (len(x).to_bytes(2, "big") + x for x in (data, element))
    return sha512(b"".join(parts) + b"Finalize")
