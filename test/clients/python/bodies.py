"""What objects hold, and what is told of bytes that were read; ../body.ts says the same."""

import hashlib

BLOCK_BYTES = 1024 * 1024
TEXT_BYTES_MAX = 4096


def bytes_of(body):
    """The same bytes as ../body.ts makes."""
    if "text" in body:
        return body["text"].encode()
    block = b"".join(hashlib.sha256(f"{body['seed']}/{n}".encode()).digest() for n in range(BLOCK_BYTES // 32))
    made = bytearray()
    while len(made) < body["size"]:
        index = len(made) // BLOCK_BYTES
        made += (index.to_bytes(4, "big") + block[4:])[: body["size"] - len(made)]
    return bytes(made)


def shown(data):
    outcome = {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if len(data) <= TEXT_BYTES_MAX:
        outcome["text"] = data.decode()
    return outcome
