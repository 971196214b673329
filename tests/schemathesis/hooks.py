"""Teaches schemathesis to generate pictures, which the API's description cannot define."""

import struct
import zlib

import schemathesis
from hypothesis import strategies as st


def chunk(kind, data):
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(width, height, grey):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([grey]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PICTURES = st.builds(png, st.integers(1, 9), st.integers(1, 9), st.integers(0, 255))

# The server recognises a picture by its content, whatever its declared type.
for kind in ["png", "jpeg", "gif", "webp", "avif"]:
    schemathesis.openapi.media_type(f"image/{kind}", PICTURES)
