# SPDX-License-Identifier: Apache-2.0
"""Records of event files, and the few messages of protocol buffers that stand in them.

A record is its length (8 bytes, little-endian), the masked CRC-32C of these bytes, the data, and their masked CRC-32C.
CRC-32C is Castagnoli's polynomial (RFC 3720, B.4), reflected 0x82f63b78; masked means rotated right by 15 bits plus
0xa282ead8, so that the checksum of data that hold checksums stays meaningful.

In protocol buffers a field is a varint of 8 * number + kind and a value: kind 0 a varint, 1 eight bytes, 2 a length and
bytes, 5 four bytes.
"""

import struct


def _table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = _table()


def crc32c(data):
    """CRC-32C of bytes."""
    crc, table = 0xFFFFFFFF, TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(data):
    """The checksum as records carry it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    """Data as one record."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, struct.pack("<I", masked(length)), data, struct.pack("<I", masked(data))))


# ---- fields of a message -------------------------------------------------------------------------------------------


def varint(v):
    """A whole number; negative ones as 64 bits."""
    v &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def whole(field, v):
    return varint(field << 3) + varint(v)


def double(field, v):
    return varint(field << 3 | 1) + struct.pack("<d", v)


def single(field, v):
    """A float of 32 bits; what is too large for them is infinite."""
    try:
        return varint(field << 3 | 5) + struct.pack("<f", v)
    except OverflowError:
        return varint(field << 3 | 5) + struct.pack("<f", float("inf") if v > 0 else float("-inf"))


def block(field, data):
    """Bytes, a text or a message."""
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    return varint(field << 3 | 2) + varint(len(data)) + data
