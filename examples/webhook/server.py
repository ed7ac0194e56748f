#!/usr/bin/env python3
"""A tool as a web service, with nothing but Python's standard library.

Trunkline POSTs each call of the tool here, signed as Standard Webhooks says:

    webhook-id         idempotency key, the same when a request is sent again
    webhook-timestamp  seconds since 1970, when it was signed
    webhook-signature  "v1," and base64 of HMAC-SHA256(secret, id.timestamp.body); several, with spaces between
    {"tool": ..., "call": {"id", "caller", "dialled", "agent"}, "call_id": ..., "arguments": {...}}

What it answers:

    200  JSON: the result, for the model
    401  the signature is wrong: the model reads only "the tool failed"
    422  {"error": text}: text that the model may read, and repeat to the caller

Run it with the secret that trunkline.yaml has, in WEBHOOK_SECRET. It prints its address.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 5 * 60  # seconds that a signature is good for, both ways: clocks differ, and nobody replays it tomorrow
MAX_BODY = 64 << 10  # bytes; read nothing from strangers without a limit
MAX_KEYS = 100_000  # idempotency keys that are kept; the oldest go first


class Refused(Exception):
    """Text that the model may read."""


def read_secrets(text):
    """The keys in "whsec_BASE64 whsec_BASE64": two while a secret is being changed."""
    keys = []
    for word in text.split():
        if not word.startswith("whsec_"):
            raise ValueError("a secret is whsec_ and base64")
        keys.append(base64.b64decode(word.removeprefix("whsec_"), validate=True))
    if not keys or not all(keys):
        raise ValueError("there is no secret: without one anybody could call the tool")
    return keys


def is_number(text):
    """Says whether text is a whole number of a length that can be meant: strangers send others."""
    return text.isascii() and text.isdigit() and len(text) <= 15


def verified(keys, headers, body, now):
    """Says whether the request was signed with one of the keys within the last minutes. body: the bytes as they came."""
    key_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not key_id or not is_number(stamp) or abs(now - int(stamp)) > TOLERANCE:
        return False
    signed = f"{key_id}.{stamp}.".encode("latin-1") + body
    good = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    for entry in headers.get("webhook-signature", "").split():
        version, _, text = entry.partition(",")
        if version != "v1":
            continue  # of the future
        try:
            given = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        # compare_digest takes as long for a signature that is nearly right as for one that is not: == would tell, byte by
        # byte, how far a forger has come.
        if any(hmac.compare_digest(given, g) for g in good):
            return True
    return False


class Tables:
    """The tables of a restaurant, booked once for each idempotency key. A database does it with a unique column."""

    def __init__(self, count):
        self.lock = threading.Lock()
        self.left = count  # guarded by lock
        self.bookings = 0  # guarded by lock
        self.answers = {}  # guarded by lock; by key, in the order they came

    def book(self, key, arguments):
        """Books a table and returns what to answer. A key that was seen gets the answer it got, and nothing happens."""
        with self.lock:  # the same request may come twice at once
            if key in self.answers:
                return self.answers[key]
            guests = arguments.get("guests")
            # Trunkline has checked the arguments against the schema in its file. This is the service's own door.
            if not isinstance(guests, int) or not 1 <= guests <= 8:
                raise Refused("we have tables for 1 to 8 guests")
            if self.left == 0:
                raise Refused("all tables are taken tonight")  # not kept under the key: later there may be one
            self.left -= 1
            self.bookings += 1
            self.answers[key] = {"booked": self.bookings, "guests": guests}
            if len(self.answers) > MAX_KEYS:
                del self.answers[next(iter(self.answers))]
            return self.answers[key]


class Handler(BaseHTTPRequestHandler):
    """Answers one request. A subclass made by serve has keys and tables."""

    protocol_version = "HTTP/1.1"  # connections are kept: the caller on the line waits for no second handshake
    timeout = 60  # seconds that a connection may be silent

    def do_POST(self):
        body = self.body()
        if body is None:
            self.answer(413, {"error": "the body is too long, or of unknown length"}, close=True)
            return
        if not verified(self.keys, self.headers, body, time.time()):
            self.answer(401, {"error": "not signed"})  # not saying what is wrong with it
            return
        try:
            request = json.loads(body)  # only now: what is not signed is not even read
            result = self.tables.book(self.headers["webhook-id"], request["arguments"])
        except Refused as refused:
            self.answer(422, {"error": str(refused)})
        except (ValueError, KeyError, TypeError, AttributeError):
            self.answer(400, {"error": "not a tool call"})
        else:
            self.answer(200, result)

    def body(self):
        """The body as it came, or None without a length or with too long a one."""
        length = self.headers.get("content-length", "")
        if not is_number(length) or int(length) > MAX_BODY:
            return None
        return self.rfile.read(int(length))

    def answer(self, status, value, close=False):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if close:
            self.send_header("Connection", "close")  # and so not read on in the middle of a body
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format, *args):
        """Logs the request line and the status. Callers and arguments are nobody's business who reads logs."""
        sys.stderr.write("%s\n" % (format % args))


def serve(keys, port, tables):
    handler = type("BookingHandler", (Handler,), {"keys": keys, "tables": Tables(tables)})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/book_table", flush=True)
        server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description="A tool as a web service.")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 is any free one")
    parser.add_argument("--tables", type=int, default=10, help="tables that there are tonight")
    options = parser.parse_args()
    try:
        keys = read_secrets(os.environ.get("WEBHOOK_SECRET", ""))
    except ValueError as err:
        sys.exit(f"WEBHOOK_SECRET: {err}; make one with: echo whsec_$(openssl rand -base64 24)")
    try:
        serve(keys, options.port, options.tables)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
