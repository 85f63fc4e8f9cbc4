#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# reader.py DIR    reads a repository as docs/format.md describes it, and shares no code with the programs: seals of metadata, digests files,
#                  and every block of every image. A line for each revision; what is wrong goes to stderr, and the exit status is 1.
import hashlib, os, re, struct, sys, tomllib
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BLOCK = 65536

def gmac(key, block):
    tag = AESGCM(key[:16]).encrypt(bytes(12), b"", block)
    return tag if any(tag) else tag[:-1] + b"\1"

HASHES = {"gmac": (16, gmac), "sha256": (32, lambda key, block: hashlib.sha256(block).digest())}

def read(path):
    with open(path, "rb") as file:
        return file.read()

def require(condition, what):
    if not condition:
        raise ValueError(what)

def metadata(text):
    body, mark, seal = text.rpartition(b"# sha256 ")
    require(mark and seal == hashlib.sha256(body).hexdigest().encode() + b"\n", "the seal does not match")
    return tomllib.loads(text.decode())

def check(directory, name):
    number = 0
    for digit in name:
        number = number * 57 + ALPHABET.index(digit)
    require(len(name) == 22 and number >> 76 & 15 == 4 and number >> 62 & 3 == 2, "the ID is no version-4 UUID")
    rev = metadata(read(f"{directory}/{name}.rev"))
    require(rev["format"] == 1 and rev["uuid"] == name, "not format 1, or another revision's metadata")
    table = read(f"{directory}/{name}.digests")
    require(hashlib.sha256(table).hexdigest() == rev["digests"]["sha256"], "the digests file is not what the metadata say")
    magic, version, width, size, algorithm, key = struct.unpack("<8sIIQ16s32s", table[:72])
    algorithm = algorithm.rstrip(b"\0").decode()
    require((magic, version, size, algorithm) == (b"backydg\0", 1, BLOCK, rev["digests"]["algorithm"]) and not any(table[72:4096]), "the header of the digests file")
    require(width == HASHES[algorithm][0] and rev["digests"]["block_size"] == BLOCK, "the width of digests")
    blocks = -(-rev["size"] // BLOCK)
    require(len(table) == 4096 + blocks * width, f"the digests file has {len(table)} bytes")
    bad = []
    with open(f"{directory}/{name}", "rb") as image:
        require(os.fstat(image.fileno()).st_size == rev["size"], "the size of the image")
        for n in range(blocks):
            block = image.read(BLOCK)
            digest = HASHES[algorithm][1](key, block) if any(block) else bytes(width)
            if digest != table[4096 + n * width:4096 + (n + 1) * width]:
                bad.append(n)
    require(not bad, f"blocks {bad} are not what their digests say")
    return rev

status, newest = 0, None
for file in sorted(os.listdir(sys.argv[1])):
    if not re.fullmatch(f"[{ALPHABET}]{{22}}\\.rev", file):
        continue
    name = file[:22]
    try:
        rev = check(sys.argv[1], name)
        print(rev["sequence"], name, rev["trust"], rev["size"], ",".join(rev["tags"]), rev.get("parent", "-"))
        if rev["trust"] != "distrusted" and (newest is None or rev["sequence"] > newest[0]):
            newest = rev["sequence"], name
    except (OSError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        status = 1
if status == 0:
    links = [os.readlink(f"{sys.argv[1]}/{link}") if os.path.islink(f"{sys.argv[1]}/{link}") else None for link in ("last", "last.rev")]
    if links != ([newest[1], newest[1] + ".rev"] if newest else [None, None]):
        print(f"last: {links}", file=sys.stderr)
        status = 1
sys.exit(status)
